"""What a training started from and left -> what simpler answers get wrong of the very photos it was judged by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldmark.artifacts.photos import PhotoFile
from fieldmark.artifacts.predictions import Predictions
from fieldmark.evaluate.centroid import nearest_centroid
from fieldmark.evaluate.intervals import repeated_folds, wilson
from fieldmark.evaluate.paired import compare_pair, verdict
from fieldmark.pipeline.outcome import Outcome
from fieldmark.pipeline.prepare import Prepared

Flags = NDArray[np.bool_]

MAJORITY = "commonest class"
CENTROID = "nearest centroid"


def judge_baselines(prepared: Prepared, outcome: Outcome) -> dict[str, Any]:
    """Judge always saying the commonest class, and the nearest class centre of frozen features.

    The centres are those of the photos that the model learned from too; with folds, of the others of each fold.

    Returns:
        `baselines`: for each `name`, `error_rate`, `wrong`, `n` judgements and `ci95` of the error; and
        `against_centroid`: whether the model beats the centres, a sentence of a paired test.
    """
    predictions = outcome.predictions
    commonest = np.bincount(predictions.actual, minlength=len(predictions.classes)).argmax()
    centroid = _centroid(prepared, outcome, predictions) != predictions.actual
    model, _, groups = predictions.wrong()
    paired = compare_pair(model, predictions.by_photo(centroid)[0], groups)
    return {
        "baselines": [
            _figures(MAJORITY, predictions, predictions.actual != commonest),
            _figures(CENTROID, predictions, centroid),
        ],
        "against_centroid": verdict("The model", "the nearest centroid of frozen features", paired),
    }


def _figures(name: str, predictions: Predictions, wrong: Flags) -> dict[str, Any]:
    table, _, groups = predictions.by_photo(wrong)
    n, count = len(wrong), int(wrong.sum())
    interval = repeated_folds(table, groups) if predictions.folds else wilson(count, n)
    return {"name": name, "error_rate": count / n, "wrong": count, "n": n, "ci95": list(interval)}


def _centroid(prepared: Prepared, outcome: Outcome, predictions: Predictions) -> NDArray[np.int64]:
    """What the centres answer, int64, in the rows of the predictions."""
    row = {photo.path: i for i, photo in enumerate(prepared.features.photos)}
    index = {name: i for i, name in enumerate(predictions.classes)}
    vectors, answers = prepared.features.vectors, []
    for learned, judged in _rounds(prepared, outcome, predictions):
        known = [photo for photo in learned if photo.path in row]
        answers.append(
            nearest_centroid(
                vectors[[row[photo.path] for photo in known]],
                np.array([index[photo.label] for photo in known], dtype=np.int64),
                vectors[[row[path] for path in judged]],
            )
        )
    return np.concatenate(answers)


def _rounds(
    prepared: Prepared, outcome: Outcome, predictions: Predictions
) -> Iterator[tuple[list[PhotoFile], tuple[str, ...]]]:
    """Yield the photos learned from and the paths of those judged, of the one training or of each fold."""
    photos = prepared.photos.photos
    if not outcome.folds:
        yield [photo for photo in photos if outcome.sides[photo.id] == "train"], predictions.photos
    for fold in outcome.folds:
        judged = {photo.id for photo in fold.judged}
        yield [photo for photo in photos if photo.id not in judged], tuple(photo.path for photo in fold.judged)
