"""A query sheet -> painted snakes, a run, a model file and an answer over HTTP: the whole way, offline."""

from __future__ import annotations

import json
import os
import shlex
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fieldmark.artifacts.atomic import write_text
from fieldmark.artifacts.modelfile import Model
from fieldmark.artifacts.runs import Run
from fieldmark.config import HarvestSettings, TrainSettings
from fieldmark.demo.smallweb import SmallWeb
from fieldmark.engines.local import available_processors
from fieldmark.net.local import post_file
from fieldmark.pipeline.clean import Cleaned, clean_auto
from fieldmark.pipeline.export import export
from fieldmark.pipeline.harvest import harvest
from fieldmark.pipeline.train import train
from fieldmark.serve.server import BackgroundServer
from fieldmark.terminal import say

PER_CLASS = 150
SEED = 2020  # the year of the original
SETTINGS = {"epochs": (3, 3), "size": 224}  # smaller and shorter than the default: the demo should take few minutes

SHEET = """searchterm,exclude,class
micrurus tener -king,,coral
Lampropeltis elapsoides,,king
"""
"""Both species by their names, for iNaturalist goes by names alone; `-king` as the original had it."""

HARVEST = {"contact": "the demo's own small web is the only one to hear from it"}


def tour(out: str | os.PathLike[str]) -> dict[str, Any]:
    """Harvest, weed, train, export, serve and ask once, telling what happens. A second call picks up where photos are.

    Returns:
        where things lie and what was answered: `folder`, `harvest`, `cleaned`, `run`, `report`, `model`,
        `metrics`, `photo` and `answer`.
    """
    start = time.perf_counter()
    home = Path(out).absolute()
    workspace = home / "snakes"
    say("The pictures of this demo are painted, not photographed: no third party's photo is in it.")
    say("Red touches yellow: coral snake, deadly. Red touches black: kingsnake, harmless.\n")
    say("1. Harvesting, as `fieldmark harvest snakes.csv` does, from a small web on this computer")
    _harvest(home, workspace)
    say("\n2. Weeding, as `fieldmark clean --auto` does: the decisions that need no person")
    cleaned = clean_auto(workspace)
    say(_say_weeded(cleaned))
    say("\n3. Training, as `fieldmark train` does")
    run = train(workspace, TrainSettings.of(SETTINGS))
    say("\n4. Exporting one model file, as `fieldmark export` does")
    exported = export(run, home / "snakes.onnx")
    say(f"{exported.path.name}: {exported.n_bytes / 1e6:.1f} MB, proven on {exported.proof.photos} pictures.")
    photo = _a_photo_it_has_not_learned_from(run, workspace / "photos")
    say("\n5. Serving it, as `fieldmark serve` does, and asking about one picture over HTTP")
    with BackgroundServer(Model(exported.path)) as server:
        answer = post_file(f"{server.url}/upload", photo)
        say(f"$ curl -F file=@{shlex.quote(str(photo))} {server.url}/upload")
        say(json.dumps({"predictions": answer["predictions"], "unknown": answer["unknown"]}))
    facts = {
        "folder": str(workspace),
        "harvest": str(workspace / "harvest.html"),
        "cleaned": cleaned.counts(),
        "run": str(run.path),
        "report": str(run.path / "report.html"),
        "model": str(exported.path),
        "metrics": run.metrics(),
        "photo": str(photo),
        "answer": answer,
    }
    _say_what_lies_where(facts, time.perf_counter() - start)
    return facts


def _say_weeded(cleaned: Cleaned) -> str:
    rejected, left = cleaned.counts().get("reject", 0), sum(cleaned.photos.values())
    what = f"{rejected} copies and placeholders rejected" if rejected else "No copy and no placeholder to reject"
    return f"{what}; {left} pictures left. No file was moved; `fieldmark clean --undo` takes it back."


def _harvest(home: Path, workspace: Path) -> None:
    """Harvest from a small web, which paints its pictures meanwhile.

    It listens where it did the last time, so that the URLs of an interrupted demo still lead somewhere.
    """
    home.mkdir(parents=True, exist_ok=True)
    sheet, port = home / "snakes.csv", home / ".port"
    write_text(sheet, SHEET)
    with _small_web(int(port.read_text()) if port.exists() else 0) as web, _instead_of_the_web(web):
        write_text(port, web.endpoint.rpartition(":")[2])
        harvest([str(sheet)], HarvestSettings.of(HARVEST), workspace)


def _small_web(port: int) -> SmallWeb:
    return SmallWeb(SEED, PER_CLASS, port=port if _is_free(port) else 0, painters=available_processors())


def _is_free(port: int) -> bool:
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@contextmanager
def _instead_of_the_web(web: SmallWeb) -> Iterator[None]:
    """Let this process take the small web for the world's, and leave its environment as it was."""
    before = dict(os.environ)
    os.environ.update(web.environment())
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


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
    for name in ("folder", "harvest", "run", "report", "model"):
        say(f"  {name:7} {_shorten(facts[name])}")
    say("\nTry next:")
    folder = shlex.quote(_shorten(facts["folder"]))
    for command, why in (
        (f"fieldmark serve {model}", "a page to drop a picture on, at http://127.0.0.1:8009"),
        (f"fieldmark predict {model} {folder}/photos/king", "a line for each kingsnake"),
        (f"fieldmark clean {folder}", "a page to decide on what is doubtful, with the keyboard"),
        (f"fieldmark credits {folder}", "who made each picture, under which licence"),
        ("fieldmark harvest YOUR_QUERIES.csv", "searchterm,exclude and a row for each of your own classes"),
    ):
        say(f"  {command}\n      {why}")


def _shorten(path: str) -> str:
    """Write a path as one would type it here."""
    absolute = Path(path)
    return str(absolute.relative_to(Path.cwd())) if absolute.is_relative_to(Path.cwd()) else path
