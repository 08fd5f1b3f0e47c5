"""Class folders -> a run."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fieldmark.artifacts import runs, splits
from fieldmark.artifacts.atomic import write_bytes, write_json, write_text
from fieldmark.artifacts.photos import PhotoFile, PhotoFolder, Unusable
from fieldmark.artifacts.predictions import Predictions
from fieldmark.artifacts.runs import Epoch, Run
from fieldmark.artifacts.splits import Sides
from fieldmark.artifacts.verdicts import effect_hash, read_journal
from fieldmark.artifacts.workspace import Workspace
from fieldmark.config import TrainSettings
from fieldmark.evaluate.metrics import summarize
from fieldmark.evaluate.report import FinderCurve, ReportContent, render
from fieldmark.evaluate.wording import overfitting
from fieldmark.pipeline.extra import training
from fieldmark.pipeline.folds import Fold, train_folds
from fieldmark.pipeline.prepare import Prepared, prepare
from fieldmark.pipeline.regrading import Regraded, find_regraded
from fieldmark.pipeline.telling import tell_unusable, thumbnails, versions
from fieldmark.split import split
from fieldmark.terminal import say, warn
from fieldmark.version import __version__

if TYPE_CHECKING:
    from fieldmark.training.learn import Learned, Story

TEMPERATURE = 1.0  # until it is fitted


def train(folder: str | os.PathLike[str], settings: TrainSettings, out: str | os.PathLike[str] | None = None) -> Run:
    """Learn to tell the classes of a folder apart.

    Without folds one share of the photos is kept aside, and the epoch is kept that does best on it. With folds every
    photo is judged by a training that did not see it, and the model is trained on all of them.

    Args:
        folder: a folder of class folders.
        settings: how to learn.
        out: the run's folder; by default `.fieldmark/runs/<id>/` in the photo folder.

    Raises:
        FieldmarkError: the folder, the backbone or the run folder cannot be used. Nothing is left behind then.
    """
    prepared = prepare(folder, settings)
    workspace = prepared.workspace
    path = Path(out).absolute() if out else workspace.runs / runs.new_id(workspace.runs, settings.backbone)
    with runs.new_run(path) as partial:
        outcome = (_train_folds if settings.folds else _train_once)(prepared, settings, partial)
        _write_run(partial, prepared, settings, outcome)
    run = Run.open(path)
    runs.remember(run)
    return run


@dataclass(frozen=True)
class _Outcome:
    """What a training leaves, with folds or without.

    Attributes:
        sides: of every photo; with folds all are learned from, and all judged.
        split_note: how the sides came about, in words.
        learned: the model that is kept.
        predictions: of the photos that were judged.
        logits: float32 `[n, classes]`, before the temperature, in the rows of the predictions.
        folds: the trainings of the folds, if there were any.
        lost: photos that vanished meanwhile.
        warnings: about what went in.
        both_ways: figures on photos that were regraded; None where none were.
    """

    sides: Sides
    split_note: str
    learned: Learned
    predictions: Predictions
    logits: NDArray[np.float32]
    folds: tuple[Fold, ...]
    lost: tuple[Unusable, ...]
    warnings: list[str]
    both_ways: dict[str, Any] | None


def _train_once(prepared: Prepared, settings: TrainSettings, scratch: Path) -> _Outcome:
    learn = training("fieldmark.training.learn")
    workspace, photos = prepared.workspace, prepared.photos
    kept = splits.read_kept(workspace, settings.seed, splits.halves(settings.valid_share))
    sides, split_note = _split(photos, settings, kept)
    train_photos = [photo for photo in photos.photos if sides[photo.id] == "train"]
    valid_photos = [photo for photo in photos.photos if sides[photo.id] == "valid"]
    warnings = _tell_what_went_in(prepared, f"{len(train_photos)} to learn from, {len(valid_photos)} to judge by.")
    with learn.gather(
        photos.root, train_photos, valid_photos, photos.classes, settings, prepared.features, scratch
    ) as material:
        learned: Learned = learn.learn(material, train_photos, valid_photos)
    _keep_split(workspace, settings, sides, photos)
    regraded = find_regraded(workspace, photos, sides, kept)
    return _Outcome(
        sides,
        split_note,
        learned,
        _predictions_of(learned.judged, learned.logits, photos.classes),
        learned.logits,
        (),
        material.lost,
        warnings,
        _judge_both_ways(regraded, learned, photos, settings, scratch) if regraded else None,
    )


def _train_folds(prepared: Prepared, settings: TrainSettings, scratch: Path) -> _Outcome:
    learn = training("fieldmark.training.learn")
    workspace, photos = prepared.workspace, prepared.photos
    if _is_given(photos):
        say("The folder has a validation side of its own; with --folds it is cut like the rest.")
    times = f" {settings.repeats} times" if settings.repeats > 1 else ""
    warnings = _tell_what_went_in(prepared, f"Each is judged{times}, by a training that did not see it.")
    with learn.gather(
        photos.root, photos.photos, photos.photos, photos.classes, settings, prepared.features, scratch
    ) as material:
        folds = tuple(train_folds(workspace, material, photos.photos))
        say("The model itself, on all photos.")
        learned: Learned = learn.learn(material, photos.photos, (), choose=False)
    judged = [photo for fold in folds for photo in fold.judged]
    names = [fold.name for fold in folds for _ in fold.judged]
    logits = np.concatenate([fold.logits for fold in folds])
    return _Outcome(
        {photo.id: "train" for photo in photos.photos},
        _describe_folds(settings),
        learned,
        _predictions_of(judged, logits, photos.classes, names),
        logits,
        folds,
        material.lost,
        warnings,
        None,
    )


def _describe_folds(settings: TrainSettings) -> str:
    repeats = f", {settings.repeats} times over" if settings.repeats > 1 else ""
    return (
        f"The photos were cut into {settings.folds} folds{repeats} (seed {settings.seed}), and each fold was judged by "
        "a model trained on the others, with the number of epochs fixed beforehand. The model itself was then trained "
        "on all photos. Identical files and photos that look alike are in one fold together"
        + (f", and so are photos of one {settings.group_by}." if settings.group_by else ".")
    )


def _split(photos: PhotoFolder, settings: TrainSettings, kept: Sides) -> tuple[Sides, str]:
    """Return the side of every photo, and how it came by it, in words."""
    sides = split(photos.photos, settings.seed, settings.valid_share, kept)
    if _is_given(photos):
        return sides, "The sides are those of the folder's own train and validation folders."
    how = "kept from an earlier run; photos that are new since were added to it" if kept else "drawn for this run"
    return sides, (
        f"{settings.valid_share:.0%} of each class was kept aside to judge by, {how} (seed {settings.seed}). "
        "Identical files and photos that look alike are on one side together"
        + (f", and so are photos of one {settings.group_by}." if settings.group_by else ".")
    )


def _is_given(photos: PhotoFolder) -> bool:
    return any(photo.side == "valid" for photo in photos.photos)


def _keep_split(workspace: Workspace, settings: TrainSettings, sides: Sides, photos: PhotoFolder) -> None:
    """Keep the split, with the sides of photos that are not there at present."""
    if not _is_given(photos):
        splits.keep(workspace, settings.seed, splits.halves(settings.valid_share), sides)


def _tell_what_went_in(prepared: Prepared, use: str) -> list[str]:
    """Say how many photos there are and what is made of them; return what there is to be warned of."""
    photos, workspace = prepared.photos, prepared.workspace
    counts = ", ".join(f"{n} {name}" for name, n in photos.counts().items())
    say(f"{len(photos.photos)} photos: {counts}. {use}")
    if workspace.remembers_elsewhere:
        say(f"{workspace.root} cannot be written to; splits and runs are kept in {workspace.memory}.")
    if photos.sealed:
        say(f"test/ is sealed: its {photos.sealed} files were not read. `fieldmark evaluate --test` opens it.")
    tell_unusable(photos.unusable)
    warnings = [
        f"One and the same photo lies under {len(group)} labels, so all but one of them are wrong: "
        + ", ".join(photo.path for photo in group)
        + "."
        for group in photos.conflicts()
    ]
    for text in warnings:
        warn(text)
    return warnings


def _write_run(folder: Path, prepared: Prepared, settings: TrainSettings, outcome: _Outcome) -> None:
    from safetensors.torch import save

    photos, learned, predictions = prepared.photos, outcome.learned, outcome.predictions
    packages = versions()
    created = datetime.now(UTC).isoformat(timespec="seconds")
    story, unusable = learned.story, photos.unusable + outcome.lost
    warnings = outcome.warnings + story.warnings
    metrics = _train_metrics(settings, outcome, unusable, warnings)
    facts = {
        "version": __version__,
        "created": created,
        "folder": str(photos.root),
        "classes": list(photos.classes),
        "settings": asdict(settings),
        "learning_rates": {f"stage{stage}": list(rates) for stage, rates in story.used.items()},
        "temperature": TEMPERATURE,
        "device": learned.device,
        "files": {
            "counts": photos.listing.counts(),
            "hash": photos.listing.hash(),
            "verdicts": effect_hash(read_journal(prepared.workspace).decisions()),
        },
        "trained_on": _trained_on(photos.photos, outcome.sides),
        "split_hash": splits.sides_hash(_where_judged(photos, outcome)),
        "versions": packages,
    }
    content = ReportContent(
        title=prepared.workspace.root.name,
        created=created,
        metrics=metrics,
        predictions=predictions,
        epochs=() if outcome.folds else story.epochs,  # of the model trained on everything none was judged
        finders=_finder_curves(story),
        thumbnails=thumbnails(photos),
        unusable=[(file.path, file.reason) for file in unusable],
        warnings=warnings,
        class_counts=_counts_by_side(photos, outcome),
        split_note=outcome.split_note,
        settings={**asdict(settings), "device": learned.device},
        versions=packages,
    )
    runs.write_settings(folder, facts)
    runs.write_epochs(folder, story.epochs)
    runs.write_finders(folder, story.finders)
    predictions.write(folder / runs.PREDICTIONS)
    write_bytes(folder / runs.WEIGHTS, save({k: v.contiguous() for k, v in learned.classifier.state_dict().items()}))
    write_text(folder / runs.REPORT, render(content))
    write_json(folder / runs.METRICS, metrics)


def _where_judged(photos: PhotoFolder, outcome: _Outcome) -> dict[str, str]:
    """By id, the side of each photo, or the folds that it was judged in."""
    if not outcome.folds:
        return {photo.id: outcome.sides[photo.id] for photo in photos.photos}
    folds: dict[str, str] = {}
    for fold in outcome.folds:
        for photo in fold.judged:
            folds[photo.id] = f"{folds.get(photo.id, '')} {fold.name}".strip()
    return folds


def _judge_both_ways(
    regraded: Regraded, learned: Learned, photos: PhotoFolder, settings: TrainSettings, scratch: Path
) -> dict[str, Any]:
    """Judge the model also on the validation photos as they were before a person regraded them."""
    learn = training("fieldmark.training.learn")
    rejected, logits = learn.answers(
        learned.classifier, photos.root, regraded.rejected, photos.classes, settings, scratch
    )
    judged = [*regraded.as_they_were(learned.judged), *rejected]
    return regraded.to_dict(
        summarize(_predictions_of(judged, np.concatenate([learned.logits, logits]), photos.classes))
    )


def _predictions_of(
    judged: Sequence[PhotoFile], logits: NDArray[np.float32], classes: tuple[str, ...], folds: Sequence[str] = ()
) -> Predictions:
    scaled = logits.astype(np.float64) / TEMPERATURE
    shifted = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    index = {name: i for i, name in enumerate(classes)}
    return Predictions(
        classes=classes,
        photos=tuple(photo.path for photo in judged),
        ids=tuple(photo.id for photo in judged),
        actual=np.array([index[photo.label] for photo in judged], dtype=np.int64),
        probabilities=shifted / shifted.sum(axis=1, keepdims=True),
        unknown=np.zeros(len(judged), dtype=np.bool_),
        folds=tuple(folds),
        groups=tuple(photo.group or photo.id for photo in judged),
    )


def _train_metrics(
    settings: TrainSettings, outcome: _Outcome, unusable: Sequence[Unusable], warnings: Sequence[str]
) -> dict[str, Any]:
    learned, story, predictions = outcome.learned, outcome.learned.story, outcome.predictions
    assert story.kept is not None  # learn() raises when no epoch was good
    kept = {"stage": story.kept.stage, "epoch": story.kept.epoch}
    stages = _stages_of_folds(outcome.folds) if outcome.folds else _stages_of(story.epochs, predictions)
    return {
        "n_train": learned.n_train,
        "n_valid": predictions.n_photos,
        "seed": settings.seed,
        "backbone": settings.backbone,
        "seconds": story.seconds | _seconds_of(outcome.folds),
        **stages,
        "kept": kept,
        "chosen_on_judged": not outcome.folds,
        "overfit": None if outcome.folds else overfitting(story.epochs, kept),
        "weighted_loss": story.weighted,
        **summarize(predictions),
        "folds": [fold.to_dict(predictions.classes) for fold in outcome.folds],
        "repeats": predictions.repeats,
        "regraded": outcome.both_ways,
        "unusable": [{"photo": file.path, "reason": file.reason} for file in unusable],
        "warnings": list(warnings),
    }


def _seconds_of(folds: Sequence[Fold]) -> dict[str, float]:
    return {"folds": round(sum(fold.seconds for fold in folds), 2)} if folds else {}


def _stages_of(epochs: Sequence[Epoch], predictions: Predictions) -> dict[str, dict[str, Any] | None]:
    """The figures of each stage's best epoch, by validation loss; None for a stage that was not run."""
    figures: dict[str, dict[str, Any] | None] = {"stage1": None, "stage2": None}
    for stage in sorted({epoch.stage for epoch in epochs}):
        best = min((epoch for epoch in epochs if epoch.stage == stage), key=lambda epoch: epoch.valid_loss)
        figures[f"stage{stage}"] = {
            "epoch": best.epoch,
            "error_rate": best.error_rate,
            "wrong": round(best.error_rate * len(predictions)),
            "valid_loss": best.valid_loss,
        }
    return figures


def _stages_of_folds(folds: Sequence[Fold]) -> dict[str, dict[str, Any] | None]:
    """The figures of each stage's last epoch, pooled over the folds."""
    figures: dict[str, dict[str, Any] | None] = {"stage1": None, "stage2": None}
    for stage in sorted({epoch.stage for fold in folds for epoch in fold.epochs}):
        ends = [[epoch for epoch in fold.epochs if epoch.stage == stage][-1] for fold in folds]
        sizes = np.array([len(fold.judged) for fold in folds])
        errors, losses = (np.array([getattr(end, name) for end in ends]) for name in ("error_rate", "valid_loss"))
        figures[f"stage{stage}"] = {
            "epoch": ends[0].epoch,
            "error_rate": float((errors * sizes).sum() / sizes.sum()),
            "wrong": int((errors * sizes).round().sum()),
            "valid_loss": float((losses * sizes).sum() / sizes.sum()),
        }
    return figures


def _finder_curves(story: Story) -> list[FinderCurve]:
    names = {1: "stage 1, the head alone", 2: "stage 2, everything"}
    return [
        FinderCurve(names[finder.stage], finder.rates, finder.losses, finder.suggestion, story.used[finder.stage][-1])
        for finder in story.finders
    ]


def _trained_on(photos: Sequence[PhotoFile], sides: Sides) -> dict[str, Any]:
    learned = sorted(photo.sha256 for photo in photos if sides[photo.id] == "train")
    return {"n": len(learned), "hash": hashlib.sha256("\n".join(learned).encode("ascii")).hexdigest()}


def _counts_by_side(photos: PhotoFolder, outcome: _Outcome) -> dict[str, tuple[int, int]]:
    """By class, how many photos were learned from, and how many were judged by."""
    judged = set(outcome.predictions.photos)

    def count(name: str) -> tuple[int, int]:
        own = [photo for photo in photos.photos if photo.label == name]
        return sum(outcome.sides[photo.id] == "train" for photo in own), sum(photo.path in judged for photo in own)

    return {name: count(name) for name in photos.classes}
