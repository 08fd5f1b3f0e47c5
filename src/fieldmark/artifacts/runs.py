"""`runs/<id>/`: one training, whole or absent: settings, figures, epochs, predictions, weights, report."""

from __future__ import annotations

import csv
import io
import json
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from fieldmark.artifacts.atomic import write_json, write_text
from fieldmark.artifacts.predictions import Predictions
from fieldmark.artifacts.workspace import MEMORY, cache_folder
from fieldmark.errors import RunError, nearest

SCHEMA = 1

SETTINGS = "settings.json"
METRICS = "metrics.json"
EPOCHS = "epochs.csv"
FINDER = "finder.csv"
PREDICTIONS = "predictions.csv"
WEIGHTS = "model.safetensors"
REPORT = "report.html"
FOLDS = "folds"
DIRECTIONS = "unknown.directions"
"""The tensor beside the weights that the score for "none of these" goes by."""
FILES = (SETTINGS, METRICS, EPOCHS, PREDICTIONS, WEIGHTS, REPORT)
"""What a whole run holds; the folder gets its name only once all of them are written."""

STAGES = {1: "stage 1, the head alone", 2: "stage 2, the later layers too"}
"""The stages of a training as people read of them."""


@dataclass(frozen=True)
class Epoch:
    """One row of `epochs.csv`: what one pass over the training photos did.

    Attributes:
        stage: 1 (new head on a frozen backbone) or 2 (the later layers of the backbone too).
        epoch: counted from 1 within its stage.
        train_loss: mean loss over the augmented photos of the epoch, in nats.
        valid_loss: mean loss over the validation photos, in nats; NaN (an empty field) where an epoch was not judged.
        error_rate: part of the validation photos whose top class is wrong; NaN likewise.
        seconds: wall time of the epoch, its validation included.
    """

    stage: int
    epoch: int
    train_loss: float
    valid_loss: float
    error_rate: float
    seconds: float


@dataclass(frozen=True)
class Finder:
    """A learning-rate finder's curve: loss against a rate that grows from step to step.

    Attributes:
        stage: the stage it was run for.
        rates: learning rate of each step.
        losses: smoothed loss at each step, in nats.
        suggestion: the rate read off the curve.
    """

    stage: int
    rates: tuple[float, ...]
    losses: tuple[float, ...]
    suggestion: float


@dataclass(frozen=True)
class Run:
    """A whole run on disk."""

    path: Path

    @classmethod
    def open(cls, reference: str | Path) -> Run:
        """Find a run by its path or its id.

        Raises:
            RunError: there is none, it is unfinished, or a file of it is missing.
        """
        path = _locate(str(reference))
        missing = [name for name in FILES if not (path / name).is_file()]
        if missing:
            raise RunError(f"{path} is not a whole run: {', '.join(missing)} missing. Train again.")
        return cls(path.resolve())

    @property
    def id(self) -> str:
        """The name of the folder."""
        return self.path.name

    def settings(self) -> dict[str, Any]:
        """Read what the run was asked to do, and with what."""
        return _read_json(self.path / SETTINGS)

    def metrics(self) -> dict[str, Any]:
        """Read the run's figures."""
        return _read_json(self.path / METRICS)

    def predictions(self) -> Predictions:
        """Read what the kept weights said about the validation photos."""
        return Predictions.read(self.path / PREDICTIONS)

    def weights(self) -> Path:
        """Return the path of the kept weights."""
        return self.path / WEIGHTS

    def fold(self, name: str) -> Path:
        """Return the path of what a fold's network has that the kept weights have not."""
        return self.path / FOLDS / f"{name}.safetensors"

    def folds(self) -> list[Path]:
        """Return the paths of the networks of folds that were kept."""
        return sorted((self.path / FOLDS).glob("*.safetensors"))


def whole_runs(folder: Path) -> list[Run]:
    """Return the whole runs that lie in a folder, by name; unfinished ones are passed over."""
    paths = (path for path in sorted(folder.glob("[!.]*")) if all((path / name).is_file() for name in FILES))
    return [Run(path.resolve()) for path in paths]


@contextmanager
def new_run(path: Path) -> Iterator[Path]:
    """Lend a partial folder to write a run into; it becomes `path` at the end, or nothing is left.

    The partial folder is called `.<id>.partial`, and holds a lock for as long as its process lives, so that the next
    training can tell a killed one's leavings from one that is still at work.

    Raises:
        RunError: `path` exists already.
        OSError: it cannot be written.
    """
    from filelock import FileLock  # comes with the training extra; no other command makes runs

    if path.exists():
        raise RunError(f"{path} exists already. Give another folder with -o, or remove it.")
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path.parent)
    partial = path.parent / f".{path.name}.partial"
    lock = FileLock(path.parent / f".{path.name}.lock")
    with lock:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        try:
            yield partial
            partial.rename(path)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
            Path(lock.lock_file).unlink(missing_ok=True)


def _sweep(runs: Path) -> None:
    """Remove what killed trainings left behind: partial folders whose lock nobody holds.

    Only a folder with a lock beside it is ours; other programs call things `.partial` too.
    """
    from filelock import FileLock, Timeout

    for file in runs.glob(".*.lock"):
        partial = file.with_suffix(".partial")
        if not partial.is_dir():
            continue
        with suppress(Timeout, OSError), FileLock(file).acquire(blocking=False):
            shutil.rmtree(partial, ignore_errors=True)
            file.unlink(missing_ok=True)


def new_id(runs: Path, backbone: str) -> str:
    """Return an id that tells when and with what, and that no run in the folder `runs` has yet."""
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{backbone.replace('/', '-')}"
    taken = {path.name for path in runs.glob("*")} | {path.name for path in runs.glob(".*.partial")}
    candidate, count = name, 1
    while candidate in taken or f".{candidate}.partial" in taken:
        count += 1
        candidate = f"{name}-{count}"
    return candidate


def remember(run: Run) -> None:
    """Note where a run lies, so that its id is enough from any folder. A cache that cannot be written is no failure."""
    with suppress(OSError):
        (cache_folder() / "runs").mkdir(parents=True, exist_ok=True)
        write_text(cache_folder() / "runs" / run.id, str(run.path))


def write_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    """Write `settings.json`."""
    write_json(folder / SETTINGS, {"schema": SCHEMA, **settings})


def write_epochs(folder: Path, epochs: Sequence[Epoch]) -> None:
    """Write `epochs.csv`, a row per epoch of both stages."""
    rows = [["" if value != value else value for value in asdict(epoch).values()] for epoch in epochs]
    _write_csv(folder / EPOCHS, [field.name for field in fields(Epoch)], rows)


def write_finders(folder: Path, finders: Sequence[Finder]) -> None:
    """Write `finder.csv`: stage, rate, loss, a row per step."""
    rows = [
        (finder.stage, f"{rate:.6g}", f"{loss:.6f}")
        for finder in finders
        for rate, loss in zip(finder.rates, finder.losses, strict=True)
    ]
    _write_csv(folder / FINDER, ["stage", "rate", "loss"], rows)


def _write_csv(path: Path, header: Sequence[str], rows: Sequence[Any]) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_text(path, buffer.getvalue())


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{path} cannot be read. Train again.") from error
    if not isinstance(value, dict) or value.get("schema", SCHEMA) > SCHEMA:
        raise RunError(f"{path} was written by a newer Fieldmark. Run: pip install --upgrade fieldmark")
    return value


def _locate(reference: str) -> Path:
    remembered = cache_folder() / "runs" / Path(reference).name
    for candidate in (Path(reference), Path(MEMORY, "runs", reference), Path("runs", reference)):
        if candidate.is_dir():
            return candidate
    with suppress(OSError):
        known = Path(remembered.read_text("utf-8"))
        if known.is_dir():
            return known
    ids = [path.name for path in (cache_folder() / "runs").glob("*")]
    raise RunError(f"There is no run {reference!r}: no such folder, and no run of that id.{nearest(reference, ids)}")
