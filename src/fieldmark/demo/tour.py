"""Nothing -> painted snakes, a run, a model file and an answer over HTTP: the whole way, with no network."""

from __future__ import annotations

import json
import os
import shlex
import time
from pathlib import Path
from typing import Any

from fieldmark.artifacts.modelfile import Model
from fieldmark.artifacts.runs import Run
from fieldmark.config import TrainSettings
from fieldmark.demo.paint import paint_folder
from fieldmark.net.local import post_file
from fieldmark.pipeline.export import export
from fieldmark.pipeline.train import train
from fieldmark.serve.server import BackgroundServer
from fieldmark.terminal import say

PER_CLASS = 150
SEED = 2020  # the year of the original
SETTINGS = {"epochs": (3, 3), "size": 224}  # smaller and shorter than the default: the demo should take two minutes


def tour(out: str | os.PathLike[str]) -> dict[str, Any]:
    """Paint, train, export, serve and ask once, telling what happens. A second call picks up where pictures are.

    Returns:
        where things lie and what was answered: `folder`, `run`, `report`, `model`, `metrics`, `photo`, `answer`.
    """
    start = time.perf_counter()
    home = Path(out).absolute()
    photos = home / "snakes"
    say("The pictures of this demo are painted, not photographed: no third party's photo is in it.")
    say("Red touches yellow: coral snake, deadly. Red touches black: kingsnake, harmless.\n")
    say(f"1. Painting {2 * PER_CLASS} snakes into {photos}")
    paint_folder(photos, PER_CLASS, SEED)
    say("\n2. Training, as `fieldmark train` does")
    run = train(photos, TrainSettings.of(SETTINGS))
    say("\n3. Exporting one model file, as `fieldmark export` does")
    exported = export(run, home / "snakes.onnx")
    say(f"{exported.path.name}: {exported.n_bytes / 1e6:.1f} MB, proven on {exported.proof.photos} pictures.")
    photo = _a_photo_it_has_not_learned_from(run, photos)
    say("\n4. Serving it, as `fieldmark serve` does, and asking about one picture over HTTP")
    with BackgroundServer(Model(exported.path)) as server:
        answer = post_file(f"{server.url}/upload", photo)
        say(f"$ curl -F file=@{shlex.quote(str(photo))} {server.url}/upload")
        say(json.dumps({"predictions": answer["predictions"], "unknown": answer["unknown"]}))
    facts = {
        "folder": str(photos),
        "run": str(run.path),
        "report": str(run.path / "report.html"),
        "model": str(exported.path),
        "metrics": run.metrics(),
        "photo": str(photo),
        "answer": answer,
    }
    _say_what_lies_where(facts, time.perf_counter() - start)
    return facts


def _a_photo_it_has_not_learned_from(run: Run, photos: Path) -> Path:
    return photos / run.predictions().photos[0]


def _say_what_lies_where(facts: dict[str, Any], seconds: float) -> None:
    metrics = facts["metrics"]
    right, n = metrics["n_valid"] - metrics["wrong"], metrics["n_valid"]
    low, high = metrics["accuracy_ci95"]
    model = shlex.quote(_shorten(facts["model"]))
    say(
        f"\nDone in {seconds:.0f} s. {right} of {n} painted snakes right ({low:.0%} to {high:.0%} of all such, likely)."
    )
    for name in ("folder", "run", "report", "model"):
        say(f"  {name:7} {_shorten(facts[name])}")
    say("\nTry next:")
    for command, why in (
        (f"fieldmark serve {model}", "a page to drop a picture on, at http://127.0.0.1:8009"),
        (f"fieldmark predict {model} {shlex.quote(_shorten(facts['folder']) + '/king')}", "a line for each kingsnake"),
        ("fieldmark train YOUR_FOLDER", "one folder of photos per class, and it learns those"),
    ):
        say(f"  {command}\n      {why}")


def _shorten(path: str) -> str:
    """Write a path as one would type it here."""
    absolute = Path(path)
    return str(absolute.relative_to(Path.cwd())) if absolute.is_relative_to(Path.cwd()) else path
