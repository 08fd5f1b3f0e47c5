import concurrent.futures
import io
import random
import struct
import sys
import threading
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from fieldmark.errors import NotAPhoto, TooManyPixels
from fieldmark.imaging.decode import MAX_PIXELS, as_pixels, decode, read_bytes
from support import icc_profiles as icc
from support.pictures import damage, encode, exif, scene

HEIC = Path(__file__).with_name("painted.heic")  # 192 x 128 as stored, turned upright by its orientation 6
HEIC_REDNESS = [[64, 58, 67, 60], [66, 66, 74, 67], [67, 68, 74, 72], [65, 77, 71, 60]]


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, raw, bits=8, colour=2, extra=b""):
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + extra + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


def difference(pixels, other):
    return float(np.abs(pixels.astype(int) - np.asarray(other).astype(int)).mean())


# ------------------------------------------------------------------------------------------------------------- formats


@pytest.mark.parametrize(
    ("format_", "options"),
    [
        ("PNG", {}),
        ("BMP", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("WEBP", {"lossless": True}),
        ("JPEG2000", {"irreversible": False}),
    ],
)
def test_lossless_formats_give_the_very_pixels(format_, options):
    pixels = decode(encode(scene(), format_, **options))
    assert pixels.dtype == np.uint8
    assert pixels.shape == (45, 60, 3)
    assert np.array_equal(pixels, np.asarray(scene()))


@pytest.mark.parametrize(
    ("format_", "options"),
    [
        ("JPEG", {"quality": 95}),
        ("JPEG", {"quality": 95, "progressive": True}),
        ("WEBP", {"quality": 95}),
        ("AVIF", {"quality": 90}),
        ("GIF", {}),
    ],
)
def test_lossy_formats_give_nearly_the_pixels(format_, options):
    pixels = decode(encode(scene(), format_, **options))
    assert pixels.shape == (45, 60, 3)
    assert difference(pixels, scene()) < 6


def test_the_two_picture_file_of_some_cameras_gives_its_first():
    data = encode(scene(), "MPO", save_all=True, append_images=[scene(seed=5)], quality=95)
    assert b"MPF" in data
    assert difference(decode(data), scene()) < 6


@pytest.mark.parametrize(
    ("format_", "options"), [("GIF", {}), ("WEBP", {"lossless": True}), ("PNG", {}), ("TIFF", {}), ("AVIF", {})]
)
def test_of_an_animation_the_first_frame_is_taken(format_, options):
    first, second = Image.new("RGB", (40, 30), (200, 30, 30)), Image.new("RGB", (40, 30), (30, 30, 200))
    data = encode(first, format_, save_all=True, append_images=[second], **options)
    with Image.open(io.BytesIO(data)) as image:
        assert image.n_frames == 2
    pixels = decode(data)
    assert pixels.shape == (30, 40, 3)
    assert difference(pixels, first) < 4


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1)])
@pytest.mark.parametrize("format_", ["JPEG", "PNG", "GIF", "WEBP"])
def test_extreme_shapes_are_pictures_too(format_, size):
    assert decode(encode(Image.new("RGB", size, (90, 90, 90)), format_)).shape == (size[1], size[0], 3)


def test_the_file_name_does_not_matter(tmp_path):
    for name, format_ in (("photo.jpg", "PNG"), ("photo.png", "WEBP"), ("photo.txt", "JPEG"), ("photo", "GIF")):
        (tmp_path / name).write_bytes(encode(scene(), format_))
        assert as_pixels(tmp_path / name).shape == (45, 60, 3)


# --------------------------------------------------------------------------------------------------------- orientation

TURNED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a),
}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("format_", "options"), [("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {})])
def test_exif_orientation_is_applied_to_the_pixel(format_, options, orientation):
    data = encode(scene(), format_, exif=exif(orientation), **options)
    assert np.array_equal(decode(data), TURNED[orientation](np.asarray(scene())))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_of_a_jpeg_brings_each_corner_to_its_place(orientation):
    corners = np.zeros((64, 96, 3), np.uint8)
    corners[:32, :48], corners[:32, 48:] = (220, 30, 30), (30, 200, 30)
    corners[32:, :48], corners[32:, 48:] = (30, 30, 220), (230, 230, 230)
    pixels = decode(encode(Image.fromarray(corners), "JPEG", quality=95, exif=exif(orientation)))
    expected = TURNED[orientation](corners)
    assert pixels.shape == expected.shape
    for row in (4, -5):
        for column in (4, -5):
            assert difference(pixels[row, column], expected[row, column]) < 8


@pytest.mark.parametrize("orientation", [0, 9, 99])
def test_an_orientation_that_does_not_exist_turns_nothing(orientation):
    data = encode(scene(), "PNG", exif=exif(orientation))
    assert np.array_equal(decode(data), np.asarray(scene()))


@pytest.mark.parametrize(
    "block", [b"Exif\x00\x00garbage in here", b"Exif\x00\x00", b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x05\x01\x12"]
)
@pytest.mark.parametrize(("format_", "options"), [("PNG", {}), ("WEBP", {"lossless": True})])
def test_damaged_exif_does_not_cost_the_picture(format_, options, block):
    data = encode(scene(), format_, exif=block, **options)
    assert np.array_equal(decode(data), np.asarray(scene()))


# -------------------------------------------------------------------------------------------------------------- colour


def expected_in_srgb(colour):
    """Work out by hand what a Display P3 colour is in sRGB: decode, matrix, matrix, clip, encode."""
    p3 = np.array(icc.DISPLAY_P3).T
    srgb = np.array([[0.43607, 0.22249, 0.01392], [0.38515, 0.71687, 0.09708], [0.14307, 0.06061, 0.71410]]).T
    c = np.array(colour) / 255
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.linalg.inv(srgb) @ p3 @ linear, 0, 1)
    encoded = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return encoded * 255


@pytest.mark.parametrize("colour", [(200, 100, 50), (60, 90, 180), (128, 128, 128), (0, 128, 0), (255, 0, 0)])
@pytest.mark.parametrize("format_", ["PNG", "TIFF"])
def test_display_p3_is_converted_to_srgb(format_, colour):
    data = encode(Image.new("RGB", (8, 8), colour), format_, icc_profile=icc.display_p3())
    assert np.abs(decode(data)[3, 3] - expected_in_srgb(colour)).max() <= 1.5


def test_display_p3_makes_a_difference_that_the_test_above_can_see():
    assert np.abs(expected_in_srgb((200, 100, 50)) - (200, 100, 50)).max() > 10


def test_an_srgb_profile_changes_nothing():
    assert difference(decode(encode(scene(), "PNG", icc_profile=icc.srgb())), scene()) < 0.5


def test_a_profile_applies_to_the_colours_under_transparency():
    image = Image.new("RGBA", (4, 4), (200, 100, 50, 255))
    image.putpixel((0, 0), (200, 100, 50, 0))
    pixels = decode(encode(image, "PNG", icc_profile=icc.display_p3()))
    assert np.abs(pixels[2, 2] - expected_in_srgb((200, 100, 50))).max() <= 1.5
    assert pixels[0, 0].tolist() == [255, 255, 255]


def test_a_profile_applies_to_a_palette():
    image = Image.new("P", (4, 4), 0)
    image.putpalette([200, 100, 50])
    pixels = decode(encode(image, "PNG", icc_profile=icc.display_p3()))
    assert np.abs(pixels[2, 2] - expected_in_srgb((200, 100, 50))).max() <= 1.5


@pytest.mark.parametrize(
    "profile",
    [b"no profile at all", b"\x00" * 128, icc.srgb()[:100], icc.srgb()[:300], icc.cmyk()],
    ids=["text", "zeros", "cut early", "cut late", "of ink"],  # a profile holds the time it was made at
)
def test_a_broken_or_foreign_profile_is_passed_over(profile):
    data = encode(scene(), "PNG", icc_profile=profile)
    assert np.array_equal(decode(data), np.asarray(scene()))


def test_a_colour_profile_on_a_grey_picture_is_passed_over():
    data = encode(Image.new("L", (4, 4), 77), "PNG", icc_profile=icc.display_p3())
    assert decode(data)[1, 1].tolist() == [77, 77, 77]


def test_profiles_are_converted_alike_on_many_threads():
    data = encode(scene(), "PNG", icc_profile=icc.display_p3())
    alone = decode(data)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        together = list(pool.map(decode, [data] * 60))
    assert all(np.array_equal(pixels, alone) for pixels in together)


@pytest.mark.parametrize("format_", ["JPEG", "TIFF"])
def test_cmyk_without_a_profile_is_inked_plainly(format_):
    for ink, colour in (((0, 0, 0, 0), (255, 255, 255)), ((0, 255, 255, 0), (255, 0, 0)), ((0, 0, 0, 255), (0, 0, 0))):
        pixels = decode(encode(Image.new("CMYK", (16, 16), ink), format_))
        assert np.abs(pixels[8, 8].astype(int) - colour).max() <= 3


@pytest.mark.parametrize("format_", ["JPEG", "TIFF"])
def test_cmyk_with_a_profile_follows_it(format_):
    """The profile of a press that prints nothing but black: coloured ink comes out white."""
    image = Image.new("CMYK", (16, 16), (200, 90, 30, 0))
    assert decode(encode(image, format_, icc_profile=icc.cmyk()))[8, 8].min() >= 253
    half = Image.new("CMYK", (16, 16), (200, 90, 30, 128))
    grey = decode(encode(half, format_, icc_profile=icc.cmyk()))[8, 8].astype(int)
    assert np.ptp(grey) <= 2
    assert 100 < grey.mean() < 140


def test_a_colour_profile_on_a_cmyk_picture_is_passed_over():
    image = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    assert decode(encode(image, "TIFF", icc_profile=icc.display_p3()))[8, 8].tolist() == [255, 0, 0]


# -------------------------------------------------------------------------------------------------- modes, transparency


@pytest.mark.parametrize("format_", ["PNG", "TIFF", "WEBP"])
def test_transparency_lies_over_white(format_):
    options = {"lossless": True} if format_ == "WEBP" else {}
    image = Image.new("RGBA", (3, 1), (255, 0, 0, 255))
    image.putpixel((1, 0), (255, 0, 0, 128))
    image.putpixel((2, 0), (0, 0, 0, 0))
    pixels = decode(encode(image, format_, **options)).astype(int)[0]
    assert np.abs(pixels - [(255, 0, 0), (255, 127, 127), (255, 255, 255)]).max() <= 1


def test_grey_with_alpha_lies_over_white():
    image = Image.new("LA", (2, 1), (0, 128))
    image.putpixel((1, 0), (10, 255))
    assert decode(encode(image, "PNG"))[0].tolist() == [[127, 127, 127], [10, 10, 10]]


def test_a_palette_with_a_transparent_colour_lies_over_white():
    image = Image.new("P", (2, 1), 0)
    image.putpalette([10, 20, 30, 200, 0, 0])
    image.putpixel((1, 0), 1)
    for format_ in ("PNG", "GIF"):
        assert decode(encode(image, format_, transparency=0))[0].tolist() == [[255, 255, 255], [200, 0, 0]]


def test_a_palette_with_half_transparent_colours_is_mixed_with_white():
    image = Image.new("P", (2, 1), 0)
    image.putpalette([10, 20, 30, 200, 0, 0])
    image.putpixel((1, 0), 1)
    pixels = decode(encode(image, "PNG", transparency=bytes([128, 255])))[0].astype(int)
    assert np.abs(pixels - [(132, 137, 142), (200, 0, 0)]).max() <= 1


def test_a_transparent_level_of_grey_or_colour_lies_over_white():
    grey = png(2, 1, b"\0" + bytes([7, 9]), colour=0, extra=chunk(b"tRNS", struct.pack(">H", 7)))
    assert decode(grey)[0].tolist() == [[255, 255, 255], [9, 9, 9]]
    colour = png(2, 1, b"\0" + bytes(range(1, 7)), extra=chunk(b"tRNS", struct.pack(">HHH", 1, 2, 3)))
    assert decode(colour)[0].tolist() == [[255, 255, 255], [4, 5, 6]]


def test_one_bit_is_black_and_white():
    expected = [[255] * 3, [0] * 3] * 4
    assert decode(png(8, 1, b"\0\xaa", bits=1, colour=0))[0].tolist() == expected
    image = Image.new("1", (2, 1), 1)
    image.putpixel((1, 0), 0)
    assert decode(encode(image, "TIFF"))[0].tolist() == expected[:2]


def test_16_bit_grey_keeps_its_high_byte():
    raw = b"\0" + struct.pack(">HHHH", 0, 0x40FF, 0x8000, 0xFFFF)
    expected = [[value] * 3 for value in (0, 0x40, 0x80, 0xFF)]
    assert decode(png(4, 1, raw, bits=16, colour=0))[0].tolist() == expected
    deep = Image.fromarray(np.array([[0, 0x40FF, 0x8000, 0xFFFF]], np.uint16))
    assert decode(encode(deep, "TIFF"))[0].tolist() == expected


def test_16_bit_colour_keeps_its_high_byte():
    assert decode(png(1, 1, b"\0" + struct.pack(">HHH", 0x8000, 0x40FF, 0xFFFF), bits=16))[0, 0].tolist() == [
        128,
        64,
        255,
    ]


def test_float_tiff_runs_from_0_to_1_or_from_0_to_255():
    small = np.array([[0.0, 0.5, 1.0, np.nan, -3.0]], np.float32)
    large = np.array([[0.0, 127.5, 300.0, np.inf, -3.0]], np.float32)
    assert decode(encode(Image.fromarray(small), "TIFF"))[0, :, 0].tolist() == [0, 127, 255, 0, 0]
    assert decode(encode(Image.fromarray(large), "TIFF"))[0, :, 0].tolist() == [0, 127, 255, 255, 0]


def test_lab_and_ycbcr_tiff_become_rgb():
    for mode in ("LAB", "YCbCr"):
        pixels = decode(encode(Image.new(mode, (4, 4), (128, 128, 128)), "TIFF"))
        assert np.abs(pixels.astype(int) - 124).max() <= 6


# ---------------------------------------------------------------------------------------------------------------- HEIC


def test_heic_is_decoded_upright_with_the_extra():
    pytest.importorskip("pi_heif")
    pixels = decode(HEIC.read_bytes())
    assert pixels.shape == (192, 128, 3)
    assert pixels.std() > 20  # a painting, not one flat colour
    redness = pixels.reshape(4, 48, 4, 32, 3).mean(axis=(1, 3))
    redness = redness[..., 0] - redness[..., 2]  # red minus blue of 4 x 4 fields, as the painting has them upright
    assert np.abs(redness - HEIC_REDNESS).max() < 4
    assert np.abs(redness[::-1, ::-1] - HEIC_REDNESS).max() > 8


def test_heic_is_named_without_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    with pytest.raises(NotAPhoto, match=r"HEIC.*pip install 'fieldmark\[heic\]'"):
        decode(HEIC.read_bytes())


def test_heic_cut_short_is_named():
    pytest.importorskip("pi_heif")
    data = HEIC.read_bytes()
    for cut in (40, 300, 500, len(data) // 2, len(data) - 100):
        with pytest.raises(NotAPhoto, match="a HEIC picture that is cut short or damaged"):
            decode(data[:cut])


def test_heic_whose_item_types_are_not_text_is_refused_before_it_ends_the_process():
    """pi-heif 1.4.0 dies of a segmentation fault on each of these."""
    pytest.importorskip("pi_heif")
    data = bytearray(HEIC.read_bytes())
    at = data.index(b"Exif", data.index(b"iinf"))
    for i in range(4):
        damaged = bytes(data[: at + i]) + b"\xf5" + bytes(data[at + i + 1 :])
        with pytest.raises(NotAPhoto, match="list of items"):
            decode(damaged)


# -------------------------------------------------------------------------------------------------- what is no picture


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "an empty file, not a picture"),
        (b"<!DOCTYPE html><h1>404</h1>", "an HTML page, not a picture"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        (b'{"error": 1}', "JSON text, not a picture"),
        (b"<svg xmlns='x'/>", "an SVG drawing, not a picture"),
        (b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00", "a video, not a picture"),
        (b"%PDF-1.7", "a PDF document, not a picture"),
        (b"Forbidden", "text, not a picture"),
        (b"\x00" * 50, "not a picture in a format we read"),
        (b"8BPS\x00\x01" + b"\x00" * 40, "a Photoshop file, not a picture"),
        (b"\xff\xd8\xff", "a JPEG picture that is cut short or damaged"),
    ],
)
def test_what_is_no_picture_is_named(data, reason):
    with pytest.raises(NotAPhoto) as caught:
        decode(data)
    assert str(caught.value).startswith(reason)
    assert "0x" not in str(caught.value)


@pytest.mark.parametrize(
    ("format_", "options", "name"),
    [
        ("JPEG", {}, "a JPEG picture"),
        ("JPEG", {"progressive": True}, "a JPEG picture"),
        ("PNG", {}, "a PNG picture"),
        ("WEBP", {}, "a WebP picture"),
        ("WEBP", {"lossless": True}, "a WebP picture"),
        ("GIF", {}, "a GIF picture"),
        ("BMP", {}, "a BMP picture"),
        ("TIFF", {}, "a TIFF picture"),
        ("AVIF", {}, "an AVIF picture"),
        ("JPEG2000", {}, "a JPEG 2000 picture"),
    ],
)
def test_a_picture_cut_short_anywhere_is_never_taken_for_whole(format_, options, name):
    data = encode(scene(120, 90), format_, **options)
    for cut in range(24, len(data) - 16, max(1, len(data) // 40)):
        with pytest.raises(NotAPhoto, match=f"{name} that is cut short or damaged"):
            decode(data[:cut])
    for cut in range(len(data) - 16, len(data)):  # only the end mark may be missing, never a pixel
        try:
            pixels = decode(data[:cut])
        except NotAPhoto:
            continue
        assert np.array_equal(pixels, decode(data))


def test_two_damaged_copies_are_refused_in_the_same_words():
    def reason():
        with pytest.raises(NotAPhoto) as caught:
            decode(encode(scene(), "WEBP")[:30])
        return str(caught.value)

    assert reason() == reason()


# --------------------------------------------------------------------------------------------------------------- bombs


def peak_memory(data):
    tracemalloc.start()
    try:
        with pytest.raises(NotAPhoto) as caught:
            decode(data)
        return caught.value, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("side", [8001, 30_000, 2**31 - 1])
def test_too_many_pixels_are_refused_by_the_header_without_taking_their_memory(monkeypatch, side):
    def load(image):
        raise AssertionError("Pillow was asked for the pixels, and takes their memory outside of Python")

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    error, peak = peak_memory(png(side, side, b""))
    assert isinstance(error, TooManyPixels)
    assert "million" in str(error)
    assert peak < 5e6


def test_the_limit_on_pixels_is_the_callers():
    data = encode(scene(60, 45), "PNG")
    assert decode(data, max_pixels=60 * 45).shape == (45, 60, 3)
    with pytest.raises(TooManyPixels, match="60 x 45 pixels"):
        decode(data, max_pixels=60 * 45 - 1)
    assert MAX_PIXELS == 64_000_000


@pytest.mark.parametrize("kind", ["zTXt", "iTXt", "iCCP"])
def test_a_png_whose_text_or_profile_unpacks_to_much_more_is_refused_early(kind):
    packed = zlib.compress(b"\0" * 100_000_000, 9)
    prefix = {"zTXt": b"a\0\0", "iTXt": b"a\0\1\0\0\0", "iCCP": b"a\0\0"}[kind]
    error, peak = peak_memory(png(1, 1, b"\0\1\2\3", extra=chunk(kind.encode(), prefix + packed)))
    assert "a PNG picture" in str(error)
    assert peak < 20e6


def test_a_png_with_endless_text_is_refused():
    error, _ = peak_memory(png(1, 1, b"\0\1\2\3", extra=chunk(b"tEXt", b"a\0" + b"x" * 900_000) * 80))
    assert "a PNG picture" in str(error)


def test_pixels_packed_beyond_the_size_in_the_header_are_left_packed():
    data = png(4, 4, b"\0" * 50_000_000)
    tracemalloc.start()
    try:
        assert decode(data).shape == (4, 4, 3)
        assert tracemalloc.get_traced_memory()[1] < 5e6
    finally:
        tracemalloc.stop()


# ---------------------------------------------------------------------------------------------------------------- fuzz

SAMPLES = {
    "jpeg": encode(scene(), "JPEG", icc_profile=icc.display_p3(), exif=exif(6)),
    "progressive": encode(scene(), "JPEG", progressive=True),
    "png": encode(scene(), "PNG", icc_profile=icc.display_p3(), exif=exif(6)),
    "palette": encode(scene().convert("P"), "PNG", transparency=0),
    "gif": encode(scene(), "GIF"),
    "bmp": encode(scene(), "BMP"),
    "tiff": encode(scene(), "TIFF", compression="tiff_lzw"),
    "webp": encode(scene(), "WEBP", icc_profile=icc.display_p3(), exif=exif(8)),
    "avif": encode(scene(), "AVIF", exif=exif(3)),
    "jpeg2000": encode(scene(), "JPEG2000"),
    "heic": HEIC.read_bytes(),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("sample", SAMPLES)
def test_damaged_bytes_are_a_picture_or_no_photo_but_never_another_error(sample):
    if sample == "heic":
        pytest.importorskip("pi_heif")
    rng = random.Random(sample)
    for _ in range(120):
        try:
            pixels = decode(damage(SAMPLES[sample], rng), max_pixels=1_000_000)
        except NotAPhoto as error:
            assert str(error)
            assert "0x" not in str(error) or "object at" not in str(error)
        else:
            assert pixels.dtype == np.uint8
            assert pixels.ndim == 3 and pixels.shape[2] == 3


HEADS = (b"", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"II*\x00", b"RIFF\x00\x00\x00\x00WEBP")


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=150, deadline=None, database=None)
@given(head=st.sampled_from(HEADS), body=st.binary(max_size=300))
def test_arbitrary_bytes_never_raise_anything_but_no_photo(head, body):
    try:
        decode(head + body, max_pixels=100_000)
    except NotAPhoto as error:
        assert str(error)


# ----------------------------------------------------------------------------------------------------------- as_pixels


def test_everything_a_person_has_at_hand_becomes_the_same_pixels(tmp_path):
    data = encode(scene(), "PNG")
    path = tmp_path / "photo.png"
    path.write_bytes(data)
    expected = np.asarray(scene())
    for photo in (path, str(path), data, bytearray(data), memoryview(data), scene(), expected):
        assert np.array_equal(as_pixels(photo), expected)


def test_a_pillow_image_is_turned_and_laid_over_white_like_a_file():
    with Image.open(io.BytesIO(encode(scene(), "PNG", exif=exif(6)))) as image:
        assert np.array_equal(as_pixels(image), TURNED[6](np.asarray(scene())))
    assert as_pixels(Image.new("RGBA", (1, 1), (0, 0, 0, 0)))[0, 0].tolist() == [255, 255, 255]


def test_a_pillow_image_of_a_damaged_file_is_no_photo():
    with (
        Image.open(io.BytesIO(encode(scene(), "JPEG")[:-200])) as image,
        pytest.raises(NotAPhoto, match="a Pillow image that cannot be read"),
    ):
        as_pixels(image)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((1, 4, 4, 3), np.uint8),
    ],
)
def test_an_array_that_is_no_picture_is_refused_with_its_shape(array):
    with pytest.raises(NotAPhoto, match=r"uint8 \[height, width, 3\]"):
        as_pixels(array)


def test_files_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(NotAPhoto, match="no such file"):
        read_bytes(tmp_path / "missing.jpg")
    with pytest.raises(NotAPhoto, match="a folder"):
        read_bytes(tmp_path)
    with pytest.raises(NotAPhoto, match="no such file"):
        read_bytes(Path("a\0b"))


def test_decoding_on_many_threads_gives_what_one_gives():
    samples = [data for name, data in SAMPLES.items() if name != "heic"]
    alone = [decode(data) for data in samples]
    start = threading.Barrier(4)

    def decode_all(_):
        start.wait()
        return [decode(data) for data in samples]

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for pixels in pool.map(decode_all, range(4)):
            assert all(np.array_equal(a, b) for a, b in zip(alone, pixels, strict=True))
