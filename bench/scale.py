"""What a training costs against the number of photos: 400, 4,000 and 40,000 that are painted for it.

    python bench/scale.py [--photos 400,4000,40000] [--work WORK] [-- FLAGS OF TRAIN]

For each number: `fieldmark train --effort quick` in full, from nothing but the photos, and after it `--epochs 4,1`:
stage 2 with one epoch, which finds the features that the first has kept. Memory is anonymous and shared, the most that
was seen twice a second; mapped pages of files do not count. The photos are soft patches of colour, two classes by hue:
they cost what photos of their size cost, and are quick to paint. Processor seconds stand beside the clock's, since
other work on the machine lengthens the latter alone. The last line is JSON.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = {"warm": (200, 120, 60), "cold": (60, 120, 200)}
WIDTH, HEIGHT, PATCHES = 480, 360, 12


def paint(folder: Path, photos: int) -> None:
    """Paint so many photos, half of each class; those that are there already stay."""
    for name, colour in CLASSES.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(photos // 2):
            path = folder / name / f"{number:06}.jpg"
            if path.exists():
                continue
            rng = np.random.default_rng([number, len(name)])
            patches = np.array(colour) + rng.normal(0, 60, (PATCHES, PATCHES, 3))
            image = Image.fromarray(patches.clip(0, 255).astype(np.uint8))
            image.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC).save(path, quality=85)


def held(process: subprocess.Popen) -> float:
    """MiB of anonymous and shared memory that a process holds now; 0 once it is gone."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text()
    except OSError:
        return 0.0
    kib = [line.split()[1] for line in status.splitlines() if line.startswith(("RssAnon:", "RssShmem:"))]
    return sum(map(int, kib)) / 1024


def measure(folder: Path, run: Path, *flags: str) -> tuple[float, float, float]:
    """Train; return the seconds it took, the processor seconds, and the most memory it held, in MiB."""
    with tempfile.TemporaryFile("w+") as said:
        start, peak, before = time.perf_counter(), 0.0, processor_seconds()
        command = [sys.executable, "-m", "fieldmark", "train", folder, "-o", run, *flags]
        process = subprocess.Popen([str(part) for part in command], stdout=said, stderr=said)
        while process.poll() is None:
            peak = max(peak, held(process))
            time.sleep(0.5)
        if process.returncode:
            said.seek(0)
            raise SystemExit(said.read()[-4000:])
        return time.perf_counter() - start, processor_seconds() - before, peak


def processor_seconds() -> float:
    """Processor seconds of all children that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Paint, train, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", default="400,4000,40000")
    parser.add_argument("--work", type=Path)
    parser.add_argument("flags", nargs="*", help="for both trainings, such as --size 128")
    given = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        work = given.work or Path(scratch)
        print(
            "| photos | what | seconds | CPU seconds | CPU ms a photo | MiB |\n"
            "|-------:|------|--------:|------------:|---------------:|----:|",
            flush=True,
        )
        for photos in map(int, given.photos.split(",")):
            folder = work / str(photos)
            paint(folder, photos)
            shutil.rmtree(folder / ".fieldmark", ignore_errors=True)
            for what, flags in (("quick", ("--effort", "quick")), ("one epoch of stage 2", ("--epochs", "4,1"))):
                run = Path(scratch) / f"run-{photos}-{len(rows)}"
                wall, cpu, peak = measure(folder, run, *flags, *given.flags)
                figures = {"seconds": round(wall, 1), "cpu": round(cpu, 1), "mib": round(peak)}
                rows.append({"photos": photos, "what": what} | figures)
                row = f"{photos} | {what} | {wall:.0f} | {cpu:.0f} | {1000 * cpu / photos:.0f} | {peak:.0f}"
                print(f"| {row} |", flush=True)
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
