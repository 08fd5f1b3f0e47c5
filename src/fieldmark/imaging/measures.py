"""Bytes of a photo -> what measuring alone can say of it: size, light, sharpness, plainness, frame, fingerprint."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fieldmark.imaging.crop import Crop
from fieldmark.imaging.decode import MAX_PIXELS, opened, to_rgb, turn_of
from fieldmark.imaging.hashing import Fingerprint, fingerprint

SIDE = 512
"""Pixels of the longer side at which photos are measured, so that sharpness means the same for all. Smaller photos are
not enlarged."""

_FAR = 4  # pixels over which the whole of an edge is measured; a sharp one is over after one
# Percentile of all changes that stands for the steepest. At 99 the least of 751 sharp photos has 0.24, less than
# blurred ones (a squash on white has few edges); at 99.8 the least has 0.32, and those blurred by 2 pixels up to 0.29.
_STEEPEST = 99.8

_CELL = 8  # pixels of the side of a cell, the unit in which plainness is measured; that of JPEG's blocks
_PLAIN_CELL = 12  # levels that a plain cell may span; JPEG of quality 50 beside text makes 10 of nothing

_NEAR = 14  # levels by which a pixel may differ from the ground in each channel and belong to it

_FRAME = 24  # levels that a line of a frame may span, and differ from the outermost line

_SIDEWAYS = {
    Image.Transpose.TRANSPOSE,
    Image.Transpose.ROTATE_270,
    Image.Transpose.TRANSVERSE,
    Image.Transpose.ROTATE_90,
}

# The luminance table of the JPEG standard (ITU-T T.81, table K.1), row by row, which nearly every encoder scales.
_TABLE = (
    *(16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56),
    *(14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92),
    *(49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99),
)

Grey = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Measures:
    """What one decoding of a photo tells. Levels run from 0, black, to 255, white; shares from 0 to 1.

    Attributes:
        width, height: upright, in pixels.
        n_bytes: size of the file.
        dark_end, middle, bright_end: levels of grey below which 5, 50 and 99 % of the pixels lie.
        contrast: standard deviation of the levels of grey.
        sharpness: how much of the steepest edges happens within one pixel, of what happens within four: 0.25 of soft
            ramps, 1 of steps. It does not hang on contrast.
        entropy: of the histogram of grey, in bits, 0 to 8.
        content: standard deviation of what is left, in levels, once noise and the nearest smooth ramp are taken out of
            the channel in which most is left.
        ground: share of the pixels that have the commonest colour, or nearly.
        plain: share of the cells of 8 x 8 pixels that have one colour.
        colours: how many of 4,096 colours it takes to cover 98 % of the pixels.
        quality: of a JPEG, as its encoder counts, 1 to 100; None for other formats.
        border: plain lines at the left, top, right and bottom, as shares of the width and height.
        border_level: level of grey of these lines; None where there are none.
        fingerprint: by which copies find each other.
    """

    width: int
    height: int
    n_bytes: int
    dark_end: float
    middle: float
    bright_end: float
    contrast: float
    sharpness: float
    entropy: float
    content: float
    ground: float
    plain: float
    colours: int
    quality: int | None
    border: tuple[float, float, float, float]
    border_level: float | None
    fingerprint: Fingerprint

    @property
    def aspect(self) -> float:
        """How many times the longer side is as long as the shorter one."""
        return max(self.width, self.height) / min(self.width, self.height)


def measure(data: bytes, crop: Crop | None = None) -> Measures:
    """Measure a photo, by the rules of `decode` for what a picture is, which way is up and what its colours mean.

    A large JPEG is decoded at 1/2, 1/4 or 1/8 of its size: of 43 bears that changes `sharpness` by 0.005 in the mean
    and by 0.027 at most, and a bit of two hashes. One of which a part counts is decoded whole.

    Args:
        data: the bytes of one picture file.
        crop: the part of it that counts; None for all of it.

    Raises:
        NotAPhoto: the bytes are no picture, or not a whole one.
    """
    with opened(data, MAX_PIXELS) as image:
        whole, quality = image.size, _jpeg_quality(image)
        drafted = crop is None and image.draft(None, (SIDE, SIDE)) is not None  # JPEG alone can
        image.load()
        if not drafted:
            whole = image.size  # Pillow turns TIFF, AVIF and HEIC as they load
        turn = turn_of(image)
        picture = to_rgb(image)
    picture = picture if turn is None else picture.transpose(turn)
    width, height = whole[::-1] if turn in _SIDEWAYS else whole
    if crop is not None:
        picture = Image.fromarray(crop.of(np.asarray(picture)))
        width, height = picture.size
    mark = fingerprint(picture)
    picture.thumbnail((SIDE, SIDE), Image.Resampling.HAMMING)
    return _of_picture(picture, width, height, len(data), quality, mark)


def _of_picture(
    picture: Image.Image, width: int, height: int, n_bytes: int, quality: int | None, mark: Fingerprint
) -> Measures:
    pixels, grey = np.asarray(picture), np.asarray(picture.convert("L"))
    histogram = np.bincount(grey.ravel(), minlength=256) / grey.size
    dark_end, middle, bright_end = np.searchsorted(np.cumsum(histogram), (0.05, 0.5, 0.99))
    filled = histogram[histogram > 0]
    ground, colours = _colours(pixels)
    border, border_level = _border(grey)
    return Measures(
        width=width,
        height=height,
        n_bytes=n_bytes,
        dark_end=float(dark_end),
        middle=float(middle),
        bright_end=float(bright_end),
        contrast=float(grey.std()),
        sharpness=_sharpness(grey.astype(np.int16)),
        entropy=float(-(filled * np.log2(filled)).sum()) + 0.0,
        content=_content(picture),
        ground=ground,
        plain=_plain(grey),
        colours=colours,
        quality=quality,
        border=border,
        border_level=border_level,
        fingerprint=mark,
    )


def _jpeg_quality(image: Image.Image) -> int | None:
    """Undo the scaling of the standard table by which libjpeg turns a quality into a table."""
    tables = getattr(image, "quantization", None)
    if not tables:
        return None
    table = np.array(tables[min(tables)], np.float64)
    if table.size != len(_TABLE):
        return None
    below = table < 255  # where the scaled table is cut off, it says nothing of the scale
    scale = 100 * float(np.mean((table / np.array(_TABLE))[below])) if below.any() else 5000.0
    quality = 100 - scale / 2 if scale <= 100 else 5000 / scale
    return int(np.clip(round(quality), 1, 100))


def _sharpness(grey: Grey) -> float:
    """Compare the steepest one-pixel steps with the steepest changes over `_FAR` pixels, along both axes."""
    near, far = _steepest(grey, 1), _steepest(grey, _FAR)
    return near / far if far > 0 else 0.0


def _steepest(grey: Grey, apart: int) -> float:
    """Return the change over so many pixels that few places surpass; what goes on in plain areas has no say."""
    changes = [
        np.abs(grey[:, apart:] - grey[:, :-apart]).ravel(),
        np.abs(grey[apart:] - grey[:-apart]).ravel(),
    ]
    both = np.concatenate(changes)
    return float(np.percentile(both, _STEEPEST)) if both.size else 0.0


def _content(picture: Image.Image) -> float:
    """Take noise out by shrinking to 32 x 32, and what a quadratic in x and y tells by least squares."""
    small = np.asarray(picture.resize((32, 32), Image.Resampling.BOX), np.float64).reshape(-1, 3)
    y, x = (axis.ravel() for axis in np.mgrid[-1:1:32j, -1:1:32j])
    ramps = np.linalg.qr(np.stack([x**0, x, y, x * x, x * y, y * y], axis=1))[0]
    rest = small - ramps @ (ramps.T @ small)
    return float(np.sqrt((rest * rest).mean(axis=0)).max())


def _colours(pixels: NDArray[np.uint8]) -> tuple[float, int]:
    """Return the share of the commonest colour, and the number of colours that cover 98 %."""
    coarse = (pixels >> 4).astype(np.int32)
    codes = (coarse[..., 0] << 8 | coarse[..., 1] << 4 | coarse[..., 2]).ravel()
    counts = np.bincount(codes, minlength=4096)
    flat = pixels.reshape(-1, 3)
    ground = flat[codes == counts.argmax()].mean(axis=0).round().astype(np.int16)
    near = (np.abs(flat - ground) <= _NEAR).all(axis=1)
    covered = np.cumsum(np.sort(counts)[::-1])
    return float(near.mean()), int(np.searchsorted(covered, 0.98 * len(flat))) + 1


def _plain(grey: NDArray[np.uint8]) -> float:
    height, width = (side // _CELL * _CELL for side in grey.shape)
    if not height or not width:
        return 1.0
    cells = grey[:height, :width].reshape(height // _CELL, _CELL, width // _CELL, _CELL)
    spans = cells.max(axis=(1, 3)) - cells.min(axis=(1, 3))
    return float((spans <= _PLAIN_CELL).mean())


def _border(grey: NDArray[np.uint8]) -> tuple[tuple[float, float, float, float], float | None]:
    """Count plain lines of one level from each side inwards. A picture that is plain all over has no border."""
    left, top, right, bottom = (_plain_lines(view) for view in (grey.T, grey, grey.T[::-1], grey[::-1]))
    height, width = grey.shape
    if left >= width or top >= height:
        return (0.0, 0.0, 0.0, 0.0), None
    lines = [grey[:, :left], grey[:top], grey[:, width - right :], grey[height - bottom :]]
    levels = np.concatenate([part.ravel() for part in lines])
    return (
        (left / width, top / height, right / width, bottom / height),
        float(np.median(levels)) if levels.size else None,
    )


def _plain_lines(lines: NDArray[np.uint8]) -> int:
    """How many rows from the first one on hold one level, that of the first."""
    first = float(np.median(lines[0]))
    off = np.maximum(lines.max(axis=1) - first, first - lines.min(axis=1))
    beyond = np.flatnonzero(off > _FRAME)
    return int(beyond[0]) if len(beyond) else len(lines)
