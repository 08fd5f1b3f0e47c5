"""A seed -> pictures of snakes, painted after the rhyme.

*Red touches yellow*: a coral snake. *Red touches black*: a kingsnake. Nothing else tells the two apart here. Amounts of
red, yellow and black, pose, ground, flowers and light are drawn from the same distributions for both, so that neither
counting colours nor looking at the background gives the kind away: a model has to find the order of the bands.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageFilter

from fieldmark.artifacts.atomic import write_bytes
from fieldmark.demo.brush import Colour, Floats, drawing, shift
from fieldmark.demo.ground import GROUNDS, Brush, strew, underpaint
from fieldmark.demo.snake import (
    ORDINARY,
    Body,
    Scene,
    Skin,
    band_strip,
    barky,
    draw_palette,
    lay,
    pose,
    scaly,
    twisted,
)
from fieldmark.imaging.decode import Pixels

BAND_ORDER = {
    "coral": ("red", "yellow", "black", "yellow"),
    "king": ("red", "black", "yellow", "black"),
}
"""The bands of each kind from the head on; after the fourth it begins again."""

KINDS = tuple(BAND_ORDER)
COLOURS = ("red", "yellow", "black")


def paint_snake(kind: str, rng: Generator, size: tuple[int, int], scene: Scene = ORDINARY) -> Pixels:
    """Paint one snake on the ground.

    Args:
        kind: "coral" or "king".
        rng: where all chance comes from; the same state paints the same picture.
        size: width and height in pixels.
        scene: how hard the picture is to read.

    Returns:
        uint8 `[height, width, 3]`, sRGB.
    """
    body = pose(rng, size, scene)
    bands = draw_bands(kind, rng, body.length / (2 * body.girth))
    bright = draw_palette(rng)
    palette = dict(zip(COLOURS, bright, strict=True))
    strip = band_strip(bands, palette, body.length)
    return _paint(rng, size, scene, body, lambda skin: scaly(rng, body, skin, strip, palette), bright, snake=True)


def paint_stray(rng: Generator, size: tuple[int, int], scene: Scene = ORDINARY) -> Pixels:
    """Paint a picture with no snake: a rope, a branch, or the ground alone.

    Args:
        rng: where all chance comes from.
        size: width and height in pixels.
        scene: how hard the picture is to read.

    Returns:
        uint8 `[height, width, 3]`, sRGB.
    """
    what = rng.choice(("rope", "branch", "nothing"))
    body = None if what == "nothing" else pose(rng, size, scene, head=False)
    if body is None:
        return _paint(rng, size, scene, None, None, draw_palette(rng))
    texture = twisted if what == "rope" else barky
    return _paint(rng, size, scene, body, lambda skin: texture(rng, body, skin), draw_palette(rng))


def draw_bands(kind: str, rng: Generator, slenderness: float) -> list[tuple[str, float]]:
    """Draw the bands of one snake from nose to tail.

    The shares of red, yellow and black are drawn alike for both kinds; the colour that comes twice in a round is split
    in two.

    Args:
        kind: "coral" or "king".
        rng: where all chance comes from.
        slenderness: length of the snake over its width.

    Returns:
        Colour names with widths as parts of the whole length; the widths sum to 1.
    """
    order = BAND_ORDER[kind]
    shares = dict(zip(COLOURS, rng.dirichlet((48.0, 36.0, 36.0)).tolist(), strict=True))
    rounds = slenderness / rng.uniform(1.0, 1.5)
    start = 0 if rng.random() < 0.4 else order.index("black")  # both kinds have red snouts and black ones
    bands: list[tuple[str, float]] = []
    total = 0.0
    while total < 1.0:
        name = order[(start + len(bands)) % len(order)]
        width = shares[name] / order.count(name) / rounds * rng.uniform(0.9, 1.1)
        bands.append((name, min(width, 1.0 - total)))
        total += width
    return bands


def paint_folder(folder: Path, per_class: int, seed: int, scene: Scene = ORDINARY) -> list[Path]:
    """Paint `folder/coral/*.jpg` and `folder/king/*.jpg`, and return their paths.

    Each picture depends on the seed, its kind and its number alone. Those already there are kept, so that a second call
    goes on where an interrupted one stopped.

    Args:
        folder: where the two class folders go; made when missing.
        per_class: pictures of each kind.
        seed: the same seed paints the same pictures.
        scene: how hard the pictures are to read.
    """
    paths = []
    for kind in KINDS:
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for number in range(1, per_class + 1):
            path = folder / kind / f"{number:04d}.jpg"
            if not path.exists():
                write_bytes(path, _painted_jpeg(kind, np.random.default_rng((seed, KINDS.index(kind), number)), scene))
            paths.append(path)
    return paths


def _painted_jpeg(kind: str, rng: Generator, scene: Scene) -> bytes:
    buffer = io.BytesIO()
    image = Image.fromarray(paint_snake(kind, rng, _frame(rng), scene))
    image.save(buffer, "JPEG", quality=int(rng.integers(68, 95)))
    return buffer.getvalue()


def _frame(rng: Generator) -> tuple[int, int]:
    """Draw a width and a height as people's cameras and crops give them."""
    longer = int(rng.integers(360, 501))
    shorter = round(longer / rng.choice((1.0, 1.25, 4 / 3, 4 / 3, 1.5, 1.5, 16 / 9)))
    return (longer, shorter) if rng.random() < 0.75 else (shorter, longer)


def _paint(
    rng: Generator,
    size: tuple[int, int],
    scene: Scene,
    body: Body | None,
    texture: Callable[[Skin], Floats] | None,
    bright: tuple[Colour, Colour, Colour],
    snake: bool = False,
) -> Pixels:
    """Ground, then what lies on it and its shadow, then what lies over that, then light and lens."""
    ground = GROUNDS[rng.integers(len(GROUNDS))]
    pairs, autumn = rng.dirichlet((0.6, 0.6, 0.6)), rng.uniform(0.1, 1.2)
    image = underpaint(rng, size, ground)
    with drawing(image) as draw:
        brush = Brush(draw, rng, bright, pairs)
        strew(brush, size, ground, autumn, int((25 + 150 * scene.clutter) * rng.uniform(0.5, 1.2)))
    if rng.random() < 0.6:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.6)))
    if body is not None and texture is not None:
        image = lay(rng, image, body, texture, snake)
    with drawing(image) as draw:
        covering = rng.poisson(1 + 16 * scene.cover * rng.random())
        strew(Brush(draw, rng, bright, pairs), size, ground, autumn, covering)
    return _photograph(rng, image, scene)


def _photograph(rng: Generator, image: Image.Image, scene: Scene) -> Pixels:
    """Light, lens and sensor."""
    light = _light(rng, image.size, scene.gloom)
    image = Image.fromarray(np.clip(np.asarray(image, dtype=np.float32) * light, 0, 255).astype(np.uint8))
    image = _defocus(rng, image, scene.blur)
    grain = rng.uniform(1, 3 + 9 * scene.blur)
    height, width = image.size[::-1]
    noise = rng.standard_normal((height, width, 1), dtype=np.float32) * grain
    return np.clip(np.asarray(image, dtype=np.float32) + noise, 0, 255).astype(np.uint8)


def _light(rng: Generator, size: tuple[int, int], gloom: float) -> Floats:
    """Factors per pixel and channel, `[height, width, 3]`: brightness, colour cast, fall-off, dappled shade."""
    width, height = size
    x, y = np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    cx, cy = rng.uniform(-0.4, 0.4, 2)
    level = 1 - rng.uniform(0, 0.15 + 0.2 * gloom) * ((x - cx) ** 2 + (y - cy) ** 2)
    slope = rng.uniform(-0.22, 0.22, 2) * gloom
    level += slope[0] * x + slope[1] * y
    if rng.random() < 0.3 + 0.3 * gloom:
        cells = int(rng.integers(4, 9))
        patch = Image.fromarray((rng.random((cells, cells)) * 255).astype(np.uint8)).resize(
            size, Image.Resampling.BICUBIC
        )
        shade = np.clip((np.asarray(patch, dtype=np.float32) - 120) / 40, 0, 1)
        level *= 1 - rng.uniform(0.15, 0.2 + 0.35 * gloom) * shade
    brightness = rng.uniform(1.08 - 0.4 * gloom, 1.12 + 0.2 * gloom)
    warmth, tint = rng.uniform(-0.16, 0.16) * gloom, rng.uniform(-0.06, 0.06) * gloom
    cast = np.array([1 + warmth, 1 + tint, 1 - warmth], np.float32)
    return np.asarray((brightness * level)[:, :, None] * cast, np.float32)


def _defocus(rng: Generator, image: Image.Image, blur: float) -> Image.Image:
    if rng.random() < 0.35:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 0.5 + 2.2 * blur)))
    if rng.random() < 0.25 * blur:
        reach = rng.uniform(1, 6) * blur
        angle = rng.uniform(0, math.pi)
        for share in (0.5, 0.25):  # two halvings make a streak of four copies
            streak = shift(image, math.cos(angle) * reach * share * 2, math.sin(angle) * reach * share * 2)
            image = Image.blend(image, streak, 0.5)
    return image
