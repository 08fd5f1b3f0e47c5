"""Features and small grey pictures -> groups of photos that are one photo: cropped, mirrored, or found by their hashes.

Features propose: a photo is compared with those that its backbone takes for the nearest. Pixels decide: one picture is
laid over the other at every place and many sizes, as it is and mirrored.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, groupby

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from threadpoolctl import threadpool_limits

from fieldmark.checks.overlaying import BLUR, FLOOR, LEAST_CONTRAST, SMALLEST, Look, correlations
from fieldmark.engines.local import map_threads
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
"""Least correlation at a glance, of pictures 24 pixels wide. The least like of the crops has 0.79, 98 in 100 photos and
their nearest neighbours less than 0.6."""

ALIKE = 0.8
"""Least correlation of two pictures where they lie over each other best, once their coarse light and shade is taken
out. The least like of the crops has 0.86, the next 0.92; what a glance took for alike and is not, 0.66 at most: a stamp
from two letters, one tape measure from near and far, one snake on one plank photographed twice."""

_GLANCE = Look(24, 0.95)
_CLOSE = Look(80, 0.98)  # fifty times as long, for the few that a glance takes for alike

METHOD = f"2 {PROMISING} {ALIKE} {SMALLEST} {BLUR} {FLOOR} {LEAST_CONTRAST} {_GLANCE} {_CLOSE}"
"""All that decides whether one picture is found in another. Count its first number up where the code says otherwise
than before; what was kept of another method is not used."""

_ROWS = 1024  # photos whose neighbours are sought at a time
_WHOLES = 64  # photos that others are laid over together


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
    work = [list(some) for _, some in groupby(wanted, lambda pair: pair[0])]
    if not work:
        return
    parts = [list(chain.from_iterable(work[at : at + _WHOLES])) for at in range(0, len(work), _WHOLES)]
    found = map_threads(lambda pairs: lie_inside(greys, shapes, np.array(pairs)).tolist(), parts)
    # The products are small and there are many: a library's own threads would cost twice what they do.
    with threadpool_limits(1, "blas"):
        for pairs, inside in zip(parts, track(found, LAYING, len(parts)), strict=True):
            together = groupby(zip(pairs, inside, strict=True), lambda told: told[0][0])
            yield from ((whole, {part: lies for (_, part), lies in told}) for whole, told in together)


LAYING = "laying photos over each other"


def lie_inside(greys: NDArray[np.uint8], shapes: NDArray[np.int32], pairs: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return of each pair (whole, part) whether the part, or its mirror image, lies in the whole: bool `[m]`.

    Args:
        greys: as for `groups`; so are the shapes.
        pairs: int64 `[m, 2]`, rows of `greys`.
    """
    inside = correlations(greys, shapes, pairs, _GLANCE) >= PROMISING
    inside[inside] = correlations(greys, shapes, pairs[inside], _CLOSE) >= ALIKE
    return inside


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
