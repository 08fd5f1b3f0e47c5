"""What a training leaves -> a run's folder: settings, figures, predictions, weights and the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fieldmark.artifacts import marks, runs, splits
from fieldmark.artifacts.atomic import write_bytes, write_json, write_text
from fieldmark.artifacts.photos import PhotoFolder, Unusable
from fieldmark.artifacts.predictions import Predictions
from fieldmark.artifacts.runs import Epoch
from fieldmark.artifacts.verdicts import effect_hash, read_journal
from fieldmark.config import TrainSettings
from fieldmark.evaluate.metrics import summarize
from fieldmark.evaluate.pricing import price
from fieldmark.evaluate.report import FinderCurve, ReportContent, render
from fieldmark.evaluate.wording import overfitting
from fieldmark.pipeline.baselines import judge_baselines
from fieldmark.pipeline.folds import Fold
from fieldmark.pipeline.looking import asking_learned, glances
from fieldmark.pipeline.outcome import Outcome
from fieldmark.pipeline.prepare import Prepared
from fieldmark.pipeline.telling import sources, thumbnails, versions
from fieldmark.version import __version__

if TYPE_CHECKING:
    from fieldmark.training.progress import Story


def write_run(folder: Path, prepared: Prepared, settings: TrainSettings, outcome: Outcome) -> None:
    """Write everything that a run's folder holds; the figures last, as their presence says that it is whole."""
    from safetensors.torch import save

    photos, learned, predictions = prepared.photos, outcome.learned, outcome.predictions
    packages = versions()
    created = datetime.now(UTC).isoformat(timespec="seconds")
    story, unusable = learned.story, photos.unusable + outcome.lost
    stopped = [f"Fold {fold.name}: {fold.stopped}" for fold in outcome.folds if fold.stopped]
    warnings = outcome.warnings + stopped + story.warnings
    metrics = _train_metrics(settings, outcome, unusable, warnings)
    metrics |= judge_baselines(prepared, outcome)
    metrics["sealed"] = prepared.sealed.n if prepared.sealed else 0
    facts = {
        "version": __version__,
        "created": created,
        "folder": str(photos.root),
        "classes": list(photos.classes),
        "settings": asdict(settings),
        "learning_rates": {f"stage{stage}": list(rates) for stage, rates in story.used.items()},
        "temperature": outcome.calibrated.temperature,
        "costs": outcome.costs.to_dict() if outcome.costs else None,
        "unknown": {"threshold": outcome.unknown.threshold},
        "device": learned.device,
        "files": {
            "counts": photos.listing.counts(),
            "hash": photos.listing.hash(),
            "verdicts": effect_hash(read_journal(prepared.workspace).decisions()),
        },
        "trained_on": marks.describe(photo.sha256 for photo in photos.photos if outcome.sides[photo.id] == "train")
        | ({"sealed": prepared.sealed.to_dict()} if prepared.sealed else {}),
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
        glances=glances(photos, predictions, asking_learned(learned, settings, outcome.calibrated.temperature)),
        unusable=[(file.path, file.reason) for file in unusable],
        warnings=warnings,
        class_counts=_counts_by_side(photos, outcome),
        split_note=outcome.split_note,
        sources=sources(prepared.workspace, photos.photos),
        settings={**asdict(settings), "device": learned.device},
        hashes=_hashes(facts),
        versions=packages,
    )
    runs.write_settings(folder, facts)
    runs.write_epochs(folder, story.epochs)
    runs.write_finders(folder, story.finders)
    predictions.write(folder / runs.PREDICTIONS)
    write_bytes(folder / runs.WEIGHTS, save(_tensors(outcome)))
    write_text(folder / runs.REPORT, render(content))
    write_json(folder / runs.METRICS, metrics)


def _tensors(outcome: Outcome) -> dict[str, Any]:
    """The kept weights, and beside them what the score for "none of these" goes by."""
    from torch import from_numpy

    tensors = {name: value.contiguous() for name, value in outcome.learned.classifier.state_dict().items()}
    directions = outcome.unknown.directions
    return tensors if directions is None else {**tensors, runs.DIRECTIONS: from_numpy(directions)}


def _hashes(facts: Mapping[str, Any]) -> dict[str, str]:
    """What the figures hang on, by name; the same hashes mean the same photos, verdicts and sides."""
    return {
        "photos learned from": facts["trained_on"]["hash"],
        "split": facts["split_hash"],
        "files": facts["files"]["hash"],
        "verdicts": facts["files"]["verdicts"],
    }


def _where_judged(photos: PhotoFolder, outcome: Outcome) -> dict[str, str]:
    """By id, the side of each photo, or the folds that it was judged in."""
    if not outcome.folds:
        return {photo.id: outcome.sides[photo.id] for photo in photos.photos}
    folds: dict[str, str] = {}
    for fold in outcome.folds:
        for photo in fold.judged:
            folds[photo.id] = f"{folds.get(photo.id, '')} {fold.name}".strip()
    return folds


def _train_metrics(
    settings: TrainSettings, outcome: Outcome, unusable: Sequence[Unusable], warnings: Sequence[str]
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
        "unknown": outcome.unknown.to_dict(predictions, **outcome.strangers),
        "folds": [fold.to_dict(predictions.classes) for fold in outcome.folds],
        "repeats": predictions.repeats,
        "calibration": outcome.calibrated.figures,
        "costs": price(predictions, outcome.costs),
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
    """The figures of each stage's last epoch, pooled over the folds; None where a fold did not come to its end."""
    figures: dict[str, dict[str, Any] | None] = {"stage1": None, "stage2": None}
    for stage in (1, 2):
        ends = [epoch for fold in folds for epoch in fold.epochs if epoch.stage == stage and isfinite(epoch.valid_loss)]
        if len(ends) < len(folds):
            continue
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
    return [
        FinderCurve(
            runs.STAGES[finder.stage], finder.rates, finder.losses, finder.suggestion, story.used[finder.stage][-1]
        )
        for finder in story.finders
    ]


def _counts_by_side(photos: PhotoFolder, outcome: Outcome) -> dict[str, tuple[int, int]]:
    """By class, how many photos were learned from, and how many were judged by."""
    judged = set(outcome.predictions.photos)

    def count(name: str) -> tuple[int, int]:
        own = [photo for photo in photos.photos if photo.label == name]
        return sum(outcome.sides[photo.id] == "train" for photo in own), sum(photo.path in judged for photo in own)

    return {name: count(name) for name in photos.classes}
