"""Bytes -> upright sRGB pixels. The one decoder, used wherever Fieldmark reads a picture.

Training, prediction and the server all call `decode`, so that a photo cannot mean one thing to the network that learned
from it and another to the network that answers about it. Content decides, never the file's name.
"""

from __future__ import annotations

import importlib
import io
import os
import re
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError

from fieldmark.errors import NotAPhoto, TooManyPixels
from fieldmark.imaging import jpeg
from fieldmark.imaging.scans import why_endless
from fieldmark.imaging.sniff import name_content

Pixels = NDArray[np.uint8]
Photo = str | os.PathLike[str] | bytes | bytearray | memoryview | Pixels | Image.Image

MAX_PIXELS = 64_000_000
"""Largest picture we decode, in pixels (8,000 x 8,000). A 3-channel copy of it takes 183 MiB."""

# What the web and cameras send; "JPEG" includes the two-picture MPO of some cameras. Left out on purpose: EPS (starts
# Ghostscript), PSD, FITS and other formats whose decoders see few hostile files.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000")

for _plugin in ("Avif", "Jpeg2K", "Mpo", "Tiff", "WebP"):  # those that Pillow does not load by itself
    importlib.import_module(f"PIL.{_plugin}ImagePlugin")

# EXIF orientation -> what brings the picture upright; 1 is upright already.
_TURNS: dict[object, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

_SRGB = ImageCms.createProfile("sRGB")

# Pillow warns about large pictures as soon as it has read their header; we refuse them a line later and say why.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
# What it warns of in damaged metadata costs no pixel; a damaged picture comes back as NotAPhoto.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


def decode(data: bytes, max_pixels: int = MAX_PIXELS) -> Pixels:
    """Turn the bytes of a picture into what a person would see.

    The EXIF orientation is applied, an embedded colour profile converted to sRGB, transparency laid over white, CMYK,
    palette, grey and 16-bit pictures brought to 8-bit RGB; of an animation the first frame is taken.

    Args:
        data: the bytes of one picture file, in any of `FORMATS`.
        max_pixels: refuse a picture whose header promises more pixels than this.

    Returns:
        uint8 array of shape `[height, width, 3]`, channels red, green, blue.

    Raises:
        TooManyPixels: the header promises more than `max_pixels`.
        NotAPhoto: the bytes are no picture, or not a whole one. The message says what they are instead.
    """
    with opened(data, max_pixels) as image:
        if jpeg.is_plain(image) and turn_of(image) is None:
            pixels = jpeg.pixels_of(data, image.size)
            if pixels is not None:
                return pixels
        image.load()
        return np.array(to_rgb(upright(image)), dtype=np.uint8)


@contextmanager
def opened(data: bytes, max_pixels: int) -> Iterator[Image.Image]:
    """Open a picture whose header was judged; what goes wrong inside ends as NotAPhoto. For this room only.

    Raises:
        TooManyPixels: the header promises more than `max_pixels`.
        NotAPhoto: the bytes are no picture, or not a whole one.
    """
    try:
        with _open(data) as image:
            width, height = image.size
            if width * height > max_pixels:
                raise TooManyPixels(
                    f"{width} x {height} pixels are more than the {max_pixels / 1e6:g} million we decode"
                )
            yield image
    except NotAPhoto:
        raise
    except Image.DecompressionBombError as error:
        raise TooManyPixels(f"more pixels than the {max_pixels / 1e6:g} million we decode") from error
    except Exception as error:  # hostile bytes make Pillow raise nearly anything; one photo must not end a run
        raise NotAPhoto(_why(data, error)) from error


def as_pixels(photo: Photo) -> Pixels:
    """Turn whatever a person has at hand into pixels: a path, bytes, a Pillow image or an array that is pixels already.

    Raises:
        NotAPhoto: the file is missing or is no picture, or the array is not uint8 `[height, width, 3]`.
    """
    if isinstance(photo, np.ndarray):
        if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3 or photo.size == 0:
            given = f"{photo.dtype} {list(photo.shape)}"
            raise NotAPhoto(f"an array of {given}; a picture is uint8 [height, width, 3], red, green, blue")
        return photo
    if isinstance(photo, Image.Image):
        return _pillow_pixels(photo)
    if isinstance(photo, bytes | bytearray | memoryview):
        return decode(bytes(photo))
    return decode(read_bytes(Path(photo)))


def _pillow_pixels(image: Image.Image) -> Pixels:
    try:
        return np.array(to_rgb(upright(image)), dtype=np.uint8)
    except Exception as error:  # Pillow reads a file it has opened only now, and says anything when it is damaged
        detail = " ".join(str(error).split())[:120] or type(error).__name__
        raise NotAPhoto(f"a Pillow image that cannot be read ({detail})") from error


def read_bytes(path: Path) -> bytes:
    """Read one picture file. Raises NotAPhoto with a reason when it cannot be read."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, ValueError):  # ValueError: a name that no file can have
        raise NotAPhoto("no such file") from None
    except IsADirectoryError:
        raise NotAPhoto("a folder, not a picture") from None
    except OSError as error:
        raise NotAPhoto(f"cannot be read ({error.strerror or error})") from error


def _open(data: bytes) -> Image.Image:
    kind = name_content(data)
    if kind == "a HEIC picture":
        return _open_heic(data)
    if reason := why_endless(data):
        raise NotAPhoto(f"{kind} that would take too long to read: {reason}")
    return Image.open(io.BytesIO(data), formats=FORMATS)


def _open_heic(data: bytes) -> Image.Image:
    try:
        heif = importlib.import_module("pi_heif")
    except ImportError:
        raise NotAPhoto("a HEIC picture, as iPhones take them; to read it: pip install 'fieldmark[heic]'") from None
    if not _item_names_readable(data):
        raise NotAPhoto("a HEIC picture that is cut short or damaged (its list of items is not text)")
    # Only the picture itself: thumbnails, depth maps and other extras are more code for hostile bytes to reach.
    heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)
    return Image.open(io.BytesIO(data), formats=("HEIF",))


def _item_names_readable(data: bytes) -> bool:
    """Say whether every item of a HEIC file has a type and a name in UTF-8.

    pi-heif 1.4.0 ends the whole process with a segmentation fault where one has not, so we must look first. An item is
    an `infe` box: length, kind, version, and from the eighth byte on (the tenth in version 3) the type and the names.
    """
    for found in re.finditer(rb"\x00...infe", data, re.DOTALL):  # boxes of under 16 MiB, so that noise rarely matches
        size = int.from_bytes(data[found.start() : found.start() + 4], "big")
        body = data[found.end() : found.start() + size] if size != 1 else data[found.end() + 8 : found.end() + 4096]
        names = body[10:] if body[:1] == b"\x03" else body[8:]
        try:
            names.decode("utf-8")
        except UnicodeDecodeError:
            return False
    return True


def _why(data: bytes, error: Exception) -> str:
    kind = name_content(data)
    if kind is None:
        return "not a picture in a format we read"
    if not kind.endswith("picture"):
        return f"{kind}, not a picture"
    if isinstance(error, UnidentifiedImageError):  # its text holds a memory address and nothing else
        return f"{kind} that is cut short or damaged"
    detail = " ".join(str(error).split())[:120] or type(error).__name__
    return f"{kind} that is cut short or damaged ({detail})"


def turn_of(image: Image.Image) -> Image.Transpose | None:
    """Return what brings a picture upright. EXIF that is damaged turns nothing: the pixels are still whole."""
    try:
        return _TURNS.get(image.getexif().get(ExifTags.Base.Orientation))
    except (SyntaxError, ValueError, TypeError, KeyError, IndexError, OSError, OverflowError, struct.error):
        return None


def upright(image: Image.Image) -> Image.Image:
    """Turn a picture as its EXIF orientation asks."""
    turn = turn_of(image)
    return image if turn is None else image.transpose(turn)


def to_rgb(image: Image.Image) -> Image.Image:
    """Bring any mode Pillow knows to 8-bit sRGB, transparency over white."""
    profile = image.info.get("icc_profile")
    alpha = _alpha(image)
    colour = _to_8_bit(image)
    colour = _apply_profile(colour, profile) if profile else colour.convert("RGB")
    if alpha is None:
        return colour
    white = Image.new("RGB", colour.size, "white")
    white.paste(colour, mask=alpha)
    return white


def _alpha(image: Image.Image) -> Image.Image | None:
    if not image.has_transparency_data or image.mode.startswith("I"):
        return None  # Pillow has no way from 16-bit grey with a transparent level to an alpha channel
    return image.convert("RGBA").getchannel("A")


def _to_8_bit(image: Image.Image) -> Image.Image:
    """16- and 32-bit grey to 8 bits by their high byte; palettes and transparent modes to their colours."""
    if image.mode.startswith("I;16") or image.mode == "I":
        deep = np.asarray(image).astype(np.int64).clip(0, 65535)
        return Image.fromarray((deep >> 8).astype(np.uint8))
    if image.mode == "F":
        grey = np.asarray(image, dtype=np.float64)
        finite = grey[np.isfinite(grey)]
        top = 1.0 if finite.size and finite.max() <= 1 else 255.0  # floats run from 0 to 1 or from 0 to 255
        grey = np.nan_to_num(grey, nan=0.0, posinf=top, neginf=0.0).clip(0, top)
        return Image.fromarray((grey * (255 / top)).astype(np.uint8))
    if image.mode in ("LA", "La"):
        return image.convert("LA").getchannel("L")
    if image.mode in ("RGB", "L", "CMYK", "LAB"):
        return image
    if image.mode in ("RGBA", "RGBa", "P", "PA"):
        return image.convert("RGBA").convert("RGB")
    return image.convert("RGB")


def _apply_profile(image: Image.Image, profile: bytes) -> Image.Image:
    """Convert to sRGB; a profile that is broken or made for another kind of picture is passed over."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(image, source, _SRGB, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image.convert("RGB")
    return converted if converted is not None else image.convert("RGB")


def keeps_colours(image: Image.Image) -> bool:
    """Return whether `to_rgb` leaves the levels of an RGB or grey picture as they are, within 2 of 255.

    It does where there is no profile, or one that says sRGB in whatever words; this is tried on sample colours.
    """
    profile = image.info.get("icc_profile")
    return image.mode in ("RGB", "L") and (not profile or _is_neutral(profile, image.mode))


@lru_cache(maxsize=16)  # a site's photos carry the same few
def _is_neutral(profile: bytes, mode: str) -> bool:
    levels = np.linspace(0, 255, 9).astype(np.uint8)
    colours = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(27, 27, 3)
    sample = Image.fromarray(colours).convert(mode)
    changed = np.asarray(_apply_profile(sample, profile)).astype(int) - np.asarray(sample.convert("RGB"))
    return bool(np.abs(changed).max() <= 2)
