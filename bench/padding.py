"""The original's open question: white-padded squares or rectangles? Trains four ways to fit a photo and compares them.

    python bench/padding.py DIR WORK [--repeats 1]

DIR holds class folders. A copy of it lies in WORK, with every fold that is finished, so that it can be interrupted.
Twenty trainings take a quarter of an hour on two cores; docs/padding.md has three repeats, which are sixty. Prints the
table and the verdicts; the last line is JSON.
"""

import argparse
import json
import shutil
from pathlib import Path

from fieldmark.config import FITS, TrainSettings
from fieldmark.evaluate.wording import percent
from fieldmark.study.compare import compare_settings


def main() -> None:
    """Compare, and print what there is to publish."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--repeats", type=int, default=1)
    given = parser.parse_args()
    photos = given.work / "photos"
    if not photos.exists():
        shutil.copytree(given.folder, photos)
    settings = TrainSettings(folds=5, repeats=given.repeats)
    standing = compare_settings(photos, "fit=" + ",".join(FITS), settings)
    print("| fit | wrong | error | 95 % interval | log loss | p against squish |")
    print("|---|---:|---:|---:|---:|---:|")
    ps = {pair.name: f"{pair.p:.3f}" for pair in standing.pairs}
    for arm in standing.arms:
        low, high = (percent(share) for share in arm.interval)
        counted = f"{arm.wrong} of {arm.judgements} | {percent(arm.error)} | {low} to {high}"
        print(f"| {arm.name} | {counted} | {arm.log_loss:.3f} | {ps.get(arm.name, '')} |")
    for pair in standing.pairs:
        low, high = -pair.found.high, -pair.found.low
        print(f"- {pair.verdict} Difference {-pair.found.difference:+.1%} ({low:+.1%} to {high:+.1%}).")
    print(json.dumps(standing.to_dict()))


if __name__ == "__main__":
    main()
