"""Measure "none of these" on real photos, from an exported file alone: who passes, who is refused.

    python bench/unknown.py DATA RUN|MODEL [--far NAME] [--near NAME]

DATA holds the folders of strangers (offtopic, bears_raw). A run is exported first. The photos that pass were judged out
of fold, or kept aside, while the run was made; their count stands in the file. The strangers are asked of the file,
through nothing but its graph and its threshold. The last line is JSON.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np

from fieldmark.artifacts.modelfile import Model
from fieldmark.artifacts.runs import Run
from fieldmark.evaluate.intervals import wilson
from fieldmark.evaluate.probes import judge_probe, read_probe
from fieldmark.pipeline.export import export


def opened(reference: str, scratch: Path) -> Model:
    """Open a model file, or that which a run becomes."""
    if Path(reference).is_file():
        return Model(reference, threads=1)
    return Model(export(Run.open(reference), scratch / "model.onnx").path, threads=1)


def strangers(model: Model, folder: Path) -> dict:
    """Ask the file about every photo of a folder; `scores` are those of the photos that could be read."""
    scores: list[float] = []

    def ask(pixels: np.ndarray) -> float:
        scores.append(model.run(pixels)[2])
        return scores[-1]

    found = judge_probe(read_probe(folder, model.classes), ask, model.info.threshold)
    if found is None:
        sys.exit(f"No photo of {folder} could be read.")
    return {**found, "lowest": min(scores), "median": float(np.median(scores))}


def row(name: str, count: int, n: int, interval: tuple[float, float] | list[float]) -> None:
    """Print a line of the table."""
    print(f"| {name} | {n} | {count} | {count / n:.1%} | {interval[0]:.1%} to {interval[1]:.1%} |", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("model")
    parser.add_argument("--far", default="offtopic")
    parser.add_argument("--near", default="bears_raw")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        model = opened(given.model, Path(scratch))
    said = model.info.metrics["unknown"]
    if model.info.threshold is None:
        sys.exit(said["why_not"])
    refused = said["refused"]
    low, high = refused["ci95"]
    print(f"Threshold {model.info.threshold:.4f}, set on photos judged {said['fitted_on']}.\n")
    print("| photos | n | count | share | 95 % interval |\n|---|---:|---:|---:|---|", flush=True)
    row("of the classes, accepted", refused["n"] - refused["count"], refused["n"], (1 - high, 1 - low))
    measured = {}
    for kind in ("far", "near"):
        name = getattr(given, kind)
        found = measured[kind] = strangers(model, given.data / name)
        row(f"{name} ({kind}), refused", found["n"] - found["accepted"], found["n"], wilson_of_refused(found))
    print("\n" + json.dumps({"threshold": model.info.threshold, "refused": refused, **measured}))


def wilson_of_refused(found: dict) -> tuple[float, float]:
    """Return the interval of the share that was refused."""
    return wilson(found["n"] - found["accepted"], found["n"])


if __name__ == "__main__":
    main()
