"""A model and labelled photos -> figures, and a report where one is wanted."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fieldmark.artifacts.atomic import write_text
from fieldmark.artifacts.marks import known_again
from fieldmark.artifacts.modelfile import Model
from fieldmark.artifacts.photos import PhotoFolder, Unusable
from fieldmark.artifacts.predictions import Predictions
from fieldmark.artifacts.runs import Run
from fieldmark.artifacts.sealed import read_side
from fieldmark.artifacts.workspace import Workspace
from fieldmark.errors import FolderError
from fieldmark.evaluate.judge import judge
from fieldmark.evaluate.metrics import summarize
from fieldmark.evaluate.pricing import price
from fieldmark.evaluate.report import ReportContent, render
from fieldmark.evaluate.unknown import figures
from fieldmark.evaluate.wording import learned_from
from fieldmark.pipeline.calibrate import calibration_of
from fieldmark.pipeline.export import graph_of
from fieldmark.pipeline.looking import asking_file, glances
from fieldmark.pipeline.opening import check_left_out, note
from fieldmark.pipeline.probing import ids_of, judge_probes, read_probes
from fieldmark.pipeline.telling import sources, tell_unusable, thumbnails, versions
from fieldmark.terminal import warn

NO_THRESHOLD = "The model was written without a threshold for “none of these”, so it refuses nothing."


@dataclass(frozen=True)
class Evaluation:
    """A model judged on a folder."""

    metrics: dict[str, Any]
    predictions: Predictions
    unusable: tuple[Unusable, ...]


def evaluate(
    reference: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    test: bool = False,
    report: str | os.PathLike[str] | None = None,
    far: str | os.PathLike[str] | None = None,
    near: str | os.PathLike[str] | None = None,
) -> Evaluation:
    """Judge a run or a model file on labelled photos; without `test` on none that is sealed.

    Args:
        reference: the path of a model file, or the id or path of a run, which is judged as its export would answer.
        folder: class folders whose names are classes of the model.
        test: judge on the sealed photos, and on nothing else; that they were opened is written down. They are the
            folder's own `test/` side, or else the share that `train --test` sealed.
        report: write the report there too.
        far: a folder of photos of anything but the classes, to count how many the model takes for one of them.
        near: a folder of photos that are like the classes and belong to none, to be counted apart.

    Raises:
        FieldmarkError: the model or the folder cannot be used, or the folder has classes that the model does not know;
            or nothing is sealed, or the model does not say that it left out what is.
    """
    model = _open_model(reference)
    workspace = Workspace.open(folder)
    root = workspace.photos
    photos, opened = read_side(workspace, test)
    if opened is not None:
        check_left_out(opened, model.info.trained_on, reference)
    strangers = [name for name in photos.classes if name not in model.classes]
    if strangers:
        raise FolderError(
            f"{root} has the class {strangers[0]!r}, which the model does not know. "
            f"It knows {', '.join(model.classes)}."
        )
    probes = read_probes(far, near, model.classes, ids_of(photos.photos) | _judged_before(reference))
    predictions, lost = judge(model, root, photos.photos)
    unusable = photos.unusable + tuple(Unusable(*pair) for pair in lost)
    tell_unusable(unusable)
    learned = _learned_from(model, photos, predictions)
    warnings = [learned_from(learned, len(predictions))] if learned else []
    for text in warnings:
        warn(text)
    threshold = model.info.threshold
    metrics = {
        "n_train": model.info.trained_on.get("n"),
        "n_valid": len(predictions),
        "n_learned_from": learned,
        "seed": None,
        "backbone": model.info.backbone,
        "seconds": {},
        "stage1": None,
        "stage2": None,
        "kept": None,
        **summarize(predictions),
        "calibration": calibration_of(predictions),
        "costs": price(predictions, model.info.costs),
        "unknown": _unknown(model, predictions, judge_probes(probes, lambda pixels: model.run(pixels)[2], threshold)),
        "unusable": [{"photo": file.path, "reason": file.reason} for file in unusable],
    }
    metrics["opened"] = note(workspace, photos, opened, reference, metrics) if opened is not None else None
    if report is not None:
        content = ReportContent(
            title=workspace.root.name,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            metrics=metrics,
            predictions=predictions,
            thumbnails=thumbnails(photos),
            glances=glances(photos, predictions, asking_file(model)),
            unusable=[(file.path, file.reason) for file in unusable],
            warnings=[*warnings, *([metrics["opened"]["text"]] if metrics["opened"] else [])],
            sources=sources(workspace, photos.photos),
            settings={"model": str(reference), "precision": model.info.precision, **model.info.preprocessing},
            hashes={"photos learned from": str(model.info.trained_on.get("hash", ""))},
            versions=versions(),
        )
        write_text(Path(report).absolute(), render(content))
    return Evaluation(metrics, predictions, unusable)


def _learned_from(model: Model, photos: PhotoFolder, predictions: Predictions) -> int | None:
    """How many of the photos judged by the model learned from, by their bytes; None where it does not tell."""
    judged = set(predictions.photos)
    digests = [photo.sha256 for photo in photos.photos if photo.path in judged]
    known = known_again(model.info.trained_on, digests)
    return None if known is None else sum(digest in known for digest in digests)


def _unknown(model: Model, predictions: Predictions, strangers: dict[str, Any]) -> dict[str, Any]:
    """What came of "none of these", with what the file says of where its threshold is from."""
    said = model.info.metrics.get("unknown")
    said = said if isinstance(said, dict) else {}
    why = None if model.info.threshold is not None else said.get("why_not") or NO_THRESHOLD
    return figures(model.info.threshold, said.get("fitted_on"), why, predictions, **strangers)


def _judged_before(reference: str | os.PathLike[str]) -> set[str]:
    """The ids of the photos that a run was judged by; a model file does not name its photos."""
    is_file = Path(reference).is_file() or Path(reference).suffix == ".onnx"
    return set() if is_file else set(Run.open(os.fspath(reference)).predictions().ids)


def _open_model(reference: str | os.PathLike[str]) -> Model:
    """Open a model file, or a run as the model file it would become."""
    path = Path(reference)
    if path.is_file() or path.suffix == ".onnx":
        return Model(path, threads=1)
    data, _, _ = graph_of(Run.open(os.fspath(reference)))
    return Model(data, threads=1)
