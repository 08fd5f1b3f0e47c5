"""Clues that have nothing to do with what a photo shows -> which of them alone give its class away.

A network that can tell two classes by their hosts, sizes or frames need not learn what they look like, and fails on the
first photo from elsewhere.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from fieldmark.artifacts.photos import PhotoFile
from fieldmark.imaging.measures import Measures

CLUES = ("host", "size", "aspect", "JPEG quality", "border")
"""What is tried, each alone."""

FOLDS = 5
BINS = 8
"""A number is cut at its quantiles into so many bins."""

SHUFFLES = 199
"""With so many, the least p that can be had is 0.005. 5,538 photos then take 0.4 s."""

ALPHA = 0.05 / len(CLUES)
"""Greatest p of what is warned of: 5 % for all clues together (Bonferroni)."""

CLEARLY = 0.10
"""Share of all photos that a clue must get right beyond those that always saying the commonest class gets right."""

LEAST_PHOTOS = 20
"""With fewer nothing is said."""

Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Clue:
    """What is known of one photo beside what it shows; None where it is not known.

    Attributes:
        id: the photo's.
        label: its class.
        group: what its copies share; the id where it has none.
        host: from which it came.
        size: pixels in all.
        aspect: width over height.
        quality: of its JPEG, 1 to 100.
        border: "none", or the colour of its plain frame or ground: "white", "black", "other".
    """

    id: str
    label: str
    group: str
    host: str | None
    size: float | None
    aspect: float | None
    quality: float | None
    border: str | None


@dataclass(frozen=True)
class Shortcut:
    """How well one clue alone tells the classes.

    Attributes:
        clue: one of `CLUES`.
        n: photos judged, copies of one photo counted once.
        right: how many of them the clue got right, each judged by what the others taught.
        commonest: how many always saying the commonest class gets right.
        p: share of shuffled labels with which the clue does as well; 1 / (`SHUFFLES` + 1) at least.
        text: a sentence with these figures.
    """

    clue: str
    n: int
    right: int
    commonest: int
    p: float
    text: str

    @property
    def warned(self) -> bool:
        """Whether it is no accident, by `ALPHA`, and clearly better than always saying one class, by `CLEARLY`."""
        return self.p <= ALPHA and self.right - self.commonest >= CLEARLY * self.n

    def to_dict(self) -> dict[str, str | int | float | bool]:
        """Return it as `check --json` prints it."""
        numbers = {"n": self.n, "right": self.right, "commonest": self.commonest, "p": self.p}
        return {"clue": self.clue, **numbers, "warned": self.warned, "text": self.text}


def clue_of(photo: PhotoFile, measures: Measures, url: str | None = None, group: str | None = None) -> Clue:
    """Gather what is known of a photo.

    Args:
        photo: the photo.
        measures: of the file that the network will learn from.
        url: where it came from, in a workspace.
        group: what its copies share, where that is known better than `PhotoFile.group`.
    """
    return Clue(
        id=photo.id,
        label=photo.label,
        group=group or photo.group or photo.id,
        host=_host(url),
        size=float(measures.width * measures.height),
        aspect=measures.width / measures.height,
        quality=None if measures.quality is None else float(measures.quality),
        border=_border(measures),
    )


def _host(url: str | None) -> str | None:
    """Return the host of a URL, without the number of a machine among many (`farm6.`, `c1.`)."""
    try:
        host = urlsplit(url or "").hostname
    except ValueError:
        return None
    if not host:
        return None
    first, _, rest = host.partition(".")
    return rest if "." in rest and (first == "www" or first[-1:].isdigit()) else host


def _border(measures: Measures) -> str:
    if measures.border_level is None or sum(measures.border) < 0.02:  # a line or two of dark pixels is no frame
        return "none"
    return "white" if measures.border_level >= 235 else "black" if measures.border_level <= 20 else "other"


def audit(rows: Sequence[Clue], seed: int = 0) -> list[Shortcut]:
    """Try how well each clue alone predicts the class, on photos it has not seen; the best first.

    The predictor says the commonest class among the photos whose value is the same, or lies in the same bin. Folds are
    fixed by a hash of the group, so that neither the order of the rows nor a new photo changes those of the others.
    A clue that has one value for all photos is not tried. Nothing is said of one class, or of few photos.

    Args:
        rows: the photos; of copies in one class one counts.
        seed: of the shuffles.
    """
    units = list({(row.group, row.label): row for row in sorted(rows, key=lambda row: row.id, reverse=True)}.values())
    units.sort(key=lambda row: (row.group, row.label))
    classes = sorted({row.label for row in units})
    if len(classes) < 2 or len(units) < LEAST_PHOTOS:
        return []
    labels = np.array([classes.index(row.label) for row in units])
    folds = np.array([_fold(row.group) for row in units])
    found = []
    for clue in CLUES:
        values = [_value(row, clue) for row in units]
        if len(set(values)) > 1:
            found.append(_judge(clue, values, labels, folds, classes, seed))
    return sorted(found, key=lambda shortcut: -shortcut.right)


def _fold(group: str) -> int:
    return int(hashlib.sha256(group.encode()).hexdigest(), 16) % FOLDS


def _value(row: Clue, clue: str) -> str | float | None:
    values = (row.host, row.size, row.aspect, row.quality, row.border)
    return dict(zip(CLUES, values, strict=True))[clue]


def _judge(
    clue: str, values: Sequence[str | float | None], labels: Codes, folds: Codes, classes: Sequence[str], seed: int
) -> Shortcut:
    codes = [_codes(values, folds != fold) for fold in range(FOLDS)]
    right = _right(codes, labels, folds, len(classes))
    rng = np.random.default_rng(seed)
    as_good = sum(_right(codes, rng.permutation(labels), folds, len(classes)) >= right for _ in range(SHUFFLES))
    commonest, times = Counter(labels.tolist()).most_common(1)[0]
    text = _sentence(clue, classes, len(labels), right, classes[commonest], times)
    return Shortcut(clue, len(labels), right, times, (as_good + 1) / (SHUFFLES + 1), text)


def _codes(values: Sequence[str | float | None], learned: NDArray[np.bool_]) -> Codes:
    """Number the values: words by themselves, numbers by the quantile of the learned ones they lie in; None is 0."""
    known = [value for value in values if value is not None]
    if any(isinstance(value, str) for value in known):
        places = {value: place for place, value in enumerate(sorted(map(str, set(known))), 1)}
        return np.array([0 if value is None else places[str(value)] for value in values])
    numbers = np.array([np.nan if value is None else float(value) for value in values])
    taught = numbers[learned & ~np.isnan(numbers)]
    edges = np.unique(np.quantile(taught, np.arange(1, BINS) / BINS)) if len(taught) else np.empty(0)
    return np.where(np.isnan(numbers), 0, 1 + np.searchsorted(edges, numbers))


def _right(codes: Sequence[Codes], labels: Codes, folds: Codes, n_classes: int) -> int:
    """Count the photos whose class the others of their value name, fold by fold."""
    right = 0
    for fold, values in enumerate(codes):
        learned, judged = folds != fold, folds == fold
        table = np.bincount(values[learned] * n_classes + labels[learned], minlength=(values.max() + 1) * n_classes)
        overall = np.bincount(labels[learned], minlength=n_classes)
        # Half a photo spread like the whole decides ties, and speaks for values that nobody has seen.
        votes = table.reshape(-1, n_classes) + 0.5 * overall / max(1, overall.sum())
        right += int((votes.argmax(axis=1)[values[judged]] == labels[judged]).sum())
    return right


def _sentence(clue: str, classes: Sequence[str], n: int, right: int, commonest: str, times: int) -> str:
    whom = f"tells {classes[0]} from {classes[1]}" if len(classes) == 2 else f"tells the {len(classes)} classes apart"
    share, plain = round(100 * right / n), round(100 * times / n)
    return (
        f"The photo's {clue} alone {whom} in {share} of 100 photos "
        f"(always saying {commonest}: {plain}; {n} photos judged, copies counted once)."
    )
