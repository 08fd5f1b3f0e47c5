"""Class folders -> a run."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fieldmark.artifacts import runs, splits
from fieldmark.artifacts.atomic import write_bytes, write_json, write_text
from fieldmark.artifacts.photos import PhotoFile, PhotoFolder, Unusable
from fieldmark.artifacts.predictions import Predictions
from fieldmark.artifacts.reading import read_photos
from fieldmark.artifacts.runs import Epoch, Run
from fieldmark.artifacts.splits import Sides
from fieldmark.artifacts.verdicts import effect_hash, read_journal
from fieldmark.artifacts.workspace import Workspace
from fieldmark.config import TrainSettings
from fieldmark.evaluate.metrics import summarize
from fieldmark.evaluate.report import FinderCurve, ReportContent, render
from fieldmark.evaluate.wording import overfitting
from fieldmark.pipeline.extra import training
from fieldmark.pipeline.regrading import Regraded, find_regraded
from fieldmark.pipeline.telling import tell_unusable, thumbnails, versions
from fieldmark.split import split
from fieldmark.terminal import say, warn
from fieldmark.version import __version__

if TYPE_CHECKING:
    from fieldmark.embed import Features
    from fieldmark.training.learn import Learned, Story

TEMPERATURE = 1.0  # until it is fitted


def train(folder: str | os.PathLike[str], settings: TrainSettings, out: str | os.PathLike[str] | None = None) -> Run:
    """Learn to tell the classes of a folder apart.

    Args:
        folder: a folder of class folders.
        settings: how to learn.
        out: the run's folder; by default `.fieldmark/runs/<id>/` in the photo folder.

    Raises:
        FieldmarkError: the folder, the backbone or the run folder cannot be used. Nothing is left behind then.
    """
    learn = training("fieldmark.training.learn")
    workspace = Workspace.open(folder)
    learn.check(settings)
    photos = read_photos(workspace)
    kept = splits.read_kept(workspace, settings.seed, settings.valid_share)
    sides, split_note = _split(photos, settings, kept)
    verdicts_hash = effect_hash(read_journal(workspace).decisions())
    regraded = find_regraded(workspace, photos, sides, kept)
    train_photos = [photo for photo in photos.photos if sides[photo.id] == "train"]
    valid_photos = [photo for photo in photos.photos if sides[photo.id] == "valid"]
    warnings = _tell_what_went_in(photos, len(train_photos), len(valid_photos), workspace)
    path = Path(out).absolute() if out else workspace.runs / runs.new_id(workspace.runs, settings.backbone)
    features = _look_at(workspace, photos, settings)
    with runs.new_run(path) as partial:
        learned: Learned = learn.learn(
            photos.root, train_photos, valid_photos, photos.classes, settings, features, scratch=partial
        )
        _keep_split(workspace, settings, sides, photos)
        both_ways = _judge_both_ways(regraded, learned, photos, settings, partial) if regraded else None
        _write_run(
            partial,
            workspace.root.name,
            photos,
            sides,
            settings,
            learned,
            warnings,
            split_note,
            both_ways,
            verdicts_hash,
        )
    run = Run.open(path)
    runs.remember(run)
    return run


def _look_at(workspace: Workspace, photos: PhotoFolder, settings: TrainSettings) -> Features:
    """Return what the pretrained backbone sees in each photo; what `check` has looked at is not looked at again."""
    weights = Path(settings.weights) if settings.weights else None
    embed = training("fieldmark.embed").embed
    features: Features = embed(
        workspace, photos.photos, photos.root, settings.backbone, settings.size, settings.fit, weights
    )
    return features


def _split(photos: PhotoFolder, settings: TrainSettings, kept: Sides) -> tuple[Sides, str]:
    """Return the side of every photo, and how it came by it, in words."""
    sides = split(photos.photos, settings.seed, settings.valid_share, kept)
    if _is_given(photos):
        return sides, "The sides are those of the folder's own train and validation folders."
    how = "kept from an earlier run; photos that are new since were added to it" if kept else "drawn for this run"
    return sides, (
        f"{settings.valid_share:.0%} of each class was kept aside to judge by, {how} (seed {settings.seed}). "
        "Identical files, and photos that the harvest found to look alike, are on one side together."
    )


def _is_given(photos: PhotoFolder) -> bool:
    return any(photo.side == "valid" for photo in photos.photos)


def _keep_split(workspace: Workspace, settings: TrainSettings, sides: Sides, photos: PhotoFolder) -> None:
    """Keep the split, with the sides of photos that are not there at present."""
    if not _is_given(photos):
        splits.keep(workspace, settings.seed, settings.valid_share, sides)


def _tell_what_went_in(photos: PhotoFolder, n_train: int, n_valid: int, workspace: Workspace) -> list[str]:
    counts = ", ".join(f"{n} {name}" for name, n in photos.counts().items())
    say(f"{len(photos.photos)} photos: {counts}. {n_train} to learn from, {n_valid} to judge by.")
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


def _write_run(
    folder: Path,
    title: str,
    photos: PhotoFolder,
    sides: Sides,
    settings: TrainSettings,
    learned: Learned,
    warnings: list[str],
    split_note: str,
    both_ways: dict[str, Any] | None,
    verdicts_hash: str,
) -> None:
    from safetensors.torch import save

    packages = versions()
    created = datetime.now(UTC).isoformat(timespec="seconds")
    story, unusable = learned.story, photos.unusable + learned.lost
    predictions = _predictions_of(learned.judged, learned.logits, photos.classes)
    metrics = _train_metrics(settings, learned, predictions, unusable, warnings + story.warnings)
    metrics["regraded"] = both_ways
    facts = {
        "version": __version__,
        "created": created,
        "folder": str(photos.root),
        "classes": list(photos.classes),
        "settings": asdict(settings),
        "learning_rates": {f"stage{stage}": list(rates) for stage, rates in story.used.items()},
        "temperature": TEMPERATURE,
        "device": learned.device,
        "files": {"counts": photos.listing.counts(), "hash": photos.listing.hash(), "verdicts": verdicts_hash},
        "trained_on": _trained_on(photos.photos, sides),
        "split_hash": splits.sides_hash({photo.id: sides[photo.id] for photo in photos.photos}),
        "versions": packages,
    }
    content = ReportContent(
        title=title,
        created=created,
        metrics=metrics,
        predictions=predictions,
        epochs=story.epochs,
        finders=_finder_curves(story),
        thumbnails=thumbnails(photos),
        unusable=[(file.path, file.reason) for file in unusable],
        warnings=warnings + story.warnings,
        class_counts=_counts_by_side(photos, sides),
        split_note=split_note,
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


def _predictions_of(judged: Sequence[PhotoFile], logits: NDArray[np.float32], classes: tuple[str, ...]) -> Predictions:
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
    )


def _train_metrics(
    settings: TrainSettings,
    learned: Learned,
    predictions: Predictions,
    unusable: Sequence[Unusable],
    warnings: Sequence[str],
) -> dict[str, Any]:
    story = learned.story
    assert story.kept is not None  # learn() raises when no epoch was good
    kept = {"stage": story.kept.stage, "epoch": story.kept.epoch}
    return {
        "n_train": learned.n_train,
        "n_valid": len(predictions),
        "seed": settings.seed,
        "backbone": settings.backbone,
        "seconds": story.seconds,
        "stage1": _stage_metrics(story.epochs, 1, len(predictions)),
        "stage2": _stage_metrics(story.epochs, 2, len(predictions)),
        "kept": kept,
        "overfit": overfitting(story.epochs, kept),
        "weighted_loss": story.weighted,
        **summarize(predictions),
        "unusable": [{"photo": file.path, "reason": file.reason} for file in unusable],
        "warnings": list(warnings),
    }


def _stage_metrics(epochs: Sequence[Epoch], stage: int, n: int) -> dict[str, Any] | None:
    """The figures of a stage's best epoch, by validation loss; None when the stage was not run."""
    own = [epoch for epoch in epochs if epoch.stage == stage]
    if not own:
        return None
    best = min(own, key=lambda epoch: epoch.valid_loss)
    return {
        "epoch": best.epoch,
        "error_rate": best.error_rate,
        "wrong": round(best.error_rate * n),
        "valid_loss": best.valid_loss,
    }


def _finder_curves(story: Story) -> list[FinderCurve]:
    names = {1: "stage 1, the head alone", 2: "stage 2, everything"}
    return [
        FinderCurve(names[finder.stage], finder.rates, finder.losses, finder.suggestion, story.used[finder.stage][-1])
        for finder in story.finders
    ]


def _trained_on(photos: Sequence[PhotoFile], sides: Sides) -> dict[str, Any]:
    learned = sorted(photo.sha256 for photo in photos if sides[photo.id] == "train")
    return {"n": len(learned), "hash": hashlib.sha256("\n".join(learned).encode("ascii")).hexdigest()}


def _counts_by_side(photos: PhotoFolder, sides: Sides) -> dict[str, tuple[int, int]]:
    def count(name: str, side: str) -> int:
        return sum(photo.label == name and sides[photo.id] == side for photo in photos.photos)

    return {name: (count(name, "train"), count(name, "valid")) for name in photos.classes}
