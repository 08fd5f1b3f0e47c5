"""What a network said of judged photos -> how sure it may be: a temperature, and its answers at that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldmark.artifacts.predictions import Predictions
from fieldmark.evaluate.calibration import summarize_calibration
from fieldmark.evaluate.metrics import refuse_odd
from fieldmark.evaluate.temperature import cross_fitted

PARTS = 5
"""Photos are judged at a temperature fitted on four fifths of them, those without their own."""


@dataclass(frozen=True)
class Calibrated:
    """What came of it.

    Attributes:
        temperature: what the logits of the model file are divided by; 1.0 where none could be fitted.
        predictions: of the same photos, each at a temperature that it had no part in.
        figures: as `metrics.json` has them under "calibration".
    """

    temperature: float
    predictions: Predictions
    figures: dict[str, Any]


def calibrate(predictions: Predictions, logits: NDArray[np.float32]) -> Calibrated:
    """Fit a temperature on judged photos, and judge the photos at it without letting any decide on its own.

    Args:
        predictions: of photos that the network had not seen, at temperature 1.
        logits: float32 `[n, classes]`, in the rows of the predictions.

    Raises:
        TrainingFailed: the network answered with something that is no number.
        FolderError: there is no photo.
    """
    refuse_odd(predictions)
    groups = _numbers(predictions.groups or predictions.ids)
    scaled = _cross_fitted(predictions, logits, groups % PARTS)
    figures = summarize_calibration(
        logits.astype(np.float64),
        scaled,
        predictions.actual,
        groups,
        photos=_numbers(predictions.photos),
        fitted_on=_fitted_on(predictions),
    )
    judged = predictions if figures["refused"] else replace(predictions, probabilities=scaled)
    return Calibrated(figures["temperature"], judged, figures)


def calibration_of(predictions: Predictions) -> dict[str, Any]:
    """Return how far the certainties of a finished model can be believed, as `metrics.json` has it.

    Raises:
        TrainingFailed: the model answered with something that is no number.
        FolderError: there is no photo.
    """
    refuse_odd(predictions)
    groups = _numbers(predictions.groups or predictions.ids)
    return summarize_calibration(None, predictions.probabilities, predictions.actual, groups)


def _cross_fitted(
    predictions: Predictions, logits: NDArray[np.float32], parts: NDArray[np.int64]
) -> NDArray[np.float64]:
    if len(np.unique(parts)) < 2:  # of so few photos no temperature is fitted anyway
        return predictions.probabilities
    return cross_fitted(logits.astype(np.float64), predictions.actual, parts)


def _numbers(names: Sequence[str]) -> NDArray[np.int64]:
    """Number names in their alphabetical order; ids are hashes, so neighbours have nothing in common."""
    return np.unique(np.array(names), return_inverse=True)[1].astype(np.int64)


def _fitted_on(predictions: Predictions) -> str:
    if not predictions.folds:
        return f"the {len(predictions)} validation photos"
    times = f", {predictions.repeats} times over" if predictions.repeats > 1 else ""
    return f"the answers out of fold about {predictions.n_photos} photos{times}"
