"""A seed -> what a snake lies on: soil, leaves, grass, pebbles, flowers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from fieldmark.demo.brush import Colour, dot, drawing, lit, mix, turned, vary


@dataclass(frozen=True)
class Ground:
    """A kind of ground: its colours, and how often each thing lies on it."""

    colours: tuple[Colour, ...]
    things: dict[str, float]


GROUNDS = (
    Ground(
        ((104, 78, 54), (128, 96, 64), (84, 62, 46)), {"leaf": 10, "twig": 2, "blade": 1, "flower": 0.7, "berry": 0.8}
    ),
    Ground(
        ((86, 112, 56), (110, 132, 66), (70, 94, 50)),
        {"blade": 14, "leaf": 1, "flower": 1.2, "berry": 0.4, "beetle": 0.4},
    ),
    Ground(
        ((196, 172, 132), (212, 190, 150), (178, 152, 114)),
        {"pebble": 8, "twig": 1.5, "leaf": 1, "berry": 0.5, "flower": 0.5},
    ),
    Ground(
        ((132, 126, 116), (152, 146, 136), (110, 104, 98)),
        {"pebble": 14, "leaf": 2, "blade": 1, "berry": 0.5, "flower": 0.5},
    ),
    Ground(
        ((74, 84, 52), (92, 100, 58), (64, 58, 44)),
        {"leaf": 4, "blade": 5, "twig": 2, "flower": 0.8, "berry": 0.8, "beetle": 0.4},
    ),
    Ground(
        ((158, 104, 72), (176, 120, 82), (136, 88, 62)),
        {"pebble": 3, "twig": 3, "leaf": 3, "blade": 2, "flower": 0.6, "berry": 0.6},
    ),
)
_LEAVES: tuple[Colour, ...] = (
    (150, 98, 48), (176, 124, 58), (126, 78, 42), (190, 150, 84), (98, 70, 48), (92, 112, 54), (122, 138, 66),
    (186, 62, 34), (216, 172, 60), (60, 46, 38),
)  # fmt: skip
_BLADES: tuple[Colour, ...] = ((88, 128, 56), (118, 152, 70), (74, 104, 48), (150, 158, 84), (178, 164, 96))
_PAIRS = ((0, 1), (0, 2), (1, 2))
_PEBBLES: tuple[Colour, ...] = (
    (150, 144, 136),
    (176, 166, 150),
    (122, 116, 112),
    (168, 140, 116),
    (92, 90, 92),
    (200, 194, 184),
)


@dataclass(frozen=True)
class Brush:
    """What a thing on the ground is painted with."""

    draw: ImageDraw.ImageDraw
    rng: Generator
    bright: tuple[Colour, Colour, Colour]  # red, yellow, black: those of the snake
    autumn: NDArray[np.float64]  # how often leaves turn from red to yellow, red to black, yellow to black


def underpaint(rng: Generator, size: tuple[int, int], ground: Ground) -> Image.Image:
    """Ground colours in patches, coarse to fine, with brush strokes over them."""
    width, height = size
    level = np.zeros((height, width), np.float32)
    for cells, weight in ((3, 0.5), (9, 0.35), (40, 0.25)):
        patch = Image.fromarray((rng.random((cells, cells)) * 255).astype(np.uint8))
        level += weight * np.asarray(patch.resize(size, Image.Resampling.BICUBIC), dtype=np.float32) / 255
    level = np.clip(level / 1.1, 0, 1)[:, :, None]
    dark, light = (np.array(vary(rng, ground.colours[i], 0.13), np.float32) for i in (2, 1))
    image = Image.fromarray((dark + (light - dark) * level).astype(np.uint8))
    with drawing(image) as draw:
        lean = rng.uniform(0, math.pi)
        for x, y, wide, turn in zip(*rng.random((4, 130)).tolist(), strict=True):
            colour = vary(rng, ground.colours[int(turn * 3)], 0.11)
            angle = lean + (wide - 0.5) * 1.2
            dx, dy = math.cos(angle) * height / 12, math.sin(angle) * height / 12
            x, y = x * width * 2, y * height * 2
            draw.line([(x - dx, y - dy), (x + dx, y + dy)], fill=(*colour, 70), width=int(4 + wide * height / 22))
    return image


def strew(brush: Brush, size: tuple[int, int], ground: Ground, autumn: float, count: int) -> None:
    """Scatter things over the picture; `autumn` is how often a turning leaf is among them, next to 10 others."""
    rng = brush.rng
    unit = min(size) / 9  # about the size of a leaf, in doubled pixels
    things = {**ground.things, "turning": autumn * sum(ground.things.values())}
    weights = np.array(list(things.values()))
    for name in rng.choice(list(things), count, p=weights / weights.sum()):
        x, y = (rng.random(2) * size * 2).tolist()
        _THINGS[name](brush, x, y, unit * rng.uniform(0.6, 1.5))


def _leaf(brush: Brush, x: float, y: float, size: float) -> None:
    colour = vary(brush.rng, _LEAVES[brush.rng.integers(len(_LEAVES))], 0.15)
    _draw_leaf(brush, x, y, size, colour, lit(colour, brush.rng.uniform(0.9, 1.1)))


def _turning(brush: Brush, x: float, y: float, size: float) -> None:
    """A leaf that runs from one of the snake's colours into another, so that blends of the two are everywhere."""
    a, b = _PAIRS[brush.rng.choice(3, p=brush.autumn)]
    _draw_leaf(brush, x, y, size, brush.bright[a], brush.bright[b])


def _draw_leaf(brush: Brush, x: float, y: float, size: float, base: Colour, tip: Colour) -> None:
    draw, rng = brush.draw, brush.rng
    turn = rng.uniform(0, 2 * math.pi)
    t = np.linspace(0, 1, 9)
    rib = np.stack([(t - 0.5) * 2 * size, rng.uniform(-0.35, 0.35) * size * np.sin(t * math.pi)], axis=1)
    half = np.sin(t * math.pi) ** rng.uniform(0.7, 1.3) * size * rng.uniform(0.3, 0.55) * (1.15 - 0.5 * t)
    upper, lower = (turned(rib + np.stack([0 * t, way * half], axis=1), turn, x, y) for way in (-1, 1))
    spine = turned(rib, turn, x, y)
    drop = size * 0.12
    draw.polygon([(px + drop, py + drop) for px, py in upper + lower[::-1]], fill=(20, 14, 10, 90))
    for i in range(8):
        colour = mix(base, tip, i / 7)
        draw.polygon([upper[i], upper[i + 1], spine[i + 1], spine[i]], fill=(*lit(colour, 1.1), 255))
        draw.polygon([lower[i], lower[i + 1], spine[i + 1], spine[i]], fill=(*lit(colour, 0.9), 255))
    draw.line(spine, fill=(*lit(base, 0.7), 255), width=max(1, round(size * 0.07)))


def _blade(brush: Brush, x: float, y: float, size: float) -> None:
    draw, rng = brush.draw, brush.rng
    colour = vary(rng, _BLADES[rng.integers(len(_BLADES))], 0.16)
    t = np.linspace(0, 1, 7)
    reach = size * rng.uniform(1.5, 4.0)
    bend = rng.uniform(-0.7, 0.7) * reach
    path = np.stack([bend * t**2, -reach * t], axis=1)
    half = size * rng.uniform(0.06, 0.13) * (1 - t)
    turn = rng.normal(0, 0.5)
    left, right = (turned(path + np.stack([way * half, 0 * t], axis=1), turn, x, y) for way in (-1, 1))
    middle = turned(path, turn, x, y)
    draw.polygon(left + right[::-1], fill=(*colour, 255))
    draw.polygon(middle + right[::-1], fill=(*lit(colour, 0.8), 255))


def _pebble(brush: Brush, x: float, y: float, size: float) -> None:
    draw, rng = brush.draw, brush.rng
    colour = vary(rng, _PEBBLES[rng.integers(len(_PEBBLES))], 0.13)
    wide, tall = size * rng.uniform(0.3, 0.75), size * rng.uniform(0.25, 0.55)
    for shift, shrink, paint in (
        (0.18, 1.05, (20, 16, 14, 100)),
        (0.0, 1.0, (*lit(colour, 0.78), 255)),
        (-0.08, 0.85, (*colour, 255)),
        (-0.2, 0.5, (*lit(colour, 1.15), 160)),
    ):
        cx, cy = x + shift * wide, y + shift * tall
        draw.ellipse([cx - wide * shrink, cy - tall * shrink, cx + wide * shrink, cy + tall * shrink], fill=paint)


def _twig(brush: Brush, x: float, y: float, size: float) -> None:
    draw, rng = brush.draw, brush.rng
    colour = vary(rng, (98, 74, 54), 0.2)
    joints = np.cumsum(rng.uniform(-0.25, 0.25, 5))
    path = np.stack([np.linspace(-2, 2, 5) * size, joints * size], axis=1)
    line = turned(path, rng.uniform(0, math.pi), x, y)
    thick = max(2, round(size * rng.uniform(0.1, 0.25)))
    draw.line([(px + thick, py + thick) for px, py in line], fill=(20, 14, 10, 90), width=thick, joint="curve")
    draw.line(line, fill=(*colour, 255), width=thick, joint="curve")
    draw.line([(px, py - thick / 4) for px, py in line], fill=(*lit(colour, 1.3), 160), width=max(1, thick // 3))


def _flower(brush: Brush, x: float, y: float, size: float) -> None:
    draw, rng = brush.draw, brush.rng
    petal, heart = (vary(rng, brush.bright[i], 0.13) for i in rng.choice(3, 2, replace=False))
    petals = int(rng.integers(5, 9))
    start = rng.uniform(0, 6.3)
    size *= 0.6
    for i in range(petals):
        angle = start + 2 * math.pi * i / petals
        px, py = x + math.cos(angle) * size * 0.6, y + math.sin(angle) * size * 0.6
        dot(draw, px, py, size * 0.44, (*lit(petal, 0.85), 255))
        dot(draw, px - size * 0.05, py - size * 0.07, size * 0.36, (*petal, 255))
    dot(draw, x, y, size * 0.36, (*heart, 255))


def _berry(brush: Brush, x: float, y: float, size: float) -> None:
    draw, rng = brush.draw, brush.rng
    colour = vary(rng, brush.bright[rng.integers(3)], 0.15)
    for dx, dy in rng.normal(0, 0.45, (int(rng.integers(1, 5)), 2)).tolist():
        px, py = x + dx * size, y + dy * size
        dot(draw, px + size * 0.06, py + size * 0.08, size * 0.27, (20, 14, 10, 90))
        dot(draw, px, py, size * 0.25, (*colour, 255))
        dot(draw, px - size * 0.08, py - size * 0.09, size * 0.07, (*lit(colour, 1.6), 200))


def _beetle(brush: Brush, x: float, y: float, size: float) -> None:
    draw, rng = brush.draw, brush.rng
    wing = vary(rng, brush.bright[rng.integers(2)], 0.13)
    size *= 0.4
    turn = rng.uniform(0, 6.3)
    ax, ay = math.cos(turn), math.sin(turn)
    dot(draw, x + ax * size * 0.8, y + ay * size * 0.8, size * 0.55, (24, 22, 24, 255))
    dot(draw, x, y, size, (*wing, 255))
    draw.line([(x - ax * size, y - ay * size), (x + ax * size, y + ay * size)], fill=(24, 22, 24, 255), width=2)
    for dx, dy in ((0.35, 0.45), (-0.4, 0.4), (0.35, -0.45), (-0.4, -0.4)):
        dot(draw, x + (dx * ax - dy * ay) * size, y + (dx * ay + dy * ax) * size, size * 0.2, (24, 22, 24, 255))


_THINGS: dict[str, Callable[[Brush, float, float, float], None]] = {
    "turning": _turning,
    "leaf": _leaf,
    "blade": _blade,
    "pebble": _pebble,
    "twig": _twig,
    "flower": _flower,
    "berry": _berry,
    "beetle": _beetle,
}
