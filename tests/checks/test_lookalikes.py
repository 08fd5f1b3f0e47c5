"""Crops and mirror images find their photo; photos that are merely alike stay apart."""

import numpy as np
import pytest

from fieldmark.checks.lookalikes import ALIKE, groups, likeness, neighbours, pairs
from fieldmark.classifier import Fit, fit_pixels


def grey(pixels):
    return fit_pixels(np.ascontiguousarray(pixels), Fit(96, "squish")).mean(axis=0).round().astype(np.uint8)


def cut(pixels, top, bottom, left, right):
    height, width = pixels.shape[:2]
    return pixels[int(top * height) : int(bottom * height), int(left * width) : int(right * width)]


def wider(part, whole):
    return (part.shape[1] / part.shape[0]) / (whole.shape[1] / whole.shape[0])


@pytest.fixture(scope="module")
def pictures():
    """Clouds of many sizes: as rich as photos, and none like another."""
    rng = np.random.default_rng(0)
    made = []
    for _ in range(6):
        picture = np.zeros((240, 320))
        for cells in (3, 6, 12, 24, 48):
            rows, columns = np.arange(240) * cells // 240, np.arange(320) * cells // 320
            picture += rng.uniform(0, 50, (cells, cells))[rows][:, columns]
        made.append(np.repeat(picture.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2))
    return made


@pytest.mark.parametrize("share", [0.0, 0.05, 0.1, 0.2])
def test_a_crop_lies_in_its_photo_mirrored_or_not(pictures, share):
    for picture in pictures:
        part = cut(picture, share, 1 - share, share, 1 - share)
        assert likeness(grey(picture), grey(part), 1.0) >= ALIKE
        assert likeness(grey(picture), grey(part[:, ::-1]), 1.0) >= ALIKE


def test_a_crop_of_another_shape_and_off_the_middle_lies_in_its_photo(pictures):
    for picture in pictures:
        part = cut(picture, 0.05, 0.95, 0.35, 1.0)
        assert likeness(grey(picture), grey(part), wider(part, picture)) >= ALIKE


def test_other_pictures_do_not_lie_in_each_other(pictures):
    for i, first in enumerate(pictures):
        for second in pictures[i + 1 :]:
            assert likeness(grey(first), grey(second), 1.0) < ALIKE


def test_a_blank_picture_lies_in_nothing(pictures):
    blank = np.full((96, 96), 200, np.uint8)

    assert likeness(blank, blank, 1.0) == 0 and likeness(grey(pictures[0]), blank, 1.0) == 0


def test_a_photo_its_crop_and_what_its_hash_has_found_are_one_group(pictures):
    shown = [pictures[0], pictures[1], cut(pictures[0], 0.1, 0.9, 0.1, 0.9), pictures[2], pictures[3]]
    vectors = np.eye(8, dtype=np.float32)[[0, 1, 0, 2, 3]]
    greys = np.stack([grey(picture) for picture in shown])
    shapes = np.array([picture.shape[:2] for picture in shown], np.int32)

    assert pairs(vectors, greys, shapes) == [(0, 2)]
    assert groups(vectors, greys, shapes, hashed=[[2, 4]]) == [[0, 2, 4]]


def test_pictures_that_the_backbone_takes_for_unlike_are_not_compared(pictures):
    greys = np.stack([grey(pictures[0])] * 2)

    assert groups(np.eye(2, dtype=np.float32), greys, np.array([[240, 320]] * 2, np.int32)) == []


def test_neighbours_are_mutual():
    rng = np.random.default_rng(0)
    near = neighbours(np.abs(rng.normal(1, 0.3, (40, 16))).astype(np.float32))

    assert all(i in near[j] for i, others in enumerate(near) for j in others) and near[0]


def test_one_photo_or_none_makes_no_group():
    for n in (0, 1):
        empty = np.zeros((n, 8), np.float32), np.zeros((n, 96, 96), np.uint8), np.ones((n, 2), np.int32)
        assert groups(*empty) == []
