"""Two recipes judged on photos -> whether one is better, in words, or how many more photos would tell."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, inf, lgamma, log, log2, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fieldmark.evaluate.intervals import Judged, judged, repeated_folds, wilson
from fieldmark.evaluate.wording import percent

ALPHA, POWER = 0.05, 0.80
# More photos than this nobody gathers for one question.
ABSURD = 100_000


@dataclass(frozen=True)
class Paired:
    """Two recipes, a and b, judged on the same n photos; counts are means over the repeats.

    Attributes:
        n: photos.
        wrong_a, wrong_b: how many each got wrong.
        only_a_wrong, only_b_wrong: how many only that one got wrong.
        p: how often luck alone makes a difference this large or larger, above 0 to 1.
        difference: error of a less error of b, as shares.
        low, high: its 95 % interval, -1 to 1.
        spread: mean square of the difference of a photo, groups counted whole: what luck can do, for `more_photos`.
        discordant: groups in which the two differ.
    """

    n: int
    wrong_a: float
    wrong_b: float
    only_a_wrong: float
    only_b_wrong: float
    p: float
    difference: float
    low: float
    high: float
    spread: float
    discordant: int

    @property
    def shares(self) -> tuple[float, float]:
        """The errors of a and b, 0 to 1; 0 of no photo."""
        return self.wrong_a / max(self.n, 1), self.wrong_b / max(self.n, 1)

    @property
    def n_smaller(self) -> int:
        """On how many photos the one judged on fewer was judged."""
        return self.n

    def more_photos(self, alpha: float = ALPHA) -> float:
        """Return how many more photos would show such a difference four times out of five; inf if there is none.

        R. J. Connor, "Sample size for testing differences in proportions for the paired-sample design", Biometrics 43
        (1987), 207-211. Where photos come in groups or were judged repeatedly, his share of discordant pairs becomes
        the mean square of the differences of whole groups, which for single photos it is.
        """
        if not self.difference:
            return inf
        by_luck, gap = self.spread, self.difference**2
        total = (_z(alpha / 2) * sqrt(by_luck) + _z(1 - POWER) * sqrt(max(by_luck - gap, 0.0))) ** 2 / gap
        # An exact test on too few groups cannot answer, however clear they are.
        at_least = self.n * ceil(1 + log2(1 / alpha)) / self.discordant
        return max(total, at_least, self.n + 1) - self.n


@dataclass(frozen=True)
class Unpaired:
    """Two recipes of which only counts are known, perhaps on different photos; fields as in `Paired`."""

    n_a: int
    n_b: int
    wrong_a: int
    wrong_b: int
    p: float
    difference: float
    low: float
    high: float

    @property
    def shares(self) -> tuple[float, float]:
        """The errors of a and b, 0 to 1; 0 of no photo."""
        return self.wrong_a / max(self.n_a, 1), self.wrong_b / max(self.n_b, 1)

    @property
    def n_smaller(self) -> int:
        """On how many photos the one judged on fewer was judged."""
        return min(self.n_a, self.n_b)

    def more_photos(self, alpha: float = ALPHA) -> float:
        """Return how many more photos, for each of the two, would show such a difference four times out of five.

        J. T. Casagrande, M. C. Pike and P. G. Smith, "An improved approximate formula for calculating sample sizes for
        comparing two binomial distributions", Biometrics 34 (1978), 483-486, meant for Fisher's test.
        """
        if not self.difference:
            return inf
        a, b = self.shares
        mean, gap = (a + b) / 2, abs(self.difference)
        luck, truth = sqrt(2 * mean * (1 - mean)), sqrt(a * (1 - a) + b * (1 - b))
        plain = (_z(alpha / 2) * luck + _z(1 - POWER) * truth) ** 2
        total = plain * (1 + sqrt(1 + 4 * gap / plain)) ** 2 / (4 * gap**2)
        return max(total - self.n_smaller, 1.0)


def compare_pair(wrong_a: ArrayLike, wrong_b: ArrayLike, groups: ArrayLike | None = None) -> Paired:
    """Compare two recipes that were judged on the same photos with the same repeats.

    The test flips signs: were the two equally good, what a group says for one it might as well have said for the
    other. p is the share of all sign patterns of the groups' differences whose sum is as far from 0 as what was
    seen, and is computed exactly, over all patterns (R. A. Fisher, "The Design of Experiments" (1935), section 21).
    For single photos and one repeat it is the exact test of Q. McNemar, "Note on the sampling error of the difference
    between correlated proportions or percentages", Psychometrika 12 (1947), 153-157.

    The interval squares and adds the limits of each error: R. G. Newcombe, "Improved confidence intervals for the
    difference between binomial proportions based on paired data", Statistics in Medicine 17 (1998), 2635-2650, with
    the limits of `repeated_folds` and the correlation of whole groups, which G. Y. Zou and A. Donner justify for any
    pair of limits: "Construction of confidence limits about effect measures", Statistics in Medicine 27 (2008),
    1693-1702. It is not made from the test; at the border one may say yes where the other says no.

    Args:
        wrong_a, wrong_b: whether a photo was wrong, bool or 0 and 1, `[repeats, n]` or `[n]`, photos in one order.
        groups: the group of each photo, integers `[n]`; None when every photo stands for itself.

    Raises:
        ValueError: the shapes differ, or as `fieldmark.evaluate.intervals.judged`.
    """
    a, b = judged(wrong_a, groups), judged(wrong_b, groups)
    first, second = (np.atleast_2d(np.asarray(wrong)).astype(bool) for wrong in (wrong_a, wrong_b))
    if first.shape != second.shape:
        raise ValueError(f"judgements of the shapes {first.shape} and {second.shape}")
    repeats, n = first.shape
    if not n:
        return Paired(0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, -1.0, 1.0, 0.0, 0)
    by_group = np.rint((a.sums - b.sums).sum(axis=0)).astype(np.int64)
    low, high = _square_and_add(
        a.share, b.share, repeated_folds(first, groups), repeated_folds(second, groups), _correlation(a, b)
    )
    return Paired(
        n=n,
        wrong_a=float(first.sum()) / repeats,
        wrong_b=float(second.sum()) / repeats,
        only_a_wrong=float((first & ~second).sum()) / repeats,
        only_b_wrong=float((second & ~first).sum()) / repeats,
        p=sign_flip(by_group),
        difference=float(by_group.sum()) / (repeats * n),
        low=low,
        high=high,
        spread=float((by_group.astype(np.float64) ** 2).sum()) / (repeats**2 * n),
        discordant=int((by_group != 0).sum()),
    )


def compare_counts(right_a: int, n_a: int, right_b: int, n_b: int) -> Unpaired:
    """Compare two recipes of which one only knows how many photos each got right.

    Fisher's exact test, two-sided: p sums every table with these margins that is no likelier than the one seen
    (R. A. Fisher, "The logic of inductive inference", Journal of the Royal Statistical Society 98 (1935), 39-82).
    The interval squares and adds Wilson limits: R. G. Newcombe, "Interval estimation for the difference between
    independent proportions", Statistics in Medicine 17 (1998), 873-890, method 10. If both were judged on the same
    photos, `compare_pair` sees much smaller differences.

    Raises:
        ValueError: more right than there were, or fewer than none.
    """
    wrong_a, wrong_b = n_a - right_a, n_b - right_b
    limits_a, limits_b = wilson(wrong_a, n_a), wilson(wrong_b, n_b)
    if not (n_a and n_b):
        return Unpaired(n_a, n_b, wrong_a, wrong_b, 1.0, 0.0, -1.0, 1.0)
    share_a, share_b = wrong_a / n_a, wrong_b / n_b
    low, high = _square_and_add(share_a, share_b, limits_a, limits_b, 0.0)
    difference = (wrong_a * n_b - wrong_b * n_a) / (n_a * n_b)
    return Unpaired(n_a, n_b, wrong_a, wrong_b, _fisher(wrong_a, n_a, wrong_b, n_b), difference, low, high)


def sign_flip(differences: NDArray[np.int64]) -> float:
    """Return the exact two-sided p of whole differences, int64 `[g]`, whose signs luck might have flipped."""
    sizes = Counter(np.abs(differences[differences != 0]).tolist())
    if not sizes:
        return 1.0
    # The chance of each sum of the sizes that came out positive; 2 x that sum - all sizes is the signed sum.
    chances = np.ones(1)
    for size, count in sizes.items():
        flips = np.zeros(size * count + 1)
        flips[::size] = _coins(count)
        chances = np.convolve(chances, flips)
    total = len(chances) - 1
    signed = 2 * np.arange(total + 1) - total
    p = float(chances[np.abs(signed) >= abs(int(differences.sum()))].sum())
    # Thousands of groups of one mind: smaller than any number the machine can write, but not impossible.
    return min(max(p, sys.float_info.min), 1.0)


def holm(ps: Sequence[float]) -> list[float]:
    """Return p-values corrected for being several, in the order given.

    S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6 (1979),
    65-70: called better when the corrected p is below 0.05, all arms together cry wolf at most once in twenty times.

    Raises:
        ValueError: a p is not between 0 and 1.
    """
    if any(not 0 <= p <= 1 for p in ps):
        raise ValueError(f"p-values lie between 0 and 1: {list(ps)}")
    corrected = [0.0] * len(ps)
    highest = 0.0
    for rank, i in enumerate(sorted(range(len(ps)), key=lambda i: ps[i])):
        highest = max(highest, min((len(ps) - rank) * ps[i], 1.0))
        corrected[i] = highest
    return corrected


def verdict(name_a: str, name_b: str, found: Paired | Unpaired, p: float | None = None) -> str:
    """Say in a sentence which of two recipes is better, or that one cannot tell and what it would take.

    Args:
        name_a, name_b: what the two are called.
        found: how they compare.
        p: the p-value corrected for several arms, of `holm`; None for that of `found`.
    """
    level = found.p if p is None else p
    a, b = found.shares
    if level >= ALPHA:
        return f"Cannot tell {name_a} from {name_b}: {_why_not(found, level)}"
    better, worse = (name_b, name_a) if a > b else (name_a, name_b)
    return f"{better} beats {worse}: {_figures(found, b_first=a > b)}, {_p(level)}."


def _why_not(found: Paired | Unpaired, p: float) -> str:
    if not found.n_smaller:
        return "there is no photo to judge on."
    if not found.wrong_a and not found.wrong_b:
        return f"neither got any of {_of(found)} wrong."
    share = percent(found.shares[0])
    if isinstance(found, Paired) and not found.only_a_wrong and not found.only_b_wrong:
        return f"both got the same {share} of {_of(found)} wrong."
    if not found.difference:
        return f"both got {share} of {_of(found)} wrong. They are level, so nothing says how many more photos would."
    # A correction for several arms asks for a smaller p of this one, so for more photos.
    more = found.more_photos(ALPHA * min(found.p / p, 1.0))
    each = " each" if isinstance(found, Unpaired) else ""
    count = f"about {_round(more)} more photos{each}" if more <= ABSURD else "no number of photos one could gather"
    return f"{_figures(found)}, {_p(p)}; {count} would."


def _figures(found: Paired | Unpaired, b_first: bool = False) -> str:
    """Put both errors side by side: "4.7 % against 8.8 % wrong of 426"."""
    shares = [percent(share) for share in found.shares]
    if isinstance(found, Unpaired) and found.n_a != found.n_b:
        shares = [f"{share} of {n:,}" for share, n in zip(shares, (found.n_a, found.n_b), strict=True)]
        return f"{' against '.join(shares[::-1] if b_first else shares)} wrong"
    return f"{' against '.join(shares[::-1] if b_first else shares)} wrong of {_of(found)}"


def _of(found: Paired | Unpaired) -> str:
    if isinstance(found, Paired):
        return f"{found.n:,}"
    return f"{found.n_a:,} each" if found.n_a == found.n_b else f"{found.n_a:,} and {found.n_b:,}"


def _p(p: float) -> str:
    """Write p with as many digits as it takes to see on which side of the level it lies."""
    if p < 0.001:
        return "p < 0.001"
    decimals = 3 if p < 0.01 else 2
    while decimals < 6 and abs(p - ALPHA) < 0.5 * 10**-decimals:
        decimals += 1
    return "p = 1" if p > 0.995 else f"p = {p:.{decimals}f}"


def _round(photos: float) -> str:
    """Round up to two digits: a guess should look like one."""
    whole = ceil(photos)
    unit = 10 ** max(len(str(whole)) - 2, 0)
    return f"{-(-whole // unit) * unit:,}"


def _square_and_add(
    a: float, b: float, limits_a: tuple[float, float], limits_b: tuple[float, float], correlation: float
) -> tuple[float, float]:
    down, up = (
        _reach(a - limits_a[0], limits_b[1] - b, correlation),
        _reach(limits_a[1] - a, b - limits_b[0], correlation),
    )
    return max(a - b - down, -1.0), min(a - b + up, 1.0)


def _reach(one: float, other: float, correlation: float) -> float:
    return sqrt(max(one**2 - 2 * correlation * one * other + other**2, 0.0))


def _correlation(a: Judged, b: Judged) -> float:
    """Correlate what is wrong by group, over all repeats; 0 where one of the two never varies."""
    x, y = a.residuals, b.residuals
    scale = sqrt(float((x**2).sum()) * float((y**2).sum()))
    return min(max(float((x * y).sum()) / scale, -1.0), 1.0) if scale > 1e-12 else 0.0


def _fisher(wrong_a: int, n_a: int, wrong_b: int, n_b: int) -> float:
    wrong = wrong_a + wrong_b
    possible = range(max(0, wrong - n_b), min(n_a, wrong) + 1)
    logs = np.array([_log_choose(n_a, k) + _log_choose(n_b, wrong - k) for k in possible])
    chances = np.exp(logs - logs.max())
    # Equally likely tables differ in the last digits.
    seen = chances[wrong_a - possible[0]] * (1 + 1e-7)
    return min(max(float(chances[chances <= seen].sum() / chances.sum()), sys.float_info.min), 1.0)


def _coins(count: int) -> NDArray[np.float64]:
    """Return the chances of 0 to `count` heads of that many fair coins."""
    return np.exp([_log_choose(count, k) - count * log(2) for k in range(count + 1)])


def _log_choose(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


def _z(tail: float) -> float:
    return NormalDist().inv_cdf(1 - tail)
