"""Weigh all that puts a model online, and time its first answer from nothing. Prints a table; the last line is JSON.

    python bench/sizes.py MODEL [--web FOLDER] [--rounds 5]

Asks the package index for what serves, once for each row. Seconds are those of a whole process: start, imports, opening
the model, one answer, end; on this machine, files in memory already. `du -sm` is the measure of the first row.
"""

import argparse
import json
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from fieldmark.deploy.first_answer import ask_fresh
from fieldmark.deploy.gate import LIMITS, say_mb, weigh_folder
from fieldmark.deploy.host import Host
from fieldmark.pipeline.ship import ship
from fieldmark.terminal import Voice, speaking

ROOT = Path(__file__).parents[1]
HERE = f"3.{sys.version_info.minor}"


def main() -> None:
    """Weigh everything, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--web", type=Path, help="a folder that `export --web` wrote")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    picture = Path(ROOT, "docs", "pictures", "fieldmark.jpg").read_bytes()
    rows = [install(), docker(given.model)]
    rows += [zipped(given.model, host, picture, given.rounds) for host in hosts()]
    if given.web:
        rows.append(
            {"what": "static folder", "unpacked": weigh_folder(given.web).unpacked, "limit": LIMITS["web"].unpacked}
        )
    show(rows)
    print(json.dumps(rows))


def hosts() -> list[Host]:
    """This Python on both processors, and two others."""
    return [Host(HERE, "x86_64"), Host(HERE, "arm64"), Host("3.12", "arm64"), Host("3.13", "x86_64")]


def install() -> dict[str, object]:
    """Install the core as a person would into a folder, and let `du` weigh it."""
    with tempfile.TemporaryDirectory() as folder:
        pip(folder, str(ROOT))
        mib = int(subprocess.check_output(["du", "-sm", folder], text=True).split()[0])
    return {"what": "install that only serves", "unpacked": mib * 2**20, "limit": LIMITS["install"].unpacked}


def docker(model: Path) -> dict[str, object]:
    """Weigh what a container's image would add to Python's: as it is written, and as installed and compiled."""
    with tempfile.TemporaryDirectory() as scratch, speaking(Voice.SILENT):
        done = ship(model, "docker", Path(scratch, "site"), Host.of())
        target = Path(scratch, "packages")
        pip(target, "-r", done.path / "requirements.txt", "-c", done.path / "constraints.txt")
        for engine in target.glob("onnxruntime/capi/libonnxruntime.so.*"):
            engine.unlink()
        (done.path / "fieldmark").rename(target / "fieldmark")
        subprocess.run([sys.executable, "-m", "compileall", "-q", target], check=True, stdout=subprocess.DEVNULL)
        unpacked = weigh_folder(target).unpacked + model.stat().st_size
    return {"what": "container, beside Python's image", "unpacked": unpacked, "limit": LIMITS["docker"].unpacked}


def zipped(model: Path, host: Host, picture: bytes, rounds: int) -> dict[str, object]:
    """Build a zip, weigh it and, where it runs here, ask it again and again from nothing."""
    with tempfile.TemporaryDirectory() as scratch, speaking(Voice.SILENT):
        done = ship(model, "zip", Path(scratch, "model.zip"), host)
        row = {
            "what": f"zip, {host}", "packed": done.weight.packed, "unpacked": done.weight.unpacked,
            "limit": LIMITS["zip"].packed,
        }  # fmt: skip
        if host.is_like_this:
            with zipfile.ZipFile(done.path) as archive:
                archive.extractall(Path(scratch, "task"))
            row |= timed(Path(scratch, "task"), picture, rounds)
    return row


def timed(folder: Path, picture: bytes, rounds: int) -> dict[str, float]:
    """Return medians of wall and processor seconds to the first answer."""
    walls, cpus = [], []
    for _ in range(rounds):
        before = processor_seconds()
        walls.append(ask_fresh(folder, picture).seconds)
        cpus.append(processor_seconds() - before)
    return {"seconds": statistics.median(walls), "cpu_seconds": statistics.median(cpus)}


def processor_seconds() -> float:
    """Return what the processes that this one has started took of processors so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def pip(target: object, *words: object) -> None:
    """Install into a folder without compiling."""
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-compile", "--target", target, *words]
    subprocess.run(list(map(str, command)), check=True, stderr=subprocess.DEVNULL)


def show(rows: list[dict[str, object]]) -> None:
    """Print the table of docs/deploy.md."""
    print(f"\n{platform.machine()}, Python {platform.python_version()}\n")
    print("| what | sent | unpacked | at most | first answer, s | CPU s |\n|---|---:|---:|---:|---:|---:|")
    for row in rows:
        sizes = [say_mb(row[name]) if name in row else "" for name in ("packed", "unpacked", "limit")]
        times = [f"{row[name]:.2f}" if name in row else "" for name in ("seconds", "cpu_seconds")]
        print(f"| {row['what']} | {' | '.join([*sizes, *times])} |")


if __name__ == "__main__":
    main()
