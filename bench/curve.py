"""Back-test of `fieldmark curve`: from 100 of the 426 snakes, what is the error with 400? The last line is JSON.

    python bench/curve.py DATA [WORK] [--draws 10]

DATA holds `snakes`; nothing is written there. WORK keeps a copy and its features, so that a second run takes a minute.
Each draw is in the classes' shares, copies together, and the curve sees nothing but its 100 photos. The truth
is the error of the same classifier when it has learned from about 400 of all 426 and is asked about the others: every
photo is asked about once in each of 10 ways of cutting, copies are never on both sides.

The second table turns labels around, to see when the verdict is "labels are your limit".
"""

import argparse
import json
import shutil
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from fieldmark.artifacts.photos import read_folder
from fieldmark.artifacts.workspace import Workspace
from fieldmark.checks import labels as mislabelled
from fieldmark.embed import Features, embed
from fieldmark.study import projection
from fieldmark.study.advice import LEAST_MISLABELLED, MISLABELLED
from fieldmark.study.curve import same_pictures
from fieldmark.study.subsample import in_order, sub_sample

DRAWN, TARGET, FOLDS, CUTS = 100, 400, 18, 10
FLIPPED = (0, 13, 21, 43, 85)


def back_test(features: Features, labels: np.ndarray, groups: np.ndarray, draws: int) -> dict[str, object]:
    """Project from each draw, and compare with the truth."""
    true = sub_sample(features.vectors, labels, groups, seed=1000, folds=FOLDS, repeats=CUTS)
    truth, at = float(true.errors()[-1]), int(true.sizes[-1])
    print(f"truth: {truth:.2%} got wrong of {len(labels)} photos with {at} learned from, {CUTS} ways of cutting\n")
    print(f"draw  error with ~90  projected at {TARGET}  {projection.CONFIDENCE:.0%} band        held")
    held, widths, values, seconds = 0, [], [], []
    for seed in range(draws):
        rng = np.random.default_rng(seed)
        rows = np.sort(in_order(np.arange(len(labels)), labels, groups, rng)[:DRAWN])
        started = time.monotonic()
        answers = sub_sample(features.vectors[rows], labels[rows], groups[rows], seed)
        band = projection.fit(answers.sizes, answers.wrong, answers.groups, seed).error(TARGET)
        seconds.append(time.monotonic() - started)
        holds = band.low <= truth <= band.high
        held += holds
        widths.append(band.high - band.low)
        values.append(band.value)
        ends = f"{band.low:6.1%} to {band.high:5.1%}"
        print(f"{seed:4}  {answers.errors()[-1]:14.1%}  {band.value:16.1%}  {ends}  {'yes' if holds else 'no'}")
    print(f"\nheld {held} of {draws}; median width {np.median(widths):.1%}; mean projected {np.mean(values):.1%}\n")
    return {
        "truth": round(truth, 4),
        "truth_at": at,
        "draws": draws,
        "held": held,
        "band_width_median": round(float(np.median(widths)), 4),
        "band_width_largest": round(max(widths), 4),
        "projected_mean": round(float(np.mean(values)), 4),
        "projected_off_mean": round(float(np.mean(np.abs(np.array(values) - truth))), 4),
        "seconds_of_100": round(float(np.median(seconds)), 2),
    }


def turned_around(features: Features, labels: np.ndarray, groups: np.ndarray, same: list[list[int]]) -> list[dict]:
    """Turn labels around, and count what part of the photos got wrong is probably mislabelled."""
    print("turned around  got wrong by most  probably mislabelled  the limit  error at all, 4 times as many")
    found = []
    for flipped in FLIPPED:
        for seed in range(2 if flipped else 1):
            turned = labels.copy()
            chosen = np.random.default_rng(seed).choice(len(labels), flipped, replace=False)
            turned[chosen] = 1 - turned[chosen]
            answers = sub_sample(features.vectors, turned, groups)
            laws, n = projection.fit(answers.sizes, answers.wrong, answers.groups), len(labels)
            photos = [replace(p, label=str(label)) for p, label in zip(features.photos, turned, strict=True)]
            doubted = {f.photo for f in mislabelled.suspects(photos, features.vectors, same) if f.sure}
            missed = np.flatnonzero(answers.missed())
            wrong = sum(photos[i].path in doubted for i in missed)
            limit = wrong >= LEAST_MISLABELLED and wrong >= MISLABELLED * len(missed)
            errors = f"{laws.error(n).value:.1%}, {laws.error(4 * n).value:.1%}"
            print(f"{flipped:13}  {len(missed):17}  {wrong:20}  {'yes' if limit else 'no':9}  {errors}")
            found.append({"turned": flipped, "missed": len(missed), "mislabelled": wrong, "limit": bool(limit)})
    return found


def run(data: Path, work: Path, draws: int) -> dict[str, object]:
    """Copy the snakes, look at them, and test."""
    folder = work / "snakes"
    if not folder.exists():
        shutil.copytree(data / "snakes" / "classes", folder)
    workspace = Workspace.open(folder)
    features = embed(workspace, read_folder(folder).photos, folder)
    started = time.monotonic()
    same = same_pictures(workspace, features)
    grouping = time.monotonic() - started
    groups = np.arange(len(features.photos))
    for group in same:
        groups[group] = group[0]
    classes = sorted({photo.label for photo in features.photos})
    labels = np.array([classes.index(photo.label) for photo in features.photos])
    started = time.monotonic()
    answers = sub_sample(features.vectors, labels, groups)
    projection.fit(answers.sizes, answers.wrong, answers.groups)
    seconds = {"groups_s": round(grouping, 1), "curve_s": round(time.monotonic() - started, 1)}
    print(f"{len(labels)} photos, {len(np.unique(groups))} different; {seconds}\n")
    tested = back_test(features, labels, groups, draws)
    return {**seconds, **tested, "turned_around": turned_around(features, labels, groups, same)}


def main() -> None:
    """Read the line and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path, nargs="?")
    parser.add_argument("--draws", type=int, default=10)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        print(json.dumps(run(given.data, given.work or Path(temporary), given.draws)))


if __name__ == "__main__":
    main()
