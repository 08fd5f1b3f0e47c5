"""The original's recipe in fastai and `fieldmark train`, in turns: same photos, split, weights and number of epochs.

    python bench/train.py [DIR] [--work WORK] [--rounds 2] [--folds 5] [--python PYTHON]

DIR holds class folders; without it the snakes of the data that lie beside this repository are taken. fastai runs in an
environment of its own, which is made in WORK (PYTHON is that of one that is there already). Each round trains both
from nothing, one after the other; whole processes are timed, the start of Python and everything we write included.
Nothing is chosen: of both the last epoch is judged. Peak memory is that of the largest process; the two loaders of
fastai come on top.

With `--folds` both are judged on every photo once, and compared photo by photo; fastai needs an hour for five folds.

The last line is JSON: how many times longer fastai took (ratio of medians), and what each got wrong, of how many.
"""

import argparse
import csv
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import fastai_folds
import numpy as np

SNAKES = Path(__file__).resolve().parents[2] / "shared" / "data" / "snakes" / "classes"


@dataclass(frozen=True)
class Cost:
    """What a process took.

    Attributes:
        wall: seconds from its start to its end.
        cpu: processor seconds of it and its children.
        peak: MiB that the largest of them held.
    """

    wall: float
    cpu: float
    peak: float


def timed(command: list[str | Path]) -> Cost:
    """Run a command to its end. Raises SystemExit with what it said where it fails."""
    with tempfile.TemporaryFile("w+") as said:
        start = time.perf_counter()
        process = subprocess.Popen([str(part) for part in command], stdout=said, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        if status:
            said.seek(0)
            raise SystemExit(f"{command[0]} failed:\n{said.read()[-4000:]}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, memory(usage))


def memory(usage: resource.struct_rusage) -> float:
    """Peak resident memory in MiB; Linux counts in KiB, macOS in bytes."""
    return usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def ours(photos: Path, run: Path, *flags: str) -> Cost:
    """Train as a person would, with nothing kept from before."""
    for old in (photos / ".fieldmark", run):
        shutil.rmtree(old, ignore_errors=True)
    return timed([sys.executable, "-m", "fieldmark", "train", photos, "-o", run, *flags])


def ours_said(run: Path) -> dict[str, float]:
    """How many the last epoch of a plain run got wrong, and its mean loss."""
    with (run / "epochs.csv").open(newline="") as file:
        last = list(csv.DictReader(file))[-1]
    n = json.loads((run / "metrics.json").read_text())["n_valid"]
    return {"wrong": round(float(last["error_rate"]) * n), "n": n, "loss": float(last["valid_loss"])}


def theirs(python: Path, job: Path) -> Cost:
    """Train the original's recipe."""
    return timed([python, Path(__file__).with_name("fastai_recipe.py"), job])


def theirs_said(out: Path, classes: list[str]) -> dict[str, float]:
    """How many fastai's last epoch got wrong, and its mean loss."""
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    said = np.array([[float(row[name]) for name in classes] for row in rows])
    actual = np.array([classes.index(row["actual"]) for row in rows])
    right = said[np.arange(len(rows)), actual]
    return {
        "wrong": int((said.argmax(axis=1) != actual).sum()),
        "n": len(rows),
        "loss": float(-np.log(np.maximum(right, 1e-12)).mean()),
    }


def write_job(photos: Path, run: Path, work: Path) -> tuple[Path, Path, list[str]]:
    """Ask of fastai what a run was asked; return the job, where its answers go, and the classes."""
    facts = json.loads((run / "metrics.json").read_text())
    with (run / "predictions.csv").open(newline="") as file:
        valid = [row["photo"] for row in csv.DictReader(file)]
    every = sorted(f"{path.parent.name}/{path.name}" for name in facts["classes"] for path in (photos / name).iterdir())
    unusable = {row["photo"] for row in facts["unusable"]}
    job, out = work / "job.json", work / "theirs.csv"
    asked = {
        "root": str(photos),
        "classes": facts["classes"],
        "train": [photo for photo in every if photo not in unusable and photo not in set(valid)],
        "valid": valid,
        "seed": facts["seed"],
        "out": str(out),
        "story": str(work / "theirs.json"),
    }
    job.write_text(json.dumps(asked))
    return job, out, facts["classes"]


def in_turns(python: Path, photos: Path, work: Path, rounds: int) -> dict[str, object]:
    """Train both, one after the other, so many times, and print a row for each."""
    run, costs, said = work / "run", {"Fieldmark": [], "fastai": []}, {}
    print("| round | who | seconds | CPU seconds | peak MiB | wrong | of | log loss |", flush=True)
    print("|------:|-----|--------:|------------:|---------:|------:|---:|---------:|", flush=True)

    def note(number: int, who: str, cost: Cost) -> None:
        costs[who].append(cost)
        row = f"| {number} | {who} | {cost.wall:.0f} | {cost.cpu:.0f} | {cost.peak:.0f} "
        print(row + "| {wrong} | {n} | {loss:.3f} |".format_map(said[who]), flush=True)

    for number in range(1, rounds + 1):
        cost = ours(photos, run)
        said["Fieldmark"] = ours_said(run)
        note(number, "Fieldmark", cost)
        job, out, classes = write_job(photos, run, work)
        cost = theirs(python, job)
        said["fastai"] = theirs_said(out, classes)
        note(number, "fastai", cost)
    middle = {
        who: {what: statistics.median(getattr(c, what) for c in own) for what in ("wall", "cpu", "peak")}
        for who, own in costs.items()
    }
    return {
        "ratio": round(middle["fastai"]["wall"] / middle["Fieldmark"]["wall"], 2),
        "ours_wrong": said["Fieldmark"]["wrong"],
        "theirs_wrong": said["fastai"]["wrong"],
        "n": said["fastai"]["n"],
        "medians": middle,
    }


def over_folds(python: Path, photos: Path, work: Path, k: int) -> dict[str, object]:
    """Judge every photo once by both, and compare photo by photo."""
    run = work / "folds"
    cost = ours(photos, run, "--folds", str(k))
    print(f"Fieldmark: {k} folds and the model itself in {cost.wall:.0f} s", flush=True)
    return fastai_folds.compare(python, photos, work, k, run / "predictions.csv")


def main() -> None:
    """Make fastai's environment, take turns, and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=SNAKES)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "fieldmark-bench-train")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--folds", type=int, default=0)
    parser.add_argument("--python", type=Path)
    given = parser.parse_args()
    if not given.folder.is_dir():
        parser.error(f"there is no folder {given.folder}: name one that holds a folder of photos per class")
    work = given.work.absolute()
    work.mkdir(parents=True, exist_ok=True)
    python = given.python or fastai_folds.environment(work)
    photos = work / "photos"
    if not photos.exists():
        shutil.copytree(given.folder, photos)
    shown = in_turns(python, photos, work, given.rounds) if given.rounds else {}
    if given.folds:
        shown |= {f"folds_{name}": value for name, value in over_folds(python, photos, work, given.folds).items()}
    print(json.dumps(shown))


if __name__ == "__main__":
    main()
