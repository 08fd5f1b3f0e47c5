"""A part of a picture, as numbers: the file stays as it is, and whoever reads it sees the part alone."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Self

import numpy as np

from fieldmark.imaging.decode import Pixels

LEAST = 0.02
"""Part of a side that a crop has at least."""


@dataclass(frozen=True)
class Crop:
    """A rectangle in parts of the upright picture's sides, from 0 to 1: where it begins and where it ends."""

    left: float
    top: float
    right: float
    bottom: float

    def __post_init__(self) -> None:
        inside = self.left >= 0 and self.right <= 1 and self.top >= 0 and self.bottom <= 1  # no NaN passes this
        if not (inside and self.right - self.left >= LEAST and self.bottom - self.top >= LEAST):
            raise ValueError(
                f"a crop is four numbers from 0 to 1: left, top, right, bottom; given were {astuple(self)}"
            )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `left,top,right,bottom`. Raises ValueError with a sentence."""
        parts = text.split(",")
        if len(parts) != 4:
            raise ValueError(f"a crop is four numbers from 0 to 1: left, top, right, bottom; given was {text[:60]!r}")
        return cls(*(float(part) for part in parts))

    def __str__(self) -> str:
        return ",".join(f"{round(number, 4):g}" for number in astuple(self))

    def of(self, pixels: Pixels) -> Pixels:
        """Cut the part out of uint8 `[height, width, 3]`; at least one pixel is left."""
        height, width = pixels.shape[:2]
        top, bottom = _pixels(self.top, self.bottom, height)
        left, right = _pixels(self.left, self.right, width)
        return np.ascontiguousarray(pixels[top:bottom, left:right])


def _pixels(begin: float, end: float, length: int) -> tuple[int, int]:
    first = min(round(begin * length), length - 1)
    return first, max(first + 1, round(end * length))
