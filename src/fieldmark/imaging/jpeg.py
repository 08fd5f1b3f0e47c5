"""The bytes of a plain JPEG -> its pixels, without a detour.

Pillow decodes into pixels of four bytes, copies them, and packs them into three. `simplejpeg` has the same library,
libjpeg-turbo, decode into three at once, which takes half of the time and gives the very same levels. What is not
plain, or damaged in any way, is left to Pillow, which says what is wrong with it.
"""

from __future__ import annotations

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image


def is_plain(image: Image.Image) -> bool:
    """Return whether a picture that Pillow has opened is a JPEG in colour, without a profile to follow."""
    return image.format in ("JPEG", "MPO") and image.mode == "RGB" and not image.info.get("icc_profile")


def pixels_of(data: bytes, size: tuple[int, int]) -> NDArray[np.uint8] | None:
    """Decode a JPEG in colour.

    Args:
        data: the whole file.
        size: width and height, as they were judged; they are not to be others now.

    Returns:
        uint8 array of shape `[height, width, 3]`, or None where even a warning was given.
    """
    try:
        height, width, _, _ = simplejpeg.decode_jpeg_header(data)
        if (width, height) != size:
            return None
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(data, "RGB")
    except (ValueError, KeyError, RuntimeError):  # KeyError: colours that it has no name for
        return None
    return pixels
