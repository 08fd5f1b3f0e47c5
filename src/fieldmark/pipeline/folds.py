"""Prepared photos -> every photo judged by trainings that saw neither it nor a copy of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fieldmark.artifacts import splits
from fieldmark.artifacts.photos import PhotoFile
from fieldmark.artifacts.runs import Epoch
from fieldmark.artifacts.splits import Sides
from fieldmark.artifacts.workspace import Workspace
from fieldmark.errors import TrainingFailed
from fieldmark.evaluate.unknown import directions_of, scores_of
from fieldmark.evaluate.wording import duration
from fieldmark.pipeline import fold_networks
from fieldmark.pipeline.extra import training
from fieldmark.split import cut_folds
from fieldmark.terminal import say

if TYPE_CHECKING:
    from fieldmark.classifier import Classifier
    from fieldmark.training.learn import Learned, Material


@dataclass(frozen=True)
class Fold:
    """One training of a cross-validation.

    Attributes:
        name: `2.5` for the fifth fold of the second way to cut them.
        n_train: photos learned from.
        judged: the m photos of the fold, in the order of the rows.
        logits: float32 `[m, classes]`.
        scores: float64 `[m]`, how unlike the photos learned from they are.
        epochs: how it went; only the last of each stage is judged.
        seconds: wall time.
        stopped: why it ended early, in words; None where it did not.
        rejected: the r photos that were judged besides, as `Rejected` says.
        rejected_logits: float32 `[r, classes]`.
        classifier: its network; None once that is written down.
        directions: float32 `[k, d]`, what `scores` go by; None where nothing could be scored.
    """

    name: str
    n_train: int
    judged: tuple[PhotoFile, ...]
    logits: NDArray[np.float32]
    scores: NDArray[np.float64]
    epochs: tuple[Epoch, ...]
    seconds: float
    stopped: str | None
    rejected: tuple[PhotoFile, ...]
    rejected_logits: NDArray[np.float32]
    classifier: Classifier | None = field(default=None, repr=False)
    directions: NDArray[np.float32] | None = field(default=None, repr=False)

    def to_dict(self, classes: Sequence[str]) -> dict[str, Any]:
        """Return what `metrics.json` lists of it."""
        wrong = int((self.logits.argmax(axis=1) != self.actual(classes)).sum())
        return {
            "fold": self.name,
            "n_train": self.n_train,
            "n_valid": len(self.judged),
            "wrong": wrong,
            "error_rate": wrong / len(self.judged),
            "seconds": round(self.seconds, 2),
        }

    def actual(self, classes: Sequence[str]) -> NDArray[np.int64]:
        """Return the true classes, int64 `[m]`."""
        index = {name: i for i, name in enumerate(classes)}
        return np.array([index[photo.label] for photo in self.judged], dtype=np.int64)


@dataclass(frozen=True)
class Rejected:
    """Photos that a person left out once a model had been judged by them; no fold learns from them.

    Attributes:
        photos: with the class they had.
        root: the folder that their paths start from.
        scratch: a folder for decoded pixels; nothing is left in it.
    """

    photos: tuple[PhotoFile, ...]
    root: Path
    scratch: Path

    def of(self, fold: int, k: int, kept: Sides) -> Rejected:
        """Return those of one of k folds: where they lay before, else where their bytes put them."""
        own = (p for p in self.photos if kept.get(p.id, str(int(p.id, 16) % k + 1)) == str(fold))
        return replace(self, photos=tuple(own))


def train_folds(
    workspace: Workspace, material: Material, photos: Sequence[PhotoFile], rejected: Rejected, run: Path
) -> list[Fold]:
    """Train once for each fold of each repeat. The number of epochs is fixed, so nothing is chosen by the fold judged.

    Args:
        workspace: where the folds are kept, so that photos added later move no old one.
        material: all the photos, decoded to learn from and to judge by.
        photos: the photos, in groups.
        rejected: photos to judge besides, each once a repeat.
        run: the folder of the run, which takes the networks of the first repeat.

    Raises:
        FolderError: the photos cannot be cut into so many folds.
    """
    settings = material.settings
    cuts = [cut(workspace, photos, settings.seed, settings.folds, repeat + 1) for repeat in range(settings.repeats)]
    done: list[Fold] = []
    start = time.monotonic()
    for repeat, sides in enumerate(cuts, start=1):
        kept = splits.read_kept(workspace, settings.seed, splits.folds(settings.folds, repeat))
        for fold in range(1, settings.folds + 1):
            _tell(len(done), repeat, fold, settings.folds, settings.repeats, time.monotonic() - start)
            besides = rejected.of(fold, settings.folds, kept)
            trained = train_fold(material, photos, sides, repeat, fold, besides)
            if trained.classifier is not None:
                fold_networks.keep(run, trained.name, trained.classifier, trained.directions)
            done.append(replace(trained, classifier=None))
    return done


def cut(workspace: Workspace, photos: Sequence[PhotoFile], seed: int, k: int, repeat: int) -> Sides:
    """Cut photos into k folds for the given repeat, as they were cut before where that was kept, and keep it.

    Returns:
        id -> "1" to the k-th fold.

    Raises:
        FolderError: the photos cannot be cut into so many folds.
    """
    draw = splits.folds(k, repeat)
    sides = cut_folds(photos, seed, k, repeat, splits.read_kept(workspace, seed, draw))
    splits.keep(workspace, seed, draw, sides)
    return sides


def train_fold(
    material: Material,
    photos: Sequence[PhotoFile],
    sides: Sides,
    repeat: int,
    fold: int,
    rejected: Rejected | None = None,
) -> Fold:
    """Learn from all photos but those of one fold, and judge these after the last epoch.

    Args:
        material: all the photos, decoded to learn from and to judge by.
        photos: the photos.
        sides: id -> fold, as `cut` gives them.
        repeat: which cut it is, from 1.
        fold: which fold is judged, from 1.
        rejected: photos to judge besides.

    Raises:
        TrainingFailed: the loss was no number from the first epoch on; the message names the fold.
    """
    started = time.perf_counter()
    learned_from = [photo for photo in photos if sides[photo.id] != str(fold)]
    judged = [photo for photo in photos if sides[photo.id] == str(fold)]
    # A repeat is another cut and another draw of everything that chance decides in a training.
    seeded = replace(material, settings=replace(material.settings, seed=material.settings.seed + 1000 * (repeat - 1)))
    name = f"{repeat}.{fold}"
    try:
        learned: Learned = training("fieldmark.training.learn").learn(seeded, learned_from, judged, choose=False)
    except TrainingFailed as error:
        raise TrainingFailed(f"Fold {name}: {error}") from error
    seconds = time.perf_counter() - started
    epochs = tuple(learned.story.epochs)
    directions = directions_of(learned.exemplars, learned.exemplar_labels)
    rejected_photos, rejected_logits = _judge_besides(learned, material, rejected)
    return Fold(
        name,
        learned.n_train,
        learned.judged,
        learned.logits,
        scores_of(directions, learned.features),
        epochs,
        seconds,
        learned.story.stopped,
        rejected_photos,
        rejected_logits,
        learned.classifier,
        directions,
    )


def _judge_besides(
    learned: Learned, material: Material, rejected: Rejected | None
) -> tuple[tuple[PhotoFile, ...], NDArray[np.float32]]:
    if rejected is None or not rejected.photos:
        return (), np.zeros((0, len(material.classes)), np.float32)
    answers = training("fieldmark.training.learn").answers
    judged: tuple[tuple[PhotoFile, ...], NDArray[np.float32]] = answers(
        learned.classifier, rejected.root, rejected.photos, material.classes, material.settings, rejected.scratch
    )
    return judged


def _tell(done: int, repeat: int, fold: int, folds: int, repeats: int, spent: float) -> None:
    which = f"Fold {fold} of {folds}" + (f", repeat {repeat} of {repeats}" if repeats > 1 else "")
    left = f", about {duration(spent / done * (folds * repeats - done))} left" if done else ""
    say(f"{which}{left}.")
