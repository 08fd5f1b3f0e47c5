"""Pairs of small grey pictures -> how well one lies over the other, at its best place and size, mirrored or not.

The normalised cross-correlation of Lewis, "Fast Template Matching", 1995, over sizes from all of the whole down to
`SMALLEST`, without what a Gaussian blur leaves of either. All pairs that need one size are worked out together: their
products are so small that one by one most of the time would go into asking for them.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft2, rfft2

Floats = NDArray[np.float32]

SMALLEST = 0.5
"""Part of the other picture's sides that a crop keeps at least, when it is found here."""

BLUR = 3.0
"""Standard deviation in pixels of what counts as coarse light and shade."""

FLOOR = 0.3
"""Of the whole picture's contrast; a part with less is sky or wall, and its correlation noise."""

LEAST_CONTRAST = 2.0
"""Levels of 255 that are left once light and shade is out; less is a blank picture."""

_AT_ONCE = 2**20  # pixels: what is in hand together, some ten arrays of so many


@dataclass(frozen=True)
class Look:
    """How closely pictures are compared: side of the whole in pixels, and what each size is of the one before."""

    side: int
    step: float


def correlations(greys: NDArray[np.uint8], shapes: NDArray[np.int32], pairs: NDArray[np.int64], look: Look) -> Floats:
    """Lay the second of each pair over the first, and return their best correlation: float32 `[m]`, 0 to 1.

    Args:
        greys: uint8 `[n, side, side]`, pictures squeezed to squares.
        shapes: int32 `[n, 2]`, their heights and widths.
        pairs: int64 `[m, 2]`, rows of `greys`: the whole, and the part sought in it.
        look: how closely.
    """
    aspects = shapes[:, 1] / shapes[:, 0]
    at_size: dict[tuple[int, int], list[int]] = defaultdict(list)
    for row, wider in enumerate((aspects[pairs[:, 1]] / aspects[pairs[:, 0]]).tolist()):
        for size in _sizes(wider, look):
            at_size[size].append(row)
    numbers, whole_of = np.unique(pairs[:, 0], return_inverse=True)
    wholes = _Wholes(greys[numbers], look.side)
    best = np.zeros(len(pairs), np.float32)
    for size, rows in at_size.items():
        for some in np.array_split(rows, -(-len(rows) * look.side**2 // _AT_ONCE)):
            found = wholes.laid_over(whole_of[some], greys, pairs[some, 1], size)
            best[some] = np.maximum(best[some], found)
    return best


class _Wholes:
    """Pictures that others are laid over: their spectra, and sums by which any part of one is brought to length 1."""

    def __init__(self, greys: NDArray[np.uint8], side: int) -> None:
        pictures = _details(greys, side, side)
        self.side = side
        self.contrast = pictures.std(axis=(1, 2))
        self.spectra = rfft2(pictures), rfft2(pictures[:, :, ::-1])  # of each and of its mirror image
        self.sums = _integral(pictures), _integral(pictures * pictures)

    def laid_over(
        self, chosen: NDArray[np.int64], greys: NDArray[np.uint8], parts: NDArray[np.int64], size: tuple[int, int]
    ) -> Floats:
        """Return the best correlation of some parts, made `size` large, with as many chosen pictures: float32 `[m]`."""
        (height, width), side = size, self.side
        numbers, part_of = np.unique(parts, return_inverse=True)
        details = _details(greys[numbers], height, width)
        contrast = details.std(axis=(1, 2))  # its mean is out
        laid = np.zeros((len(numbers), side, side), np.float32)
        laid[:, :height, :width] = details / (np.maximum(contrast, 1e-6) * (height * width) ** 0.5)[:, None, None]
        products = rfft2(laid).conj()[part_of]
        lengths = self._lengths(chosen, height, width)
        best = np.zeros(len(chosen), np.float32)
        for spectra, under in zip(self.spectra, (lengths, lengths[:, :, ::-1]), strict=True):
            at = irfft2(spectra[chosen] * products, (side, side))
            fits = at[:, : side - height + 1, : side - width + 1] / under
            best = np.maximum(best, fits.max(axis=(1, 2)))
        best[(contrast[part_of] < LEAST_CONTRAST) | (self.contrast[chosen] < LEAST_CONTRAST)] = 0
        return best

    def _lengths(self, chosen: NDArray[np.int64], height: int, width: int) -> Floats:
        """Length of what lies under a part of this size, its mean taken out, at every place of each picture."""
        total, squares = (_over_windows(sums[chosen], height, width) for sums in self.sums)
        n = height * width
        least = ((FLOOR * self.contrast[chosen]) ** 2 * n)[:, None, None]
        return np.asarray(np.sqrt(np.maximum(squares - total * total / n, least)), np.float32)


@lru_cache(maxsize=1024)
def _sizes(wider: float, look: Look) -> list[tuple[int, int]]:
    """Heights and widths in pixels at which a part may lie in the whole, the largest first."""
    # Of parts of the whole's sides, width over height is `wider` whatever the size, for a crop stretches nothing.
    largest = min(wider, 1 / wider) ** 0.5
    steps = range(max(1, int(np.log(SMALLEST / largest) / np.log(look.step)) + 1))
    sides = (largest * look.step**step for step in steps)
    found = {(round(look.side * side / wider**0.5), round(look.side * side * wider**0.5)) for side in sides}
    return sorted(((max(4, height), max(4, width)) for height, width in found), reverse=True)


def _details(greys: NDArray[np.uint8], height: int, width: int) -> Floats:
    """Shrink pictures and take their mean and their coarse light and shade out: float32 `[n, height, width]`."""
    side = greys.shape[1]
    small = _shrink(height, side) @ greys.astype(np.float32) @ _shrink(width, side).T
    fine = small - _blur(height) @ small @ _blur(width).T
    return np.asarray(fine - fine.mean(axis=(1, 2), keepdims=True), np.float32)


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
    weights = np.exp(-0.5 * ((places - places[:, None]) / BLUR) ** 2)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def _over_windows(sums: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
    """Return the sum over every window of a size, from what `_integral` returned."""
    low, high = sums[:, :-height], sums[:, height:]
    return high[:, :, width:] - low[:, :, width:] - high[:, :, :-width] + low[:, :, :-width]


def _integral(pictures: Floats) -> NDArray[np.float64]:
    """Return for every place the sum of all that lies above it and to its left."""
    sums = np.zeros((len(pictures), pictures.shape[1] + 1, pictures.shape[2] + 1))
    sums[:, 1:, 1:] = pictures.astype(np.float64).cumsum(axis=1).cumsum(axis=2)
    return sums
