import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from fieldmark.demo.paint import paint_snake
from fieldmark.imaging.hashing import DETAIL_SIDE, MIRROR_BITS, fingerprint


@pytest.fixture(scope="module")
def snakes():
    return [
        paint_snake(kind, np.random.default_rng(seed), (160, 120)) for seed, kind in enumerate(["coral", "king"] * 4)
    ]


def bits_apart(first: str, second: str) -> int:
    return (int(first, 16) ^ int(second, 16)).bit_count()


def thumbnail(detail: bytes) -> np.ndarray:
    return np.frombuffer(detail, np.uint8).reshape(DETAIL_SIDE, DETAIL_SIDE).astype(int)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (2, 3), (31, 33), (375, 500)])
def test_a_picture_of_any_size_has_sixteen_hex_digits_and_256_bytes(shape):
    marks = fingerprint(np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8))

    assert len(marks.phash) == 16 and set(marks.phash) <= set("0123456789abcdef")
    assert len(marks.detail) == 256


@given(st.integers(1, 40), st.integers(1, 40), st.tuples(*[st.integers(0, 255)] * 3))
@settings(deadline=None, max_examples=50)
def test_a_picture_of_one_colour_sets_no_bit(height, width, colour):
    marks = fingerprint(np.full((height, width, 3), colour, np.uint8))

    assert marks.phash == "0" * 16
    assert len(set(marks.detail)) == 1


def test_a_ramp_sets_the_bits_of_the_odd_cosines_along_it():
    """A line that falls from left to right holds every odd cosine, with a positive sign, and no even one."""
    levels = 8 * np.arange(31, -1, -1, dtype=np.uint8)
    falling = np.broadcast_to(levels[None, :, None], (32, 32, 3))

    assert fingerprint(falling).phash == "5500000000000000"
    assert fingerprint(falling[:, ::-1]).phash == "0" * 16


def test_the_detail_is_the_picture_in_grey():
    """Luma is 0.299 red, 0.587 green and 0.114 blue."""
    pixels = np.zeros((320, 320, 3), np.uint8)
    pixels[:160, 160:, 0] = pixels[160:, :160, 1] = pixels[160:, 160:, 2] = 255
    small = thumbnail(fingerprint(pixels).detail)

    for corner, level in [(small[:7, :7], 0), (small[:7, 9:], 76), (small[9:, :7], 150), (small[9:, 9:], 29)]:
        assert corner.min() == corner.max() == level


@pytest.mark.parametrize("border", [(40, 0), (0, 25), (30, 30), (0, 10, 0, 60)], ids=str)
def test_a_white_frame_changes_few_bits(snakes, border):
    for pixels in snakes:
        framed = ImageOps.expand(Image.fromarray(pixels), border, "white")

        assert bits_apart(fingerprint(np.asarray(framed)).phash, fingerprint(pixels).phash) <= 12


def test_a_speck_on_a_page_is_no_framed_picture():
    page = np.full((128, 128, 3), 255, np.uint8)
    page[60:70, 60:70] = 0
    small = thumbnail(fingerprint(page).detail)

    assert small[0, 0] == 255 and small[8, 8] < 200 and small.mean() > 240


def test_the_hash_of_the_mirrored_picture_can_be_had_from_the_hash(snakes):
    for pixels in snakes:
        marks, mirrored = fingerprint(pixels), fingerprint(pixels[:, ::-1])

        assert bits_apart(mirrored.phash, f"{int(marks.phash, 16) ^ MIRROR_BITS:016x}") <= 6
        assert bits_apart(mirrored.phash, marks.phash) > 10
        assert np.abs(thumbnail(mirrored.detail) - thumbnail(marks.detail)[:, ::-1]).mean() < 1


def test_compression_size_and_light_change_few_bits(snakes):
    for pixels in snakes:
        image, buffer = Image.fromarray(pixels), io.BytesIO()
        image.save(buffer, "JPEG", quality=40)
        changed = [
            Image.open(buffer),
            image.resize((80, 60)),
            image.resize((333, 250)),
            image.point(lambda v: v * 0.75),
        ]
        for copy in changed:
            assert bits_apart(fingerprint(np.asarray(copy)).phash, fingerprint(pixels).phash) <= 7


def test_different_pictures_differ_in_many_bits(snakes):
    hashes = [fingerprint(pixels).phash for pixels in snakes]

    assert min(bits_apart(a, b) for i, a in enumerate(hashes) for b in hashes[:i]) > 12


def test_reads_views_and_read_only_pixels_and_leaves_them_alone(snakes):
    wide = np.repeat(snakes[0], 2, axis=1)
    wide.flags.writeable = False
    before = wide.copy()

    assert fingerprint(wide[:, ::2]) == fingerprint(snakes[0])
    assert np.array_equal(wide, before)
