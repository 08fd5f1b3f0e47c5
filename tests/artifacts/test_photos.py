import os
import shutil

import pytest

from fieldmark.artifacts.photos import read_folder
from fieldmark.errors import FolderError
from support.flat import paint_flat


def test_classes_are_the_names_of_the_folders(flat_folder):
    photos = read_folder(flat_folder)

    assert photos.classes == ("blue", "red")
    assert photos.counts() == {"blue": 12, "red": 12}
    assert photos.unusable == ()


def test_photos_below_subfolders_belong_to_their_class(flat_folder):
    (flat_folder / "red" / "album").mkdir()
    shutil.move(flat_folder / "red" / "000.png", flat_folder / "red" / "album" / "000.png")

    assert read_folder(flat_folder).counts()["red"] == 12


@pytest.mark.parametrize("valid", ["valid", "val", "validation", "Validation"])
def test_a_given_split_is_read_under_any_of_its_names(tmp_path, valid):
    paint_flat(tmp_path / "train", {"red": 3, "blue": 3})
    paint_flat(tmp_path / valid, {"red": 2, "blue": 2}, seed=1)

    photos = read_folder(tmp_path)

    assert photos.classes == ("blue", "red")
    assert sorted(photo.side for photo in photos.photos) == ["train"] * 6 + ["valid"] * 4


def test_a_test_folder_is_sealed_and_opens_alone(tmp_path):
    paint_flat(tmp_path / "train", {"red": 3, "blue": 3})
    paint_flat(tmp_path / "test", {"red": 2, "blue": 2}, seed=1)

    closed, opened = read_folder(tmp_path), read_folder(tmp_path, test=True)

    assert closed.sealed == 4 and {photo.side for photo in closed.photos} == {"train"}
    assert {photo.side for photo in opened.photos} == {"test"}


def test_opening_a_sealed_side_that_is_not_there_is_an_error(flat_folder):
    with pytest.raises(FolderError, match="no test/ folder"):
        read_folder(flat_folder, test=True)


def test_classes_may_be_called_train_and_test_when_other_classes_stand_beside_them(tmp_path):
    paint_flat(tmp_path, {"red": 2})
    for name in ("train", "bus"):
        shutil.copytree(tmp_path / "red", tmp_path / name)

    assert read_folder(tmp_path).classes == ("bus", "red", "train")


def test_what_is_no_photo_is_listed_with_its_reason(flat_folder):
    (flat_folder / "red" / "page.jpg").write_text("<!doctype html><html></html>")
    (flat_folder / "red" / "pointer.jpg").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    (flat_folder / "blue" / "empty.png").touch()
    (flat_folder / "blue" / "coral.log").write_text("image,source\n")

    reasons = {file.path: file.reason for file in read_folder(flat_folder).unusable}

    assert reasons["red/page.jpg"] == "an HTML page, not a picture"
    assert "git lfs pull" in reasons["red/pointer.jpg"]
    assert reasons["blue/empty.png"] == "an empty file, not a picture"
    assert reasons["blue/coral.log"] == "text, not a picture"


def test_hidden_and_system_folders_are_passed_over(flat_folder):
    for name in (".ipynb_checkpoints", "__MACOSX", ".fieldmark"):
        shutil.copytree(flat_folder / "red", flat_folder / name)
        shutil.copytree(flat_folder / "blue", flat_folder / "red" / name)
    (flat_folder / "red" / ".DS_Store").write_bytes(b"\x00")

    photos = read_folder(flat_folder)

    assert photos.counts() == {"blue": 12, "red": 12} and not photos.unusable


def test_a_picture_beside_the_class_folders_is_listed(flat_folder):
    shutil.copy(flat_folder / "red" / "000.png", flat_folder / "stray.png")
    (flat_folder / "notes.txt").write_text("queries")

    assert [(f.path, f.reason) for f in read_folder(flat_folder).unusable] == [
        ("stray.png", "lies beside the class folders, not in one")
    ]


def test_a_pipe_in_a_class_folder_is_listed_and_not_waited_for(flat_folder):
    os.mkfifo(flat_folder / "red" / "pipe.jpg")

    assert [f.reason for f in read_folder(flat_folder).unusable] == ["not an ordinary file"]


def test_a_name_that_is_not_utf8_is_listed(flat_folder):
    shutil.copy(os.fsencode(flat_folder / "red" / "000.png"), os.fsencode(flat_folder / "red") + b"/caf\xe9.png")

    (file,) = read_folder(flat_folder).unusable

    assert "not valid UTF-8" in file.reason and file.path == "red/caf\\xe9.png"


def test_a_dangling_link_is_listed(flat_folder):
    (flat_folder / "red" / "gone.png").symlink_to(flat_folder / "nowhere.png")

    assert [f.path for f in read_folder(flat_folder).unusable] == ["red/gone.png"]


def test_identical_files_under_two_labels_are_a_conflict(flat_folder):
    shutil.copy(flat_folder / "red" / "000.png", flat_folder / "blue" / "copy.png")

    (group,) = read_folder(flat_folder).conflicts()

    assert sorted(photo.path for photo in group) == ["blue/copy.png", "red/000.png"]


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda root: None, "holds no class folders"),
        (lambda root: (root / "red").mkdir(), "no files in them"),
        (lambda root: [(root / "red").mkdir(), (root / "red" / "a.jpg").touch()], "None of the 1 files"),
    ],
)
def test_a_folder_with_nothing_to_learn_from_is_explained(tmp_path, make, sentence):
    make(tmp_path)

    with pytest.raises(FolderError, match=sentence):
        read_folder(tmp_path)


def test_an_empty_class_folder_is_not_forgotten(flat_folder):
    (flat_folder / "green").mkdir()

    assert read_folder(flat_folder).counts()["green"] == 0
