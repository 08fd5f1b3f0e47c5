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
from fieldmark.costs import Costs
from fieldmark.evaluate.temperature import probabilities_at
from fieldmark.evaluate.unknown import Unknown
from fieldmark.pipeline.calibrate import Calibrated
from fieldmark.pipeline.folds import Fold

if TYPE_CHECKING:
    from fieldmark.training.learn import Learned


@dataclass(frozen=True)
class Outcome:
    """What a training leaves, with folds or without.

    Attributes:
        sides: of every photo; with folds all are learned from, and all judged.
        split_note: how the sides came about, in words.
        learned: the model that is kept.
        calibrated: what is said of the photos that were judged, and how sure the model may be.
        logits: float32 `[n, classes]`, before the temperature, in the rows of the predictions.
        folds: the trainings of the folds, if there were any.
        lost: photos that vanished meanwhile.
        warnings: about what went in.
        both_ways: figures on photos that were regraded; None where none were.
        costs: what each mistake costs; None where nobody said.
        unknown: what tells photos of none of the classes.
        strangers: "far" and "near" -> what a folder of strangers gave, where one was given.
    """

    sides: Sides
    split_note: str
    learned: Learned
    calibrated: Calibrated
    logits: NDArray[np.float32]
    folds: tuple[Fold, ...]
    lost: tuple[Unusable, ...]
    warnings: list[str]
    both_ways: dict[str, Any] | None
    costs: Costs | None
    unknown: Unknown
    strangers: dict[str, Any]

    @property
    def predictions(self) -> Predictions:
        """Of the photos that were judged."""
        return self.unknown.mark(self.calibrated.predictions)


def predictions_of(
    judged: Sequence[PhotoFile], logits: NDArray[np.float32], classes: tuple[str, ...], folds: Sequence[str] = ()
) -> Predictions:
    """Put what a classifier said beside the truth, its logits taken at their word.

    Args:
        judged: n photos.
        logits: float32 `[n, classes]`.
        classes: the names, in the order of the columns.
        folds: of each row, the fold it was judged in; empty where there were none.
    """
    index = {name: i for i, name in enumerate(classes)}
    return Predictions(
        classes=classes,
        photos=tuple(photo.path for photo in judged),
        ids=tuple(photo.id for photo in judged),
        actual=np.array([index[photo.label] for photo in judged], dtype=np.int64),
        probabilities=probabilities_at(logits.astype(np.float64), 1.0),
        unknown=np.zeros(len(judged), dtype=np.bool_),
        folds=tuple(folds),
        groups=tuple(photo.group or photo.id for photo in judged),
    )
