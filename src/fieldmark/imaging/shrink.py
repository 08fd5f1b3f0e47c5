"""Bytes of a photo -> a small upright sRGB JPEG, in a third of the CPU that decoding the whole of it takes."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from fieldmark.errors import BadShape, TooManyPixels, TooSmall
from fieldmark.imaging.decode import MAX_PIXELS, Pixels, keeps_colours, opened, to_rgb, turn_of

QUALITY = 90
"""JPEG quality of what we write."""

_WIDEST = 65_500  # what libjpeg writes at most, in pixels

_SIDEWAYS = {
    Image.Transpose.TRANSPOSE,
    Image.Transpose.ROTATE_270,
    Image.Transpose.TRANSVERSE,
    Image.Transpose.ROTATE_90,
}

# These can be resized before their colours are converted, which then costs the less.
_PLAIN = ("RGB", "L", "CMYK")

# 1-2 megapixels to 500 px, against full decoding and LANCZOS: 40.3 dB and 11.4 ms with LANCZOS, 39.2 dB and 9.5 ms with
# BICUBIC, 37.7 dB and 7.3 ms with HAMMING; full decoding 21.1 ms. Writing the result as JPEG at QUALITY costs as much
# (38.0 dB), so nobody can see the difference that two milliseconds a photo would buy.
_FILTER = Image.Resampling.HAMMING


@dataclass(frozen=True)
class Shrunk:
    """A photo as we keep it.

    Attributes:
        jpeg: the file.
        image: 8-bit RGB, sRGB: what `jpeg` was encoded from, or decodes to where it is as it came.
        width, height: the original's, upright.
    """

    jpeg: bytes
    image: Image.Image
    width: int
    height: int

    @property
    def pixels(self) -> Pixels:
        """The same as uint8 `[height, width, 3]`."""
        return np.array(self.image, dtype=np.uint8)


def shrink(
    data: bytes,
    longer: int,
    *,
    pad: bool = False,
    min_side: int = 128,
    max_aspect: float = 5.0,
    max_pixels: int = MAX_PIXELS,
) -> Shrunk:
    """Shrink a photo, by the rules of `decode` for what a picture is, which way is up and what its colours mean.

    A large JPEG is decoded at 1/2, 1/4 or 1/8 of its size, which its format allows for, and then resized. An upright
    sRGB or grey JPEG that is small enough already keeps its bytes.

    Args:
        data: the bytes of one picture file.
        longer: pixels of the longer side at most; smaller photos are never enlarged. 0 keeps the size.
        pad: centre the photo on a white square, whose side is `longer` (or the photo's own with `longer=0`).
        min_side: refuse photos with a shorter side than this.
        max_aspect: refuse photos whose one side is more than so many times the other.
        max_pixels: refuse photos of more pixels.

    Raises:
        TooManyPixels, TooSmall, BadShape: by the header, before anything is decoded.
        NotAPhoto: the bytes are no picture, or not a whole one.
    """
    with opened(data, max_pixels) as image:
        whole = image.size
        _judge(*whole, min_side, max_aspect)
        drafted = image.draft(None, _fit(whole, longer)) is not None  # JPEG alone can
        image.load()
        if not drafted:
            whole = image.size  # Pillow turns TIFF, AVIF and HEIC as they load
        turn = turn_of(image)
        size = _fit(whole, longer)
        if max(size) > _WIDEST:
            raise TooManyPixels(f"{size[0]} x {size[1]} pixels: a JPEG holds at most {_WIDEST} a side")
        untouched = not pad and size == whole and turn is None and image.format == "JPEG" and keeps_colours(image)
        small = _resize(image, size)
        upright = small if turn is None else small.transpose(turn)
    if pad:
        upright = _on_square(upright, longer or max(upright.size))
    width, height = whole[::-1] if turn in _SIDEWAYS else whole
    return Shrunk(data if untouched else _encode(upright), upright, width, height)


def _judge(width: int, height: int, min_side: int, max_aspect: float) -> None:
    shorter, longer = sorted((width, height))
    if shorter < min_side:
        raise TooSmall(f"{width} x {height} pixels: the shorter side has fewer than {min_side}")
    if longer > shorter * max_aspect:
        raise BadShape(f"{width} x {height} pixels: one side is more than {max_aspect:g} times the other")


def _fit(size: tuple[int, int], longer: int) -> tuple[int, int]:
    """Return the size with the longer side at most `longer`, and no side of 0."""
    width, height = size
    if longer <= 0 or max(size) <= longer:
        return size
    scale = longer / max(size)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _resize(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Bring a picture to `size` and 8-bit sRGB."""
    if image.mode not in _PLAIN or image.has_transparency_data:
        image = to_rgb(image)
    small = image if image.size == size else image.resize(size, _FILTER, reducing_gap=2.0)
    return to_rgb(small)


def _on_square(image: Image.Image, side: int) -> Image.Image:
    square = Image.new("RGB", (side, side), "white")
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return square


def as_jpeg(pixels: Pixels) -> bytes:
    """Encode uint8 `[height, width, 3]` as the photos that we keep are encoded."""
    return _encode(Image.fromarray(pixels))


def _encode(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()
