"""Fetch 2,000 photos from a server on this machine: us, icrawler with FastClass's resize step, img2dataset.

    python bench/harvest.py [--images 2000] [--repeats 3] [--memory]

Same server, same photos of 1 to 2 megapixels, same 500 pixels, all in one run, one arm after another and round again,
each time another one first.
The peers are installed into an environment of their own, which is kept for the next time. The server is a process of
its own, so that its processor time is nobody's; it does take its part of the machine. Wall time is that of the whole
command, start-up included. With `--memory` the peak memory of ours for 10,000 URLs is measured, and nothing else.

The last line is JSON: medians, and ratios of medians.
"""

import argparse
import io
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

PEERS = ("icrawler==0.6.10", "img2dataset==1.47.0", "setuptools<81")
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "fieldmark-bench"
SIZE = 500
QUALITY = 90  # of the photos that ours and img2dataset keep; FastClass leaves Pillow its 75, which is a little cheaper

ICRAWLER = """
import sys
from pathlib import Path
from icrawler.builtin import UrlListCrawler
from PIL import Image

# FastClass: four downloader threads, then every file is opened, shrunk and saved, one after another.
urls, out, size = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
crawler = UrlListCrawler(downloader_threads=4, storage={"root_dir": str(out / "raw")}, log_level=40)
crawler.crawl(urls, max_num=10**6)
(out / "photos").mkdir()
for path in sorted((out / "raw").iterdir()):
    image = Image.open(path)
    image.thumbnail((size, size), Image.Resampling.LANCZOS)  # FastClass: ANTIALIAS, which Pillow 10 renamed
    image.convert("RGB").save(out / "photos" / path.name)
"""


def paint(job: tuple[int, str]) -> None:
    """Paint one picture of 1 to 2 megapixels that looks like no other: soft fields, and texture that costs bytes.

    1.2 bits a pixel, as photos of the web have: 1.1 in the mean of 71 bears between 0.8 and 2.5 megapixels.
    """
    number, path = job
    rng = np.random.default_rng((2020, number))
    height = int(rng.integers(900, 1201))
    width = round(height * rng.choice([1.25, 4 / 3, 1.5]))
    soft = Image.fromarray(rng.integers(0, 256, (7, 9, 3), dtype=np.uint8)).resize((width, height), Image.BICUBIC)
    texture = Image.fromarray(rng.integers(0, 256, (height // 3, width // 3, 3), dtype=np.uint8))
    blended = Image.blend(soft, texture.resize((width, height), Image.BICUBIC), 0.10)
    buffer = io.BytesIO()
    blended.save(buffer, "JPEG", quality=86)
    Path(path).write_bytes(buffer.getvalue())


def pictures(count: int) -> Path:
    """Return a folder that holds `count` painted pictures, painting those that are not there yet."""
    folder = CACHE / "photos"
    folder.mkdir(parents=True, exist_ok=True)
    missing = [(i, str(folder / f"{i:05d}.jpg")) for i in range(count) if not (folder / f"{i:05d}.jpg").exists()]
    if missing:
        print(f"painting {len(missing)} pictures into {folder}", file=sys.stderr)
        with ProcessPoolExecutor() as pool:
            list(pool.map(paint, missing, chunksize=16))
    return folder


def peers() -> Path:
    """Return the Python of an environment that holds the peers, making it when there is none."""
    home = CACHE / "peers"
    python = home / "bin" / "python"
    if not (home / ".ready").exists():
        print(f"installing {', '.join(PEERS)} into {home}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *PEERS], check=True)
        (home / ".ready").touch()
    return python


def serve(folder: Path) -> None:
    """Serve the pictures until killed. `?copy=N` adds a few bytes, so that the copy is another file."""
    from fieldmark.demo.smallweb.server import Answer, Ask, Server

    content = {f"/{path.name}": path.read_bytes() for path in sorted(folder.iterdir())}

    async def answer(ask: Ask) -> Answer:
        body = content.get(ask.path)
        if body is None:
            return Answer(b"", "text/plain", 404)
        return Answer(body + ask.params.get("copy", "").encode(), "image/jpeg")

    with Server(answer, 0) as server:
        print(server.port, flush=True)
        sys.stdin.read()


def measure(command: list[str], environment: dict[str, str], folder: Path) -> dict[str, float]:
    """Run a command and return its wall seconds, CPU seconds (children included) and peak memory (MiB)."""
    os.sync()  # what the arm before has written is not to be flushed at the cost of this one
    start = time.perf_counter()
    with (folder / "output.txt").open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output, cwd=folder)
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command[:3]} failed:\n{(folder / 'output.txt').read_text()[-2000:]}")
    return {
        "wall": time.perf_counter() - start,
        "cpu": usage.ru_utime + usage.ru_stime,
        "peak": usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10),
    }


def ours(urls: Path, out: Path) -> list[str]:
    """The command that harvests a list of URLs."""
    return [sys.executable, "-m", "fieldmark", "harvest", str(urls), "-o", str(out), "-s", str(SIZE), "--json"]


def main() -> None:
    """Measure all three and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        return serve(given.serve)
    folder = pictures(given.images)
    server = subprocess.Popen(
        [sys.executable, __file__, "--serve", str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        port = int(server.stdout.readline())
        with tempfile.TemporaryDirectory() as scratch:
            (measure_memory if given.memory else compare)(given, port, Path(scratch), sorted(folder.iterdir()))
    finally:
        server.kill()


def environment(port: int) -> dict[str, str]:
    """Let ours call this machine, and treat it as many hosts rather than one that is to be spared."""
    return {
        **os.environ,
        "FIELDMARK_ALLOW_HOSTS": f"127.0.0.1:{port}",
        "FIELDMARK_NO_WAIT": "1",
        "NO_ALBUMENTATIONS_UPDATE": "1",
    }


def measure_memory(given: argparse.Namespace, port: int, scratch: Path, files: list[Path]) -> None:
    """Harvest 10,000 URLs, each of other bytes, and print the peak memory."""
    urls = scratch / "photos.txt"
    urls.write_text("".join(f"http://127.0.0.1:{port}/{files[i % len(files)].name}?copy={i}\n" for i in range(10_000)))
    figures = measure(ours(urls, scratch / "out"), environment(port), scratch)
    print(json.dumps({"urls": 10_000, **{name: round(figure, 1) for name, figure in figures.items()}}))


def compare(given: argparse.Namespace, port: int, scratch: Path, files: list[Path]) -> None:
    """Run the arms in turn and print medians and ratios."""
    urls, python, n = scratch / "photos.txt", peers(), given.images
    urls.write_text("".join(f"http://127.0.0.1:{port}/{path.name}\n" for path in files[:n]))
    (scratch / "as_fastclass.py").write_text(ICRAWLER)
    arms = {
        "fieldmark": lambda out: ours(urls, out),
        "icrawler + resize": lambda out: [
            *(str(python), str(scratch / "as_fastclass.py"), str(urls), str(out), str(SIZE)),
        ],
        "img2dataset": lambda out: [
            *(str(python.with_name("img2dataset")), f"--url_list={urls}", f"--output_folder={out / 'photos'}"),
            *(f"--image_size={SIZE}", "--resize_mode=keep_ratio_largest", "--resize_only_if_bigger=True"),
            *("--output_format=files", f"--encode_quality={QUALITY}", "--thread_count=32"),
            *(f"--processes_count={len(os.sched_getaffinity(0))}", "--enable_wandb=False"),
            *(f"--number_sample_per_shard={n // 8}",),  # several shards, so that every process has one
        ],
    }
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in arms}
    for repeat in range(given.repeats):
        turn = [*arms.items()][repeat % len(arms) :] + [*arms.items()][: repeat % len(arms)]
        for name, command in turn:
            out = scratch / f"{name.split()[0]}-{repeat}"
            out.mkdir()
            runs[name].append(measure(command(out), environment(port), scratch))
            kept = sum(1 for path in (out / "photos").rglob("*.jpg"))
            if kept != n:
                raise SystemExit(f"{name} kept {kept} of {n} photos")
            shutil.rmtree(out)
            print(name, {key: round(value, 2) for key, value in runs[name][-1].items()}, file=sys.stderr)
    report(runs, n)


def report(runs: dict[str, list[dict[str, float]]], n: int) -> None:
    """Print the table and the last line."""
    medians = {
        name: {key: statistics.median(run[key] for run in figures) for key in figures[0]}
        for name, figures in runs.items()
    }
    print("| arm | wall s | photos/s | CPU ms a photo | peak MiB |\n|---|---:|---:|---:|---:|")
    for name, figures in medians.items():
        print(
            f"| {name} | {figures['wall']:.1f} | {n / figures['wall']:.0f} | {1000 * figures['cpu'] / n:.1f} "
            f"| {figures['peak']:.0f} |"
        )
    us = medians["fieldmark"]
    ratios = {
        name: {"wall": round(figures["wall"] / us["wall"], 2), "cpu": round(us["cpu"] / figures["cpu"], 3)}
        for name, figures in medians.items()
        if name != "fieldmark"
    }
    print(json.dumps({"images": n, "times_faster_and_part_of_their_cpu": ratios}))


if __name__ == "__main__":
    main()
