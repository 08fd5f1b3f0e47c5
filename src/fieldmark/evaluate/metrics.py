"""Predictions -> figures: plain functions on arrays, and the part of `metrics.json` that concerns judged photos."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldmark.artifacts.predictions import Predictions
from fieldmark.errors import FolderError, TrainingFailed
from fieldmark.evaluate.intervals import wilson

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
    figures = {}
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

    A photo the model called unknown is still counted by its top class; `unknown_share` says how many there were.

    Raises:
        FolderError: there is no photo to judge on.
        TrainingFailed: the model answered with something that is no number.
    """
    if not len(predictions):
        raise FolderError("There is no readable photo to judge the model on.")
    _refuse_what_is_no_number(predictions)
    actual, predicted, classes = predictions.actual, predictions.predicted, predictions.classes
    table = confusion(actual, predicted, len(classes))
    n, right = len(predictions), int(np.trace(table))
    return {
        "classes": list(classes),
        "error_rate": error_rate(actual, predicted),
        "wrong": n - right,
        "accuracy": right / n,
        "accuracy_ci95": list(wilson(right, n)),
        "balanced_accuracy": balanced_accuracy(table),
        "log_loss": float(predictions.losses.mean()),
        "per_class": per_class(table, classes),
        "confusion": table.tolist(),
        "baseline": majority_baseline(actual, classes),
        "unknown_share": float(predictions.unknown.mean()),
    }


def _refuse_what_is_no_number(predictions: Predictions) -> None:
    broken = ~np.isfinite(predictions.probabilities).all(axis=1)
    if broken.any():
        first = predictions.photos[int(broken.argmax())]
        raise TrainingFailed(
            f"The model's answers are no numbers for {int(broken.sum())} of {len(predictions)} photos, first for "
            f"{first}. Train it again with a smaller learning rate."
        )
