"""A picture's name -> its bytes: painted, and altered as pictures are that have been around the web."""

from __future__ import annotations

import contextlib
import io
import struct
import threading
import zlib
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps

from fieldmark.artifacts.atomic import write_bytes
from fieldmark.demo.paint import KINDS, paint_snake

Painter = Callable[[str, int], bytes]
"""Kind ("coral" or "king") and number -> a picture file. Equal arguments must give equal bytes."""

ENLARGED = 1.6
"""How much larger a painted photo is than what was painted: 576 to 800 pixels of 360 to 500. Painting takes 65 ms at
the smaller size and 150 at the larger (one thread), and a harvest shrinks both to the same 500."""


@dataclass(frozen=True, order=True)
class Picture:
    """A painted photo, as it is or altered. Equal pictures have equal bytes."""

    kind: str
    number: int
    variant: str = ""  # a name of `VARIANTS`; empty for the photo as it is

    @property
    def original(self) -> Picture:
        """The photo that this one looks like."""
        return Picture(self.kind, self.number)


def paint_photo(seed: int, kind: str, number: int) -> bytes:
    """Paint a snake as a JPEG of 576 to 800 pixels on its longer side. Depends on its arguments alone."""
    rng = np.random.default_rng((seed, KINDS.index(kind), number, 7))
    small = Image.fromarray(paint_snake(kind, rng, _frame(rng)))
    size = (round(small.width * ENLARGED), round(small.height * ENLARGED))
    return _jpeg(small.resize(size, Image.Resampling.BICUBIC), int(rng.integers(80, 95)))


def cheap(kind: str, number: int) -> bytes:
    """Paint a smooth field of random colours, 200 to 300 pixels on the longer side, in about 2 ms.

    No two look alike: the field has 9 x 8 independent cells, about as many as a 64-bit perceptual hash looks at.
    """
    rng = np.random.default_rng((KINDS.index(kind), number))
    size = (int(rng.integers(200, 301)), int(rng.integers(165, 200)))
    cells = Image.fromarray(rng.integers(0, 256, (8, 9, 3), dtype=np.uint8))
    return _jpeg(cells.resize(size, Image.Resampling.BICUBIC), 88)


def _frame(rng: np.random.Generator) -> tuple[int, int]:
    longer = int(rng.integers(360, 501))
    shorter = round(longer / rng.choice((1.0, 1.25, 4 / 3, 4 / 3, 1.5, 1.5)))
    return (longer, shorter) if rng.random() < 0.75 else (shorter, longer)


def _jpeg(image: Image.Image, quality: int = 88, **options: bytes) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, **options)
    return buffer.getvalue()


def _scaled(image: Image.Image, factor: float) -> Image.Image:
    return image.resize((round(image.width * factor), round(image.height * factor)), Image.Resampling.LANCZOS)


def _as_png(data: bytes) -> bytes:
    buffer = io.BytesIO()
    _open(data).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _lying_down(data: bytes) -> bytes:
    """The same picture stored on its side, with the EXIF orientation (6) that turns it upright."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return _jpeg(_open(data).transpose(Image.Transpose.ROTATE_90), exif=exif.tobytes())


def _display_p3(data: bytes) -> bytes:
    """The same numbers, claimed to be Display P3, as recent phones write them.

    Its primaries are the published ones, adapted to D50; its transfer curve is sRGB's, so that sRGB's profile with the
    three colours replaced is its profile.
    """
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    primaries = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))
    for tag, colour in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries, strict=True):
        entry = profile.index(tag)
        start = struct.unpack_from(">I", profile, entry + 4)[0] + 8  # after the type and four reserved bytes
        profile[start : start + 12] = b"".join(struct.pack(">i", round(part * 65536)) for part in colour)
    return _jpeg(_open(data), icc_profile=bytes(profile))


def _open(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


VARIANTS: dict[str, Callable[[bytes], bytes]] = {
    "recompressed": lambda data: _jpeg(_open(data), 45),
    "resized": lambda data: _jpeg(_scaled(_open(data), 0.8)),
    "mirrored": lambda data: _jpeg(ImageOps.mirror(_open(data))),
    "brighter": lambda data: _jpeg(_open(data).point(lambda level: min(255, round(level * 1.15)))),
    "double": lambda data: _jpeg(_scaled(_open(data), 2.0)),
    "small": lambda data: _jpeg(_open(data).resize((100, 75))),
    "panorama": lambda data: _jpeg(_open(data).resize((1000, 140))),
    "png": _as_png,
    "lying down": _lying_down,
    "display p3": _display_p3,
    "cut short": lambda data: data[: len(data) // 2],
}
"""Names of alterations, and what they do to a picture file."""

COPIES = ("recompressed", "resized", "mirrored")
"""Alterations after which a picture is still the same to a person: what near-duplicates are made of."""


def png_bomb(side: int = 60_000) -> bytes:
    """A PNG of a few bytes whose header promises `side` x `side` pixels."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(4096))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )


def placeholder_gif() -> bytes:
    """One transparent pixel, as hosts send it in place of a picture that is gone."""
    buffer = io.BytesIO()
    Image.new("P", (1, 1)).save(buffer, "GIF", transparency=0)
    return buffer.getvalue()


class Pictures:
    """Every picture's bytes, each painted once.

    Photos as painted go to `cache`, a folder, when one is given; a file is there whole or not at all. Its files are
    named by `mark`, kind and number, so that one folder serves painters whose marks differ.
    """

    def __init__(self, paint: Painter, executor: Executor, cache: Path | None = None, mark: str = "") -> None:
        self._paint, self._executor, self._cache, self._mark = paint, executor, cache, mark
        self._painted: dict[Picture, Future[bytes]] = {}
        self._altered: dict[Picture, bytes] = {}
        self._lock = threading.Lock()
        if cache is not None:
            cache.mkdir(parents=True, exist_ok=True)

    def ready(self, picture: Picture) -> bytes | None:
        """The bytes, where they are at hand already."""
        if picture.variant:
            return self._altered.get(picture)
        future = self._painted.get(picture)
        return future.result() if future is not None and future.done() else None

    def bytes_of(self, picture: Picture) -> bytes:
        """The bytes; may paint, and wait for it."""
        if not picture.variant:
            return self.begin(picture).result()
        if picture not in self._altered:
            self._altered[picture] = VARIANTS[picture.variant](self.bytes_of(picture.original))
        return self._altered[picture]

    def begin(self, picture: Picture) -> Future[bytes]:
        """See to it that a photo gets painted, unless that has begun or lies in the cache."""
        with self._lock:
            if picture not in self._painted:
                self._painted[picture] = self._from_cache(picture) or self._start(picture)
            return self._painted[picture]

    def _start(self, picture: Picture) -> Future[bytes]:
        future = self._executor.submit(self._paint, picture.kind, picture.number)
        path = self._path(picture)
        if path is not None:
            future.add_done_callback(lambda done: _keep(path, done))
        return future

    def _from_cache(self, picture: Picture) -> Future[bytes] | None:
        path = self._path(picture)
        if path is None or not path.exists():
            return None
        future: Future[bytes] = Future()
        future.set_result(path.read_bytes())
        return future

    def _path(self, picture: Picture) -> Path | None:
        return None if self._cache is None else self._cache / f"{self._mark}{picture.kind}-{picture.number:05d}.jpg"


def _keep(path: Path, done: Future[bytes]) -> None:
    if not done.cancelled() and done.exception() is None:
        with contextlib.suppress(OSError):  # a cache that cannot be written to costs time and nothing else
            write_bytes(path, done.result())
