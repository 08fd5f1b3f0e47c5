"""Fingerprints -> groups of near-duplicates: photos recompressed, resized, mirrored, relit or lightly cropped."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fieldmark.imaging.hashing import DETAIL_SIDE, MIRROR_BITS

Floats = NDArray[np.float32]
Indices = NDArray[np.intp]

# Figures: 426 snakes and 74 bears, altered in the ways of bench/near_duplicates.py, and 200 ImageNet photos as
# strangers; 244,619 unlike pairs.

CLOSE_BITS = 8
"""Hashes that differ by no more are close. 99 in 100 recompressed, resized, mirrored or relit copies differ by at most
7 bits, of the unlike pairs the closest by 12. At 10, and a likeness of 0.90, two teddy bears
on white, both relit, were joined."""

FAR_BITS = 18
"""Hashes that differ by more are not compared further. 97.6 % of copies cropped by 5 % a side stay within 18, and one
unlike pair in 770. At 20 it were 99.6 % and one in 160, and 100,000 photos would take half as long again."""

LIKE_WHEN_CLOSE = 0.92
"""Least likeness of a pair with close hashes. A stamp photographed from two letters, cancelled differently, has 0.939;
the least like of the relit copies with a close hash 0.936."""

LIKE_WHEN_FAR = 0.96
"""Least likeness of a pair within `FAR_BITS`. Two teddy bears that sit alike on white have 0.952, the most of all
unlike pairs; 98.6 % of copies cropped by 5 % a side have 0.96 or more."""

COARSE_LIKENESS = 0.7
"""Least correlation of 8 x 8 thumbnails before the exact comparison, which costs ten times as much. Of the unlike pairs
within `FAR_BITS` 88 % end here; of the copies cropped by 5 % a side none, by 6 % one in 230."""

LEAST_CONTENT = 3.0
"""Least standard deviation of a thumbnail, in levels of 255, once a smooth ramp is taken out. Below it a picture is
blank, a ramp or a vignette: its hash is the sign of noise, or fits any other such picture. The barest of the 500 photos
has 4.9."""

_SIDE = DETAIL_SIDE
_CHUNK = 4096  # pairs compared at a time; 5 KiB each
_ENOUGH = 1 << 18  # candidates collected before they are compared, so that memory stays bounded


def near_duplicate_groups(phashes: Sequence[str], details: Sequence[bytes]) -> list[list[int]]:
    """Group the photos that are copies of each other.

    A group is a hub and the photos that match the hub itself, so that a chain of matches, each a little further off,
    never binds unlike photos. Pictures without content (`LEAST_CONTENT`) are in no group. The groups depend on what is
    given, not on its order. 100,000 photos take about 20 s and 0.4 GB; the time grows with the square of their number.

    Args:
        phashes: `Fingerprint.phash` of each photo.
        details: `Fingerprint.detail` of each photo.

    Returns:
        Indices of the photos of each group: two or more, ascending; groups by their first index.

    Raises:
        ValueError: not as many details as hashes, or one that `fingerprint` does not make.
    """
    copies: defaultdict[tuple[int, bytes], list[int]] = defaultdict(list)
    for index, (phash, detail) in enumerate(zip(phashes, details, strict=True)):
        copies[_checked(phash, detail)].append(index)
    marks = sorted(copies)  # by content, so that the order in which photos are given changes nothing
    thumbnails = np.frombuffer(b"".join(detail for _, detail in marks), np.uint8).reshape(-1, _SIDE, _SIDE)
    kept = [at + node for at in range(0, len(marks), _CHUNK) for node in _with_content(thumbnails[at : at + _CHUNK])]
    hashes = np.array([marks[node][0] for node in kept], np.uint64)
    stars = _stars(len(kept), _matches(hashes, thumbnails[kept]))
    groups = (sorted(index for node in star for index in copies[marks[kept[node]]]) for star in stars)
    return sorted(group for group in groups if len(group) > 1)


@dataclass(frozen=True, slots=True)
class Copy:
    """One photo of a group, as it came: before it was shrunk or encoded anew.

    Attributes:
        id: its name in the catalog.
        width: in pixels.
        height: in pixels.
        n_bytes: size of the file.
    """

    id: str
    width: int
    height: int
    n_bytes: int


def best_copy(copies: Iterable[Copy]) -> Copy:
    """Return the copy to keep of a group: most pixels, then most bytes, then the smallest id.

    Raises:
        ValueError: there are no copies.
    """
    return min(copies, key=lambda copy: (-copy.width * copy.height, -copy.n_bytes, copy.id))


def _checked(phash: str, detail: bytes) -> tuple[int, bytes]:
    if len(phash) != 16 or not set(phash) <= set("0123456789abcdef"):
        raise ValueError(f"A hash is 16 hex digits, small letters; this one is {phash!r}.")
    if len(detail) != _SIDE**2:
        raise ValueError(f"A detail is {_SIDE**2} bytes; this one has {len(detail)}.")
    return int(phash, 16), bytes(detail)


def _with_content(thumbnails: NDArray[np.uint8]) -> list[int]:
    """Places of the thumbnails of which enough is left once the nearest ramp (quadratic in x and y) is taken out."""
    y, x = (axis.ravel() for axis in np.mgrid[-1 : 1 : _SIDE * 1j, -1 : 1 : _SIDE * 1j])
    ramps = np.linalg.qr(np.stack([x**0, x, y, x * x, x * y, y * y], axis=1))[0]
    levels = thumbnails.reshape(-1, _SIDE**2).astype(np.float64)
    rest = levels - (levels @ ramps) @ ramps.T
    return np.flatnonzero(np.sqrt((rest * rest).mean(axis=1)) >= LEAST_CONTENT).tolist()


def _matches(hashes: NDArray[np.uint64], thumbnails: NDArray[np.uint8]) -> Iterator[tuple[int, int]]:
    """Yield the pairs, first smaller than second, that show one photo: as they are or one of them mirrored."""
    fine = np.empty((len(hashes), _SIDE, _SIDE), np.float32)
    coarse = np.empty((len(hashes), _SIDE // 2, _SIDE // 2), np.float32)
    for at in range(0, len(hashes), _CHUNK):
        smooth = _smoothed(thumbnails[at : at + _CHUNK])
        fine[at : at + _CHUNK] = _unit(smooth)
        coarse[at : at + _CHUNK] = _unit(smooth.reshape(-1, _SIDE // 2, 2, _SIDE // 2, 2).mean(axis=(2, 4)))
    for mirrored in (False, True):
        turn = -1 if mirrored else 1
        for first, second, bits in _candidates(hashes, MIRROR_BITS if mirrored else 0):
            for at in range(0, len(first), _CHUNK):
                i, j, apart = first[at : at + _CHUNK], second[at : at + _CHUNK], bits[at : at + _CHUNK]
                promising = _products(coarse[i], coarse[j][:, :, ::turn]) >= COARSE_LIKENESS
                i, j, apart = i[promising], j[promising], apart[promising]
                like = np.maximum(_likeness(fine, i, j, turn), _likeness(fine, j, i, turn))
                match = like >= np.where(apart <= CLOSE_BITS, LIKE_WHEN_CLOSE, LIKE_WHEN_FAR)
                yield from zip(i[match].tolist(), j[match].tolist(), strict=True)


def _candidates(hashes: NDArray[np.uint64], flip: int) -> Iterator[tuple[Indices, Indices, NDArray[np.uint8]]]:
    """Yield pairs within `FAR_BITS`, first ones ascending, with their distance once `flip` is laid over the first."""
    n = len(hashes)
    differing, distance = np.empty(n, np.uint64), np.empty(n, np.uint8)
    first: list[Indices] = []
    second: list[Indices] = []
    apart: list[NDArray[np.uint8]] = []
    waiting = 0
    for i, flipped in enumerate(hashes ^ np.uint64(flip)):
        others = n - i - 1
        np.bitwise_xor(hashes[i + 1 :], flipped, out=differing[:others])
        np.bitwise_count(differing[:others], out=distance[:others])
        near = np.flatnonzero(distance[:others] <= FAR_BITS)
        if len(near):
            first.append(np.full(len(near), i))
            second.append(near + i + 1)
            apart.append(distance[near])
            waiting += len(near)
        if waiting > _ENOUGH or (waiting and i == n - 1):
            yield np.concatenate(first), np.concatenate(second), np.concatenate(apart)
            first, second, apart, waiting = [], [], [], 0


def _smoothed(thumbnails: NDArray[np.uint8]) -> Floats:
    """Blur lightly, 1-2-1 along both axes: the edges of a crop fall between the pixels of the other thumbnail."""
    levels = thumbnails.astype(np.float32)
    for axis in (1, 2):
        wide = np.pad(levels, [(1, 1) if side == axis else (0, 0) for side in range(3)], mode="edge")
        before, here, after = (np.take(wide, np.arange(_SIDE) + step, axis) for step in range(3))
        levels = ((before + 2 * here + after) / 4).astype(np.float32)
    return levels


def _unit(pictures: Floats) -> Floats:
    """Shift and scale each picture to mean 0 and length 1: brightness and contrast no longer matter."""
    centred = pictures - pictures.mean(axis=(1, 2), keepdims=True)
    length = np.sqrt((centred * centred).sum(axis=(1, 2), keepdims=True))
    return np.asarray(centred / np.maximum(length, 1e-6))


def _products(first: Floats, second: Floats) -> Floats:
    return np.asarray(np.einsum("pyx,pyx->p", first, second))


def _likeness(fine: Floats, i: Indices, j: Indices, turn: int) -> Floats:
    """How well pictures `j` are told by pictures `i`, shifted and stretched a little along each axis: 0 to 1.

    The length of the unit picture `j` within the space that picture `i` and its derivatives span, one for each way in
    which a crop moves it: the one-sided tangent distance of Simard et al., 1993, as a cosine.
    """
    which, place = np.unique(i, return_inverse=True)
    spaces, upright = _tangent_spaces(fine[which])
    products = spaces[place] @ fine[j][:, :, ::turn].reshape(-1, _SIDE**2, 1)
    told = upright[place] @ products
    return np.asarray(np.sqrt((told * told).sum(axis=(1, 2))))


def _tangent_spaces(pictures: Floats) -> tuple[Floats, Floats]:
    """Return what spans each picture, its shifts and its stretches, and what makes that orthonormal.

    Returns:
        Unit rows `[n, 5, 256]`, and matrices `[n, 5, 5]` whose product with the rows is orthonormal.
    """
    along_y, along_x = (np.asarray(np.gradient(pictures, axis=axis), np.float32) for axis in (1, 2))
    from_centre = np.linspace(-1, 1, _SIDE, dtype=np.float32)
    moves = [pictures, along_x, along_x * from_centre, along_y, along_y * from_centre[:, None]]
    rows = np.stack([_unit(move).reshape(-1, _SIDE**2) for move in moves], axis=1)
    # The ridge keeps a picture that does not change along one axis from being told by rounding.
    angles = rows @ rows.transpose(0, 2, 1) + 1e-4 * np.eye(len(moves), dtype=np.float32)
    return rows, np.asarray(np.linalg.inv(np.linalg.cholesky(angles)))


def _stars(n: int, pairs: Iterable[tuple[int, int]]) -> Iterator[list[int]]:
    """Split nodes 0 to n - 1 into hubs and their neighbours: again and again the node with most neighbours left."""
    neighbours: list[set[int]] = [set() for _ in range(n)]
    for i, j in pairs:
        neighbours[i].add(j)
        neighbours[j].add(i)
    queue = [(-len(others), node) for node, others in enumerate(neighbours)]
    heapq.heapify(queue)
    taken: set[int] = set()
    while queue:
        promised, hub = heapq.heappop(queue)
        if hub in taken:
            continue
        left = neighbours[hub] - taken
        if len(left) < -promised:  # some of its neighbours have gone to another hub since
            heapq.heappush(queue, (-len(left), hub))
            continue
        yield [hub, *left]
        taken |= {hub, *left}
