import io

import numpy as np
import pytest
from check_samples import drawings, encoded, placeholders
from PIL import Image

from fieldmark.artifacts.photos import PhotoFile
from fieldmark.checks.placeholders import OFTEN, find_placeholders, looks_like_one
from fieldmark.demo.paint import paint_snake
from fieldmark.imaging.measures import measure


def test_of_60_painted_placeholders_at_least_58_are_found():
    assert sum(looks_like_one(measure(data)) for data in placeholders(60)) >= 58


def test_painted_snakes_and_drawings_of_them_are_left_alone():
    for seed in range(6):
        snake = Image.fromarray(paint_snake("king", np.random.default_rng(seed), (400, 300)))
        for name, picture in {"as it is": snake, **drawings(snake)}.items():
            assert not looks_like_one(measure(encoded(picture, quality=85))), (seed, name)


def test_a_plain_picture_is_blank_and_no_placeholder():
    assert not looks_like_one(measure(encoded(Image.new("RGB", (300, 200), "white"))))


def flat_sign():
    """Five flat stripes: too much entropy for a placeholder, unless it is sent again and again."""
    stripes = np.repeat(np.array([20, 70, 120, 170, 220], np.uint8), 64)
    return encoded(Image.fromarray(np.tile(stripes[:, None], (1, 240))), "PNG")


@pytest.mark.parametrize(("times", "found"), [(1, False), (OFTEN - 1, False), (OFTEN, True)])
def test_a_flat_picture_that_many_addresses_give_is_one(times, found):
    photo, measures = PhotoFile("a/1.png", "a", None, "1" * 64), measure(flat_sign())

    findings = find_placeholders([photo], {photo.path: measures}, {photo.id: times})

    assert [finding.kind for finding in findings] == ["placeholder"] * found
    assert looks_like_one(measures, times) is found


def test_files_with_the_same_bytes_count_as_addresses():
    photos = [PhotoFile(f"a/{number}.png", "a", None, "1" * 64) for number in range(OFTEN)]
    measured = {photo.path: measure(flat_sign()) for photo in photos}

    found = find_placeholders(photos, measured)

    assert [finding.photo for finding in found] == [photo.path for photo in photos]
    assert "3 addresses or files give the same" in found[0].text
    assert find_placeholders(photos[:2], measured) == []


def test_a_real_photo_that_many_addresses_give_is_none():
    pixels = paint_snake("coral", np.random.default_rng(0), (400, 300))

    assert not looks_like_one(measure(encoded(Image.fromarray(pixels))), times=50)


@pytest.mark.photos
def test_a_placeholder_of_the_web_is_found_and_no_real_photo(real_photos):
    assert looks_like_one(measure((real_photos / "broken" / "imageNotFound.gif").read_bytes()))
    photos = sorted((real_photos / "snakes" / "classes").glob("*/*.jpg"))[::3] + sorted(
        (real_photos / "offtopic").glob("*")
    )
    assert len(photos) == 342
    assert [path.name for path in photos if looks_like_one(measure(path.read_bytes()), times=OFTEN)] == []


@pytest.mark.photos
def test_drawings_made_of_photos_are_nearly_never_taken_for_one(real_photos):
    """Flat colours on white are the hardest: of 50, at most 6 are taken for one."""
    found = dict.fromkeys(("sketch", "flat colours", "flat cut-out", "cut-out"), 0)
    for path in sorted((real_photos / "snakes" / "classes").glob("*/*.jpg"))[::9][:50]:
        for name, picture in drawings(Image.open(io.BytesIO(path.read_bytes())).convert("RGB")).items():
            found[name] += looks_like_one(measure(encoded(picture, quality=85)))

    assert found["cut-out"] == 0 and found["sketch"] <= 1 and found["flat colours"] <= 1
    assert found["flat cut-out"] <= 6
