"""A photo is dark where a map says so, and of its own size."""

import numpy as np
import pytest

from fieldmark.imaging.veil import DARKEST, shrink, veil


def test_light_stays_where_the_map_is_high():
    heat = np.zeros((6, 6))
    heat[:2, :2] = 1
    veiled = veil(np.full((60, 90, 3), 200, np.uint8), heat)
    assert veiled.shape == (60, 90, 3)
    assert veiled.dtype == np.uint8
    assert veiled[5, 5].tolist() == [200, 200, 200]
    assert veiled[55, 85] == pytest.approx([200 * DARKEST] * 3, abs=1)


def test_a_photo_is_shrunk_and_never_enlarged():
    assert shrink(np.zeros((100, 400, 3), np.uint8), 200).shape == (50, 200, 3)
    assert shrink(np.zeros((10, 40, 3), np.uint8), 200).shape == (10, 40, 3)
