"""Crops and mirror images find their photo; photos that are merely alike stay apart."""

import numpy as np
import pytest

from fieldmark.checks.lookalikes import groups, lie_inside, neighbours, pairs
from fieldmark.classifier import Fit, fit_pixels


def grey(pixels):
    return fit_pixels(np.ascontiguousarray(pixels), Fit(96, "squish")).mean(axis=0).round().astype(np.uint8)


def cut(pixels, top, bottom, left, right):
    height, width = pixels.shape[:2]
    return pixels[int(top * height) : int(bottom * height), int(left * width) : int(right * width)]


def lies_in(part, whole):
    shapes = np.array([picture.shape[:2] for picture in (whole, part)], np.int32)
    (found,) = lie_inside(np.stack([grey(whole), grey(part)]), shapes, np.array([[0, 1]]))
    return found


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
        assert lies_in(part, picture)
        assert lies_in(part[:, ::-1], picture)


def test_a_crop_of_another_shape_and_off_the_middle_lies_in_its_photo(pictures):
    for picture in pictures:
        part = cut(picture, 0.05, 0.95, 0.35, 1.0)
        assert lies_in(part, picture)


def test_other_pictures_do_not_lie_in_each_other(pictures):
    for i, first in enumerate(pictures):
        for second in pictures[i + 1 :]:
            assert not lies_in(second, first)


def test_a_blank_picture_lies_in_nothing(pictures):
    blank = np.full((240, 320, 3), 200, np.uint8)

    assert not lies_in(blank, blank) and not lies_in(blank, pictures[0]) and not lies_in(pictures[0], blank)


def test_many_pairs_at_once_are_told_as_each_by_itself(pictures):
    shown = [*pictures, *(cut(picture, 0.1, 0.8, 0.2, 0.9) for picture in pictures)]
    greys, shapes = np.stack([grey(one) for one in shown]), np.array([one.shape[:2] for one in shown], np.int32)
    every = np.array([(whole, part) for whole in range(len(shown)) for part in range(len(shown)) if whole != part])

    together = lie_inside(greys, shapes, every)

    assert together.tolist() == [bool(lie_inside(greys, shapes, pair[None])[0]) for pair in every]
    assert {tuple(pair) for pair in every[together].tolist()} == {(i, i + len(pictures)) for i in range(len(pictures))}


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
