"""Errors at growing numbers of photos -> the power law they follow, and a band for the error at more photos."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]

CONFIDENCE = 0.90
"""How often the band holds the error that comes true. Of 40 draws of 100 snakes it held that at 400 in 38; see
bench/curve.py."""

RESAMPLES = 400

EXPONENTS = np.linspace(0.05, 1, 39)
"""How steeply the error may fall. Hestness et al. measured 0.07 to 0.35 with deep networks; theory has 0.5 and 1."""

FURTHEST = 100
"""Times the photos there are, beyond which no number of photos is named."""


@dataclass(frozen=True)
class Band:
    """A number, and where it lies with `CONFIDENCE`."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Laws:
    """Power laws: that of all photos first, then one for each resample.

    Attributes:
        floor: float64 `[1 + RESAMPLES]`, the error that no number of photos takes away; 0 or more.
        scale: float64, as many; 0 or more.
        exponent: float64, as many; one of `EXPONENTS`.
    """

    floor: Reals
    scale: Reals
    exponent: Reals

    def errors(self, photos: float) -> Reals:
        """Return the error at so many photos by each law: float64 `[1 + RESAMPLES]`, 0 to 1."""
        return np.asarray(np.minimum(self.floor + self.scale * photos**-self.exponent, 1))

    def error(self, photos: float) -> Band:
        """Return the error at so many photos."""
        return _band(self.errors(photos))

    def fall(self, now: float, then: float) -> Band:
        """Return what part of the error at `now` photos is gone at `then`: 0 to 1."""
        before = self.errors(now)
        return _band(1 - self.errors(then) / np.maximum(before, 1e-12))

    def photos_for_half(self, now: float) -> Band:
        """Return the number of photos at which half the error of `now` is left; infinite beyond `FURTHEST` times."""
        above = self.errors(now) / 2 - self.floor
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            needed = np.where(above > 0, (self.scale / above) ** (1 / self.exponent), np.inf)
        return _band(np.where(needed <= FURTHEST * now, needed, np.inf))


def fit(sizes: NDArray[np.int_], wrong: NDArray[np.float32], groups: NDArray[np.int_], seed: int = 0) -> Laws:
    """Fit `error(n) = floor + scale * n ** -exponent`, once to all answers and once to each resample of them.

    The law is the one that Hestness et al., "Deep Learning Scaling is Predictable, Empirically", 2017, found over many
    tasks. It is fitted by least squares that weigh a point by its number of photos, after Figueroa et al., "Predicting
    sample size required for classification performance", BMC Medical Informatics and Decision Making 12:8, 2012.

    A resample draws groups of photos, and ways of cutting, with replacement: Efron, "Bootstrap methods: another look at
    the jackknife", 1979. So the laws differ both by what the photos judged leave open and by what the fit does.

    Args:
        sizes: int `[s]`, how many photos were learned from.
        wrong: float32 `[s, repeats, n]`, see `subsample.Answers`.
        groups: int `[n]`.
        seed: of the resamples.
    """
    points = np.concatenate([wrong.mean(axis=(1, 2), dtype=np.float64)[None], _resampled(wrong, groups, seed)])
    return fit_points(sizes.astype(np.float64), points)


def fit_points(sizes: Reals, errors: Reals) -> Laws:
    """Fit a law to each row of errors.

    Args:
        sizes: float64 `[s]`, two different ones at least.
        errors: float64 `[rows, s]`, 0 to 1.
    """
    rows = len(errors)
    best = Laws(np.zeros(rows), np.zeros(rows), np.zeros(rows))
    least = np.full(rows, np.inf)
    for exponent in EXPONENTS:
        floor, scale = _line(sizes, sizes**-exponent, errors)
        misfit = ((errors - floor[:, None] - scale[:, None] * sizes**-exponent) ** 2) @ sizes
        better = misfit < least
        least[better] = misfit[better]
        best.floor[better], best.scale[better], best.exponent[better] = floor[better], scale[better], exponent
    return best


def _line(weights: Reals, x: Reals, errors: Reals) -> tuple[Reals, Reals]:
    """The line through each row of errors over `x`, by weighted least squares: where it begins, and its slope.

    Neither is below 0: what would fall below is held at 0, and the other one fitted again.
    """
    share = weights / weights.sum()
    mean_x, mean = share @ x, errors @ share
    slope = ((errors - mean[:, None]) @ (share * (x - mean_x))) / (share @ (x - mean_x) ** 2)
    slope = np.maximum(slope, 0)
    start = mean - slope * mean_x
    through_zero = (errors @ (share * x)) / (share @ (x * x))
    return np.where(start < 0, 0, start), np.where(start < 0, through_zero, slope)


def _resampled(wrong: NDArray[np.float32], groups: NDArray[np.int_], seed: int) -> Reals:
    """Errors of resamples, by size: float64 `[RESAMPLES, s]`."""
    rng = np.random.default_rng(seed)
    _, of, members = np.unique(groups, return_inverse=True, return_counts=True)
    sums = np.zeros((*wrong.shape[:2], len(members)))
    for index, group in enumerate(of):
        sums[:, :, group] += wrong[:, :, index]
    errors = np.empty((RESAMPLES, len(wrong)))
    for row in range(RESAMPLES):
        times = _drawn(len(members), rng)
        repeats = _drawn(wrong.shape[1], rng)
        errors[row] = (sums @ times) @ repeats / repeats.sum() / (members @ times)
    return errors


def _drawn(n: int, rng: np.random.Generator) -> Reals:
    """How often each of n is drawn in n draws with replacement."""
    return rng.multinomial(n, np.full(n, 1 / n)).astype(np.float64)


def _band(values: Reals) -> Band:
    """The value of the first law, and what `CONFIDENCE` of the resamples lie between; the band holds the value."""
    # By rank and not between two ranks, since some values may be infinite.
    ranks = (0.5 - CONFIDENCE / 2, 0.5 + CONFIDENCE / 2)
    low, high = np.quantile(values[1:], ranks, method="nearest")
    return Band(float(values[0]), float(min(low, values[0])), float(max(high, values[0])))
