"""Logits and the truth -> how far a stated certainty can be believed, and the temperature that mends it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import exp, log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldmark.artifacts.predictions import SMALLEST_PROBABILITY
from fieldmark.evaluate.intervals import wilson
from fieldmark.evaluate.wording import photos as say_photos

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

LOWEST, HIGHEST = 0.05, 20.0
"""Temperatures looked at. One that ends at a bound was not found: the data never said "enough"."""

FEWEST_PHOTOS = 50
FEWEST_WRONG = 5
"""Fewer cannot carry a temperature; see `why_not`."""

ECE_BINS = 15
"""Bins of equal width over 0..1, as in most of what is published, so that figures can be compared (Guo et al. 2017)."""

REPEATS = 2000
"""Resamples behind an interval; its ends then move by about a fiftieth of its length from seed to seed."""

SMALLEST_BIN = 20
"""Photos in a bin of the reliability plot: twenty, half of them right, have an interval 40 points wide already."""

CELLS_AT_ONCE = 2**21
"""Random numbers drawn at a time: 16 MB."""


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
    _check(logits, actual)
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
    _check(logits, actual)
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
    _check(probabilities, actual)
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
    _check(probabilities, np.zeros(len(probabilities), dtype=np.int64))
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
    _check(probabilities, actual)
    return float(_brier_rows(probabilities, actual).mean())


def log_loss(probabilities: Floats, actual: Indices) -> float:
    """Return the mean of -log of the probability given to the true class, in nats, cut off at `SMALLEST_PROBABILITY`.

    Raises:
        ValueError: there is no row, the two do not fit together, or a probability is no number.
    """
    _check(probabilities, actual)
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
    _check(probabilities, actual)
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
    _check(probabilities, actual)
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


def summarize_calibration(
    logits: Floats | None,
    probabilities: Floats,
    actual: Indices,
    groups: Indices | None = None,
    *,
    photos: Indices | None = None,
    fitted_on: str = "",
    bins: int = ECE_BINS,
    repeats: int = REPEATS,
    seed: int = 0,
) -> dict[str, Any]:
    """Return the figures of a model's certainty as they stand in `metrics.json` under "calibration".

    Args:
        logits: float `[n, c]`, to fit the temperature of the model file on; None where a finished model is judged.
        probabilities: float `[n, c]`, n at least 1: what is judged. Where a temperature is fitted, those of
            `cross_fitted`; one judged on the rows it was fitted on would flatter. Where none can be, those of the
            network itself, whatever is given here.
        actual: int64 `[n]`.
        groups: int64 `[n]`, rows that tell of each other, drawn together for the intervals; None: those of `photos`.
        photos: int64 `[n]`, which photo each row is about, where repeats make several rows of one.
        fitted_on: says which predictions the temperature was fitted on, such as "5 x 2 out-of-fold predictions".
        bins: of the calibration error.
        repeats: draws behind an interval.
        seed: decides the draws.

    Returns:
        plain numbers, lists and words. `temperature` is None where nothing was to be fitted and 1.0 where it was
        refused, `refused` then says why. `log_loss_before` and `ece_before` are at temperature 1, the others those of
        what is judged. Each `..._ci95` is None where there are fewer than two groups.

    Raises:
        ValueError: there is no row, the parts do not fit together, or a figure is no number.
    """
    refused, temperature = None, None
    if logits is not None:
        refused, temperature = _fit_or_refuse(logits, actual, photos)
        if refused:
            probabilities = probabilities_at(logits, 1.0)
    probabilities = np.asarray(probabilities, dtype=np.float64)
    intervals = bootstrap(
        probabilities, actual, photos if groups is None else groups, bins=bins, repeats=repeats, seed=seed
    )
    mean, p95 = chance_ece(probabilities, repeats, seed, bins=bins, photos=photos)
    after = log_loss(probabilities, actual)
    before = probabilities if logits is None else probabilities_at(logits, 1.0)
    return {
        "n": len(actual) if photos is None else len(np.unique(photos)),
        "temperature": temperature,
        "fitted_on": fitted_on if temperature is not None and not refused else "",
        "log_loss_before": log_loss(before, actual),
        "log_loss_after": after,
        "log_loss_ci95": _as_list(intervals.log_loss),
        "ece": expected_calibration_error(probabilities, actual, bins),
        "ece_ci95": _as_list(intervals.ece),
        "ece_by_chance": {"mean": mean, "p95": p95},
        "ece_before": expected_calibration_error(before, actual, bins),
        "brier": brier(probabilities, actual),
        "brier_ci95": _as_list(intervals.brier),
        "confidence": float(probabilities.max(axis=1).mean()),
        "right": float((probabilities.argmax(axis=1) == actual).mean()),
        "bins": [one.to_dict() for one in reliability(probabilities, actual, photos=photos)],
        "refused": refused,
    }


def _fit_or_refuse(logits: Floats, actual: Indices, photos: Indices | None) -> tuple[str | None, float]:
    fitted = fit_temperature(logits, actual)
    refused = why_not(actual, np.asarray(logits.argmax(axis=1), dtype=np.int64), photos)
    if refused is None and fitted.at_bound:
        refused = (
            f"No temperature was fitted: none from {LOWEST:g} to {HIGHEST:g} is best, so the logits say nothing about "
            "how sure the model should be. The certainties are the network's own; look at the labels and train again."
        )
    return refused, 1.0 if refused else fitted.value


def say_calibration(figures: Mapping[str, Any]) -> str:
    """Say in plain words whether the model's certainty can be believed, from what `summarize_calibration` returned."""
    error, by_chance, n = figures["ece"], figures["ece_by_chance"], figures["n"]
    interval = figures["ece_ci95"]
    span = f" (probably between {_points(interval[0])} and {_points(interval[1])})" if interval else ""
    parts = [
        f"On average the model says it is {_points(figures['confidence'])} % sure and is right about "
        f"{_points(figures['right'])} % of {say_photos(n)}.",
        f"Its certainty and how often it is right lie {_points(error)} percentage points apart{span}; of a model whose "
        f"certainties are exactly right, chance alone would make {_points(by_chance['mean'])}, and one time in twenty "
        f"more than {_points(by_chance['p95'])}, with as many photos.",
    ]
    if error <= by_chance["p95"]:
        parts.append("So these photos give no reason to doubt its certainty.")
    elif figures["confidence"] > figures["right"]:
        parts.append("That is more than chance explains: it is surer than it should be.")
    else:
        parts.append("That is more than chance explains: it is right more often than it says.")
    if figures["refused"]:
        parts.append(figures["refused"])
    elif figures["temperature"] is not None:
        parts.append(_say_temperature(figures["temperature"], figures["fitted_on"]))
    return " ".join(parts)


def sum_up(figures: Mapping[str, Any]) -> str:
    """Say in one sentence, for a terminal, how far the certainty is off, what chance would make, and what was done."""
    by_chance, n = figures["ece_by_chance"], figures["n"]
    said = (
        f"Certainty: off by {_points(figures['ece'])} points on average over {say_photos(n)} (calibration error; "
        f"chance alone {_points(by_chance['mean'])}, one time in twenty over {_points(by_chance['p95'])})"
    )
    if figures["refused"]:
        return f"{said}. {figures['refused']}"
    if figures["temperature"] is None:
        return f"{said}."
    return f"{said}; temperature {figures['temperature']:.2f}, fitted on {figures['fitted_on']}."


def _say_temperature(value: float, fitted_on: str) -> str:
    done = "toned down" if value > 1.005 else "raised" if value < 0.995 else "left as they were"
    where = f", fitted on {fitted_on}" if fitted_on else ""
    return f"The network's own certainties were {done} (temperature {value:.2f}{where})."


def _points(share: float) -> str:
    return f"{share * 100:.1f}"


def _as_list(interval: tuple[float, float] | None) -> list[float] | None:
    return None if interval is None else list(interval)


def _check(rows: Floats, actual: Indices) -> None:
    if rows.ndim != 2 or not rows.size or len(actual) != len(rows):
        raise ValueError(f"figures of shape {rows.shape} for {len(actual)} photos")
    if not np.isfinite(rows).all():
        raise ValueError("a figure is no number")
    if actual.min() < 0 or actual.max() >= rows.shape[1]:
        raise ValueError(f"a class outside the {rows.shape[1]} there are")


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
