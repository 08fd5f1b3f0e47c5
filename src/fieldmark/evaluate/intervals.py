"""What went wrong how often, of how many -> the interval that probably holds the true share."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, lgamma, log, log1p, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

Sums = NDArray[np.float64]

# How many wrong groups must have been seen before what they say of the likeness within groups outweighs the assumption
# that all photos of a group are alike. Of 0, 2, 4 and 8 it covered best, in simulations with another seed than that of
# `bench/coverage.py`.
DOUBT = 8


@dataclass(frozen=True)
class Judged:
    """Repeated judgements of n photos in g groups: wrong photos of each repeat and group.

    Attributes:
        sums: how many photos of a group were wrong, float64 `[repeats, g]`.
        sizes: how many photos a group has, int64 `[g]`.
    """

    sums: Sums
    sizes: NDArray[np.int64]

    @property
    def n(self) -> int:
        """How many photos there are."""
        return int(self.sizes.sum())

    @property
    def share(self) -> float:
        """Which share was wrong, mean of the repeats."""
        return float(self.sums.mean(axis=0).sum()) / self.n

    @property
    def residuals(self) -> Sums:
        """By how many photos each group was wrong more often than its size lets one expect, `[repeats, g]`."""
        return self.sums - self.share * self.sizes

    @property
    def alike(self) -> float:
        """To how many independent photos they come when the photos of a group stand and fall together.

        L. Kish, "Survey Sampling" (1965): the square of the summed sizes over the sum of their squares.
        """
        return self.n**2 / float((self.sizes.astype(np.float64) ** 2).sum())


def judged(wrong: ArrayLike, groups: ArrayLike | None = None) -> Judged:
    """Sum judgements by group.

    Args:
        wrong: whether a photo was wrong, bool or 0 and 1, `[repeats, n]` or `[n]`.
        groups: which group each photo belongs to, any integers `[n]`; None when every photo stands for itself.

    Raises:
        ValueError: the shapes do not fit, there is no repeat, or `wrong` holds something else than 0 and 1.
    """
    table = np.atleast_2d(np.asarray(wrong))
    if table.ndim != 2 or not len(table):
        raise ValueError(f"judgements of the shape {table.shape}; they are [repeats, n]")
    if not ((table == 0) | (table == 1)).all():
        raise ValueError("a photo is wrong, 1, or not, 0")
    names = np.arange(table.shape[1]) if groups is None else np.asarray(groups)
    if names.shape != table.shape[1:]:
        raise ValueError(f"{names.shape} groups for {table.shape[1]} photos")
    _, group, sizes = np.unique(names, return_inverse=True, return_counts=True)
    sums = np.zeros((len(table), len(sizes)))
    for repeat, row in enumerate(table):
        sums[repeat] = np.bincount(group, row.astype(np.float64), len(sizes))
    return Judged(sums, sizes.astype(np.int64))


def wilson(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the Wilson score interval of a share.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the American
    Statistical Association 22 (1927), 209-212. Unlike share +- 1.96 standard errors it stays within 0 and 1 and does
    not shrink to a point when all or none succeeded.

    Args:
        successes: how many of the n succeeded.
        n: how many there were; of none we know nothing, and the interval is (0, 1).
        confidence: how often such an interval holds the true share, between 0 and 1.

    Returns:
        lower and upper bound, 0 to 1.

    Raises:
        ValueError: `successes` is not between 0 and `n`, or `confidence` not between 0 and 1.
    """
    _refuse(successes, n, confidence)
    if n == 0:
        return 0.0, 1.0
    return _score(successes / n, n, _normal(confidence))


def repeated_folds(wrong: ArrayLike, groups: ArrayLike | None = None, confidence: float = 0.95) -> tuple[float, float]:
    """Return an interval for the error of a recipe that was cross-validated, once or several times.

    A Wilson interval around the mean error, as of so many photos as the n are worth: share x (1 - share) over the
    cluster-robust variance of the error, the effective sample size of E. L. Korn and B. I. Graubard, "Confidence
    intervals for proportions with small expected number of positive counts estimated from survey data", Survey
    Methodology 24 (1998), 193-201, put into the score interval as C. Franco, R. J. A. Little, T. A. Louis and
    E. V. Slud compare it, "Comparative study of confidence intervals for proportions in complex sample surveys",
    Journal of Survey Statistics and Methodology 7 (2019), 334-364. Student's t takes the place of the normal quantile,
    with one degree of freedom less than there are groups' worth of photos.

    Three things keep it honest. The photos are never worth more than n. What few wrong groups say of the likeness
    within groups is mixed with the case that all photos of a group are alike. And repeats steady the mean, but the
    interval is as wide as for one: they learn from the same photos, so their agreement says nothing of what other
    photos would have taught. `docs/honesty.md` shows how often it holds the truth.

    Args:
        wrong: whether the model that had not seen a photo was wrong about it, bool or 0 and 1, `[repeats, n]`.
        groups: the group of each photo, integers `[n]`; near-duplicates share one, and no group straddles a fold.
            None when every photo stands for itself.
        confidence: how often such an interval is to hold the error of the recipe, between 0 and 1.

    Returns:
        lower and upper bound, 0 to 1; of no photo we know nothing, and they are (0, 1).

    Raises:
        ValueError: as `judged`, or `confidence` is not between 0 and 1.
    """
    _refuse(0, 0, confidence)
    seen = judged(wrong, groups)
    if not seen.n:
        return 0.0, 1.0
    return _score(seen.share, effective_n(seen), _student(_normal(confidence), seen.alike - 1))


def effective_n(seen: Judged) -> float:
    """Return how many independent photos the n are worth, for the width of an interval; see `repeated_folds`."""
    together = seen.alike
    variance = cluster_variance(seen.residuals, seen.n)
    if variance == 0:
        return together
    found = min(seen.share * (1 - seen.share) / variance, seen.n)
    # Where most are wrong, the right ones are the few that tell.
    telling = min(int(some.any(axis=0).sum()) for some in (seen.sums > 0, seen.sums < seen.sizes))
    return (telling + DOUBT) / (telling / found + DOUBT / together)


def cluster_variance(residuals: Sums, n: int) -> float:
    """Return the variance of a share of n photos as of one repeat, from residuals `[repeats, g]` of its g groups."""
    g = residuals.shape[1]
    return g / (g - 1) * float((residuals**2).sum(axis=1).mean()) / n**2 if g > 1 else 0.0


def upper_bound(successes: int, n: int, confidence: float = 0.95) -> float:
    """Return the share that is not surpassed, if `successes` of n are anything to go by: 0 of 45 gives 6.4 %.

    The exact one-sided bound of C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits illustrated
    in the case of the binomial", Biometrika 26 (1934), 404-413: the share at which so few, or fewer, would be seen
    with a probability of just 1 - `confidence`.

    Raises:
        ValueError: as `wilson`.
    """
    _refuse(successes, n, confidence)
    if successes == n:
        return 1.0
    if successes == 0:
        return float(-np.expm1(log1p(-confidence) / n))
    low, high = successes / n, 1.0
    # Halving to the last digit; the probability falls as the share grows.
    for _ in range(60):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if _at_most(successes, n, middle) > 1 - confidence else (low, middle)
    return high


def photos_needed(bound: float, confidence: float = 0.95) -> int:
    """Return how many photos, none of them wrong, bring `upper_bound` down to `bound`: 299 for 1 %.

    Raises:
        ValueError: `bound` or `confidence` is not between 0 and 1.
    """
    if not 0 < bound < 1:
        raise ValueError(f"a bound of {bound}; it lies between 0 and 1")
    _refuse(0, 0, confidence)
    return ceil(log1p(-confidence) / log1p(-bound))


def _score(share: float, n: float, z: float) -> tuple[float, float]:
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    reach = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    # At the ends the bound is exactly 0 or 1; rounding would leave it a hair beside.
    low = 0.0 if share == 0 else max(centre - reach, 0.0)
    high = 1.0 if share == 1 else min(centre + reach, 1.0)
    return low, high


def _normal(confidence: float) -> float:
    return NormalDist().inv_cdf((1 + confidence) / 2)


def _student(z: float, freedom: float) -> float:
    """Widen a normal quantile to that of Student's t: Abramowitz and Stegun, 26.7.5, which fails below three."""
    v = max(freedom, 3.0)
    terms = (
        (z**3 + z) / (4 * v),
        (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2),
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3),
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / (92160 * v**4),
    )
    return z + sum(terms)


def _at_most(successes: int, n: int, share: float) -> float:
    """Return the probability of at most `successes` out of n."""
    terms = [
        lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + k * log(share) + (n - k) * log1p(-share)
        for k in range(successes + 1)
    ]
    return float(np.exp(terms).sum())


def _refuse(successes: int, n: int, confidence: float) -> None:
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes out of {n}")
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence of {confidence}; it lies between 0 and 1")
