import io
import shutil

import numpy as np
import pytest
from check_samples import encoded, placeholders, plain_colours
from PIL import Image, ImageFilter

from fieldmark.artifacts.photos import PhotoFile, Unusable, read_folder
from fieldmark.checks.pixels import Limits, check_pixels, unreadable
from fieldmark.checks.placeholders import find_placeholders
from fieldmark.demo.paint import paint_snake
from fieldmark.imaging.measures import measure

PHOTO = PhotoFile("coral/1.jpg", "coral", None, "ab" * 32)


def kinds(data, **limits):
    return [finding.kind for finding in check_pixels(PHOTO, measure(data), Limits(**limits))]


def snake(change=lambda picture: picture, size=(400, 300)):
    """A painted snake over the noise of a lawn, which is as sharp as a photo is."""
    pixels = paint_snake("coral", np.random.default_rng(3), size).astype(np.float64)
    pixels += np.random.default_rng(4).normal(0, 12, pixels.shape[:2])[:, :, None]
    return encoded(change(Image.fromarray(pixels.clip(0, 255).astype(np.uint8))), quality=92)


def test_nothing_is_wrong_with_an_ordinary_picture():
    assert kinds(snake()) == []


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("small", lambda picture: picture.resize((160, 120))),
        ("shape", lambda picture: picture.crop((0, 0, 399, 129))),
        ("dark", lambda picture: picture.point(lambda level: level * 0.3)),
        ("bright", lambda picture: picture.point(lambda level: 255 - (255 - level) / 4)),
        ("blurred", lambda picture: picture.filter(ImageFilter.GaussianBlur(4))),
        ("blank", lambda picture: Image.new("RGB", picture.size, "#204080")),
    ],
)
def test_each_fault_is_found_under_its_name_and_no_other(kind, change):
    (finding,) = check_pixels(PHOTO, measure(snake(change)))

    assert finding.kind == kind
    assert finding.sure and finding.photo == PHOTO.path and finding.photo_id == "ab" * 8
    assert any(letter.isdigit() for letter in finding.text) and finding.text.endswith(".")


def test_the_worse_of_two_faults_has_the_greater_score():
    small, smaller = (check_pixels(PHOTO, measure(snake(size=size)))[0] for size in ((160, 120), (100, 80)))
    dark, darker = (
        check_pixels(PHOTO, measure(snake(lambda picture, part=part: picture.point(lambda level: level * part))))[0]
        for part in (0.3, 0.2)
    )

    assert smaller.score > small.score and darker.score > dark.score


def test_limits_are_a_persons_to_set():
    assert kinds(snake(size=(600, 150)), max_aspect=5) == []
    assert kinds(snake(), min_side=400) == ["small"]


def test_all_103_plain_colours_are_blank_whatever_noise_ramp_or_jpeg_is_on_them():
    found = [kinds(data, min_side=1, max_aspect=100) for data in plain_colours(103)]

    assert found == [["blank"]] * 103


def test_words_on_white_are_not_called_washed_out():
    assert [kinds(data, min_side=1, max_aspect=100) for data in placeholders(12)] == [[]] * 12


def test_a_file_that_is_no_photo_is_named_with_its_reason():
    (finding,) = unreadable([Unusable("coral/9.jpg", "an HTML page, not a picture")])

    assert (finding.photo, finding.kind, finding.sure) == ("coral/9.jpg", "unreadable", True)
    assert finding.text == "An HTML page, not a picture."


def blur(data, radius):
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    return encoded(picture.filter(ImageFilter.GaussianBlur(radius)), quality=90)


@pytest.mark.photos
def test_of_the_snakes_only_the_dark_one_is_named_and_painted_blanks_among_them_all_are(real_photos, tmp_path):
    root = shutil.copytree(real_photos / "snakes" / "classes", tmp_path / "snakes")
    (root / "coral").chmod(0o755)
    for number, data in enumerate(plain_colours(103)):
        (root / "coral" / f"plain{number:03}.jpg").write_bytes(data)
    folder = read_folder(root)
    measured = {photo.path: measure((root / photo.path).read_bytes()) for photo in folder.photos}
    found = [finding for photo in folder.photos for finding in check_pixels(photo, measured[photo.path])]
    found += find_placeholders(folder.photos, measured)

    assert len(folder.photos) == 426 + 103
    blanks = {finding.photo for finding in found if finding.kind == "blank"}
    assert len(blanks) == 103 and all(path.startswith("coral/plain") for path in blanks)
    others = [(finding.photo, finding.kind) for finding in found if "plain" not in finding.photo]
    assert others == [("king/000194.jpg", "dark")]


@pytest.mark.photos
def test_photos_blurred_by_two_pixels_are_found_and_the_same_unblurred_are_not(real_photos):
    photos = [path.read_bytes() for path in sorted((real_photos / "snakes" / "classes").glob("*/*.jpg"))[::10]]

    assert sum("blurred" in kinds(blur(data, 2)) for data in photos) == len(photos) == 43
    assert sum("blurred" in kinds(data) for data in photos) == 0


@pytest.mark.photos
def test_of_an_uncurated_harvest_every_undecodable_file_is_named_and_no_photo(real_photos, tmp_path):
    root = shutil.copytree(real_photos / "bears_raw", tmp_path / "bears")
    folder = read_folder(root)
    measured = {photo.path: measure((root / photo.path).read_bytes()) for photo in folder.photos}

    assert [finding.text for finding in unreadable(folder.unusable)] == [
        "Text, not a picture.",
        *["An HTML page, not a picture."] * 5,
    ]
    assert [finding for photo in folder.photos for finding in check_pixels(photo, measured[photo.path])] == []
    assert find_placeholders(folder.photos, measured) == []
