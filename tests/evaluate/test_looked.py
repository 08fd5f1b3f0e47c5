"""Where a model looked: found where it is known, and nowhere where there is nothing."""

import numpy as np
import pytest

from fieldmark.evaluate.looked import GRID, look


def reddest(rows: slice, columns: slice):
    """A model that is as sure of class 1 as one part of the photo is red."""

    def answer(pictures):
        red = np.array([picture[rows, columns, 0].mean() for picture in pictures]) / 255
        return np.stack([1 - red, red], axis=1)

    return answer


def dark(height=120, width=180):
    return np.full((height, width, 3), 20, np.uint8)


@pytest.mark.parametrize(
    ("rows", "columns", "place"),
    [
        (slice(0, 20), slice(0, 30), "upper left"),
        (slice(50, 70), slice(75, 105), "centre"),
        (slice(100, 120), slice(150, 180), "lower right"),
        (slice(45, 65), slice(155, 175), "middle right"),
    ],
)
def test_the_part_that_decides_is_found(rows, columns, place):
    pixels = dark()
    pixels[rows, columns, 0] = 240
    found = look(reddest(rows, columns), pixels, label=1)
    assert found.heat.shape == (GRID, GRID)
    assert found.heat.max() == 1
    assert found.place == place
    assert found.before == pytest.approx(240 / 255)
    assert found.after < 0.2


def test_what_speaks_against_a_class_is_no_place_it_looked():
    pixels = dark()
    pixels[:40, :60, 0] = 240
    found = look(reddest(slice(0, 40), slice(0, 60)), pixels, label=0)
    assert found.after is None
    assert not found.heat.any()


def test_a_model_that_looks_at_nothing_looked_nowhere():
    found = look(lambda pictures: np.tile([0.3, 0.7], (len(pictures), 1)), dark(), label=1)
    assert (found.before, found.after) == (0.7, None)
    assert not found.heat.any()


def test_certainty_beyond_what_float32_can_say_is_no_fault():
    found = look(lambda pictures: np.tile([0.0, 1.0], (len(pictures), 1)), dark(), label=1)
    assert found.after is None


@pytest.mark.parametrize("shape", [(1, 1), (1, 400), (400, 1), (3000, 20)])
def test_a_photo_of_any_shape_can_be_covered(shape):
    pixels = np.full((*shape, 3), 200, np.uint8)
    found = look(lambda pictures: np.tile([0.5, 0.5], (len(pictures), 1)), pixels, label=0)
    assert np.isfinite(found.heat).all()


def test_the_photo_itself_is_left_as_it_is():
    pixels = dark()
    look(reddest(slice(0, 9), slice(0, 9)), pixels, label=0)
    assert np.array_equal(pixels, dark())
