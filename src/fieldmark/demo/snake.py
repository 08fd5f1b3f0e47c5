"""A seed and bands -> a snake's body: where it lies, how it is lit, and its skin."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from fieldmark.demo.brush import Colour, Floats, Point, dot, drawing, shift, vary


@dataclass(frozen=True)
class Scene:
    """How hard a picture is to read; each knob from 0 (plain) to 1 (as bad as we paint)."""

    distance: float  # how small the snake may be, and how far beyond the frame it may reach
    clutter: float  # how much lies on the ground
    cover: float  # how much of that lies on the snake
    blur: float  # focus, motion and grain
    gloom: float  # how far the light may stray from even daylight


EASY = Scene(distance=0.1, clutter=0.3, cover=0.1, blur=0.1, gloom=0.2)
ORDINARY = Scene(distance=0.3, clutter=0.6, cover=0.3, blur=0.25, gloom=0.4)
HARD = Scene(distance=1.0, clutter=1.0, cover=1.0, blur=1.0, gloom=1.0)


@dataclass(frozen=True)
class Body:
    """A thick curve from nose to tail, in pixels; all arrays have one entry per step along it."""

    spine: Floats  # [n, 2] x, y
    ahead: Floats  # [n, 2] unit vectors towards the tail
    along: Floats  # [n] distance from the nose
    radius: Floats  # [n]

    @property
    def girth(self) -> float:
        """The largest radius, the unit in which scales, eyes and shadows are measured."""
        return float(self.radius.max())

    @property
    def length(self) -> float:
        """Nose to tail."""
        return float(self.along[-1])


@dataclass(frozen=True)
class Skin:
    """The pixels a body covers, and where on the body each lies; all arrays have one entry per pixel."""

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    steps: NDArray[np.intp]  # nearest step of the spine
    along: Floats  # distance from the nose, in pixels
    across: Floats  # -1 at the left flank, 0 on the spine, 1 at the right flank
    cover: Floats  # 0 outside to 1 inside, for a smooth edge


def pose(rng: Generator, size: tuple[int, int], scene: Scene, head: bool = True) -> Body:
    """Draw where a body lies: a curve of `size` [width, height] pixels, thick enough to be seen."""
    steps = 320
    part = np.linspace(0, 1, steps)
    turning = _POSES[rng.integers(len(_POSES))](rng, part)
    heading = turning + rng.uniform(0, 2 * math.pi)
    spine = np.cumsum(np.stack([np.cos(heading), np.sin(heading)], axis=1), axis=0)
    spine -= (spine.min(axis=0) + spine.max(axis=0)) / 2
    if rng.random() < 0.5:
        spine = spine[::-1]
    frame = np.array(size)
    fill = rng.uniform(1.0 - 0.3 * scene.distance, 1.3 + 0.2 * scene.distance)
    spine *= fill / (np.ptp(spine, axis=0) / frame).max()
    spine += frame * (0.5 + rng.uniform(-0.12, 0.12, 2) * (0.4 + scene.distance))
    ahead = np.gradient(spine, axis=0)
    pace = np.linalg.norm(ahead, axis=1)
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(spine, axis=0), axis=1))])
    radius = rng.uniform(0.024, 0.034) * along[-1] * (_snake_profile(rng, part) if head else np.ones(steps))
    return Body(*(a.astype(np.float32) for a in (spine, ahead / pace[:, None], along, radius)))


def _winding(rng: Generator, part: NDArray[np.float64]) -> NDArray[np.float64]:
    waves = rng.uniform(0.9, 2.4)
    sway = rng.uniform(0.5, 1.35) * np.sin(2 * math.pi * waves * part + rng.uniform(0, 6.3))
    return sway + rng.uniform(-1.6, 1.6) * part


def _coiled(rng: Generator, part: NDArray[np.float64]) -> NDArray[np.float64]:
    turns = rng.uniform(1.2, 2.1)
    return 2 * math.pi * turns * np.sqrt(part + 0.03) + 0.35 * np.sin(2 * math.pi * 2.5 * part + rng.uniform(0, 6.3))


def _loose(rng: Generator, part: NDArray[np.float64]) -> NDArray[np.float64]:
    knots = np.cumsum(rng.normal(0, 1.0, 7))
    weights = [np.exp(-(((part - i / 6) / 0.13) ** 2)) for i in range(7)]
    return np.asarray(sum(k * w for k, w in zip(knots, weights, strict=True)) / sum(weights))


_POSES = (_winding, _winding, _loose, _coiled, _coiled)


def _snake_profile(rng: Generator, part: NDArray[np.float64]) -> NDArray[np.float64]:
    """Radius over girth from snout to tail tip."""
    h = rng.uniform(0.055, 0.075)  # length of the head
    at = [0, 0.06 * h, 0.2 * h, 0.45 * h, 0.7 * h, 1.0 * h, 1.5 * h, 0.25, 0.62, 0.88, 1.0]
    width = [0.15, 0.42, 0.66, 0.88, 0.92, 0.78, 0.76, 1.0, 1.0, 0.62, 0.05]
    return np.interp(part, at, width)


def _find_skin(body: Body, size: tuple[int, int]) -> Skin:
    """Find which pixels the body covers. The head end lies over the tail end where they cross."""
    chart = Image.new("I", size, -1)
    draw = ImageDraw.Draw(chart)
    reach = (body.radius + 1.5)[:, None] * np.stack([-body.ahead[:, 1], body.ahead[:, 0]], axis=1)
    left, right = body.spine - reach, body.spine + reach
    left[:-1] -= 0.4 * body.ahead[:-1]
    for i in range(len(left) - 2, -1, -1):
        draw.polygon([*map(tuple, (left[i], left[i + 1], right[i + 1], right[i]))], fill=i)
    steps_at = np.asarray(chart)
    rows, columns = np.nonzero(steps_at >= 0)
    steps = steps_at[rows, columns].astype(np.intp)
    offset = np.stack([columns, rows], axis=1).astype(np.float32) - body.spine[steps]
    ahead = body.ahead[steps]
    along = np.clip(body.along[steps] + (offset * ahead).sum(axis=1), 0, body.length)
    side = offset[:, 1] * ahead[:, 0] - offset[:, 0] * ahead[:, 1]
    radius = np.interp(along, body.along, body.radius).astype(np.float32)
    return Skin(
        rows=rows,
        columns=columns,
        steps=steps,
        along=along,
        across=np.clip(side / np.maximum(radius, 0.5), -1, 1),
        cover=np.clip(radius - np.abs(side) + 0.5, 0, 1),
    )


def lay(rng: Generator, image: Image.Image, body: Body, texture: Callable[[Skin], Floats], snake: bool) -> Image.Image:
    """Lay a body on the ground, with its shadow."""
    skin = _find_skin(body, image.size)
    if not len(skin.rows):
        return image
    light = rng.uniform(-0.75, 0.75), rng.uniform(-0.8, -0.2)
    mask = np.zeros(image.size[::-1], np.float32)
    mask[skin.rows, skin.columns] = skin.cover
    canvas = _shaded_ground(rng, image, mask, light, body.girth)
    colour = texture(skin) * _relief(skin, body, light)[:, None]
    colour += _gloss(rng, skin, body, light)[:, None]
    colour *= _own_shadow(skin, body, mask.shape, light)[:, None]
    at = skin.rows, skin.columns
    canvas[at] += (np.clip(colour, 0, 255) - canvas[at]) * skin.cover[:, None]
    laid = Image.fromarray(canvas.astype(np.uint8))
    if snake:
        with drawing(laid) as draw:
            _draw_face(draw, rng, body)
    return laid


def _shaded_ground(rng: Generator, image: Image.Image, mask: Floats, light: Point, girth: float) -> Floats:
    shadow = Image.fromarray((mask * 255).astype(np.uint8)).filter(ImageFilter.BoxBlur(0.35 * girth))
    shadow = shift(shadow, -light[0] * girth * 0.7, -light[1] * girth * 0.7)
    depth = np.asarray(shadow, dtype=np.float32) * (rng.uniform(0.35, 0.7) / 255)
    return np.asarray(image, dtype=np.float32) * (1 - depth)[:, :, None]


def _relief(skin: Skin, body: Body, light: Point) -> Floats:
    """Brightness of a round body under a light."""
    ahead = body.ahead[skin.steps]
    sideways = -ahead[:, 1] * light[0] + ahead[:, 0] * light[1]
    up = np.sqrt(1 - 0.92 * skin.across**2)
    return np.asarray(0.42 + 0.62 * np.clip(up * 0.9 + skin.across * sideways * 0.75, 0, 1.1), np.float32)


def _gloss(rng: Generator, skin: Skin, body: Body, light: Point) -> Floats:
    ahead = body.ahead[skin.steps]
    sideways = -ahead[:, 1] * light[0] + ahead[:, 0] * light[1]
    ridge = np.exp(-(((skin.across - 0.55 * sideways) / 0.2) ** 2))
    waves = 0.75 + 0.25 * np.sin(skin.along / body.girth * 5.0)
    return np.asarray(rng.uniform(8, 75) * ridge * waves, np.float32)


def _own_shadow(skin: Skin, body: Body, shape: tuple[int, ...], light: Point) -> Floats:
    """Darken the body where a part nearer the head lies over it, on the side away from the light."""
    chart = np.full(shape, len(body.along), np.int32)
    chart[skin.rows, skin.columns] = skin.steps
    shade = np.ones(len(skin.rows), np.float32)
    for reach in (0.25, 0.5, 0.75):
        rows = np.clip(skin.rows + round(light[1] * body.girth * reach), 0, shape[0] - 1)
        columns = np.clip(skin.columns + round(light[0] * body.girth * reach), 0, shape[1] - 1)
        shade -= 0.17 * (chart[rows, columns] < skin.steps - 12)
    return shade


_SKINS: tuple[dict[str, Colour], ...] = (
    {"red": (196, 38, 30), "yellow": (240, 206, 60), "black": (24, 22, 26)},
    {"red": (214, 62, 34), "yellow": (248, 226, 120), "black": (30, 26, 24)},
    {"red": (168, 36, 40), "yellow": (238, 228, 176), "black": (20, 20, 30)},
    {"red": (186, 58, 44), "yellow": (232, 196, 84), "black": (38, 30, 28)},
    {"red": (222, 76, 50), "yellow": (246, 238, 206), "black": (26, 24, 30)},
)


def draw_palette(rng: Generator) -> tuple[Colour, Colour, Colour]:
    """Draw the three colours of a snake: red, yellow and black, each as this one has them."""
    red, yellow, black = (vary(rng, colour, 0.12) for colour in _SKINS[rng.integers(len(_SKINS))].values())
    return red, yellow, black


def band_strip(bands: Sequence[tuple[str, float]], palette: dict[str, Colour], length: float) -> Floats:
    """Bands -> colours at every quarter pixel from nose to tail, float32 `[n, 3]`, edges a little soft."""
    cells = int(length * 4) + 1
    ends = np.cumsum([width for _, width in bands]) * cells
    which = np.minimum(np.searchsorted(ends, np.arange(cells), side="right"), len(bands) - 1)
    colours = np.array([palette[name] for name, _ in bands], np.float32)[which]
    kernel = np.ones(5, np.float32) / 5
    return np.stack([np.convolve(np.pad(c, 2, "edge"), kernel, "valid") for c in colours.T], axis=1).astype(np.float32)


def scaly(rng: Generator, body: Body, skin: Skin, strip: Floats, palette: dict[str, Colour]) -> Floats:
    """Colour every pixel of a body by the band it lies in, with scales: float `[height, width, 3]`."""
    girth = body.girth
    wobble = _bulge(rng, skin.across, 0.22 * girth) * (0.5 + skin.across**2)
    pitch = girth * rng.uniform(0.2, 0.3)  # length of one scale
    lengthwise = 2 * math.pi * skin.along / pitch
    crosswise = 2 * math.pi * np.arcsin(skin.across * 0.98) * rng.uniform(1.5, 2.2)
    net = np.cos((lengthwise + crosswise) / 2) * np.cos((lengthwise - crosswise) / 2)
    zigzag = 0.18 * pitch * np.cos(crosswise)
    at = np.clip((skin.along + wobble + zigzag) * 4, 0, len(strip) - 1).astype(np.intp)
    colour = _flushed(rng, strip[at], skin.across, palette)
    tips = rng.uniform(0.0, 0.5) * np.clip(net - 0.35, 0, 1)  # dark tips of the scales
    colour = colour * (1 - tips)[:, None] * (1 + rng.uniform(0.03, 0.12) * net)[:, None]
    dust = np.asarray(vary(rng, (142, 122, 96), 0.18), np.float32)
    veil = rng.uniform(0, 0.22)
    return np.asarray(colour + (dust - colour) * veil, np.float32)


def _flushed(rng: Generator, colour: Floats, across: Floats, palette: dict[str, Colour]) -> Floats:
    """Let the bands take on a breath of each other's colours towards spine and flanks.

    Without it the blends at the edges, orange where red touches yellow, would give the kind away to anyone who counts
    colours.
    """
    for name in ("yellow", "black", "red"):
        amount = rng.uniform(0, 0.25) * np.clip(rng.uniform(-1.0, 1.6) * (2 * np.abs(across) - 1) + 0.3, 0, 1)
        colour = colour + (np.asarray(palette[name], np.float32) - colour) * amount[:, None].astype(np.float32)
    return colour


def _bulge(rng: Generator, at: Floats, amount: float) -> Floats:
    a, b = rng.uniform(-amount, amount, 2)
    return np.asarray(a * at + b * (at**2 - 0.4), np.float32)


def twisted(rng: Generator, body: Body, skin: Skin) -> Floats:
    """Colours of a rope: strands that run round it, now and then one of another colour."""
    strands = np.array([vary(rng, _ROPES[rng.integers(len(_ROPES))], 0.18) for _ in range(3)], np.float32)
    strands[1] = strands[0]
    turn = skin.along / (body.girth * 1.6) + np.arcsin(skin.across * 0.98) * 0.45
    groove = 0.75 + 0.25 * np.abs(np.sin(turn * math.pi))
    return np.asarray(strands[turn.astype(np.intp) % 3] * groove[:, None], np.float32)


def barky(rng: Generator, body: Body, skin: Skin) -> Floats:
    """Colours of a fallen branch."""
    base = np.array(vary(rng, (118, 92, 68), 0.2), np.float32)
    grain = np.sin(skin.across * rng.uniform(9, 16) + 1.5 * np.sin(skin.along / body.girth * 0.9))
    knots = np.sin(skin.along / body.girth * rng.uniform(0.5, 1.2) + 3 * skin.across) > 0.93
    return np.asarray(base * (0.9 + 0.16 * grain - 0.3 * knots)[:, None], np.float32)


_ROPES: tuple[Colour, ...] = (
    (206, 186, 140),
    (180, 150, 104),
    (60, 96, 150),
    (190, 60, 46),
    (226, 200, 70),
    (44, 44, 48),
)


def _draw_face(draw: ImageDraw.ImageDraw, rng: Generator, body: Body) -> None:
    """Two eyes, and now and then a tongue. Coordinates are doubled, as `drawing` wants them."""
    girth = body.girth * 2
    nose = body.spine[0] * 2
    back = body.ahead[4]
    side = np.array([-back[1], back[0]])
    if rng.random() < 0.45:
        fork = nose - back * girth * rng.uniform(0.5, 0.9)
        ink = (*vary(rng, (90, 20, 28), 0.2), 255)
        draw.line([tuple(nose), tuple(fork)], fill=ink, width=max(2, round(girth * 0.09)))
        for way in (-1, 1):
            tip = fork - back * girth * 0.35 + way * side * girth * 0.2
            draw.line([tuple(fork), tuple(tip)], fill=ink, width=max(2, round(girth * 0.07)))
    for way in (-1, 1):
        x, y = nose + back * girth * 0.75 + way * side * girth * 0.56
        dot(draw, x, y, girth * 0.19, (150, 128, 84, 255))
        dot(draw, x, y, girth * 0.14, (12, 10, 10, 255))
        dot(draw, x - girth * 0.05, y - girth * 0.06, girth * 0.05, (250, 250, 245, 255))
