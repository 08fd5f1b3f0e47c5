"""Probabilities and the truth -> how far a stated certainty can be believed: scores, intervals, and bins to draw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldmark.artifacts.predictions import SMALLEST_PROBABILITY
from fieldmark.evaluate.intervals import wilson

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

ECE_BINS = 15
"""Bins of equal width over 0..1, as in most of what is published, so that figures can be compared (Guo et al. 2017)."""

REPEATS = 2000
"""Resamples behind an interval; its ends then move by about a fiftieth of its length from seed to seed."""

SMALLEST_BIN = 20
"""Photos in a bin of the reliability plot: twenty, half of them right, have an interval 40 points wide already."""

CELLS_AT_ONCE = 2**21
"""Random numbers drawn at a time: 16 MB."""


@dataclass(frozen=True)
class Bin:
    """Photos that a model was about equally sure of.

    Attributes:
        n: how many; with repeats, rows over repeats.
        confidence: how sure it was on average, 0 to 1.
        right: share of them it was right about.
        low: lower bound of the Wilson interval of that share.
        high: upper bound.
    """

    n: int
    confidence: float
    right: float
    low: float
    high: float

    def to_dict(self) -> dict[str, Any]:
        """Return the bin as it stands in `metrics.json`."""
        return {"n": self.n, "confidence": self.confidence, "right": self.right, "ci95": [self.low, self.high]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Bin:
        """Read what `to_dict` gave."""
        low, high = values["ci95"]
        return cls(values["n"], values["confidence"], values["right"], low, high)


def expected_calibration_error(probabilities: Floats, actual: Indices, bins: int = ECE_BINS) -> float:
    """Return how far the stated certainty of the top class lies from the share of right answers, on average.

    M. P. Naeini, G. F. Cooper and M. Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning",
    AAAI (2015): over bins of equal width, the mean of |share right - mean certainty|, each bin weighted by its photos.

    Args:
        probabilities: float `[n, c]`, n at least 1.
        actual: int64 `[n]`.
        bins: how many over 0..1; each holds its upper edge.

    Returns:
        0 to 1. Even for a perfectly calibrated model it is above 0 by chance; see `chance_ece`.

    Raises:
        ValueError: there is no row, the two do not fit together, or a probability is no number.
    """
    check_rows(probabilities, actual)
    sums = np.bincount(_bin_of(probabilities, bins), weights=_surprise(probabilities, actual), minlength=bins)
    return float(np.abs(sums).sum() / len(actual))


def chance_ece(
    probabilities: Floats,
    repeats: int = REPEATS,
    seed: int = 0,
    *,
    bins: int = ECE_BINS,
    photos: Indices | None = None,
) -> tuple[float, float]:
    """Return what the calibration error would be by chance, were every one of these certainties exactly right.

    Right and wrong are drawn as the certainties say, again and again, and the error worked out each time (consistency
    resampling: J. Bröcker and L. A. Smith, "Increasing the reliability of reliability diagrams", Weather and
    Forecasting 22 (2007), 651-661).

    Args:
        probabilities: float `[n, c]`, n at least 1.
        repeats: how often to draw.
        seed: decides the draws.
        bins: as for `expected_calibration_error`.
        photos: int64 `[n]`, which photo each row is about, where repeats make several rows of one: they share their
            luck. Five repeats of 85 photos are worth 85, not 425.

    Returns:
        the mean, and what one draw in twenty exceeds.
    """
    check_rows(probabilities, np.zeros(len(probabilities), dtype=np.int64))
    n, bin_of = len(probabilities), _bin_of(probabilities, bins)
    order = np.argsort(bin_of, kind="stable")
    confidence = probabilities.max(axis=1)[order]
    starts = np.flatnonzero(np.diff(bin_of[order], prepend=-1))
    stated = np.add.reduceat(confidence, starts)
    luck = np.arange(n) if photos is None else np.unique(photos, return_inverse=True)[1].ravel()
    rng, errors = np.random.default_rng(seed), []
    for rows in _portions(repeats, n):
        draws = rng.random((rows, int(luck.max()) + 1))[:, luck[order]]
        right = np.add.reduceat((draws < confidence).astype(np.float64), starts, axis=1)
        errors.append(np.abs(right - stated).sum(axis=1) / n)
    by_chance = np.concatenate(errors)
    return float(by_chance.mean()), float(np.quantile(by_chance, 0.95))


def brier(probabilities: Floats, actual: Indices) -> float:
    """Return the mean squared distance of the probabilities from the truth, summed over the classes: 0 to 2.

    G. W. Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather Review 78 (1950), 1-3.
    With two classes this is twice the figure that others give for the second class alone.

    Raises:
        ValueError: there is no row, the two do not fit together, or a probability is no number.
    """
    check_rows(probabilities, actual)
    return float(_brier_rows(probabilities, actual).mean())


def log_loss(probabilities: Floats, actual: Indices) -> float:
    """Return the mean of -log of the probability given to the true class, in nats, cut off at `SMALLEST_PROBABILITY`.

    Raises:
        ValueError: there is no row, the two do not fit together, or a probability is no number.
    """
    check_rows(probabilities, actual)
    return float(_loss_rows(probabilities, actual).mean())


@dataclass(frozen=True)
class Intervals:
    """Lower and upper bound of three figures; None each where there are fewer than two groups to draw from."""

    ece: tuple[float, float] | None
    brier: tuple[float, float] | None
    log_loss: tuple[float, float] | None


def bootstrap(
    probabilities: Floats,
    actual: Indices,
    groups: Indices | None = None,
    *,
    bins: int = ECE_BINS,
    repeats: int = REPEATS,
    seed: int = 0,
    confidence: float = 0.95,
) -> Intervals:
    """Return intervals of calibration error, Brier score and log loss, by drawing whole groups with replacement.

    B. Efron and R. J. Tibshirani, "An Introduction to the Bootstrap", Chapman & Hall (1993), chapter 13 (percentiles);
    A. C. Davison and D. V. Hinkley, "Bootstrap Methods and their Application", Cambridge (1997), section 3.8 (groups)
    and chapter 5 (the basic interval).

    Brier score and log loss are means, and their intervals the percentiles of the draws. The calibration error is a
    sum of absolute values: every draw adds noise and so makes it greater, and the percentiles of an error that is
    only noise lie wholly above the truth (in simulations of 426 photos they held it in 0 to 85 of 100 cases). Its
    interval is the percentiles mirrored at the figure itself, which takes that excess off again (held it in 90 to 94
    of 100, except where the truth is exactly 0: 60). It never lies below 0 and always holds the figure.

    Args:
        probabilities: float `[n, c]`, n at least 1.
        actual: int64 `[n]`.
        groups: int64 `[n]`, rows that tell of each other: repeats of one photo, copies, a series. None: each its own.
        bins: as for `expected_calibration_error`.
        repeats: how often to draw.
        seed: decides the draws.
        confidence: how often such intervals hold the truth, between 0 and 1.

    Raises:
        ValueError: there is no row, the two do not fit together, or a probability is no number.
    """
    check_rows(probabilities, actual)
    n = len(actual)
    group = np.arange(n) if groups is None else np.unique(groups, return_inverse=True)[1].ravel()
    count = int(group.max()) + 1
    if count < 2:
        return Intervals(None, None, None)
    sizes = np.bincount(group).astype(np.float64)
    surprise = np.bincount(
        group * bins + _bin_of(probabilities, bins), _surprise(probabilities, actual), minlength=count * bins
    ).reshape(count, bins)
    squares = np.bincount(group, _brier_rows(probabilities, actual))
    losses = np.bincount(group, _loss_rows(probabilities, actual))
    rng, draws = np.random.default_rng(seed), []
    for rows in _portions(repeats, count):
        times = rng.multinomial(count, np.full(count, 1 / count), size=rows).astype(np.float64)
        errors = np.abs(times @ surprise).sum(axis=1)
        draws.append(np.stack([errors, times @ squares, times @ losses]) / (times @ sizes))
    tail = (1 - confidence) / 2
    low, high = np.quantile(np.concatenate(draws, axis=1), [tail, 1 - tail], axis=1)
    ece = expected_calibration_error(probabilities, actual, bins)
    mirrored = max(0.0, min(ece, 2 * ece - float(high[0]))), max(ece, 2 * ece - float(low[0]))
    return Intervals(mirrored, (float(low[1]), float(high[1])), (float(low[2]), float(high[2])))


def reliability(probabilities: Floats, actual: Indices, bins: int = 10, *, photos: Indices | None = None) -> list[Bin]:
    """Sort photos by certainty into bins of about equally many, and say how often each bin was right.

    A model is sure of most photos, so bins of equal width would leave all but the last few nearly empty. Photos that
    are equally sure stay together, and no bin holds fewer than `SMALLEST_BIN` unless there are fewer in all.

    Args:
        probabilities: float `[n, c]`, n at least 1.
        actual: int64 `[n]`.
        bins: how many at most.
        photos: int64 `[n]`, which photo each row is about, where repeats make several rows of one: the intervals are
            those of so many photos, not of so many rows.

    Returns:
        the least sure first.

    Raises:
        ValueError: there is no row, the two do not fit together, or a probability is no number.
    """
    check_rows(probabilities, actual)
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == actual
    each = 1.0 if photos is None else len(actual) / len(np.unique(photos))  # rows that one photo has
    found = []
    for rows in _cut_equally(confidence, bins, SMALLEST_BIN * each):
        share, n = float(right[rows].mean()), max(1, round(len(rows) / each))
        low, high = wilson(round(share * n), n)
        found.append(Bin(n, float(confidence[rows].mean()), share, min(low, share), max(high, share)))
    return found


def _cut_equally(confidence: Floats, bins: int, smallest: float) -> list[Indices]:
    """Return row numbers of each bin; a bin is closed at the first change of certainty after it is full."""
    n = len(confidence)
    order = np.argsort(confidence, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(confidence[order])) + 1, n)  # where a new certainty begins
    full = max(n / max(1, bins), smallest)
    cuts = [0]
    for end in ends.tolist():
        # A rounding error in n / bins must not cost a bin.
        if end - cuts[-1] >= full - 1e-9:
            cuts.append(end)
    if cuts[-1] < n:
        few = n - cuts[-1] < max(full / 2, smallest)  # too few for a bin of their own: they go with the bin before
        cuts = [*(cuts[:-1] if few and len(cuts) > 1 else cuts), n]
    return [order[start:end] for start, end in pairwise(cuts)]


def check_rows(rows: Floats, actual: Indices) -> None:
    """Refuse figures, float `[n, c]`, and true classes, int64 `[n]`, of which nothing can be worked out.

    Raises:
        ValueError: there is no row, the two do not fit together, or a figure is no number.
    """
    if rows.ndim != 2 or not rows.size or len(actual) != len(rows):
        raise ValueError(f"figures of shape {rows.shape} for {len(actual)} photos")
    if not np.isfinite(rows).all():
        raise ValueError("a figure is no number")
    if actual.min() < 0 or actual.max() >= rows.shape[1]:
        raise ValueError(f"a class outside the {rows.shape[1]} there are")


def _bin_of(probabilities: Floats, bins: int) -> Indices:
    confidence = probabilities.max(axis=1)
    return np.asarray(np.clip(np.ceil(confidence * bins) - 1, 0, bins - 1), dtype=np.int64)


def _surprise(probabilities: Floats, actual: Indices) -> Floats:
    """Right (1) or wrong (0), less how sure the model was: float64 `[n]`."""
    return np.asarray((probabilities.argmax(axis=1) == actual) - probabilities.max(axis=1), dtype=np.float64)


def _brier_rows(probabilities: Floats, actual: Indices) -> Floats:
    truth = np.eye(probabilities.shape[1])[actual]
    return np.asarray(((probabilities - truth) ** 2).sum(axis=1), dtype=np.float64)


def _loss_rows(probabilities: Floats, actual: Indices) -> Floats:
    given = probabilities[np.arange(len(actual)), actual]
    return np.asarray(-np.log(np.maximum(given, SMALLEST_PROBABILITY)), dtype=np.float64)


def _portions(repeats: int, n: int) -> Iterator[int]:
    """Yield how many draws of n to make at a time, so that they fit into memory; together they are `repeats`."""
    at_once = max(1, CELLS_AT_ONCE // n)
    for start in range(0, repeats, at_once):
        yield min(at_once, repeats - start)
