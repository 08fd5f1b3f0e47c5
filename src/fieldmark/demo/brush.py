"""Strokes that all of the painting shares: dots, turned shapes, and colours that vary."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Floats = NDArray[np.float32]
Colour = tuple[int, int, int]
Point = tuple[float, float]


@contextmanager
def drawing(image: Image.Image) -> Iterator[ImageDraw.ImageDraw]:
    """Draw on `image` at twice its size, so that edges come out smooth; untouched pixels keep their exact colour."""
    double = image.resize((image.width * 2, image.height * 2), Image.Resampling.NEAREST)
    yield ImageDraw.Draw(double, "RGBA")
    image.paste(double.reduce(2))


def shift(image: Image.Image, dx: float, dy: float) -> Image.Image:
    """Move a picture; what the move uncovers keeps what it had."""
    moved = image.copy()
    moved.paste(image, (round(dx), round(dy)))
    return moved


def dot(draw: ImageDraw.ImageDraw, x: float, y: float, radius: float, fill: tuple[int, int, int, int]) -> None:
    """Draw a filled circle."""
    draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=fill)


def turned(points: NDArray[np.float64], angle: float, x: float, y: float) -> list[Point]:
    """Turn points by `angle` radians about the origin and move them to `(x, y)`."""
    cos, sin = math.cos(angle), math.sin(angle)
    return [(x + px * cos - py * sin, y + px * sin + py * cos) for px, py in points.tolist()]


def vary(rng: Generator, colour: Colour, amount: float) -> Colour:
    """Shift a colour by up to `amount` (1 = doubled): all channels together, and each a little by itself."""
    factors = math.exp(rng.uniform(-amount, amount)) * np.exp(rng.normal(0, amount / 4, 3))
    r, g, b = (min(255, round(c * f)) for c, f in zip(colour, factors.tolist(), strict=True))
    return r, g, b


def mix(a: Colour, b: Colour, part: float) -> Colour:
    """Return the colour that lies `part` of the way from `a` to `b`."""
    r, g, b_ = (round(p + (q - p) * part) for p, q in zip(a, b, strict=True))
    return r, g, b_


def lit(colour: Colour, factor: float) -> Colour:
    """Make a colour lighter (factor above 1) or darker."""
    r, g, b = (min(255, round(c * factor)) for c in colour)
    return r, g, b
