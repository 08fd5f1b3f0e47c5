"""The straight way through a JPEG must be taken, and must give what Pillow gives, level by level and word by word."""

import io
import random

import numpy as np
import pytest
from PIL import Image

from fieldmark.errors import NotAPhoto
from fieldmark.imaging import jpeg
from fieldmark.imaging.decode import decode
from support import icc_profiles as icc
from support.pictures import damage, encode, exif, scene

PLAIN = {
    "as it comes": {},
    "4:4:4": {"subsampling": 0},
    "4:2:2": {"subsampling": 1},
    "progressive": {"progressive": True},
    "optimised": {"optimize": True},
    "restarts": {"restart_marker_blocks": 3},
    "red, green, blue": {"keep_rgb": True},
    "coarse": {"quality": 5},
    "fine": {"quality": 100},
    "upright": {"exif": exif(1)},
}


def opened(data):
    return Image.open(io.BytesIO(data))


def by_pillow(data):
    with opened(data) as image:
        return np.asarray(image.convert("RGB"))


def decode_by_pillow(data, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(jpeg, "is_plain", lambda image: False)
        return decode(data)


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (61, 47), (500, 375)])
@pytest.mark.parametrize("options", PLAIN.values(), ids=PLAIN)
def test_a_plain_jpeg_has_the_very_levels_that_pillow_gives_it(options, size):
    data = encode(scene(*size), "JPEG", **options)
    with opened(data) as image:
        assert jpeg.is_plain(image)
    straight = jpeg.pixels_of(data, size)
    assert straight is not None and straight.dtype == np.uint8
    assert np.array_equal(straight, by_pillow(data))
    assert np.array_equal(decode(data), straight)


def test_the_first_of_two_pictures_in_a_file_is_plain_too():
    data = encode(scene(), "MPO", save_all=True, append_images=[scene(seed=5)])
    with opened(data) as image:
        assert image.format == "MPO" and jpeg.is_plain(image)
    assert np.array_equal(jpeg.pixels_of(data, (60, 45)), by_pillow(data))


@pytest.mark.parametrize(
    "data",
    [
        encode(scene().convert("L"), "JPEG"),
        encode(scene().convert("CMYK"), "JPEG"),
        encode(scene(), "JPEG", icc_profile=icc.display_p3()),
        encode(scene(), "PNG"),
    ],
    ids=["grey", "ink", "profile", "PNG"],
)
def test_what_is_not_plain_is_left_to_pillow(data):
    with opened(data) as image:
        assert not jpeg.is_plain(image)


def test_a_plain_jpeg_does_not_pass_through_pillow(monkeypatch):
    """And one that is to be turned does: without this, the tests above would compare Pillow with Pillow."""

    def load(image):
        raise AssertionError("Pillow was asked for the pixels")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", load)
    assert decode(encode(scene(), "JPEG")).shape == (45, 60, 3)
    with pytest.raises(NotAPhoto, match="Pillow was asked"):
        decode(encode(scene(), "JPEG", exif=exif(6)))


def test_a_picture_of_another_size_than_was_judged_is_not_decoded():
    data = encode(scene(60, 45), "JPEG")
    assert jpeg.pixels_of(data, (45, 60)) is None
    assert jpeg.pixels_of(data, (60, 44)) is None
    assert jpeg.pixels_of(data, (60, 45)) is not None


@pytest.mark.parametrize("data", [b"", b"\xff\xd8", b"\xff\xd8\xff\xe0" + bytes(40), encode(scene(), "PNG")])
def test_what_is_no_jpeg_has_no_pixels(data):
    assert jpeg.pixels_of(data, (60, 45)) is None


def test_where_something_is_amiss_that_pillow_passes_over_it_is_passed_over_still():
    whole = encode(scene(), "JPEG")
    ends = [bytes((*whole[:at], 0xFF, 0xD0, *whole[at:])) for at in range(len(whole) - 40, len(whole) - 4)]
    amiss = [data for data in ends if jpeg.pixels_of(data, (60, 45)) is None]  # a mark of a restart amid the levels
    assert amiss
    for data in amiss:
        assert np.array_equal(decode(data), by_pillow(data))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 2}], ids=str)
def test_of_damaged_bytes_it_comes_to_what_pillow_comes_to(options, monkeypatch):
    whole = encode(scene(61, 47), "JPEG", **options)
    rng = random.Random(3)
    for data in [*(damage(whole, rng) for _ in range(250)), *(whole[:cut] for cut in range(2, len(whole), 9))]:
        try:
            expected = decode_by_pillow(data, monkeypatch)
        except NotAPhoto as refused:
            with pytest.raises(NotAPhoto) as caught:
                decode(data)
            assert str(caught.value) == str(refused)
        else:
            assert np.array_equal(decode(data), expected)


@pytest.mark.photos
def test_real_photos_have_the_very_levels_that_pillow_gives_them(real_photos, monkeypatch):
    straight = 0
    for path in sorted((real_photos / "snakes" / "classes").rglob("*.jpg"))[::8]:
        data = path.read_bytes()
        with opened(data) as image:
            straight += jpeg.is_plain(image)
        assert np.array_equal(decode(data), decode_by_pillow(data, monkeypatch)), path.name
    assert straight > 20
