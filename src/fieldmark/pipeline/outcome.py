"""What a training leaves, before it is written down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fieldmark.artifacts.photos import PhotoFile, Unusable
from fieldmark.artifacts.predictions import Predictions
from fieldmark.artifacts.splits import Sides
from fieldmark.evaluate.unknown import Unknown
from fieldmark.pipeline.folds import Fold

if TYPE_CHECKING:
    from fieldmark.training.learn import Learned

TEMPERATURE = 1.0  # until it is fitted


@dataclass(frozen=True)
class Outcome:
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
        unknown: what tells photos of none of the classes.
        strangers: "far" and "near" -> what a folder of strangers gave, where one was given.
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
    unknown: Unknown
    strangers: dict[str, Any]


def predictions_of(
    judged: Sequence[PhotoFile], logits: NDArray[np.float32], classes: tuple[str, ...], folds: Sequence[str] = ()
) -> Predictions:
    """Put what a classifier said beside the truth.

    Args:
        judged: n photos.
        logits: float32 `[n, classes]`, before the temperature.
        classes: the names, in the order of the columns.
        folds: of each row, the fold it was judged in; empty where there were none.
    """
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
