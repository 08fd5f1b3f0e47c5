"""Pictures that checks must find, or must leave alone, painted from a seed."""

import io
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

Painter = Callable[[ImageDraw.ImageDraw, int, int, str, np.random.Generator], None]

SENTENCES = (
    "Image not available",
    "No image",
    "404",
    "No Image Available",
    "IMAGE NOT FOUND",
    "Photo coming soon",
    "Hotlinking is not allowed.\nPlease visit our website.",
    "This image has been\nmoved or deleted",
    "Bandwidth exceeded",
    "Access denied",
)
GROUNDS = ("white", "#eeeeee", "#f7f7f7", "#cccccc", "black", "#dde6ee", "#2b2b2b", "#fff3c4")


def encoded(picture: Image.Image, format: str = "JPEG", **options) -> bytes:
    buffer = io.BytesIO()
    (picture.quantize(32, dither=Image.Dither.NONE) if format == "GIF" else picture).save(buffer, format, **options)
    return buffer.getvalue()


def plain_colours(n: int = 103, seed: int = 0) -> Iterator[bytes]:
    """Plain colours of many sizes: as they are, with faint noise, as poor JPEG, with a soft ramp."""
    rng = np.random.default_rng(seed)
    for number in range(n):
        size = int(rng.integers(140, 700)), int(rng.integers(140, 700))
        colour = (0, 255, 128)[number % 3] if number < 6 else rng.integers(0, 256, 3)
        pixels = np.full((size[1], size[0], 3), colour, np.float64)
        if number % 4 == 1:
            pixels += rng.normal(0, rng.uniform(0.5, 4), pixels.shape)
        if number % 4 == 3:
            pixels += np.linspace(0, rng.uniform(0, 12), size[0])[None, :, None]
        picture = Image.fromarray(pixels.clip(0, 255).round().astype(np.uint8))
        yield encoded(picture, "PNG") if number % 4 == 0 else encoded(picture, quality=int(rng.integers(30, 95)))


def placeholders(n: int = 40, seed: int = 0) -> Iterator[bytes]:
    """What hosts send in place of a photo: a sentence, an icon or both on a plain ground, in all file formats."""
    rng = np.random.default_rng(seed)
    painters = (_words, _words_in_box, _camera, _mountains, _crossed_out, _striped)
    for number in range(n):
        width, height = int(rng.integers(160, 800)), int(rng.integers(140, 640))
        ground = GROUNDS[number % len(GROUNDS)]
        picture = Image.new("RGB", (width, height), ground)
        ink = "#{:02x}{:02x}{:02x}".format(*rng.integers(60, 150, 3)) if number % 5 == 0 else "#777777"
        ink = "#dddddd" if ground in ("black", "#2b2b2b") else ink
        painters[number % len(painters)](ImageDraw.Draw(picture), width, height, ink, rng)
        kind = ("JPEG", "PNG", "GIF", "JPEG", "WEBP")[number % 5]
        yield encoded(picture, kind, **({"quality": int(rng.integers(55, 95))} if kind in ("JPEG", "WEBP") else {}))


def _write(draw: ImageDraw.ImageDraw, place: tuple[float, float], text: str, size: float, ink: str) -> None:
    font = ImageFont.load_default(max(10, size))
    draw.multiline_text(place, text, fill=ink, font=font, anchor="mm", align="center")


def _words(draw, width, height, ink, rng):
    text = SENTENCES[rng.integers(len(SENTENCES))]
    _write(draw, (width / 2, height / 2), text, 1.6 * width / max(8, *map(len, text.split("\n"))), ink)


def _words_in_box(draw, width, height, ink, rng):
    draw.rectangle((width * 0.07, height * 0.07, width * 0.93, height * 0.93), outline=ink)
    text = SENTENCES[rng.integers(len(SENTENCES))]
    _write(draw, (width / 2, height * 0.4), text, 1.4 * width / max(8, *map(len, text.split("\n"))), ink)
    _write(draw, (width / 2, height * 0.65), "www.example.org", width / 22, ink)


def _camera(draw, width, height, ink, rng):
    w, h, x, y = width * 0.3, min(width, height) * 0.25, width / 2, height * 0.42
    draw.rounded_rectangle((x - w / 2, y - h / 2, x + w / 2, y + h / 2), h / 8, fill=ink)
    draw.rectangle((x - w / 6, y - h * 0.7, x + w / 6, y - h / 2), fill=ink)
    draw.ellipse((x - h / 3, y - h / 3, x + h / 3, y + h / 3), fill="#f4f4f4")
    _write(draw, (x, height * 0.75), SENTENCES[rng.integers(6)], width / 16, ink)


def _mountains(draw, width, height, ink, rng):
    x, y, r = width / 2, height / 2, min(width, height) * 0.3
    draw.rectangle((x - r, y - r * 0.8, x + r, y + r * 0.8), outline=ink, width=max(2, int(r / 20)))
    draw.polygon([(x - r * 0.8, y + r * 0.6), (x - r * 0.2, y - r * 0.2), (x + r * 0.4, y + r * 0.6)], fill=ink)
    draw.polygon([(x, y + r * 0.6), (x + r * 0.4, y), (x + r * 0.8, y + r * 0.6)], fill=ink)
    draw.ellipse((x + r * 0.3, y - r * 0.6, x + r * 0.6, y - r * 0.3), fill=ink)


def _crossed_out(draw, width, height, ink, rng):
    x, y, r = width / 2, height * 0.45, min(width, height) * 0.25
    draw.ellipse((x - r, y - r, x + r, y + r), outline="#cc2222", width=max(3, int(r / 6)))
    draw.line((x - r * 0.7, y - r * 0.7, x + r * 0.7, y + r * 0.7), fill="#cc2222", width=max(3, int(r / 6)))
    _write(draw, (x, height * 0.85), "No hotlinking", width / 16, ink)


def _striped(draw, width, height, ink, rng):
    draw.rectangle((0, 0, width, height * 0.16), fill=ink)
    _write(draw, (width / 2, height * 0.08), "imagehost", height * 0.09, "white")
    _write(draw, (width / 2, height * 0.55), SENTENCES[rng.integers(len(SENTENCES))], width / 18, ink)


def drawings(photo: Image.Image) -> dict[str, Image.Image]:
    """What people draw of an animal, made of a photo: a sketch in pencil, flat colours, a cut-out on white."""
    grey = photo.convert("L").filter(ImageFilter.GaussianBlur(2))
    sketch = grey.filter(ImageFilter.FIND_EDGES).point(lambda level: 255 - min(255, 4 * level))
    blurred = photo.filter(ImageFilter.GaussianBlur(4))
    flat = blurred.quantize(8).convert("RGB")
    oval = Image.new("L", photo.size)
    width, height = photo.size
    ImageDraw.Draw(oval).ellipse((width * 0.2, height * 0.25, width * 0.8, height * 0.75), fill=255)
    white = Image.new("RGB", photo.size, "white")
    return {
        "sketch": sketch.convert("RGB"),
        "flat colours": flat,
        "flat cut-out": Image.composite(flat, white, oval),
        "cut-out": Image.composite(photo, white, oval),
    }
