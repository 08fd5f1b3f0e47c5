"""Features and small grey pictures -> groups of photos that are one photo: cropped, mirrored, or found by their hashes.

Features propose: a photo is compared with those that its backbone takes for the nearest. Pixels decide: one picture is
laid over the other at every place and many sizes, as it is and mirrored.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft2, rfft2
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from threadpoolctl import threadpool_limits

from fieldmark.terminal import track

Floats = NDArray[np.float32]

# Figures: 426 snakes and 74 bears, cropped by 5, 10 and 20 % a side; see bench/checks.py.

NEIGHBOURS = 10
"""Photos that each is laid over. Of those cropped by 20 % a side 99.8 % are among the original's 5 nearest or it among
theirs, and all among the 10 nearest."""

LEAST_COSINE = 0.6
"""Features less alike are not compared. 99 in 100 photos have more than 0.68 in common with what 20 % off each side
leaves."""

PROMISING = 0.6
"""Least correlation at a glance, of pictures 48 pixels wide. The least like of the crops has 0.77, 9 in 10 photos and
their nearest neighbours less than 0.34."""

ALIKE = 0.8
"""Least correlation of two pictures where they lie over each other best, once their coarse light and shade is taken
out. The least like of the crops has 0.86, the next 0.92; what a glance took for alike and is not, 0.66 at most: a stamp
from two letters, one tape measure from near and far, one snake on one plank photographed twice."""

SMALLEST = 0.5
"""Part of the other picture's sides that a crop keeps at least, when it is found here."""

_BLUR = 3.0  # standard deviation in pixels of what counts as coarse light and shade
_FLOOR = 0.3  # of the whole picture's contrast; a part with less is sky or wall, and its correlation noise
_LEAST_CONTRAST = 2.0  # levels of 255 that are left once light and shade is out; less is a blank picture
_ROWS = 1024  # photos whose neighbours are sought at a time


@dataclass(frozen=True)
class _Look:
    """How closely two pictures are compared: side of the whole in pixels, and what each size is of the one before."""

    side: int
    step: float


_GLANCE = _Look(48, 0.96)  # half a step off, the outermost details are half a pixel off
_CLOSE = _Look(80, 0.98)  # ten times as long, for the few that a glance takes for alike

METHOD = f"1 {PROMISING} {ALIKE} {SMALLEST} {_BLUR} {_FLOOR} {_LEAST_CONTRAST} {_GLANCE} {_CLOSE}"
"""All that decides whether one picture is found in another. Count its first number up where the code says otherwise
than before; what was kept of another method is not used."""


def groups(
    vectors: Floats, greys: NDArray[np.uint8], shapes: NDArray[np.int32], hashed: Iterable[Sequence[int]] = ()
) -> list[list[int]]:
    """Group the photos that show one picture, whole, cropped or mirrored.

    Args:
        vectors: float32 `[n, d]`, as `embed` gives them.
        greys: uint8 `[n, side, side]`, each photo squeezed to a square.
        shapes: int32 `[n, 2]`, height and width of each photo.
        hashed: groups found otherwise, as by `duplicates.near_duplicate_groups`; those that touch are joined.

    Returns:
        Indices of the photos of each group: two or more, ascending; groups by their first index.
    """
    return joined(len(vectors), pairs(vectors, greys, shapes), hashed)


def pairs(vectors: Floats, greys: NDArray[np.uint8], shapes: NDArray[np.int32]) -> list[tuple[int, int]]:
    """Return the pairs, first smaller than second, of which one is the other or a part of it; see `groups`."""
    laid = lay(greys, shapes, worth_laying(vectors))
    found = {(min(whole, part), max(whole, part)) for whole, parts in laid for part, inside in parts.items() if inside}
    return sorted(found)


def worth_laying(vectors: Floats) -> list[tuple[int, int]]:
    """Return the pairs (whole, part) of which the second should be sought in the first; each pair both ways."""
    return [(whole, part) for whole, others in enumerate(neighbours(vectors)) for part in others]


def lay(
    greys: NDArray[np.uint8], shapes: NDArray[np.int32], wanted: Iterable[tuple[int, int]]
) -> Iterator[tuple[int, dict[int, bool]]]:
    """Lay photos over each other; yield for each whole which of its parts lie inside.

    Args:
        greys: as for `groups`; so are the shapes.
        wanted: pairs (whole, part), those of one whole together.
    """
    work = [(whole, [part for _, part in some]) for whole, some in groupby(wanted, lambda pair: pair[0])]
    if not work:
        return
    # The products are small and there are many: a library's own threads would cost twice what they do.
    with threadpool_limits(1, "blas"):
        laid = map(partial(_found_inside, greys, shapes), work)  # two threads wait for each other: half as fast again
        yield from track(laid, "laying photos over each other", total=len(work))


def joined(n: int, alike: Iterable[tuple[int, int]], hashed: Iterable[Sequence[int]] = ()) -> list[list[int]]:
    """Join pairs and groups that touch, of indices below n; return as `groups` does."""
    linked = [*alike, *((group[0], other) for group in hashed for other in group[1:])]
    if not linked:
        return []
    ends = np.array(linked).T
    of = connected_components(coo_array((np.ones(len(linked)), (ends[0], ends[1])), shape=(n, n)), directed=False)[1]
    members: dict[int, list[int]] = {}
    for index, component in enumerate(of.tolist()):
        members.setdefault(component, []).append(index)
    return [group for group in members.values() if len(group) > 1]


def neighbours(vectors: Floats) -> list[list[int]]:
    """Return for each photo those among whose `NEIGHBOURS` nearest it is, or that are among its own."""
    n = len(vectors)
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    near: list[set[int]] = [set() for _ in range(n)]
    for start in range(0, n, _ROWS):
        cosines = unit[start : start + _ROWS] @ unit.T
        rows = np.arange(len(cosines))
        cosines[rows, rows + start] = -1
        nearest = np.argpartition(-cosines, min(NEIGHBOURS, n) - 1, axis=1)[:, :NEIGHBOURS]
        for row, others in enumerate(nearest):
            for other in others[cosines[row, others] >= LEAST_COSINE].tolist():
                near[start + row].add(other)
                near[other].add(start + row)
    return [sorted(others) for others in near]


def likeness(whole: NDArray[np.uint8], part: NDArray[np.uint8], wider: float) -> float:
    """Return the best correlation of `part` laid over `whole`, or over its mirror image: 0 to 1, and 0 where a
    glance finds too little.

    The normalised cross-correlation of Lewis, "Fast Template Matching", 1995, over sizes from all of the whole down to
    `SMALLEST`, without what a Gaussian blur leaves of either.

    Args:
        whole: uint8 `[side, side]`, a picture squeezed to a square.
        part: uint8 `[side, side]`, another.
        wider: width over height of the part, divided by that of the whole.
    """
    if _Whole(whole, _GLANCE).likeness(part, wider) < PROMISING:
        return 0.0
    return _Whole(whole, _CLOSE).likeness(part, wider)


def _found_inside(
    greys: NDArray[np.uint8], shapes: NDArray[np.int32], work: tuple[int, list[int]]
) -> tuple[int, dict[int, bool]]:
    index, others = work
    aspects = shapes[:, 1] / shapes[:, 0]
    wider = {part: float(aspects[part] / aspects[index]) for part in others}
    glance = _Whole(greys[index], _GLANCE)
    promising = [part for part in others if glance.likeness(greys[part], wider[part]) >= PROMISING]
    close = _Whole(greys[index], _CLOSE) if promising else glance
    inside = {part for part in promising if close.likeness(greys[part], wider[part]) >= ALIKE}
    return index, {part: part in inside for part in others}


class _Whole:
    """A picture that others are laid over: its spectrum, and sums by which any part of it is brought to unit length."""

    def __init__(self, grey: NDArray[np.uint8], look: _Look) -> None:
        self.look = look
        picture = _detail(grey.astype(np.float32), look.side, look.side)
        self.contrast = float(picture.std())
        # Of the picture and of its mirror image.
        self.spectra = rfft2(np.stack([picture, picture[:, ::-1]]))[:, None]
        self.sums = _integral(picture), _integral(picture * picture)
        self.lengths: dict[tuple[int, int], Floats] = {}

    def likeness(self, grey: NDArray[np.uint8], wider: float) -> float:
        if self.contrast < _LEAST_CONTRAST:
            return 0.0
        sizes, side, part = _sizes(wider, self.look), self.look.side, grey.astype(np.float32)
        laid = np.zeros((len(sizes), side, side), np.float32)
        for row, (height, width) in zip(laid, sizes, strict=True):
            detail = _detail(part, height, width)
            length = float(np.vdot(detail, detail)) ** 0.5
            if length < _LEAST_CONTRAST * (height * width) ** 0.5:  # its mean is out: the standard deviation
                return 0.0
            row[:height, :width] = detail / length
        products = irfft2(self.spectra * rfft2(laid).conj(), (side, side))
        return max(
            float((at[:, : side - height + 1, : side - width + 1] / self._lengths(height, width)).max())
            for at, (height, width) in zip(products.swapaxes(0, 1), sizes, strict=True)
        )

    def _lengths(self, height: int, width: int) -> Floats:
        """Length of what lies under a part of this size, its mean taken out, at every place: here and mirrored."""
        if (height, width) not in self.lengths:
            total, squares = (
                sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
                for sums in self.sums
            )
            n = height * width
            lengths = np.sqrt(np.maximum(squares - total * total / n, (_FLOOR * self.contrast) ** 2 * n))
            self.lengths[height, width] = np.stack([lengths, lengths[:, ::-1]]).astype(np.float32)
        return self.lengths[height, width]


@lru_cache(maxsize=1024)
def _sizes(wider: float, look: _Look) -> list[tuple[int, int]]:
    """Heights and widths in pixels at which a part may lie in the whole, the largest first."""
    # Of parts of the whole's sides, width over height is `wider` whatever the size, for a crop stretches nothing.
    largest = min(wider, 1 / wider) ** 0.5
    steps = range(max(1, int(np.log(SMALLEST / largest) / np.log(look.step)) + 1))
    sides = (largest * look.step**step for step in steps)
    found = {(round(look.side * side / wider**0.5), round(look.side * side * wider**0.5)) for side in sides}
    return sorted(((max(8, height), max(8, width)) for height, width in found), reverse=True)


def _detail(grey: Floats, height: int, width: int) -> Floats:
    """Shrink a picture and take its mean and its coarse light and shade out: float32 `[height, width]`."""
    small = _shrink(height, len(grey)) @ grey @ _shrink(width, len(grey)).T
    fine = small - _blur(height) @ small @ _blur(width).T
    return np.asarray(fine - fine.sum() / np.float32(fine.size), np.float32)


@lru_cache(maxsize=256)
def _shrink(to: int, side: int) -> Floats:
    """A triangle filter that turns `side` pixels into `to`: float32 `[to, side]`."""
    step = side / to
    centres = (np.arange(to) + 0.5) * step - 0.5
    weights = np.maximum(0, 1 - np.abs(np.arange(side) - centres[:, None]) / max(step, 1))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


@lru_cache(maxsize=256)
def _blur(side: int) -> Floats:
    """A Gaussian blur of `side` pixels: float32 `[side, side]`."""
    places = np.arange(side)
    weights = np.exp(-0.5 * ((places - places[:, None]) / _BLUR) ** 2)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def _integral(picture: Floats) -> NDArray[np.float64]:
    sums = np.zeros((len(picture) + 1, picture.shape[1] + 1))
    sums[1:, 1:] = picture.astype(np.float64).cumsum(axis=0).cumsum(axis=1)
    return sums
