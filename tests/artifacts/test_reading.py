import shutil

import numpy as np
import pytest

from fieldmark.artifacts import verdicts
from fieldmark.artifacts.reading import read_photos
from fieldmark.artifacts.verdicts import Verdict, open_journal
from fieldmark.artifacts.workspace import Workspace
from fieldmark.errors import FolderError
from support import kept


def decide(root, *decided):
    workspace = Workspace.open(root)
    with open_journal(workspace) as catalog:
        act = str(len(verdicts.rows(catalog)))
        verdicts.append(catalog, act, [Verdict(*verdict) for verdict in decided])
    return workspace


def ids(folder):
    return [photo.id for photo in read_photos(Workspace.open(folder)).photos]


def test_a_rejected_photo_is_not_read_and_its_file_stays(flat_folder):
    before = sorted(flat_folder.rglob("*.png"))
    first, *others = ids(flat_folder)
    photos = read_photos(decide(flat_folder, (first, "reject")))
    assert [photo.id for photo in photos.photos] == others
    assert first in {photo.id for photo in photos.before}
    assert sorted(flat_folder.rglob("*.png")) == before


def test_a_relabelled_photo_is_read_as_of_its_new_class_from_where_it_lies(flat_folder):
    first = read_photos(Workspace.open(flat_folder)).photos[0]
    again = read_photos(decide(flat_folder, (first.id, "label", "red"))).photos[0]
    assert (again.path, first.label, again.label) == (first.path, "blue", "red")


def test_a_verdict_holds_after_the_file_is_renamed(flat_folder):
    first = read_photos(Workspace.open(flat_folder)).photos[0]
    workspace = decide(flat_folder, (first.id, "reject"))
    (flat_folder / first.path).rename(flat_folder / "red" / "another name.png")
    assert first.id not in {photo.id for photo in read_photos(workspace).photos}


def test_a_cropped_photo_is_read_in_part(flat_folder):
    first = read_photos(Workspace.open(flat_folder)).photos[0]
    whole = first.pixels(flat_folder)
    cropped = read_photos(decide(flat_folder, (first.id, "crop", "0.5,0,1,0.5"))).photos[0]
    height, width = whole.shape[:2]
    assert np.array_equal(cropped.pixels(flat_folder), whole[: height // 2, width // 2 :])


def test_of_equal_files_one_counts_where_that_was_decided(flat_folder):
    first = read_photos(Workspace.open(flat_folder)).photos[0]
    shutil.copy(flat_folder / first.path, flat_folder / "blue" / "copy.png")
    assert ids(flat_folder).count(first.id) == 2
    decide(flat_folder, (first.id, "once"))
    assert ids(flat_folder).count(first.id) == 1


def test_rejecting_everything_is_said_and_not_a_crash(flat_folder):
    workspace = decide(flat_folder, *((id_, "reject") for id_ in ids(flat_folder)))
    with pytest.raises(FolderError, match=r"Every photo of .* was rejected"):
        read_photos(workspace)


def test_a_conflict_is_read_once_a_person_says_of_which_class_it_is(tmp_path):
    root = kept.made(tmp_path / "snakes")
    for number in range(4):
        kept.keep(root, number, f"https://x.org/{number}.jpg", label=("coral", "king")[number % 2])
    disputed = kept.keep(root, 9, "https://x.org/9.jpg", label="coral")
    kept.keep(root, 9, "https://x.org/also9.jpg", label="king")
    assert (root / "conflicts" / f"{disputed}.jpg").is_file()
    assert disputed not in ids(root)

    workspace = decide(root, (disputed, "label", "king"))
    (photo,) = [photo for photo in read_photos(workspace).photos if photo.id == disputed]
    assert photo.label == "king"
    assert photo.pixels(workspace.photos).shape == (64, 64, 3)

    decide(root, (disputed, "reject"))
    assert disputed not in ids(root)


def test_a_file_that_is_no_photo_is_not_named_again_once_it_was_rejected(flat_folder):
    (flat_folder / "red" / "page.jpg").write_text("<html>not found</html>")
    (unusable,) = read_photos(Workspace.open(flat_folder)).unusable
    assert read_photos(decide(flat_folder, (unusable.id, "reject"))).unusable == ()
