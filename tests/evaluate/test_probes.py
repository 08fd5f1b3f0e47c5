"""Folders of strangers: read at any depth, known photos left out, those that pass counted."""

import shutil

import numpy as np
import pytest

from fieldmark.errors import FolderError
from fieldmark.evaluate.intervals import wilson
from fieldmark.evaluate.probes import judge_probe, read_probe
from support.flat import paint_flat


def redness(pixels):
    return float(pixels[..., 0].mean()) / 255


@pytest.fixture
def strangers(tmp_path):
    """Four reds and three blues, one of them at the top and one deep below."""
    folder = paint_flat(tmp_path / "strangers", {"red": 4, "blue": 3})
    (folder / "blue" / "000.png").rename(folder / "top.png")
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "blue" / "001.png").rename(folder / "a" / "b" / "deep.png")
    return folder


def test_photos_at_any_depth_are_counted_with_an_interval(strangers):
    found = judge_probe(read_probe(strangers, ["coral", "king"]), redness, threshold=0.5)

    assert (found["n"], found["accepted"], found["share"]) == (7, 3, 3 / 7)
    assert found["ci95"] == list(wilson(3, 7))
    assert found["folder"] == str(strangers) and found["warning"] is None and found["left_out"] == 0


def test_what_is_no_photo_is_listed_and_ends_nothing(strangers):
    (strangers / "notes.txt").write_text("not a picture")
    (strangers / "a" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut off")

    found = judge_probe(read_probe(strangers, ["coral"]), redness, 0.5)

    assert found["n"] == 7
    assert {entry["photo"] for entry in found["unusable"]} == {"notes.txt", "a/broken.jpg"}


def test_a_photo_that_goes_away_meanwhile_is_listed(strangers):
    probe = read_probe(strangers, ["coral"])
    (strangers / "top.png").unlink()

    found = judge_probe(probe, redness, 0.5)

    assert found["n"] == 6 and [entry["photo"] for entry in found["unusable"]] == ["top.png"]


def test_nothing_is_said_when_all_photos_go_away(strangers):
    probe = read_probe(strangers, ["coral"])
    shutil.rmtree(strangers)

    assert judge_probe(probe, redness, 0.5) is None


def test_the_same_file_counts_once(strangers):
    shutil.copy(strangers / "top.png", strangers / "again.png")

    assert judge_probe(read_probe(strangers, ["coral"]), redness, 0.5)["n"] == 7


@pytest.mark.parametrize("classes", [["red", "green"], ["Red"], ["strangers"]])
def test_a_folder_called_as_a_class_is_warned_of_and_counted(strangers, classes):
    found = judge_probe(read_probe(strangers, classes), redness, 0.5)

    assert classes[0] in found["warning"] and "are no strangers" in found["warning"]
    assert found["n"] == 7


def test_photos_the_model_knows_are_left_out_and_named(strangers):
    probe = read_probe(strangers, ["coral"])
    known = [photo.id for photo in probe.photos if photo.path.startswith("red/")]

    found = judge_probe(read_probe(strangers, ["coral"], known), redness, 0.5)

    assert (found["n"], found["left_out"]) == (3, 4)
    assert found["warning"].startswith("4 photos were left out")
    assert "red/000.png, red/001.png, red/002.png, ..." in found["warning"]


def test_without_a_threshold_everything_passes_and_it_says_so(strangers):
    found = judge_probe(read_probe(strangers, ["coral"]), redness, None)

    assert found["accepted"] == 7 and "refuses nothing" in found["warning"]


def test_folders_with_nothing_to_count_are_explained(strangers, tmp_path):
    known = [photo.id for photo in read_probe(strangers, ["coral"]).photos]
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("text")

    with pytest.raises(FolderError, match="All photos of"):
        read_probe(strangers, ["coral"], known)
    with pytest.raises(FolderError, match="holds no photos"):
        read_probe(tmp_path / "empty", ["coral"])
    with pytest.raises(FolderError, match=r"No file in .* is a photo. The first: a.txt"):
        read_probe(tmp_path / "texts", ["coral"])
    with pytest.raises(FolderError, match="There is no folder"):
        read_probe(tmp_path / "nowhere", ["coral"])


def test_scores_that_are_no_numbers_pass_as_the_model_file_has_it(strangers):
    found = judge_probe(read_probe(strangers, ["coral"]), lambda _: np.nan, 0.5)

    assert found["accepted"] == 7
