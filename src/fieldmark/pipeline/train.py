"""Class folders -> a run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from fieldmark.artifacts import runs, splits
from fieldmark.artifacts.photos import PhotoFile, PhotoFolder
from fieldmark.artifacts.runs import Run
from fieldmark.artifacts.splits import Sides
from fieldmark.artifacts.unfinished import Unfinished
from fieldmark.artifacts.workspace import Workspace
from fieldmark.config import TrainSettings
from fieldmark.evaluate.metrics import summarize
from fieldmark.evaluate.unknown import decide, directions_of, scores_of
from fieldmark.pipeline import fold_networks
from fieldmark.pipeline.calibrate import calibrate
from fieldmark.pipeline.extra import training
from fieldmark.pipeline.folds import Fold, Rejected, train_folds
from fieldmark.pipeline.outcome import Outcome, predictions_of
from fieldmark.pipeline.prepare import Prepared, costs_of, look_and_group, read, weights_of
from fieldmark.pipeline.probing import ids_of, judge_learned, read_probes
from fieldmark.pipeline.regrading import Regraded, find_regraded
from fieldmark.pipeline.telling import tell_unusable, versions
from fieldmark.pipeline.writing import write_run
from fieldmark.split import split
from fieldmark.terminal import say, warn

if TYPE_CHECKING:
    from fieldmark.sights import Sights
    from fieldmark.training.learn import Learned


def train(
    folder: str | os.PathLike[str],
    settings: TrainSettings,
    out: str | os.PathLike[str] | None = None,
    far: str | os.PathLike[str] | None = None,
    near: str | os.PathLike[str] | None = None,
) -> Run:
    """Learn to tell the classes of a folder apart.

    Without folds one share of the photos is kept aside, and the epoch is kept that does best on it. With folds every
    photo is judged by a training that did not see it, and the model is trained on all of them.

    Args:
        folder: a folder of class folders.
        settings: how to learn.
        out: the run's folder; by default `.fieldmark/runs/<id>/` in the photo folder.
        far: a folder of photos of anything but the classes, to count how many the model takes for one of them.
        near: a folder of photos that are like the classes and belong to none, to be counted apart.

    Raises:
        FieldmarkError: a folder, the backbone or the run folder cannot be used. Nothing is left behind then.
    """
    workspace, photos = read(folder, settings)
    path = Path(out).absolute() if out else workspace.runs / runs.new_id(workspace.runs, settings.backbone)
    probes = read_probes(far, near, photos.classes, ids_of(photos.photos))
    unfinished = Unfinished(workspace.memory, {"weights": weights_of(settings), "versions": versions()})
    with runs.new_run(path) as partial, TemporaryDirectory(dir=partial, prefix="sights-") as seen:
        sights = training("fieldmark.sights").Sights(Path(seen))
        prepared = look_and_group(workspace, photos, settings, sights)
        outcome = (_train_folds if settings.folds else _train_once)(prepared, settings, partial, unfinished, sights)
        outcome = replace(outcome, strangers=judge_learned(probes, outcome.learned, outcome.unknown, settings))
        write_run(partial, prepared, settings, outcome)
    unfinished.forget()
    run = Run.open(path)
    runs.remember(run)
    return run


def _train_once(
    prepared: Prepared, settings: TrainSettings, scratch: Path, unfinished: Unfinished, sights: Sights | None
) -> Outcome:
    learn = training("fieldmark.training.learn")
    workspace, photos = prepared.workspace, prepared.photos
    kept = splits.read_kept(workspace, settings.seed, splits.halves(settings.valid_share))
    sides, split_note = _split(photos, settings, kept)
    train_photos = [photo for photo in photos.photos if sides[photo.id] == "train"]
    valid_photos = [photo for photo in photos.photos if sides[photo.id] == "valid"]
    warnings = _tell_what_went_in(prepared, f"{len(train_photos)} to learn from, {len(valid_photos)} to judge by.")
    warnings += _warn_of_unjudged(photos.classes, valid_photos)
    both = train_photos, valid_photos
    with learn.gather(
        photos.root, *both, photos.classes, settings, prepared.features, scratch, unfinished, sights
    ) as material:
        learned: Learned = learn.learn(material, train_photos, valid_photos)
    _keep_split(workspace, settings, sides, photos)
    regraded = find_regraded(workspace, photos, lambda id_: sides.get(id_, kept.get(id_)) == "valid")
    predictions = predictions_of(learned.judged, learned.logits, photos.classes)
    directions = directions_of(learned.exemplars, learned.exemplar_labels)
    unknown = decide(directions, scores_of(directions, learned.features), predictions)
    return Outcome(
        sides,
        split_note,
        learned,
        calibrate(predictions, learned.logits),
        learned.logits,
        (),
        material.lost,
        warnings,
        _judge_both_ways(regraded, learned, photos, settings, scratch) if regraded else None,
        costs_of(settings, photos.classes),
        unknown,
        {},
    )


def _train_folds(
    prepared: Prepared, settings: TrainSettings, scratch: Path, unfinished: Unfinished, sights: Sights | None
) -> Outcome:
    learn = training("fieldmark.training.learn")
    workspace, photos = prepared.workspace, prepared.photos
    if _is_given(photos):
        say("The folder has a validation side of its own; with --folds it is cut like the rest.")
    times = f" {settings.repeats} times" if settings.repeats > 1 else ""
    warnings = _tell_what_went_in(prepared, f"Each is judged{times}, by a training that did not see it.")
    regraded, every = find_regraded(workspace, photos, lambda _: True), photos.photos
    with learn.gather(
        photos.root, every, every, photos.classes, settings, prepared.features, scratch, unfinished, sights
    ) as material:
        rejected = Rejected(regraded.rejected, photos.root, scratch)
        folds = tuple(train_folds(workspace, material, photos.photos, rejected, scratch))
        say("The model itself, on all photos.")
        learned: Learned = learn.learn(material, photos.photos, (), choose=False)
    fold_networks.thin(scratch, learned.classifier)
    judged = [photo for fold in folds for photo in fold.judged]
    names = [fold.name for fold in folds for _ in fold.judged]
    logits = np.concatenate([fold.logits for fold in folds])
    predictions = predictions_of(judged, logits, photos.classes, names)
    directions = directions_of(learned.exemplars, learned.exemplar_labels)
    unknown = decide(directions, np.concatenate([fold.scores for fold in folds]), predictions)
    return Outcome(
        {photo.id: "train" for photo in photos.photos},
        _describe_folds(settings),
        learned,
        calibrate(predictions, logits),
        logits,
        folds,
        material.lost,
        warnings,
        _folds_both_ways(regraded, folds, photos) if regraded else None,
        costs_of(settings, photos.classes),
        unknown,
        {},
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
    say(f"Works on {training('fieldmark.device').pick_device()}.")
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


def _warn_of_unjudged(classes: Sequence[str], judged: Sequence[PhotoFile]) -> list[str]:
    """Warn of classes of which nothing is on the validation side, as a group larger than its share is not cut."""
    there = {photo.label for photo in judged}
    warnings = [
        f"No photo of class {name!r} is on the validation side, so nothing here says how well it is told: its photos "
        "are copies of each other, or too few that are not. Add photos of it, or give --folds."
        for name in classes
        if name not in there
    ]
    for text in warnings:
        warn(text)
    return warnings


def _judge_both_ways(
    regraded: Regraded, learned: Learned, photos: PhotoFolder, settings: TrainSettings, scratch: Path
) -> dict[str, Any]:
    """Judge the model also on the validation photos as they were before a person regraded them."""
    learn = training("fieldmark.training.learn")
    rejected, logits = learn.answers(
        learned.classifier, photos.root, regraded.rejected, photos.classes, settings, scratch
    )
    judged = [*regraded.as_they_were(learned.judged), *rejected]
    return regraded.to_dict(summarize(predictions_of(judged, np.concatenate([learned.logits, logits]), photos.classes)))


def _folds_both_ways(regraded: Regraded, folds: Sequence[Fold], photos: PhotoFolder) -> dict[str, Any]:
    """Judge the folds also on the photos as they were before a person regraded them."""
    judged = [photo for fold in folds for photo in (*regraded.as_they_were(fold.judged), *fold.rejected)]
    logits = np.concatenate([part for fold in folds for part in (fold.logits, fold.rejected_logits)])
    names = [fold.name for fold in folds for _ in (*fold.judged, *fold.rejected)]
    return regraded.to_dict(summarize(predictions_of(judged, logits, photos.classes, names)))
