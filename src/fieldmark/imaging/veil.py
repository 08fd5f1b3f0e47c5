"""A photo and a coarse map of what mattered in it -> the photo, dark where nothing did."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fieldmark.imaging.decode import Pixels

DARKEST = 0.4
"""What is left of the light where the map is 0: little enough to be told, enough to see what was left out."""


def veil(pixels: Pixels, heat: NDArray[np.float64]) -> Pixels:
    """Darken a photo where a map is low, smoothly between its cells.

    Args:
        pixels: uint8 `[height, width, 3]`.
        heat: `[rows, columns]`, 0 to 1, laid over the whole photo.
    """
    height, width = pixels.shape[:2]
    smooth = Image.fromarray(heat.astype(np.float32)).resize((width, height), Image.Resampling.BICUBIC)
    light = DARKEST + (1 - DARKEST) * np.clip(np.asarray(smooth), 0, 1)
    veiled: Pixels = (pixels * light[:, :, None]).round().astype(np.uint8)
    return veiled


def shrink(pixels: Pixels, longest: int) -> Pixels:
    """Shrink a picture so that its longer side has at most `longest` pixels; never enlarge it."""
    image = Image.fromarray(pixels)
    image.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    return np.array(image)  # of its own: torch warns of memory that it may not write to
