"""Logits and the truth -> the temperature that mends how sure a model is, or why none can be fitted."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log

import numpy as np
from numpy.typing import NDArray

from fieldmark.evaluate.reliability import check_rows
from fieldmark.evaluate.wording import photos as say_photos

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

LOWEST, HIGHEST = 0.05, 20.0
"""Temperatures looked at. One that ends at a bound was not found: the data never said "enough"."""

FEWEST_PHOTOS = 50
FEWEST_WRONG = 5
"""Fewer cannot carry a temperature; see `why_not`."""


@dataclass(frozen=True)
class Temperature:
    """What logits are to be divided by, and what that does to the rows it was fitted on.

    Attributes:
        value: above 1 the model was too sure, below 1 not sure enough.
        log_loss_before: mean negative log likelihood at temperature 1, in nats.
        log_loss_after: the same at `value`, on the same rows, so it flatters; see `cross_fitted`.
    """

    value: float
    log_loss_before: float
    log_loss_after: float

    @property
    def at_bound(self) -> bool:
        """Whether the search ended where it had to and not where the loss was least."""
        return not LOWEST * 1.001 < self.value < HIGHEST / 1.001


def probabilities_at(logits: Floats, temperature: float) -> Floats:
    """Return softmax(logits / temperature), float64 `[n, c]`."""
    return np.asarray(np.exp(_log_softmax(logits, 1 / temperature)), dtype=np.float64)


def fit_temperature(logits: Floats, actual: Indices) -> Temperature:
    """Find the one positive number to divide all logits by at which their mean negative log likelihood is least.

    C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, "On calibration of modern neural networks", ICML (2017). The loss
    is convex in 1/T, so its slope there crosses zero once at most and halving an interval finds where; the answer is
    the same on every run. Where the slope never crosses within 0.05..20 the nearer bound is returned.

    Args:
        logits: float `[n, c]`, n at least 1; with repeats, the rows of every repeat one after the other.
        actual: int64 `[n]`.

    Raises:
        ValueError: there is no row, the two do not fit together, or a logit is no number.
    """
    logits = np.asarray(logits, dtype=np.float64)
    check_rows(logits, actual)
    before = _mean_loss(logits, actual, 1.0)
    if not np.ptp(logits, axis=1).any():  # every class equally likely at any temperature
        return Temperature(1.0, before, before)
    low, high = log(1 / HIGHEST), log(1 / LOWEST)
    for _ in range(60):  # halves 6 units to below what a float resolves
        middle = (low + high) / 2
        if _slope(logits, actual, exp(middle)) < 0:
            low = middle
        else:
            high = middle
    value = exp(-(low + high) / 2)
    return Temperature(value, before, _mean_loss(logits, actual, 1 / value))


def why_not(actual: Indices, predicted: Indices, photos: Indices | None = None) -> str | None:
    """Return a sentence on why no temperature can be fitted to these, or None when one can.

    The mistakes carry it: with none the best temperature is 0, at which every answer is certain. By simulation, with
    one or two mistakes the temperature found is off by a factor of 1.6 (one standard deviation) and with five to nine
    by 1.2, less than what training on photos commonly leaves to mend. The same holds for right answers. Below 50
    photos five mistakes mean an error of more than a tenth; then more photos help, and a temperature hardly.

    Args:
        actual: int64 `[n]`.
        predicted: int64 `[n]`, top classes.
        photos: int64 `[n]`, which photo each row is about, where repeats make several rows of one; each counts once.
    """
    owner = np.arange(len(actual)) if photos is None else np.asarray(photos)
    n, wrong = len(np.unique(owner)), len(np.unique(owner[actual != predicted]))
    right = len(np.unique(owner[actual == predicted]))
    if n < FEWEST_PHOTOS:
        return (
            f"No temperature was fitted: it had {say_photos(n)} to be fitted to, and it takes {FEWEST_PHOTOS}. "
            "The certainties are the network's own; add photos and train again."
        )
    if min(wrong, right) < FEWEST_WRONG:
        count, kind = (wrong, "wrong") if wrong < right else (right, "right")
        return (
            f"No temperature was fitted: the model was {kind} about {count} of {say_photos(n)}, and it takes "
            f"{FEWEST_WRONG} to tell how sure it should be. The certainties are the network's own; "
            f"{'add photos, hard ones above all,' if kind == 'wrong' else 'look at the labels'} and train again."
        )
    return None


def cross_fitted(logits: Floats, actual: Indices, folds: Indices) -> Floats:
    """Return probabilities at a temperature that each row had no part in: fitted on the other folds.

    Args:
        logits: float `[n, c]`.
        actual: int64 `[n]`.
        folds: int64 `[n]`, which part each row belongs to. Rows that tell of each other (repeats of one photo, copies,
            a series) belong to the same part, else the temperature has seen them after all. Where the other folds hold
            no wrong or no right answer there is nothing to fit to, and the temperature is 1.

    Returns:
        float64 `[n, c]`.

    Raises:
        ValueError: as for `fit_temperature`, or there are fewer than two folds.
    """
    logits = np.asarray(logits, dtype=np.float64)
    check_rows(logits, actual)
    names = np.unique(folds)
    if len(folds) != len(actual) or len(names) < 2:
        raise ValueError(f"{len(names)} folds over {len(folds)} rows; it takes two over {len(actual)}")
    right = logits.argmax(axis=1) == actual
    probabilities = np.empty_like(logits)
    for name in names:
        here = folds == name
        nothing_to_learn = right[~here].all() or not right[~here].any()
        value = 1.0 if nothing_to_learn else fit_temperature(logits[~here], actual[~here]).value
        probabilities[here] = probabilities_at(logits[here], value)
    return probabilities


def fit_or_refuse(logits: Floats, actual: Indices, photos: Indices | None = None) -> tuple[str | None, float]:
    """Return why no temperature can be fitted, or None, and the temperature: 1.0 where none can.

    Args:
        logits: float `[n, c]`, n at least 1.
        actual: int64 `[n]`.
        photos: as for `why_not`.

    Raises:
        ValueError: as for `fit_temperature`.
    """
    fitted = fit_temperature(logits, actual)
    refused = why_not(actual, np.asarray(logits.argmax(axis=1), dtype=np.int64), photos)
    if refused is None and fitted.at_bound:
        refused = (
            f"No temperature was fitted: none from {LOWEST:g} to {HIGHEST:g} is best, so the logits say nothing about "
            "how sure the model should be. The certainties are the network's own; look at the labels and train again."
        )
    return refused, 1.0 if refused else fitted.value


def _log_softmax(logits: Floats, inverse: float) -> Floats:
    scaled = (logits - logits.max(axis=1, keepdims=True)) * inverse
    return np.asarray(scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True)), dtype=np.float64)


def _mean_loss(logits: Floats, actual: Indices, inverse: float) -> float:
    return float(-_log_softmax(logits, inverse)[np.arange(len(actual)), actual].mean())


def _slope(logits: Floats, actual: Indices, inverse: float) -> float:
    """Derivative of the mean loss by 1/T: the logit expected under the probabilities, less that of the truth."""
    centred = logits - logits.max(axis=1, keepdims=True)
    expected = (np.exp(_log_softmax(logits, inverse)) * centred).sum(axis=1)
    return float((expected - centred[np.arange(len(actual)), actual]).mean())
