"""Predictions -> figures: plain functions on arrays, and the part of `metrics.json` that concerns judged photos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldmark.artifacts.predictions import Predictions
from fieldmark.errors import FolderError, TrainingFailed
from fieldmark.evaluate.intervals import repeated_folds, wilson

Indices = NDArray[np.int64]


def error_rate(actual: Indices, predicted: Indices) -> float:
    """Return the share of photos whose top class is wrong. Both int64 `[n]`, n at least 1."""
    return float(np.mean(actual != predicted))


def confusion(actual: Indices, predicted: Indices, n_classes: int) -> Indices:
    """Count photos by actual class (rows) and predicted class (columns): int64 `[n_classes, n_classes]`."""
    cells = actual * n_classes + predicted
    return np.bincount(cells, minlength=n_classes * n_classes).reshape(n_classes, n_classes).astype(np.int64)


def balanced_accuracy(table: Indices) -> float:
    """Return the mean of the classes' recalls, each class counting the same however many photos it has.

    Args:
        table: a confusion table, int64 `[c, c]`. Classes without a photo are left out of the mean.
    """
    n = table.sum(axis=1)
    there = n > 0
    return float(np.mean(np.diag(table)[there] / n[there]))


def majority_baseline(actual: Indices, classes: Sequence[str]) -> dict[str, Any]:
    """Return what it would cost to look at no photo and always name the commonest class; of equals the first."""
    counts = np.bincount(actual, minlength=len(classes))
    commonest = int(counts.argmax())
    return {"majority_class": classes[commonest], "error_rate": 1 - int(counts[commonest]) / len(actual)}


def per_class(table: Indices, classes: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return for each class how many of its photos were found, and how many photos given its name were its own.

    Args:
        table: a confusion table, int64 `[c, c]`.
        classes: the c names.

    Returns:
        by name: `n` photos of the class, `predicted` photos given its name, `right` those in both; `recall` is
        right / n and `precision` right / predicted, each with its Wilson interval, both None where divided by 0.
    """
    figures: dict[str, dict[str, Any]] = {}
    for i, name in enumerate(classes):
        n, named, right = int(table[i].sum()), int(table[:, i].sum()), int(table[i, i])
        figures[name] = {
            "n": n,
            "predicted": named,
            "right": right,
            "recall": right / n if n else None,
            "recall_ci95": list(wilson(right, n)) if n else None,
            "precision": right / named if named else None,
            "precision_ci95": list(wilson(right, named)) if named else None,
        }
    return figures


def summarize(predictions: Predictions) -> dict[str, Any]:
    """Return the figures of a judged set, as they stand in `metrics.json`: plain numbers, lists and names.

    A photo the model called unknown is still counted by its top class; `unknown_share` says how many there were. With
    repeated folds the counts are of judgements, several for each photo, and the intervals know that.

    Raises:
        FolderError: there is no photo to judge on.
        TrainingFailed: the model answered with something that is no number.
    """
    refuse_odd(predictions)
    actual, predicted, classes = predictions.actual, predictions.predicted, predictions.classes
    table = confusion(actual, predicted, len(classes))
    n, right = len(predictions), int(np.trace(table))
    folded = _folded_intervals(predictions) if predictions.folds else {}
    return {
        "classes": list(classes),
        "error_rate": error_rate(actual, predicted),
        "wrong": n - right,
        "accuracy": right / n,
        "accuracy_ci95": folded.get("accuracy") or list(wilson(right, n)),
        "photos": predictions.n_photos,
        "judgements": n,
        "balanced_accuracy": balanced_accuracy(table),
        "log_loss": float(predictions.losses.mean()),
        "per_class": _with_folds(per_class(table, classes), folded, predictions.repeats),
        "confusion": table.tolist(),
        "baseline": majority_baseline(actual, classes),
        "unknown_share": float(predictions.unknown.mean()),
    }


def _folded_intervals(predictions: Predictions) -> dict[str, list[float]]:
    """Intervals of the accuracy and of each class's recall, of photos judged out of fold, once or several times."""
    wrong, actual, groups = predictions.wrong()
    intervals = {"accuracy": _of_right(repeated_folds(wrong, groups))}
    for i, name in enumerate(predictions.classes):
        own = actual == i
        if own.any():
            intervals["recall of " + name] = _of_right(repeated_folds(wrong[:, own], groups[own]))
    return intervals


def _of_right(of_wrong: tuple[float, float]) -> list[float]:
    low, high = of_wrong
    return [1 - high, 1 - low]


def _with_folds(figures: dict[str, dict[str, Any]], folded: Mapping[str, list[float]], repeats: int) -> dict[str, Any]:
    """Put in the intervals that know of repeats: a precision's is that of the counts of a mean repeat."""
    for name, own in figures.items():
        own["recall_ci95"] = folded.get("recall of " + name, own["recall_ci95"])
        if repeats > 1 and own["predicted"]:
            named = max(round(own["predicted"] / repeats), 1)
            own["precision_ci95"] = list(wilson(min(round(own["right"] / repeats), named), named))
    return figures


def refuse_odd(predictions: Predictions) -> None:
    """Raise FolderError where there is no photo, and TrainingFailed where an answer is no number."""
    if not len(predictions):
        raise FolderError("There is no readable photo to judge the model on.")
    broken = ~np.isfinite(predictions.probabilities).all(axis=1)
    if broken.any():
        first = predictions.photos[int(broken.argmax())]
        raise TrainingFailed(
            f"The model's answers are no numbers for {int(broken.sum())} of {len(predictions)} photos, first for "
            f"{first}. Train it again with a smaller learning rate."
        )
