import shutil

import pytest

from curate.desks import find, ids_of, paint
from fieldmark.artifacts import findings
from fieldmark.artifacts.findings import Finding
from fieldmark.artifacts.verdicts import open_journal
from fieldmark.artifacts.workspace import Workspace
from fieldmark.curate.board import Folder
from fieldmark.errors import FolderError


def look(root, decided=()):
    return Folder(Workspace.open(root)).look(decided)


def test_equal_files_are_one_tile_that_says_where_they_lie(tmp_path):
    root = paint(tmp_path / "snakes", each=2)
    shutil.copy(root / "coral" / "0000.jpg", root / "king" / "copy.jpg")
    tile = look(root).tiles[0]
    assert (tile.paths, tile.labels) == (("coral/0000.jpg", "king/copy.jpg"), ("coral", "king"))


def test_a_photo_in_two_classes_is_doubted_even_before_any_check(tmp_path):
    root = paint(tmp_path / "snakes", each=2)
    shutil.copy(root / "coral" / "0000.jpg", root / "king" / "copy.jpg")
    board = look(root)
    (place, finding) = board.findings[0]
    assert (place, finding.kind, finding.text) == (0, "conflict", "The same photo is claimed by coral and king.")
    assert not board.checked


def test_a_folder_that_was_checked_says_so_even_where_nothing_was_found(tmp_path):
    root = paint(tmp_path / "snakes", each=2)
    find(root, ("coral/0001.jpg", "dark", 0.9, True, None))
    assert not look(root).checked  # these are of the look at pixels before the page opened
    (Workspace.open(root).memory / findings.PAGE).write_text("a page")
    with open_journal(Workspace.open(root)) as catalog:
        findings.write(catalog, [])
    assert look(root).checked


def test_look_alikes_share_the_group_of_the_best_even_where_that_has_no_finding(tmp_path):
    root = paint(tmp_path / "snakes", each=3)
    find(root, ("coral/0001.jpg", "near_duplicate", 0.9, True, "coral/0000.jpg"))
    ids = ids_of(root)
    groups = {tile.paths[0]: tile.group for tile in look(root).tiles}
    assert groups["coral/0000.jpg"] == groups["coral/0001.jpg"] == ids["coral/0000.jpg"]
    assert groups["coral/0002.jpg"] == ""


def test_what_is_no_picture_is_left_out_unless_a_check_spoke_of_it(tmp_path):
    root = paint(tmp_path / "snakes", each=2)
    (root / "coral" / "notes.txt").write_text("remember the milk")
    (root / "coral" / "page.jpg").write_text("<html>not found</html>")
    assert len(look(root).tiles) == 4
    with open_journal(Workspace.open(root)) as catalog:
        findings.write(catalog, [Finding("coral/page.jpg", "", "unreadable", 1.0, "An HTML page, not a picture.")])
    board = look(root)
    assert [tile.paths[0] for tile in board.tiles if "page" in tile.paths[0]] == ["coral/page.jpg"]


def test_photos_that_vanished_stay_as_missing_where_something_speaks_of_them(tmp_path):
    root = paint(tmp_path / "snakes", each=3)
    find(root, ("coral/0001.jpg", "dark", 0.9, True, None))
    ids = ids_of(root)
    for name in ("0000", "0001", "0002"):
        (root / "coral" / f"{name}.jpg").unlink()
    board = look(root, decided=[ids["king/0000.jpg"], ids["coral/0002.jpg"]])
    missing = {tile.id: tile.paths for tile in board.tiles if tile.missing}
    assert missing == {ids["coral/0001.jpg"]: ("coral/0001.jpg",), ids["coral/0002.jpg"]: ()}


def test_a_file_is_read_again_only_when_it_changed(tmp_path):
    root = paint(tmp_path / "snakes", each=2)
    folder = Folder(Workspace.open(root))
    before = folder.look()
    shutil.copy(root / "king" / "0001.jpg", root / "coral" / "0000.jpg")
    after = folder.look()
    assert before.tiles[0].paths == ("coral/0000.jpg",)
    assert after.tiles[0].paths == ("coral/0000.jpg", "king/0001.jpg")


def test_a_sealed_test_side_is_not_shown(tmp_path):
    root = tmp_path / "sides"
    paint(root / "train", each=2)
    paint(root / "test", each=2)
    assert {tile.paths[0].split("/")[0] for tile in look(root).tiles} == {"train"}


def test_a_folder_without_photos_says_what_to_do(tmp_path):
    (tmp_path / "empty" / "coral").mkdir(parents=True)
    with pytest.raises(FolderError, match=r"no photos to decide on\. Put those of each class into a folder"):
        look(tmp_path / "empty")
