"""Pixels -> a small JPEG, for reports and pages."""

from __future__ import annotations

import base64
import io

from PIL import Image

from fieldmark.imaging.decode import MAX_PIXELS, Pixels, opened, to_rgb, upright


def thumbnail(pixels: Pixels, longest: int = 256, quality: int = 80) -> bytes:
    """Shrink a picture, never enlarging it, and encode it as JPEG.

    Args:
        pixels: uint8 `[height, width, 3]`, sRGB.
        longest: length of the longer side of the result, in pixels.
        quality: JPEG quality, 1 to 95.
    """
    return _small_jpeg(Image.fromarray(pixels), longest, quality)


def thumbnail_of(data: bytes, longest: int = 256, quality: int = 80) -> bytes:
    """Make a thumbnail of a picture file; of a JPEG no more is decoded than that takes. Raises NotAPhoto."""
    with opened(data, MAX_PIXELS) as image:
        image.draft(None, (longest, longest))
        return _small_jpeg(to_rgb(upright(image)), longest, quality)


def _small_jpeg(image: Image.Image, longest: int, quality: int) -> bytes:
    image.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, optimize=True)
    return buffer.getvalue()


def data_uri(jpeg: bytes) -> str:
    """Return JPEG bytes as a `data:` URI, for a page that asks nobody for its pictures."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii")
