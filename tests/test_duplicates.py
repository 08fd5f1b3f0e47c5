import csv
import io
import random
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from fieldmark.demo.paint import paint_snake
from fieldmark.duplicates import Copy, best_copy, near_duplicate_groups
from fieldmark.imaging.decode import as_pixels
from fieldmark.imaging.hashing import fingerprint

SIZE = (160, 120)
TEXTURE = bytes(np.random.default_rng(0).integers(0, 256, 256, dtype=np.uint8))


def jpeg(image, quality=35):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def crop(image, share):
    return ImageOps.crop(image, round(share * min(image.size)))


CHANGES = {
    "recompressed": jpeg,
    "half the size": lambda image: image.resize((80, 60)),
    "twice the size": lambda image: image.resize((320, 240)),
    "squeezed to a square": lambda image: image.resize((150, 150)),
    "mirrored": ImageOps.mirror,
    "brighter": lambda image: image.point(lambda v: min(255, v * 1.25)),
    "darker": lambda image: image.point(lambda v: v * 0.75),
    "gamma": lambda image: image.point(lambda v: 255 * (v / 255) ** 1.4),
    "padded to a square": lambda image: ImageOps.pad(image, (160, 160), color="white"),
    "grey": lambda image: image.convert("L").convert("RGB"),
    "cropped by 3 % a side": lambda image: crop(image, 0.03),
    "mirrored, cropped by 3 % a side, recompressed": lambda image: jpeg(crop(ImageOps.mirror(image), 0.03), 60),
}


@pytest.fixture(scope="module")
def snakes():
    kinds = ["coral", "king"] * 8
    return [Image.fromarray(paint_snake(kind, np.random.default_rng(seed), SIZE)) for seed, kind in enumerate(kinds)]


def groups_of(pictures):
    marks = [fingerprint(np.asarray(picture)) for picture in pictures]
    return near_duplicate_groups([mark.phash for mark in marks], [mark.detail for mark in marks])


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_grouped_with_its_original_and_with_nothing_else(snakes, change):
    copies = [CHANGES[change](snake) for snake in snakes]

    assert groups_of(snakes + copies) == [[i, i + len(snakes)] for i in range(len(snakes))]


def test_different_pictures_are_in_no_group(snakes):
    assert groups_of(snakes) == []


def test_all_copies_of_a_picture_are_one_group(snakes):
    every = [snakes[0], *(change(snakes[0]) for change in CHANGES.values())]

    assert groups_of([snakes[1], *every, snakes[2]]) == [list(range(1, len(every) + 1))]


def test_equal_pictures_are_grouped(snakes):
    assert groups_of([snakes[0], snakes[1], snakes[0], snakes[0]]) == [[0, 2, 3]]


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_the_photos_changes_nothing(snakes, seed):
    pictures = snakes + [change(snake) for snake in snakes[:4] for change in CHANGES.values()]
    shuffled = list(range(len(pictures)))
    random.Random(seed).shuffle(shuffled)
    back = sorted(sorted(shuffled[i] for i in group) for group in groups_of([pictures[i] for i in shuffled]))

    assert back == groups_of(pictures)
    assert len(back) == 4


def test_pictures_without_content_are_in_no_group():
    rng = np.random.default_rng(0)
    x, y = np.meshgrid(np.linspace(-1, 1, SIZE[0]), np.linspace(-1, 1, SIZE[1]))
    flat = [np.full_like(x, level) for level in (0, 0, 128, 128, 255, 255)]
    ramps = [128 + 100 * x, 120 + 90 * x, 128 + 60 * y, 120 + 55 * y, 100 + 50 * x + 50 * y, 200 - 80 * (x * x + y * y)]
    noisy = [np.full_like(x, 128) + rng.normal(0, 8, x.shape) for _ in range(6)]
    specks = [np.where((x - a) ** 2 + (y - a) ** 2 < 1e-4, 0, 255) for a in (-0.5, -0.45, 0.0, 0.5)]
    pictures = [Image.fromarray(levels.clip(0, 255).astype(np.uint8)) for levels in flat + ramps + noisy + specks]

    assert groups_of([picture.convert("RGB") for picture in pictures]) == []
    assert groups_of([jpeg(picture.convert("RGB")) for picture in pictures]) == []


@pytest.mark.parametrize("border", [(0, 20), 15, 40, 90], ids=str)
@pytest.mark.parametrize("colour", ["white", "black"])
def test_unlike_pictures_in_the_same_frame_are_not_glued_by_it(snakes, border, colour):
    framed = [ImageOps.expand(snake, border, colour) for snake in snakes]

    assert groups_of(framed) == []
    assert groups_of(framed + [jpeg(picture, 80) for picture in framed]) == [[i, i + 16] for i in range(16)]


def test_a_chain_of_small_steps_does_not_join_its_ends(snakes):
    """One snake fades into another; each frame matches its neighbours."""
    frames = [Image.blend(snakes[0], snakes[1], step / 60) for step in range(61)]
    groups = groups_of(frames)

    assert any(len(group) > 3 for group in groups)
    assert not any({0, 60} <= set(group) for group in groups)
    for group in groups:
        assert any(all(groups_of([frames[hub], frames[i]]) for i in group if i != hub) for hub in group)


def test_pictures_that_change_along_one_axis_only_are_compared_like_others():
    rng = np.random.default_rng(5)
    stripes = [np.repeat(rng.integers(0, 256, (1, 16, 1)), 3, axis=2).astype(np.uint8) for _ in range(6)]
    pictures = [Image.fromarray(row).resize(SIZE, Image.Resampling.NEAREST) for row in stripes]

    assert groups_of(pictures + [jpeg(picture, 80) for picture in pictures]) == [[i, i + 6] for i in range(6)]


def test_no_photos_make_no_groups():
    assert near_duplicate_groups([], []) == []
    assert near_duplicate_groups(["0123456789abcdef"], [TEXTURE]) == []


HASHES = st.one_of(st.integers(0, 2**64 - 1), st.sampled_from([0, 1, 2**64 - 1])).map(lambda bits: f"{bits:016x}")
DETAILS = st.one_of(
    st.binary(min_size=256, max_size=256),
    st.binary(min_size=16, max_size=16).map(lambda row: row * 16),
    st.sampled_from([TEXTURE, TEXTURE[::-1], bytes(256), b"\xff" * 255 + b"\x00"]),
)


@given(st.lists(st.tuples(HASHES, DETAILS), max_size=12))
@settings(deadline=None, max_examples=60)
def test_any_fingerprints_make_groups_that_do_not_overlap(marks):
    groups = near_duplicate_groups([phash for phash, _ in marks], [detail for _, detail in marks])
    members = [i for group in groups for i in group]

    assert len(set(members)) == len(members) and set(members) <= set(range(len(marks)))
    assert all(len(group) > 1 and group == sorted(group) for group in groups)
    assert groups == sorted(groups)


@pytest.mark.parametrize("phash", ["", "0123", "0123456789ABCDEF", "0x23456789abcdef", "0123456789abcdeg", "٠" * 16])
def test_a_hash_that_is_none_is_refused(phash):
    with pytest.raises(ValueError, match="16 hex digits"):
        near_duplicate_groups([phash], [TEXTURE])


@pytest.mark.parametrize("length", [0, 255, 257])
def test_a_detail_of_another_length_is_refused(length):
    with pytest.raises(ValueError, match=f"256 bytes; this one has {length}"):
        near_duplicate_groups(["0123456789abcdef"], [bytes(length)])


def test_as_many_details_as_hashes_are_wanted():
    with pytest.raises(ValueError, match="shorter"):
        near_duplicate_groups(["0123456789abcdef"] * 2, [TEXTURE])


@pytest.mark.parametrize(
    ("copies", "best"),
    [
        ([Copy("a", 400, 300, 9000), Copy("b", 800, 600, 100)], "b"),
        ([Copy("a", 600, 400, 100), Copy("b", 400, 600, 101)], "b"),
        ([Copy("b", 400, 300, 100), Copy("a", 300, 400, 100)], "a"),
        ([Copy("b", 1, 1, 1)], "b"),
    ],
    ids=["more pixels", "as many pixels, more bytes", "alike, smaller id", "alone"],
)
def test_the_best_copy_has_most_pixels_then_most_bytes_then_the_smallest_id(copies, best):
    assert best_copy(copies).id == best
    assert best_copy(reversed(copies)).id == best


@pytest.mark.photos
def test_the_listed_twins_among_the_snakes_are_grouped_and_no_group_crosses_the_classes(real_photos):
    folder = real_photos / "snakes" / "classes"
    paths = sorted(folder.rglob("*.jpg"))
    names = [path.relative_to(folder).as_posix() for path in paths]
    with (real_photos / "snakes" / "near_duplicates.csv").open(newline="") as lines:
        listed = {(row["photo"], row["twin"]) for row in csv.DictReader(lines)}

    groups = groups_of([as_pixels(path) for path in paths])
    found = {(names[i], names[j]) for group in groups for i, j in combinations(group, 2)}

    assert len(paths) == 426 and len(listed) == 30
    assert found == listed
    assert all(photo.split("/")[0] == twin.split("/")[0] for photo, twin in found)
