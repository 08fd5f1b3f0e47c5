import concurrent.futures
import io
import random
import struct
import threading
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from fieldmark.errors import BadShape, NotAPhoto, TooManyPixels, TooSmall
from fieldmark.imaging.decode import decode
from fieldmark.imaging.shrink import shrink
from support import icc_profiles as icc
from support import pictures
from support.pictures import encode


def scene(width=1600, height=1200, seed=0):
    return pictures.scene(width, height, seed)


def forest(width=1600, height=1200, seed=0):
    """Detail at every scale, as photos have it: noise whose amplitude falls with its frequency."""
    rng, total = np.random.default_rng(seed), np.zeros((height, width, 3))
    for step in (4, 8, 16, 32, 64, 128):
        cells = rng.normal(size=(height // step + 2, width // step + 2, 3)) * step
        layer = [Image.fromarray(cells[..., c].astype(np.float32)).resize((width, height), 3) for c in range(3)]
        total += np.stack([np.asarray(one) for one in layer], axis=-1)
    return Image.fromarray((128 + total * 40 / total.std()).clip(0, 255).astype(np.uint8))


def exif(orientation):
    block = Image.Exif()
    block[0x0112] = orientation
    return block.tobytes()


def signal_to_noise(pixels, reference):
    """PSNR in dB."""
    error = np.mean((pixels.astype(float) - np.asarray(reference).astype(float)) ** 2)
    return 10 * np.log10(255**2 / max(error, 1e-9))


def size_of(jpeg):
    with Image.open(io.BytesIO(jpeg)) as image:
        assert image.format == "JPEG"
        return image.size


# --------------------------------------------------------------------------------------------------------------- sizes


@pytest.mark.parametrize(
    ("size", "longer", "expected"),
    [
        ((1600, 1200), 500, (500, 375)),
        ((1200, 1600), 500, (375, 500)),
        ((1000, 667), 500, (500, 334)),
        ((1001, 667), 500, (500, 333)),
        ((2000, 2000), 256, (256, 256)),
        ((501, 400), 500, (500, 399)),
        ((500, 400), 500, (500, 400)),
        ((300, 200), 500, (300, 200)),
        ((640, 480), 0, (640, 480)),
    ],
)
@pytest.mark.parametrize("format_", ["JPEG", "PNG"])
def test_the_longer_side_is_brought_to_its_limit_and_never_enlarged(size, longer, expected, format_):
    shrunk = shrink(encode(scene(*size), format_), longer)
    assert (shrunk.width, shrunk.height) == size
    assert shrunk.pixels.shape == (expected[1], expected[0], 3)
    assert shrunk.pixels.dtype == np.uint8
    assert size_of(shrunk.jpeg) == expected


def test_a_thin_picture_keeps_a_side_of_one_pixel():
    data = encode(Image.new("RGB", (2000, 1)), "PNG")
    assert shrink(data, 100, min_side=1, max_aspect=1e9).pixels.shape == (1, 100, 3)


def test_padding_centres_the_photo_on_a_white_square():
    black = encode(Image.new("RGB", (800, 400)), "PNG")
    pixels = shrink(black, 200, pad=True).pixels
    assert pixels.shape == (200, 200, 3)
    assert (pixels[:50] == 255).all() and (pixels[150:] == 255).all()
    assert (pixels[50:150] == 0).all()


def test_padding_puts_a_small_photo_in_the_middle_as_it_is():
    black = encode(Image.new("RGB", (200, 150)), "PNG")
    pixels = shrink(black, 300, pad=True).pixels
    assert pixels.shape == (300, 300, 3)
    assert (pixels[75:225, 50:250] == 0).all()
    assert (pixels == 0).all(axis=-1).sum() == 200 * 150
    assert shrink(black, 0, pad=True).pixels.shape == (200, 200, 3)


# ------------------------------------------------------------------------------------------------------------- quality


@pytest.mark.parametrize("size", [(1200, 900), (1600, 1200), (1000, 750), (2400, 1800), (700, 525)])
@pytest.mark.parametrize("make", [scene, forest])
def test_scaled_decoding_looks_like_decoding_the_whole_and_resizing_it_well(size, make):
    data = encode(make(*size), quality=92)
    best = Image.fromarray(decode(data)).resize((500, 375), Image.Resampling.LANCZOS)
    assert signal_to_noise(shrink(data, 500).pixels, best) > 32
    assert signal_to_noise(decode(shrink(data, 500).jpeg), best) > 30


def test_the_file_decodes_to_nearly_the_pixels():
    shrunk = shrink(encode(scene()), 500)
    assert signal_to_noise(decode(shrunk.jpeg), shrunk.pixels) > 38


# ------------------------------------------------------------------------------------------------ the rules of decode

FORMATS = [
    ("JPEG", {"quality": 95}),
    ("JPEG", {"quality": 95, "progressive": True}),
    ("PNG", {}),
    ("TIFF", {}),
    ("WEBP", {"lossless": True}),
    ("AVIF", {"quality": 90}),
]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("format_", "options"), FORMATS)
@pytest.mark.parametrize("longer", [0, 200])
def test_photos_are_turned_as_decode_turns_them(format_, options, orientation, longer):
    data = encode(scene(400, 300), format_, exif=exif(orientation), **options)
    upright = decode(data)
    shrunk = shrink(data, longer)
    assert (shrunk.height, shrunk.width) == upright.shape[:2]
    best = Image.fromarray(upright).resize(shrunk.pixels.shape[1::-1], Image.Resampling.BICUBIC)
    assert np.abs(shrunk.pixels.astype(int) - np.asarray(best)).mean() < 2
    assert np.abs(decode(shrunk.jpeg).astype(int) - np.asarray(best)).mean() < 4


def painted():
    colour = scene(320, 240)
    clear = colour.copy().convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize((320, 240)))
    palette = colour.quantize(32)
    deep = Image.fromarray(np.asarray(colour.convert("L")).astype(np.uint16) * 257)
    return {
        "grey": encode(colour.convert("L")),
        "cmyk": encode(colour.convert("CMYK")),
        "cmyk with a profile": encode(colour.convert("CMYK"), icc_profile=icc.cmyk()),
        "display p3": encode(colour, icc_profile=icc.display_p3()),
        "png of display p3": encode(colour, "PNG", icc_profile=icc.display_p3()),
        "a broken profile": encode(colour, icc_profile=b"no profile at all"),
        "transparent": encode(clear, "PNG"),
        "transparent grey": encode(clear.convert("LA"), "PNG"),
        "palette": encode(palette, "PNG"),
        "palette with a clear colour": encode(palette, "PNG", transparency=3),
        "16 bit": encode(deep, "PNG"),
        "bilevel": encode(colour.convert("1"), "PNG"),
        "gif": encode(colour, "GIF"),
        "two pictures": encode(colour, "MPO", save_all=True, append_images=[scene(320, 240, 5)]),
    }


PAINTED = painted()


@pytest.mark.parametrize("kind", PAINTED)
def test_colours_are_those_of_decode(kind):
    whole = decode(PAINTED[kind])
    assert np.array_equal(shrink(PAINTED[kind], 0).pixels, whole)
    best = Image.fromarray(whole).resize((160, 120), Image.Resampling.HAMMING)  # our filter: colours are at issue here
    assert signal_to_noise(shrink(PAINTED[kind], 160).pixels, best) > 28


@pytest.mark.parametrize("kind", PAINTED)
def test_what_is_written_carries_no_profile_and_no_turn(kind):
    with Image.open(io.BytesIO(shrink(PAINTED[kind], 100).jpeg)) as image:
        assert image.mode == "RGB"
        assert "icc_profile" not in image.info
        assert not image.getexif()


# ------------------------------------------------------------------------------------------------------ as it came


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("colour", encode(scene(400, 300))),
        ("grey", encode(scene(400, 300).convert("L"))),
        ("progressive", encode(scene(400, 300), progressive=True)),
        ("upright by its EXIF", encode(scene(400, 300), exif=exif(1))),
        ("with sRGB written out", encode(scene(400, 300), icc_profile=icc.srgb())),
    ],
)
def test_a_jpeg_that_needs_no_change_keeps_its_bytes(kind, data):
    assert shrink(data, 500).jpeg == data
    assert shrink(data, 0).jpeg == data
    assert np.array_equal(shrink(data, 500).pixels, decode(data))


@pytest.mark.parametrize("kind", ["cmyk", "display p3", "png of display p3", "two pictures", "gif"])
def test_what_needs_a_change_is_written_anew(kind):
    assert shrink(PAINTED[kind], 0).jpeg != PAINTED[kind]
    assert size_of(shrink(PAINTED[kind], 0).jpeg) == (320, 240)


def test_a_turned_a_padded_and_a_large_jpeg_are_written_anew():
    turned = encode(scene(400, 300), exif=exif(6))
    plain = encode(scene(400, 300))
    assert shrink(turned, 500).jpeg != turned
    assert shrink(plain, 500, pad=True).jpeg != plain
    assert shrink(plain, 399).jpeg != plain


# ------------------------------------------------------------------------------------------------------------ refusals


def nobody_decodes(monkeypatch):
    def load(image):
        raise AssertionError("Pillow was asked for the pixels")

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)


@pytest.mark.parametrize("format_", ["JPEG", "PNG"])
@pytest.mark.parametrize(
    ("size", "limits", "error", "sentence"),
    [
        ((400, 127), {}, TooSmall, "400 x 127 pixels: the shorter side has fewer than 128"),
        ((127, 400), {}, TooSmall, "127 x 400 pixels: the shorter side has fewer than 128"),
        ((400, 300), {"min_side": 301}, TooSmall, "400 x 300 pixels: the shorter side has fewer than 301"),
        ((641, 128), {}, BadShape, "641 x 128 pixels: one side is more than 5 times the other"),
        ((128, 641), {}, BadShape, "128 x 641 pixels: one side is more than 5 times the other"),
        ((400, 300), {"max_aspect": 1.3}, BadShape, "one side is more than 1.3 times the other"),
        ((400, 300), {"max_pixels": 119_999}, TooManyPixels, "400 x 300 pixels are more than"),
    ],
)
def test_sizes_are_judged_by_the_header_and_named(monkeypatch, size, limits, error, sentence, format_):
    data = encode(Image.new("RGB", size), format_)
    nobody_decodes(monkeypatch)
    with pytest.raises(error, match=sentence):
        shrink(data, 500, **limits)


def test_the_very_limits_pass():
    assert shrink(encode(Image.new("RGB", (640, 128))), 500).pixels.shape == (100, 500, 3)
    assert shrink(encode(Image.new("RGB", (400, 300))), 500, min_side=300, max_pixels=120_000).width == 400


def test_a_bomb_is_refused_before_it_takes_memory(monkeypatch):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0))
    nobody_decodes(monkeypatch)
    with pytest.raises(TooManyPixels):
        shrink(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b""), 500)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "an empty file, not a picture"),
        (b"<html><body>404</body></html>", "an HTML page, not a picture"),
        (b"\xff\xd8\xff\xe0", "a JPEG picture that is cut short or damaged"),
        (encode(scene(400, 300))[:-500], "a JPEG picture that is cut short or damaged"),
        (encode(scene(400, 300), "PNG")[:-500], "a PNG picture that is cut short or damaged"),
        (bytes(range(256)), "not a picture in a format we read"),
    ],
)
def test_what_is_no_whole_picture_gets_a_sentence(data, sentence):
    with pytest.raises(NotAPhoto, match=sentence):
        shrink(data, 500)


# ---------------------------------------------------------------------------------------------------------------- fuzz


def damage(data, rng):
    damaged = bytearray(data)
    for _ in range(rng.choice((1, 2, 5, 20))):
        at = rng.randrange(len(damaged)) if rng.random() < 0.5 else rng.randrange(min(len(damaged), 700))
        damaged[at] = rng.choice((rng.randrange(256), 0, 255, 128))
    return bytes(damaged)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", PAINTED)
def test_damaged_bytes_are_a_photo_or_none_and_never_another_error(kind):
    rng = random.Random(kind)
    for _ in range(40):
        try:
            shrunk = shrink(damage(PAINTED[kind], rng), 100, max_pixels=1_000_000)
        except NotAPhoto as error:
            assert str(error)
        else:
            assert max(shrunk.pixels.shape) <= 100
            assert size_of(shrunk.jpeg) == shrunk.pixels.shape[1::-1]


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=100, deadline=None, database=None)
@given(
    head=st.sampled_from((b"", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"II*\x00")),
    body=st.binary(max_size=300),
)
def test_arbitrary_bytes_never_raise_anything_but_no_photo(head, body):
    with pytest.raises(NotAPhoto):
        shrink(head + body, 500, max_pixels=100_000, min_side=100)


def test_shrinking_on_many_threads_gives_what_one_gives():
    samples = [*PAINTED.values(), encode(scene(), exif=exif(6))]
    alone = [shrink(data, 120) for data in samples]
    start = threading.Barrier(4)

    def shrink_all(_):
        start.wait()
        return [shrink(data, 120) for data in samples]

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for shrunk in pool.map(shrink_all, range(4)):
            assert [one.jpeg for one in shrunk] == [one.jpeg for one in alone]
