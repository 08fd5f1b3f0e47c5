"""Pictures as cameras, phones and the web really make them: the same painted snakes in every awkward form.

`pictures()` maps a name to the bytes of a file; what the name ends in may be a lie. All are painted, and the same each
time. `ruins()` are files that hold no picture, or not all of one.
`UNKNOWN_TO_BROWSERS` are those that Python reads and Chromium does not.
"""

from __future__ import annotations

import io
import struct
import zlib
from functools import cache

import numpy as np
from PIL import ExifTags, Image

from fieldmark.demo.paint import paint_snake
from support import icc_profiles as icc

Awkward = dict[str, bytes]

UNKNOWN_TO_BROWSERS = ("tiff.tif", "jpeg-2000.jp2")


@cache
def pictures() -> Awkward:
    """Make them all; it takes a second or two."""
    return {**_turned(), **_transparent(), **_modes(), **_shapes(), **_containers()}


@cache
def ruins() -> Awkward:
    """Make what nobody should answer: pictures cut in half or short of their last bytes, and what never was one."""
    whole = ("exif-1.jpg", "progressive.jpg", "interlaced.png", "palette.png", "exif-1.webp", "avif.avif", "bitmap.bmp")
    halves = {f"half-{name}": pictures()[name][: len(pictures()[name]) // 2] for name in whole}
    return {
        **halves,
        "without-its-end.jpg": pictures()["exif-1.jpg"][:-2],
        "words.jpg": b"no picture",
        "empty.png": b"",
    }


@cache
def _snake(kind: str = "coral", width: int = 360, height: int = 250) -> Image.Image:
    """A snake with a heavy dark frame at two sides, so that a turn that was missed changes the answer."""
    pixels = paint_snake(kind, np.random.default_rng(7), (width, height)).copy()
    pixels[: height // 8] = (20, 30, 120)
    pixels[:, : width // 10] = (230, 220, 40)
    return Image.fromarray(pixels)


def _encode(image: Image.Image, format_: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_, **options)
    return buffer.getvalue()


def _turned() -> Awkward:
    """EXIF orientations in JPEG, PNG and WebP; the pixels themselves are the same each time."""
    photos = {f"exif-{n}.jpg": _encode(_snake(), "JPEG", quality=92, exif=_exif(n)) for n in range(1, 9)}
    webps = {f"exif-{n}.webp": _encode(_snake(), "WEBP", quality=92, exif=_exif(n)) for n in range(1, 9)}
    return {**photos, **webps, "exif-6.png": _encode(_snake(), "PNG", exif=_exif(6))}


def _exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return exif


def _transparent() -> Awkward:
    """Alpha in every way: a gradient, grey with alpha, a palette with a clear colour, nothing but clear."""
    width, height = _snake().size
    gradient = Image.fromarray(np.tile(np.linspace(0, 255, width, dtype=np.uint8), (height, 1)))
    through = _snake().copy()
    through.putalpha(gradient)
    grey = Image.merge("LA", (_snake().convert("L"), gradient))
    palette = _snake().quantize(32)
    return {
        "alpha.png": _encode(through, "PNG"),
        "alpha.webp": _encode(through, "WEBP", lossless=True, exact=True),
        "grey-alpha.png": _encode(grey, "PNG"),
        "palette-clear.png": _encode(palette, "PNG", transparency=3),
        "palette-clear.gif": _encode(palette, "GIF", transparency=3),
        "nothing-to-see.png": _encode(Image.new("RGBA", (200, 150), (10, 200, 30, 0)), "PNG"),
    }


def _modes() -> Awkward:
    """Colours other than 8-bit RGB."""
    snake = _snake()
    through = snake.copy()
    through.putalpha(snake.convert("L"))
    deep, grey, clear = (np.asarray(image).astype(">u2") * 257 for image in (snake, snake.convert("L"), through))
    return {
        "cmyk.jpg": _encode(snake.convert("CMYK"), "JPEG", quality=92),
        "grey.jpg": _encode(snake.convert("L"), "JPEG", quality=92),
        "grey.png": _encode(snake.convert("L"), "PNG"),
        "black-and-white.png": _encode(snake.convert("1"), "PNG"),
        "palette.png": _encode(snake.quantize(64), "PNG"),
        "16-bit.png": _png(snake.size, deep, bits=16),
        "16-bit-grey.png": _png(snake.size, grey, bits=16),
        "16-bit-alpha.png": _png(snake.size, clear, bits=16),
        "display-p3.jpg": _encode(snake, "JPEG", quality=92, icc_profile=icc.display_p3()),
        "srgb.jpg": _encode(snake, "JPEG", quality=92, icc_profile=icc.srgb()),
    }


def _shapes() -> Awkward:
    """As small, as long and as large as they come."""
    return {
        "1x1.png": _encode(Image.new("RGB", (1, 1), (200, 30, 40)), "PNG"),
        "1x5000.png": _encode(_snake("king").resize((1, 5000)), "PNG"),
        "5000x1.png": _encode(_snake("king").resize((5000, 1)), "PNG"),
        "2x3.gif": _encode(_snake().resize((2, 3)), "GIF"),
        "huge.jpg": _encode(_snake("king").resize((5000, 3300)), "JPEG", quality=80),  # more than the page takes whole
    }


def _containers() -> Awkward:
    """Other formats, several frames, parts in another order, and names that lie."""
    snake, other = _snake(), _snake("king")
    moving = {"save_all": True, "append_images": [other], "duration": 200}
    return {
        "progressive.jpg": _encode(snake, "JPEG", quality=92, progressive=True),
        "rough.jpg": _encode(snake, "JPEG", quality=20, subsampling="4:2:0"),
        "two-pictures.jpg": _encode(snake, "MPO", quality=92, save_all=True, append_images=[other]),
        "interlaced.png": _png(snake.size, np.asarray(snake), bits=8, interlaced=True),
        "animated.gif": _encode(snake, "GIF", **moving),
        "animated.webp": _encode(snake, "WEBP", quality=92, **moving),
        "animated.png": _encode(snake, "PNG", **moving),
        "lossy.webp": _encode(other, "WEBP", quality=70),
        "avif.avif": _encode(other, "AVIF", quality=80),
        "bitmap.bmp": _encode(other, "BMP"),
        "tiff.tif": _encode(other, "TIFF"),
        "jpeg-2000.jp2": _encode(other, "JPEG2000", irreversible=False),
        "really-png.jpg": _encode(other, "PNG"),
        "really-jpeg.png": _encode(other, "JPEG", quality=92),
        "really-webp.txt": _encode(other, "WEBP", quality=92),
    }


# The seven passes of PNG's interlacing: first column, first row, step across, step down.
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_ALL_AT_ONCE = ((0, 0, 1, 1),)


def _png(size: tuple[int, int], samples: np.ndarray, bits: int, interlaced: bool = False) -> bytes:
    """Put a PNG together from samples `[height, width]` or `[height, width, 3 or 4]`, which Pillow writes in 8 bits."""
    passes = _PASSES if interlaced else _ALL_AT_ONCE
    rows = [b"\0" + row.tobytes() for x, y, dx, dy in passes for row in samples[y::dy, x::dx]]
    colour = {2: 0, 3: 2, 4: 6}[samples.shape[2] if samples.ndim == 3 else 2]
    header = struct.pack(">IIBBBBB", *size, bits, colour, 0, 0, int(interlaced))
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
