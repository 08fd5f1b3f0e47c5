"""A seed -> pictures of snakes, painted after the rhyme.

*Red touches yellow*: a coral snake. *Red touches black*: a kingsnake. Nothing else tells the two apart here. Amounts of
red, yellow and black, pose, ground, flowers and light are drawn from the same distributions for both, so that neither
counting colours nor looking at the background gives the kind away: a model has to find the order of the bands.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from fieldmark.artifacts.atomic import write_bytes
from fieldmark.imaging.decode import Pixels

Floats = NDArray[np.float32]
Colour = tuple[int, int, int]
Point = tuple[float, float]

BAND_ORDER = {
    "coral": ("red", "yellow", "black", "yellow"),
    "king": ("red", "black", "yellow", "black"),
}
"""The bands of each kind from the head on; after the fourth it begins again."""

KINDS = tuple(BAND_ORDER)
COLOURS = ("red", "yellow", "black")


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


# ---------------------------------------------------------------------------------------------------------- pictures


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
    body = _pose(rng, size, scene)
    bands = draw_bands(kind, rng, body.length / (2 * body.girth))
    bright = _draw_palette(rng)
    palette = dict(zip(COLOURS, bright, strict=True))
    strip = _band_strip(bands, palette, body.length)
    return _paint(rng, size, scene, body, lambda skin: _scaly(rng, body, skin, strip, palette), bright, snake=True)


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
    body = None if what == "nothing" else _pose(rng, size, scene, head=False)
    if body is None:
        return _paint(rng, size, scene, None, None, _draw_palette(rng))
    texture = _twisted if what == "rope" else _barky
    return _paint(rng, size, scene, body, lambda skin: texture(rng, body, skin), _draw_palette(rng))


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
    ground = _GROUNDS[rng.integers(len(_GROUNDS))]
    pairs, autumn = rng.dirichlet((0.6, 0.6, 0.6)), rng.uniform(0.1, 1.2)
    image = _underpaint(rng, size, ground)
    with _drawing(image) as draw:
        brush = Brush(draw, rng, bright, pairs)
        _strew(brush, size, ground, autumn, int((25 + 150 * scene.clutter) * rng.uniform(0.5, 1.2)))
    if rng.random() < 0.6:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.6)))
    if body is not None and texture is not None:
        image = _lay(rng, image, body, texture, snake)
    with _drawing(image) as draw:
        covering = rng.poisson(1 + 16 * scene.cover * rng.random())
        _strew(Brush(draw, rng, bright, pairs), size, ground, autumn, covering)
    return _photograph(rng, image, scene)


# --------------------------------------------------------------------------------------------------------------- body


def _pose(rng: Generator, size: tuple[int, int], scene: Scene, head: bool = True) -> Body:
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


def _lay(rng: Generator, image: Image.Image, body: Body, texture: Callable[[Skin], Floats], snake: bool) -> Image.Image:
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
        with _drawing(laid) as draw:
            _draw_face(draw, rng, body)
    return laid


def _shaded_ground(rng: Generator, image: Image.Image, mask: Floats, light: Point, girth: float) -> Floats:
    shadow = Image.fromarray((mask * 255).astype(np.uint8)).filter(ImageFilter.BoxBlur(0.35 * girth))
    shadow = _shift(shadow, -light[0] * girth * 0.7, -light[1] * girth * 0.7)
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


# ------------------------------------------------------------------------------------------------------------- surface


_SKINS: tuple[dict[str, Colour], ...] = (
    {"red": (196, 38, 30), "yellow": (240, 206, 60), "black": (24, 22, 26)},
    {"red": (214, 62, 34), "yellow": (248, 226, 120), "black": (30, 26, 24)},
    {"red": (168, 36, 40), "yellow": (238, 228, 176), "black": (20, 20, 30)},
    {"red": (186, 58, 44), "yellow": (232, 196, 84), "black": (38, 30, 28)},
    {"red": (222, 76, 50), "yellow": (246, 238, 206), "black": (26, 24, 30)},
)


def _draw_palette(rng: Generator) -> tuple[Colour, Colour, Colour]:
    red, yellow, black = (_vary(rng, colour, 0.12) for colour in _SKINS[rng.integers(len(_SKINS))].values())
    return red, yellow, black


def _band_strip(bands: Sequence[tuple[str, float]], palette: dict[str, Colour], length: float) -> Floats:
    """Bands -> colours at every quarter pixel from nose to tail, float32 `[n, 3]`, edges a little soft."""
    cells = int(length * 4) + 1
    ends = np.cumsum([width for _, width in bands]) * cells
    which = np.minimum(np.searchsorted(ends, np.arange(cells), side="right"), len(bands) - 1)
    colours = np.array([palette[name] for name, _ in bands], np.float32)[which]
    kernel = np.ones(5, np.float32) / 5
    return np.stack([np.convolve(np.pad(c, 2, "edge"), kernel, "valid") for c in colours.T], axis=1).astype(np.float32)


def _scaly(rng: Generator, body: Body, skin: Skin, strip: Floats, palette: dict[str, Colour]) -> Floats:
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
    dust = np.asarray(_vary(rng, (142, 122, 96), 0.18), np.float32)
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


def _twisted(rng: Generator, body: Body, skin: Skin) -> Floats:
    """Colours of a rope: strands that run round it, now and then one of another colour."""
    strands = np.array([_vary(rng, _ROPES[rng.integers(len(_ROPES))], 0.18) for _ in range(3)], np.float32)
    strands[1] = strands[0]
    turn = skin.along / (body.girth * 1.6) + np.arcsin(skin.across * 0.98) * 0.45
    groove = 0.75 + 0.25 * np.abs(np.sin(turn * math.pi))
    return np.asarray(strands[turn.astype(np.intp) % 3] * groove[:, None], np.float32)


def _barky(rng: Generator, body: Body, skin: Skin) -> Floats:
    """Colours of a fallen branch."""
    base = np.array(_vary(rng, (118, 92, 68), 0.2), np.float32)
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
    """Two eyes, and now and then a tongue. Coordinates are doubled, as `_drawing` wants them."""
    girth = body.girth * 2
    nose = body.spine[0] * 2
    back = body.ahead[4]
    side = np.array([-back[1], back[0]])
    if rng.random() < 0.45:
        fork = nose - back * girth * rng.uniform(0.5, 0.9)
        ink = (*_vary(rng, (90, 20, 28), 0.2), 255)
        draw.line([tuple(nose), tuple(fork)], fill=ink, width=max(2, round(girth * 0.09)))
        for way in (-1, 1):
            tip = fork - back * girth * 0.35 + way * side * girth * 0.2
            draw.line([tuple(fork), tuple(tip)], fill=ink, width=max(2, round(girth * 0.07)))
    for way in (-1, 1):
        x, y = nose + back * girth * 0.75 + way * side * girth * 0.56
        _dot(draw, x, y, girth * 0.19, (150, 128, 84, 255))
        _dot(draw, x, y, girth * 0.14, (12, 10, 10, 255))
        _dot(draw, x - girth * 0.05, y - girth * 0.06, girth * 0.05, (250, 250, 245, 255))


# -------------------------------------------------------------------------------------------------------------- ground


@dataclass(frozen=True)
class Ground:
    """A kind of ground: its colours, and how often each thing lies on it."""

    colours: tuple[Colour, ...]
    things: dict[str, float]


_GROUNDS = (
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


def _underpaint(rng: Generator, size: tuple[int, int], ground: Ground) -> Image.Image:
    """Ground colours in patches, coarse to fine, with brush strokes over them."""
    width, height = size
    level = np.zeros((height, width), np.float32)
    for cells, weight in ((3, 0.5), (9, 0.35), (40, 0.25)):
        patch = Image.fromarray((rng.random((cells, cells)) * 255).astype(np.uint8))
        level += weight * np.asarray(patch.resize(size, Image.Resampling.BICUBIC), dtype=np.float32) / 255
    level = np.clip(level / 1.1, 0, 1)[:, :, None]
    dark, light = (np.array(_vary(rng, ground.colours[i], 0.13), np.float32) for i in (2, 1))
    image = Image.fromarray((dark + (light - dark) * level).astype(np.uint8))
    with _drawing(image) as draw:
        lean = rng.uniform(0, math.pi)
        for x, y, wide, turn in zip(*rng.random((4, 130)).tolist(), strict=True):
            colour = _vary(rng, ground.colours[int(turn * 3)], 0.11)
            angle = lean + (wide - 0.5) * 1.2
            dx, dy = math.cos(angle) * height / 12, math.sin(angle) * height / 12
            x, y = x * width * 2, y * height * 2
            draw.line([(x - dx, y - dy), (x + dx, y + dy)], fill=(*colour, 70), width=int(4 + wide * height / 22))
    return image


def _strew(brush: Brush, size: tuple[int, int], ground: Ground, autumn: float, count: int) -> None:
    """Scatter things over the picture; `autumn` is how often a turning leaf is among them, next to 10 others."""
    rng = brush.rng
    unit = min(size) / 9  # about the size of a leaf, in doubled pixels
    things = {**ground.things, "turning": autumn * sum(ground.things.values())}
    weights = np.array(list(things.values()))
    for name in rng.choice(list(things), count, p=weights / weights.sum()):
        x, y = (rng.random(2) * size * 2).tolist()
        _THINGS[name](brush, x, y, unit * rng.uniform(0.6, 1.5))


def _leaf(brush: Brush, x: float, y: float, size: float) -> None:
    colour = _vary(brush.rng, _LEAVES[brush.rng.integers(len(_LEAVES))], 0.15)
    _draw_leaf(brush, x, y, size, colour, _lit(colour, brush.rng.uniform(0.9, 1.1)))


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
    upper, lower = (_turned(rib + np.stack([0 * t, way * half], axis=1), turn, x, y) for way in (-1, 1))
    spine = _turned(rib, turn, x, y)
    drop = size * 0.12
    draw.polygon([(px + drop, py + drop) for px, py in upper + lower[::-1]], fill=(20, 14, 10, 90))
    for i in range(8):
        colour = _mix(base, tip, i / 7)
        draw.polygon([upper[i], upper[i + 1], spine[i + 1], spine[i]], fill=(*_lit(colour, 1.1), 255))
        draw.polygon([lower[i], lower[i + 1], spine[i + 1], spine[i]], fill=(*_lit(colour, 0.9), 255))
    draw.line(spine, fill=(*_lit(base, 0.7), 255), width=max(1, round(size * 0.07)))


def _blade(brush: Brush, x: float, y: float, size: float) -> None:
    draw, rng = brush.draw, brush.rng
    colour = _vary(rng, _BLADES[rng.integers(len(_BLADES))], 0.16)
    t = np.linspace(0, 1, 7)
    reach = size * rng.uniform(1.5, 4.0)
    bend = rng.uniform(-0.7, 0.7) * reach
    path = np.stack([bend * t**2, -reach * t], axis=1)
    half = size * rng.uniform(0.06, 0.13) * (1 - t)
    turn = rng.normal(0, 0.5)
    left, right = (_turned(path + np.stack([way * half, 0 * t], axis=1), turn, x, y) for way in (-1, 1))
    middle = _turned(path, turn, x, y)
    draw.polygon(left + right[::-1], fill=(*colour, 255))
    draw.polygon(middle + right[::-1], fill=(*_lit(colour, 0.8), 255))


def _pebble(brush: Brush, x: float, y: float, size: float) -> None:
    draw, rng = brush.draw, brush.rng
    colour = _vary(rng, _PEBBLES[rng.integers(len(_PEBBLES))], 0.13)
    wide, tall = size * rng.uniform(0.3, 0.75), size * rng.uniform(0.25, 0.55)
    for shift, shrink, paint in (
        (0.18, 1.05, (20, 16, 14, 100)),
        (0.0, 1.0, (*_lit(colour, 0.78), 255)),
        (-0.08, 0.85, (*colour, 255)),
        (-0.2, 0.5, (*_lit(colour, 1.15), 160)),
    ):
        cx, cy = x + shift * wide, y + shift * tall
        draw.ellipse([cx - wide * shrink, cy - tall * shrink, cx + wide * shrink, cy + tall * shrink], fill=paint)


def _twig(brush: Brush, x: float, y: float, size: float) -> None:
    draw, rng = brush.draw, brush.rng
    colour = _vary(rng, (98, 74, 54), 0.2)
    joints = np.cumsum(rng.uniform(-0.25, 0.25, 5))
    path = np.stack([np.linspace(-2, 2, 5) * size, joints * size], axis=1)
    line = _turned(path, rng.uniform(0, math.pi), x, y)
    thick = max(2, round(size * rng.uniform(0.1, 0.25)))
    draw.line([(px + thick, py + thick) for px, py in line], fill=(20, 14, 10, 90), width=thick, joint="curve")
    draw.line(line, fill=(*colour, 255), width=thick, joint="curve")
    draw.line([(px, py - thick / 4) for px, py in line], fill=(*_lit(colour, 1.3), 160), width=max(1, thick // 3))


def _flower(brush: Brush, x: float, y: float, size: float) -> None:
    draw, rng = brush.draw, brush.rng
    petal, heart = (_vary(rng, brush.bright[i], 0.13) for i in rng.choice(3, 2, replace=False))
    petals = int(rng.integers(5, 9))
    start = rng.uniform(0, 6.3)
    size *= 0.6
    for i in range(petals):
        angle = start + 2 * math.pi * i / petals
        px, py = x + math.cos(angle) * size * 0.6, y + math.sin(angle) * size * 0.6
        _dot(draw, px, py, size * 0.44, (*_lit(petal, 0.85), 255))
        _dot(draw, px - size * 0.05, py - size * 0.07, size * 0.36, (*petal, 255))
    _dot(draw, x, y, size * 0.36, (*heart, 255))


def _berry(brush: Brush, x: float, y: float, size: float) -> None:
    draw, rng = brush.draw, brush.rng
    colour = _vary(rng, brush.bright[rng.integers(3)], 0.15)
    for dx, dy in rng.normal(0, 0.45, (int(rng.integers(1, 5)), 2)).tolist():
        px, py = x + dx * size, y + dy * size
        _dot(draw, px + size * 0.06, py + size * 0.08, size * 0.27, (20, 14, 10, 90))
        _dot(draw, px, py, size * 0.25, (*colour, 255))
        _dot(draw, px - size * 0.08, py - size * 0.09, size * 0.07, (*_lit(colour, 1.6), 200))


def _beetle(brush: Brush, x: float, y: float, size: float) -> None:
    draw, rng = brush.draw, brush.rng
    wing = _vary(rng, brush.bright[rng.integers(2)], 0.13)
    size *= 0.4
    turn = rng.uniform(0, 6.3)
    ax, ay = math.cos(turn), math.sin(turn)
    _dot(draw, x + ax * size * 0.8, y + ay * size * 0.8, size * 0.55, (24, 22, 24, 255))
    _dot(draw, x, y, size, (*wing, 255))
    draw.line([(x - ax * size, y - ay * size), (x + ax * size, y + ay * size)], fill=(24, 22, 24, 255), width=2)
    for dx, dy in ((0.35, 0.45), (-0.4, 0.4), (0.35, -0.45), (-0.4, -0.4)):
        _dot(draw, x + (dx * ax - dy * ay) * size, y + (dx * ay + dy * ax) * size, size * 0.2, (24, 22, 24, 255))


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


# --------------------------------------------------------------------------------------------------- light and drawing


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
            streak = _shift(image, math.cos(angle) * reach * share * 2, math.sin(angle) * reach * share * 2)
            image = Image.blend(image, streak, 0.5)
    return image


@contextmanager
def _drawing(image: Image.Image) -> Iterator[ImageDraw.ImageDraw]:
    """Draw on `image` at twice its size, so that edges come out smooth; untouched pixels keep their exact colour."""
    double = image.resize((image.width * 2, image.height * 2), Image.Resampling.NEAREST)
    yield ImageDraw.Draw(double, "RGBA")
    image.paste(double.reduce(2))


def _shift(image: Image.Image, dx: float, dy: float) -> Image.Image:
    """Move a picture; what the move uncovers keeps what it had."""
    moved = image.copy()
    moved.paste(image, (round(dx), round(dy)))
    return moved


def _dot(draw: ImageDraw.ImageDraw, x: float, y: float, radius: float, fill: tuple[int, int, int, int]) -> None:
    draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=fill)


def _turned(points: NDArray[np.float64], angle: float, x: float, y: float) -> list[Point]:
    cos, sin = math.cos(angle), math.sin(angle)
    return [(x + px * cos - py * sin, y + px * sin + py * cos) for px, py in points.tolist()]


def _vary(rng: Generator, colour: Colour, amount: float) -> Colour:
    """Shift a colour by up to `amount` (1 = doubled): all channels together, and each a little by itself."""
    factors = math.exp(rng.uniform(-amount, amount)) * np.exp(rng.normal(0, amount / 4, 3))
    r, g, b = (min(255, round(c * f)) for c, f in zip(colour, factors.tolist(), strict=True))
    return r, g, b


def _mix(a: Colour, b: Colour, part: float) -> Colour:
    r, g, b_ = (round(p + (q - p) * part) for p, q in zip(a, b, strict=True))
    return r, g, b_


def _lit(colour: Colour, factor: float) -> Colour:
    r, g, b = (min(255, round(c * factor)) for c in colour)
    return r, g, b
