"""A folder and a setting that varies, or runs that are there -> which recipe is better, or that one cannot tell."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from fieldmark.artifacts.photos import PhotoFile
from fieldmark.artifacts.predictions import Predictions
from fieldmark.artifacts.runs import Run
from fieldmark.artifacts.splits import Sides
from fieldmark.config import TrainSettings
from fieldmark.errors import WrongUsage
from fieldmark.evaluate.wording import duration
from fieldmark.pipeline.calibrate import calibrate
from fieldmark.pipeline.extra import needs_train_extra
from fieldmark.pipeline.folds import cut, train_fold
from fieldmark.pipeline.outcome import predictions_of
from fieldmark.pipeline.prepare import Prepared, prepare
from fieldmark.study.arms import Arms, read_arms
from fieldmark.study.kept_folds import Judged, KeptFolds
from fieldmark.study.standing import Standing, stand
from fieldmark.terminal import say

if TYPE_CHECKING:
    from fieldmark.training.learn import Material

FOLDS = 5
"""Into so many the photos are cut where nothing else is asked for."""


def compare_given(words: Sequence[str | os.PathLike[str]], vary: str | None, settings: TrainSettings) -> Standing:
    """Compare runs, or with `vary` the recipes for a folder.

    Raises:
        WrongUsage: what was given is neither.
        FieldmarkError: as for `compare_runs` and `compare_settings`.
    """
    if vary is None:
        if settings != TrainSettings():
            raise WrongUsage("Settings are for training, and these are runs. Give a folder and --vary, or runs alone.")
        return compare_runs(words)
    if len(words) != 1:
        raise WrongUsage(
            f"--vary takes one folder, and there are {len(words)}: {', '.join(os.fspath(word) for word in words)}."
        )
    return compare_settings(words[0], vary, settings)


def compare_settings(folder: str | os.PathLike[str], vary: str, settings: TrainSettings) -> Standing:
    """Train recipes that differ in one setting on the same folds, and compare what they say of the same photos.

    Every fold that is finished is kept, so that a comparison that was stopped goes on where it was.

    Args:
        folder: a workspace, or class folders.
        vary: the setting and its values, as `arms.read_arms` takes them.
        settings: what all recipes share.

    Raises:
        WrongUsage: nothing to compare can be read from `vary`.
        FieldmarkError: the folder or a backbone cannot be used, or the photos cannot be cut into so many folds.
    """
    settings = replace(settings, folds=settings.folds or FOLDS)
    arms = read_arms(vary, settings)
    with needs_train_extra("Comparing recipes"):
        from fieldmark.training import learn
    for arm in arms.settings.values():
        learn.check(arm)  # before an hour of training, not after
    prepared = prepare(folder, settings)
    photos = prepared.photos.photos
    cuts = [cut(prepared.workspace, photos, settings.seed, settings.folds, i + 1) for i in range(settings.repeats)]
    work = _Work(arms, settings, cuts)
    _say_what_comes(prepared, arms, settings)
    judged, seconds = {}, {}
    for name, arm in arms.settings.items():
        judged[name], seconds[name] = _train_arm(prepared, arm, cuts, name, work)
    return stand(judged, arms.reference, seconds)


def compare_runs(references: Sequence[str | os.PathLike[str]]) -> Standing:
    """Compare runs by what is stored of them; the first is the one that the others are compared with.

    Raises:
        RunError: there is no such run.
        WrongUsage: fewer than two, or they were judged on different photos.
    """
    runs = [Run.open(os.fspath(reference)) for reference in references]
    names = [run.id for run in runs]
    if len(set(names)) < len(names):
        names = [os.fspath(reference) for reference in references]
    if len(set(names)) < max(len(names), 2):
        raise WrongUsage("Name two different runs or more, or a folder with --vary, such as --vary fit=squish,crop.")
    chosen = [name for name, run in zip(names, runs, strict=True) if run.metrics().get("chosen_on_judged", True)]
    notes = [
        f"{', '.join(chosen)}: the epoch was chosen on the very photos judged, which flatters; --folds 5 does not."
    ]
    judged = {name: run.predictions() for name, run in zip(names, runs, strict=True)}
    return stand(judged, names[0], notes=notes if chosen else ())


@dataclass
class _Work:
    """How far a comparison is."""

    arms: Arms
    settings: TrainSettings
    cuts: Sequence[Sides]
    trained: int = 0
    passed: int = 0
    spent: float = 0.0

    @property
    def total(self) -> int:
        return len(self.arms.settings) * len(self.cuts) * self.settings.folds

    def tell(self, name: str, repeat: int, fold: int) -> None:
        """Say what is trained now, and how long all of it will take from here."""
        which = f"{self.arms.key} {name}: fold {fold} of {self.settings.folds}"
        which += f", repeat {repeat} of {len(self.cuts)}" if len(self.cuts) > 1 else ""
        left = self.total - self.trained - self.passed
        say(which + (f", about {duration(self.spent / self.trained * left)} left" if self.trained else "") + ".")


def _say_what_comes(prepared: Prepared, arms: Arms, settings: TrainSettings) -> None:
    trainings = len(arms.settings) * settings.folds * settings.repeats
    say(
        f"{len(prepared.photos.photos)} photos, {len(arms.settings)} recipes, {trainings} trainings. "
        "Ctrl-C stops; the same command goes on from there."
    )


def _train_arm(
    prepared: Prepared, settings: TrainSettings, cuts: Sequence[Sides], name: str, work: _Work
) -> tuple[Predictions, float]:
    """Return what one recipe says of every photo, its certainties calibrated, and the seconds its trainings took."""
    photos = prepared.photos
    kept = [KeptFolds(prepared.workspace, settings, photos.photos, sides) for sides in cuts]
    folds = [(repeat, fold) for repeat in range(len(cuts)) for fold in range(1, settings.folds + 1)]
    held = {at: kept[at[0]].read(at[1], _paths(photos.photos, cuts[at[0]], at[1])) for at in folds}
    done = {at: judged for at, judged in held.items() if judged is not None}
    work.passed += len(done)
    if len(done) < len(folds):
        with _material(prepared, settings) as material:
            for repeat, fold in folds:
                if (repeat, fold) in done:
                    continue
                work.tell(name, repeat + 1, fold)
                done[repeat, fold] = _train(material, photos.photos, cuts[repeat], repeat + 1, fold, work)
                kept[repeat].keep(fold, done[repeat, fold])
    return _pooled(photos.photos, photos.classes, {at: done[at] for at in folds})


@contextmanager
def _material(prepared: Prepared, settings: TrainSettings) -> Iterator[Material]:
    """Decode all photos for the trainings of one recipe."""
    from fieldmark.training.learn import gather

    photos, memory = prepared.photos, prepared.workspace.memory
    memory.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=memory, prefix=".comparing-", ignore_cleanup_errors=True) as scratch:
        sides, features = (photos.photos, photos.photos), prepared.features
        with gather(photos.root, *sides, photos.classes, settings, features, Path(scratch)) as material:
            yield material


def _train(
    material: Material, photos: Sequence[PhotoFile], sides: Sides, repeat: int, fold: int, work: _Work
) -> Judged:
    start = time.perf_counter()
    done = train_fold(material, photos, sides, repeat, fold)
    work.trained, work.spent = work.trained + 1, work.spent + time.perf_counter() - start
    return Judged(tuple(photo.path for photo in done.judged), done.logits, done.seconds)


def _paths(photos: Sequence[PhotoFile], sides: Sides, fold: int) -> list[str]:
    return [photo.path for photo in photos if sides[photo.id] == str(fold)]


def _pooled(
    photos: Sequence[PhotoFile], classes: tuple[str, ...], done: Mapping[tuple[int, int], Judged]
) -> tuple[Predictions, float]:
    by_path = {photo.path: photo for photo in photos}
    names = [f"{repeat + 1}.{fold}" for (repeat, fold), judged in done.items() for _ in judged.photos]
    judged = [by_path[path] for fold in done.values() for path in fold.photos]
    logits = np.concatenate([fold.logits for fold in done.values()])
    predictions = calibrate(predictions_of(judged, logits, classes, names), logits).predictions
    return predictions, sum(fold.seconds for fold in done.values())
