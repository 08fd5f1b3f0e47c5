"""The cache of features: whole or absent, and never trusted when it is another's."""

import numpy as np
import pytest

from fieldmark.artifacts import features
from fieldmark.artifacts.features import GREY_SIDE, Look, Recipe, key_of
from fieldmark.artifacts.photos import PhotoFile
from fieldmark.imaging.crop import Crop

RECIPE = Recipe("efficientnet_lite0", 64, "squish", "ab" * 32)


def a_look(level: float = 1.5) -> Look:
    return Look(np.full(5, level, np.float16), np.full((GREY_SIDE, GREY_SIDE), 7, np.uint8), 40, 60)


@pytest.fixture
def kept(tmp_path):
    path = tmp_path / "features" / RECIPE.file_name
    features.write(path, RECIPE, {"a": a_look(), "b": a_look(2)})
    return path


def test_what_was_written_is_read(kept):
    held = features.read(kept, RECIPE)

    assert list(held) == ["a", "b"] and (held["b"].height, held["b"].width) == (40, 60)
    assert held["b"].vector.tolist() == [2] * 5 and held["a"].grey.shape == (GREY_SIDE, GREY_SIDE)


def test_the_file_is_named_by_backbone_size_and_fit(kept):
    assert kept.name == "efficientnet_lite0-64-squish.npz"


def test_no_file_holds_nothing(tmp_path):
    assert features.read(tmp_path / "none.npz", RECIPE) == {}


def test_a_file_that_was_cut_short_counts_as_absent(kept):
    whole = kept.read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        kept.write_bytes(whole[:length])
        assert features.read(kept, RECIPE) == {}


def test_a_flipped_bit_counts_as_absent(kept):
    damaged = bytearray(kept.read_bytes())
    damaged[damaged.find(b"greys.npy") + 500] ^= 1
    kept.write_bytes(bytes(damaged))

    assert features.read(kept, RECIPE) == {}


def test_features_of_other_weights_count_as_absent(kept):
    assert features.read(kept, Recipe("efficientnet_lite0", 64, "squish", "cd" * 32)) == {}


def test_a_pickle_is_not_opened(tmp_path):
    path = tmp_path / "evil.npz"
    np.savez(path, about=np.array({"schema": 1}, dtype=object))

    assert features.read(path, RECIPE) == {}


def test_features_that_are_no_numbers_count_as_absent(kept):
    features.write(kept, RECIPE, {"a": a_look(float("nan"))})

    assert features.read(kept, RECIPE) == {}


def test_a_crop_makes_another_key_and_a_name_does_not():
    photo = PhotoFile("coral/1.jpg", "coral", None, "12" * 32)
    moved = PhotoFile("king/2.jpg", "king", None, "12" * 32)
    part = PhotoFile("coral/1.jpg", "coral", None, "12" * 32, crop=Crop(0, 0, 0.5, 1))

    assert key_of(photo) == key_of(moved) != key_of(part)
