"""A model and a photo -> where the model looked: covered part by part, and what the answer loses by it.

Occlusion sensitivity (Zeiler and Fergus, 2014). It asks nothing of a model but its answers, so that a network being
trained and a model file are judged alike; and what it says of a part is true by itself: covered, the answer changed so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fieldmark.imaging.decode import Pixels
from fieldmark.imaging.veil import shrink

Answer = Callable[[Sequence[Pixels]], NDArray[np.float64]]
"""Photos uint8 `[height, width, 3]`, of one size -> probabilities `[n, classes]`."""

GRID = 5
"""Cells a side. 36 covers a photo: finer ones cost more than they show of a snake that fills a third of it."""

COVER = 2
"""Cells a side of what is covered at a time. Covers overlap by half, and hang over the rim, so that every cell is under
as many: else what lies near the rim would be laid to the rim."""

LONGEST = 1024
"""Pixels of the longer side that a large photo is shrunk to first, so that covering it 36 times takes no minute."""

CERTAIN = 1e-6  # probabilities are kept this far from 0 and 1, where float32 has nothing finer to say
LEAST = 0.1  # log-odds below which no part is said to have mattered: 0.500 would become 0.475
ROWS, COLUMNS = ("upper", "middle", "lower"), ("left", "centre", "right")


@dataclass(frozen=True)
class Look:
    """Where a model looked in one photo to give it one class.

    Attributes:
        heat: float64 `[GRID, GRID]`, 0 to 1: how much of the log-odds of the class covering a part takes away, as a
            share of the most that any part takes; nothing but zeros where no part takes any.
        before: probability of the class, for the photo as it is.
        after: the same with that part covered which takes most; None where no part takes any.
    """

    heat: NDArray[np.float64]
    before: float
    after: float | None

    @property
    def place(self) -> str:
        """Where the part is that matters most, in words."""
        y, x = np.unravel_index(int(self.heat.argmax()), self.heat.shape)
        row, column = (names[3 * (2 * int(at) + 1) // (2 * GRID)] for names, at in ((ROWS, y), (COLUMNS, x)))
        return {"middle centre": "centre"}.get(f"{row} {column}", f"{row} {column}")


def look(answer: Answer, pixels: Pixels, label: int) -> Look:
    """Find the parts of a photo that speak for a class.

    Args:
        answer: the model.
        pixels: uint8 `[height, width, 3]`.
        label: index of the class.
    """
    small = shrink(pixels, LONGEST)
    corners = [(y, x) for y in range(1 - COVER, GRID) for x in range(1 - COVER, GRID)]
    # The photo's mean colour adds nothing and little of an edge.
    colour = small.mean(axis=(0, 1)).round().astype(np.uint8)
    said = answer([small, *(_cover(small, *corner, colour) for corner in corners)])[:, label]
    sure = np.clip(said.astype(np.float64), CERTAIN, 1 - CERTAIN)
    odds = np.log(sure) - np.log1p(-sure)
    drops = odds[0] - odds[1:]
    total = np.zeros((GRID, GRID))
    for (y, x), drop in zip(corners, drops, strict=True):
        total[max(y, 0) : y + COVER, max(x, 0) : x + COVER] += drop
    heat = np.maximum(total, 0)
    if drops.max() < LEAST or heat.max() <= 0:
        return Look(np.zeros_like(heat), float(said[0]), None)
    return Look(heat / heat.max(), float(said[0]), float(said[1:][drops.argmax()]))


def _cover(pixels: Pixels, y: int, x: int, colour: NDArray[np.uint8]) -> Pixels:
    """Paint the cells from (y, x) on in one colour, uint8 `[3]`."""
    height, width = pixels.shape[:2]
    top, bottom = (round(edge * height / GRID) for edge in (max(y, 0), y + COVER))
    left, right = (round(edge * width / GRID) for edge in (max(x, 0), x + COVER))
    covered = pixels.copy()
    covered[top:bottom, left:right] = colour
    return covered
