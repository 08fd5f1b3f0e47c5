import base64
import io

import numpy as np
import pytest
from PIL import Image

from fieldmark.imaging.decode import decode
from fieldmark.imaging.thumbnail import data_uri, thumbnail


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((600, 300), (256, 128)), ((300, 600), (128, 256)), ((5000, 1), (256, 1)), ((512, 512), (256, 256))],
)
def test_shrinks_to_the_longer_side_and_keeps_the_shape(shape, expected):
    small = decode(thumbnail(np.zeros((*shape, 3), np.uint8)))
    assert small.shape == (*expected, 3)


@pytest.mark.parametrize("shape", [(1, 1), (100, 40), (256, 256)])
def test_never_enlarges(shape):
    assert decode(thumbnail(np.zeros((*shape, 3), np.uint8))).shape == (*shape, 3)


def test_keeps_the_colours():
    pixels = np.full((400, 400, 3), (180, 60, 30), np.uint8)
    small = decode(thumbnail(pixels, longest=64))
    assert small.shape == (64, 64, 3)
    assert np.abs(small.astype(int) - (180, 60, 30)).max() <= 4


def test_leaves_the_given_pixels_alone():
    pixels = np.random.default_rng(0).integers(0, 255, (300, 300, 3), dtype=np.uint8)
    before = pixels.copy()
    thumbnail(pixels)
    assert np.array_equal(pixels, before)


def test_lower_quality_takes_fewer_bytes():
    pixels = np.random.default_rng(0).integers(0, 255, (300, 300, 3), dtype=np.uint8)
    assert len(thumbnail(pixels, quality=20)) < len(thumbnail(pixels, quality=90))


def test_a_data_uri_holds_the_jpeg_itself():
    jpeg = thumbnail(np.zeros((8, 8, 3), np.uint8))
    head, _, body = data_uri(jpeg).partition(",")
    assert head == "data:image/jpeg;base64"
    assert base64.b64decode(body, validate=True) == jpeg
    with Image.open(io.BytesIO(jpeg)) as image:
        assert image.format == "JPEG"
