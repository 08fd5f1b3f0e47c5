"""Own photos -> pictures that are no photos, painted by code: what a probe learns the difference from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fieldmark.artifacts.features import key_of
from fieldmark.artifacts.photos import PhotoFile
from fieldmark.imaging.decode import Pixels
from fieldmark.imaging.lettering import letters

Floats = NDArray[np.float32]

SOURCES = 80
"""Photos that pictures are painted from; each gives one picture of every kind."""

SIDE = 320
"""Longer side of a painted picture in pixels: little more than a backbone sees."""

VERSION = 1
"""Part of a painting's key, so that pictures that are painted otherwise are looked at anew."""

_WORDS = [
    "field", "guide", "identify", "venomous", "or", "harmless", "photo", "of", "the",
    "day", "learn", "more", "share", "save", "sale", "free", "shipping", "copyright",
    "all", "rights", "reserved", "stock", "image", "preview", "contact", "about", "home",
    "red", "touches", "yellow", "banded", "species", "range", "habitat",
]  # fmt: skip


@dataclass(frozen=True)
class Painting:
    """A picture to be painted.

    Attributes:
        source: index of the photo that it is painted from, and stays with in a fold.
        kind: one of `KINDS`.
        key: a name that is the same for the same picture.
        paint: what paints it: uint8 `[height, width, 3]`; raises NotAPhoto where its photo can no longer be read.
    """

    source: int
    kind: str
    key: str
    paint: Callable[[], Pixels]


def paintings(photos: Sequence[PhotoFile], root: Path, seed: int = 0) -> list[Painting]:
    """Choose `SOURCES` of the photos and return what paints a picture of every kind from each.

    Args:
        photos: as `read_photos` gives them.
        root: the folder that their paths are relative to.
        seed: of the choice and of the paint.
    """
    rng = np.random.default_rng(seed)
    chosen = sorted(rng.choice(len(photos), min(SOURCES, len(photos)), replace=False).tolist())

    @lru_cache(
        SOURCES
    )  # each photo is in up to six collages, besides what is painted from it alone: 0.8 MB kept a photo
    def small(photo: PhotoFile) -> Floats:
        return _small(photo.pixels(root))

    planned = []
    for place, source in enumerate(chosen):
        others = [photos[chosen[(place + step) % len(chosen)]] for step in range(6)]
        for number, (kind, brush) in enumerate(_BRUSHES.items()):
            stroke = (seed, int(photos[source].sha256[:8], 16), number)
            key = "/".join(["painted", str(VERSION), kind, str(seed), *(key_of(photo) for photo in others)])
            planned.append(Painting(source, kind, key, partial(_painted, brush, others, small, stroke)))
    return planned


def _painted(
    brush: Callable[[list[Floats], np.random.Generator], Floats],
    photos: Sequence[PhotoFile],
    small: Callable[[PhotoFile], Floats],
    stroke: tuple[int, ...],
) -> Pixels:
    needed = photos if brush is _collage else photos[:1]
    picture = brush([small(photo).copy() for photo in needed], np.random.default_rng(stroke))
    return np.asarray(picture.clip(0, 255).round().astype(np.uint8))


def _drawing(photos: list[Floats], rng: np.random.Generator) -> Floats:
    """Few flat colours, dark outlines; or the outlines alone, as a pencil leaves them."""
    smooth = _blurred(photos[0], 3)
    grey = smooth.mean(axis=2)
    edges = np.hypot(*np.gradient(_blurred(photos[0].mean(axis=2, keepdims=True), 1)[..., 0]))
    ink = np.clip(edges / max(float(np.quantile(edges, 0.95)), 1e-3), 0, 1)[..., None]
    if rng.random() < 0.4:
        return np.asarray(245 - 215 * ink + 0 * photos[0] + rng.uniform(0, 0.25) * (grey - 128)[..., None])
    levels = int(rng.integers(2, 6))
    vivid = np.clip(128 + (smooth - 128) * rng.uniform(1.2, 2.0), 0, 255)
    flat = (np.floor(vivid / 256 * levels) + 0.5) * 256 / levels
    return np.asarray(flat * (1 - rng.uniform(0.5, 1.0) * ink))


def _screenshot(photos: list[Floats], rng: np.random.Generator) -> Floats:
    """A page of words with a bar above, and often a small photo among them."""
    dark = rng.random() < 0.2
    page = np.full((int(rng.integers(220, 420)), SIDE, 3), 25.0 if dark else rng.uniform(240, 255), np.float32)
    bar = int(rng.integers(16, 40))
    page[:bar] = rng.uniform(0, 255, 3)
    line = int(rng.integers(9, 20))
    for top in range(bar + 8, len(page) - line, line + int(rng.integers(1, 8))):
        _write(page, _sentence(rng, 12), line, top, 10, np.full(3, 220.0 if dark else rng.uniform(0, 80)))
    if rng.random() < 0.7:
        share = rng.uniform(0.3, 0.55)
        photo = _resized(photos[0], round(share * len(page)), round(share * SIDE))
        top, left = int(rng.integers(bar, len(page) - len(photo))), int(rng.integers(0, SIDE - photo.shape[1]))
        page[top : top + len(photo), left : left + photo.shape[1]] = photo
    return page


def _lettered(photos: list[Floats], rng: np.random.Generator) -> Floats:
    """A photo with large words over it, outlined or on a bar, as posters, covers and memes have them."""
    picture = photos[0].copy()
    height = len(picture)
    for _ in range(int(rng.integers(2, 5))):
        line = int(rng.integers(max(10, height // 9), max(12, height // 4)))
        top, words = int(rng.integers(0, max(1, height - line))), _sentence(rng, 3).upper()
        colour = rng.choice(np.array([[255, 255, 255], [255, 230, 0], [0, 0, 0], [220, 20, 20]], np.float32))
        if rng.random() < 0.4:
            picture[top : top + line] = 255 - colour
        else:
            for dy, dx in ((-1, -1), (1, 1), (-1, 1), (1, -1)):
                _write(picture, words, line, max(0, top + dy), 5 + dx, 255 - colour)
        _write(picture, words, line, top, 5, colour)
    return picture


def _watermarked(photos: list[Floats], rng: np.random.Generator) -> Floats:
    """A photo with the same pale words over it again and again."""
    picture = photos[0].copy()
    line = int(rng.integers(14, 34))
    words = " ".join([str(rng.choice(_WORDS))] * 12)
    strength = rng.uniform(0.45, 0.8)
    for number, top in enumerate(range(0, len(picture) - line, int(line * rng.uniform(1.2, 2.2)))):
        _write(picture, words[number % 5 :], line, top, 2, np.full(3, 255.0), strength)
    return picture


def _collage(photos: list[Floats], rng: np.random.Generator) -> Floats:
    """Two to six photos side by side, with or without a gap."""
    rows, columns = ((1, 2), (2, 1), (2, 2), (1, 3), (3, 1), (2, 3))[int(rng.integers(6))]
    height, width = int(rng.integers(220, 321)), int(rng.integers(220, 321))
    gap = int(rng.choice([0, 2, 4, 8]))
    page = np.full((height, width, 3), rng.choice([0.0, 255.0], p=[0.2, 0.8]), np.float32)
    downs = np.linspace(0, height, rows + 1).round().astype(int)
    acrosses = np.linspace(0, width, columns + 1).round().astype(int)
    for number in range(rows * columns):
        top, bottom = downs[number // columns] + gap, downs[number // columns + 1] - gap
        left, right = acrosses[number % columns] + gap, acrosses[number % columns + 1] - gap
        page[top:bottom, left:right] = _resized(photos[number % len(photos)], bottom - top, right - left)
    return page


def _cut_out(photos: list[Floats], rng: np.random.Generator) -> Floats:
    """What is in the middle of a photo, with a wavy outline, on a plain ground and perhaps a soft shadow."""
    photo = photos[0]
    height, width = photo.shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    angle, away = np.arctan2(y, x), np.hypot(y / rng.uniform(0.5, 0.85), x / rng.uniform(0.5, 0.85))
    outline = 1 + sum(rng.uniform(0, 0.25) / k * np.cos(k * angle + rng.uniform(0, 6.3)) for k in range(2, 8))
    inside = np.clip((outline - away) * 40, 0, 1)[..., None].astype(np.float32)
    ground = np.full(3, 255.0) if rng.random() < 0.7 else rng.uniform(150, 255) + rng.uniform(-15, 15, 3)
    shadow = np.clip(1.15 * outline - away, 0, 1)[..., None] * (rng.random() < 0.3) * 60
    return np.asarray(photo * inside + (ground - shadow) * (1 - inside), np.float32)


_BRUSHES: dict[str, Callable[[list[Floats], np.random.Generator], Floats]] = {
    "drawing": _drawing,
    "screenshot": _screenshot,
    "lettering": _lettered,
    "watermark": _watermarked,
    "collage": _collage,
    "cut-out": _cut_out,
}

KINDS = tuple(_BRUSHES)
"""What is painted."""


def _sentence(rng: np.random.Generator, words: int) -> str:
    return " ".join(rng.choice(_WORDS, int(rng.integers(1, words + 1))).tolist())


def _write(
    picture: Floats, text: str, line: int, top: int, left: int, colour: NDArray[np.floating], strength: float = 1.0
) -> None:
    """Write one line into a picture; what does not fit is cut off."""
    under = picture[top : top + line, left:]
    mask = letters(text, line)[: under.shape[0], : under.shape[1], None] * strength
    place = under[: mask.shape[0], : mask.shape[1]]
    place += mask * (colour - place)


def _small(pixels: Pixels) -> Floats:
    height, width = pixels.shape[:2]
    share = SIDE / max(height, width)
    return _resized(pixels, max(24, round(height * share)), max(24, round(width * share)))


def _resized(picture: Floats | Pixels, height: int, width: int) -> Floats:
    """Pick the nearest pixels, or the mean about them where many become one."""
    step = min(len(picture) / height, picture.shape[1] / width)
    reach = int(step) if step >= 2 else 0
    rows = (np.arange(height) * len(picture) / height).astype(int)
    columns = (np.arange(width) * picture.shape[1] / width).astype(int)
    lines = _means(picture, rows, reach)
    return np.ascontiguousarray(_means(lines.swapaxes(0, 1), columns, reach).swapaxes(0, 1))


def _means(picture: Floats | Pixels, places: NDArray[np.int_], reach: int) -> Floats:
    """Mean of the `2 * reach + 1` rows about each of some places; at the rim its own row again.

    Only these are looked at: sums over all rows of a large photo take gigabytes of memory traffic.
    """
    around, last = np.arange(-reach, reach + 1), len(picture) - 1
    means = [picture[np.clip(place + around, 0, last)].mean(axis=0, dtype=np.float32) for place in places]
    return np.stack(means)


def _blurred(picture: Floats, reach: int) -> Floats:
    """Mean of the `2 * reach + 1` pixels around each, along both axes."""
    for axis in (0, 1):
        wide = np.pad(picture, [(reach + 1, reach) if side == axis else (0, 0) for side in range(3)], mode="edge")
        sums = wide.cumsum(axis=axis, dtype=np.float64)
        n = 2 * reach + 1
        upper, lower = np.arange(n, sums.shape[axis]), np.arange(sums.shape[axis] - n)
        picture = ((np.take(sums, upper, axis) - np.take(sums, lower, axis)) / n).astype(np.float32)
    return picture
