import csv
import shutil
from dataclasses import replace

import numpy as np
import pytest
from check_samples import encoded
from PIL import Image

from fieldmark.artifacts.candidates import Claim
from fieldmark.artifacts.contents import Content
from fieldmark.artifacts.findings import in_order
from fieldmark.artifacts.photos import PhotoFile, read_folder
from fieldmark.checks.copies import as_findings, claimed, exact, near, sizes_of
from fieldmark.demo.paint import paint_snake
from fieldmark.duplicates import Copy
from fieldmark.imaging.crop import Crop
from fieldmark.imaging.measures import measure


def photo(path, content):
    return PhotoFile(path, path.split("/")[0], None, content * 64)


def by_path(findings):
    return {finding.photo: finding for finding in findings}


def test_files_of_the_same_bytes_in_a_class_are_duplicates_and_the_first_is_kept():
    found = by_path(exact([photo("king/2.jpg", "a"), photo("king/1.jpg", "a"), photo("king/3.jpg", "b")]))

    assert set(found) == {"king/1.jpg", "king/2.jpg"}
    best, extra = found["king/1.jpg"], found["king/2.jpg"]
    assert (best.kind, best.sure, extra.sure) == ("duplicate", False, True)
    assert best.score < extra.score and best.group == extra.group == "a" * 16
    assert extra.text == "The same bytes as king/1.jpg."


def test_the_same_bytes_under_two_labels_are_a_conflict_and_no_duplicate():
    found = exact([photo("king/1.jpg", "a"), photo("coral/7.jpg", "a")])

    assert [finding.kind for finding in found] == ["conflict", "conflict"]
    assert all(finding.sure for finding in found)
    assert "under king too: king/1.jpg" in by_path(found)["coral/7.jpg"].text


def test_three_files_under_two_labels_are_both():
    found = exact([photo("king/1.jpg", "a"), photo("king/2.jpg", "a"), photo("coral/7.jpg", "a")])

    assert sorted((finding.kind, finding.photo) for finding in found) == [
        ("conflict", "coral/7.jpg"),
        ("conflict", "king/1.jpg"),
        ("conflict", "king/2.jpg"),
        ("duplicate", "king/1.jpg"),
        ("duplicate", "king/2.jpg"),
    ]


def test_different_parts_of_one_file_are_different_photos():
    left = replace(photo("king/1.jpg", "a"), crop=Crop(0, 0, 0.5, 1))

    assert exact([left, photo("king/2.jpg", "a")]) == []


def snake(seed, size=(400, 300)):
    return Image.fromarray(paint_snake("coral", np.random.default_rng(seed), (400, 300))).resize(size)


@pytest.fixture
def folder(tmp_path):
    for path, picture, quality in [
        ("coral/1.jpg", snake(1, (200, 150)), 80),
        ("coral/2.jpg", snake(1), 80),
        ("coral/3.jpg", snake(2), 80),
        ("coral/4.jpg", snake(1), 40),
        ("king/1.jpg", snake(3), 80),
        ("king/2.jpg", snake(2), 50),
    ]:
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(encoded(picture, quality=quality))
    shutil.copy(tmp_path / "coral/2.jpg", tmp_path / "coral/9.jpg")
    return read_folder(tmp_path)


def measured(folder):
    return {photo.path: measure((folder.root / photo.path).read_bytes()) for photo in folder.photos}


def test_near_duplicates_name_the_largest_as_the_best_and_leave_equal_files_to_exact(folder):
    found = [finding for finding in near(folder.photos, measured(folder)) if finding.kind == "near_duplicate"]

    assert sorted(finding.photo for finding in found) == ["coral/1.jpg", "coral/2.jpg", "coral/4.jpg"]
    best = by_path(found)["coral/2.jpg"]
    assert not best.sure and "best of 3 near copies: 400 x 300 pixels" in best.text
    extras = [finding for finding in found if finding.photo != "coral/2.jpg"]
    assert all(extra.sure and extra.score > best.score and extra.group == best.photo_id for extra in extras)
    assert "larger (400 x 300 pixels against 200 x 150)" in by_path(found)["coral/1.jpg"].text


def test_near_duplicates_under_two_labels_are_a_conflict(folder):
    found = [finding for finding in near(folder.photos, measured(folder)) if finding.kind == "conflict"]

    assert sorted(finding.photo for finding in found) == ["coral/3.jpg", "king/2.jpg"]
    assert all(finding.sure for finding in found)


def test_the_same_file_is_a_greater_conflict_than_a_near_copy(folder):
    same = exact([photo("king/1.jpg", "a"), photo("coral/7.jpg", "a")])
    ordered = in_order([*near(folder.photos, measured(folder)), *same])

    assert [finding.photo for finding in ordered if finding.kind == "conflict"][:2] == ["coral/7.jpg", "king/1.jpg"]


def test_the_size_that_a_photo_had_when_it_was_fetched_decides():
    small, large = photo("king/1.jpg", "a"), photo("king/2.jpg", "b")
    measures = measure(encoded(snake(1)))
    known = {large.id: Content(large.id, large.sha256, "0" * 16, b"", 4000, 3000, 999)}
    sizes = sizes_of([small, large], {"king/1.jpg": measures, "king/2.jpg": measures}, known)

    assert sizes["king/2.jpg"] == Copy(large.id, 4000, 3000, 999) and sizes["king/1.jpg"].width == 400
    assert [finding.photo for finding in as_findings([[small, large]], sizes) if not finding.sure] == ["king/2.jpg"]


def claim(photo_id, label, query):
    return Claim(photo_id, label, query, "bing", f"https://a.example/{query}", "", "", "", "unknown", "")


def test_a_photo_that_two_searches_claim_is_a_conflict_until_someone_decides(tmp_path):
    conflicts = tmp_path / "conflicts"
    conflicts.mkdir()
    (conflicts / "a1.jpg").write_bytes(b"")
    claims = [
        claim("a1", "coral", "coral snake"),
        claim("a1", "king", "king snake"),
        claim("a1", "king", "scarlet king"),
        claim("b2", "king", "king snake"),  # its file is gone
    ]

    (finding,) = claimed(claims, conflicts)

    assert (finding.photo, finding.photo_id, finding.kind) == ("../conflicts/a1.jpg", "a1", "conflict")
    assert 'coral (search "coral snake") and king (search "king snake" and 1 more)' in finding.text
    assert claimed(claims, conflicts, decided={"a1"}) == []


@pytest.mark.photos
def test_the_photo_under_two_labels_is_found_in_an_uncurated_harvest_and_an_added_duplicate(real_photos, tmp_path):
    root = shutil.copytree(real_photos / "bears_raw", tmp_path / "bears")
    (root / "teddy").chmod(0o755)
    shutil.copy(root / "teddy" / "00000032.jpg", root / "teddy" / "again.jpg")
    found = exact(read_folder(root).photos)

    assert sorted(finding.photo for finding in found if finding.kind == "conflict") == [
        "black/00000015.jpg",
        "grizzly/00000148.jpg",
    ]
    assert [finding.photo for finding in found if finding.kind == "duplicate" and finding.sure] == ["teddy/again.jpg"]


@pytest.mark.photos
def test_the_30_pairs_of_the_snakes_are_found_and_no_other(real_photos):
    folder = read_folder(real_photos / "snakes" / "classes")
    with (real_photos / "snakes" / "near_duplicates.csv").open() as file:
        pairs = {frozenset((row["photo"], row["twin"])) for row in csv.DictReader(file)}
    groups: dict[str, set[str]] = {}
    for finding in near(folder.photos, measured(folder)):
        assert finding.kind == "near_duplicate"
        groups.setdefault(finding.group, set()).add(finding.photo)

    assert {frozenset(group) for group in groups.values()} == pairs and len(pairs) == 30
