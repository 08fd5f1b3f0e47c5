"""How far can the certainty be believed, and what does deciding by cost do? Out of fold. The last line is JSON.

    python bench/calibration.py [RUN | DIR ...] [--painted N] [--cost 'coral->king=1000']

A RUN of `fieldmark train --folds` is read as it is. Of a DIR a copy is trained on in five folds, with the settings of
everybody; that takes minutes. `--painted N` paints N snakes a kind and trains the head alone on small
pictures: a few minutes for 150.

Log loss, calibration error and Brier score are those of probabilities cross-fitted over the folds: no photo has a part
in the temperature that it is judged at.
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path

from fieldmark.artifacts.runs import METRICS, Run
from fieldmark.config import TrainSettings
from fieldmark.costs import Costs
from fieldmark.demo.paint import paint_folder
from fieldmark.evaluate.calibration import say_calibration
from fieldmark.evaluate.pricing import price
from fieldmark.pipeline.train import train

PAINTED = {"size": 160, "epochs": (4, 0), "folds": 5}


def report(name: str, run: Run, cost: list[str]) -> dict[str, object]:
    """Print what a run's certainty was before and after its temperature, and what its decisions cost."""
    figures, told = run.metrics()["calibration"], run.predictions()
    chance = figures["ece_by_chance"]
    better = figures["log_loss_after"] < figures["log_loss_before"]
    believable = figures["ece"] <= chance["p95"]
    print(f"\n{name}: {figures['n']} photos, {(1 - figures['right']):.1%} wrong, temperature {figures['temperature']}")
    print(f"  log loss            {figures['log_loss_before']:.4f} -> {figures['log_loss_after']:.4f}", end="")
    print(f"  (95 % {figures['log_loss_ci95'][0]:.4f} to {figures['log_loss_ci95'][1]:.4f}; lower: {better})")
    print(f"  calibration error   {figures['ece_before']:.4f} -> {figures['ece']:.4f}", end="")
    print(f"  (by chance {chance['mean']:.4f}, one in twenty over {chance['p95']:.4f}; within: {believable})")
    low, high = figures["brier_ci95"]
    print(f"  Brier score         {figures['brier']:.4f}  (95 % {low:.4f} to {high:.4f})")
    print(f"  {say_calibration(figures)}")
    bill = price(told, Costs.read(told.classes, cost))
    for sentence in (bill or {}).get("sentences", ()):
        print(f"  {sentence}")
    keys = ("n", "temperature", "log_loss_before", "log_loss_after", "ece_before", "ece", "ece_by_chance", "brier")
    return {"name": name, **{key: figures[key] for key in keys}, "costs": bill and bill["table"]}


def run_of(path: Path, work: Path) -> Run:
    """Return a run as it is, or that of five folds on a copy of a folder."""
    if (path / METRICS).is_file():
        return Run.open(path)
    copy = work / path.name
    shutil.copytree(path, copy, ignore=shutil.ignore_patterns(".*"))
    return train(copy, TrainSettings.of({"folds": 5}))


def main() -> None:
    """Read the line and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", type=Path, nargs="*", metavar="RUN|DIR")
    parser.add_argument("--painted", type=int, default=0, metavar="N")
    parser.add_argument("--cost", action="append", default=[])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        runs = {str(path): run_of(path, work) for path in given.paths}
        if given.painted:
            paint_folder(work / "painted", given.painted, seed=7)
            runs["painted snakes"] = train(work / "painted", TrainSettings.of(PAINTED))
        print(json.dumps([report(name, run, given.cost) for name, run in runs.items()]))


if __name__ == "__main__":
    main()
