import os
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from fieldmark import terminal
from fieldmark.errors import FolderError
from fieldmark.search.providers import folder


def fill(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return root


def listing(root: Path) -> list[tuple[str, str]]:
    return [(label, result.id) for label, result in folder.read(root)]


def test_every_file_of_every_class_is_listed_in_the_order_of_its_path(tmp_path):
    root = fill(
        tmp_path / "bears",
        "teddy/b.jpg?v=1",
        "teddy/a.txt",
        "grizzly/deep/c.jpg",
        ".hidden/x.jpg",
        "teddy/.x",
        "__MACOSX/teddy/y.jpg",
        "teddy/.ipynb_checkpoints/z.jpg",
    )

    assert listing(root) == [("grizzly", "grizzly/deep/c.jpg"), ("teddy", "teddy/a.txt"), ("teddy", "teddy/b.jpg?v=1")]


def test_a_url_leads_back_to_the_file(tmp_path):
    root = fill(tmp_path / "bears", "teddy/a b%20#ñ?v=1.jpg")
    ((_, result),) = folder.read(root)

    assert result.url.startswith("file:///")
    assert urlsplit(result.url).query == "" and Path(unquote(urlsplit(result.url).path)).read_bytes() == b"x"


def test_a_flat_folder_is_one_class_called_as_it_is(tmp_path):
    assert listing(fill(tmp_path / "teddy", "b.jpg", "a.jpg", ".x")) == [("teddy", "a.jpg"), ("teddy", "b.jpg")]


def test_sides_above_the_class_folders_are_passed_through(tmp_path):
    root = fill(tmp_path / "x", "train/a/1.jpg", "valid/a/2.jpg", "test/b/3.jpg")

    assert sorted(listing(root)) == [("a", "train/a/1.jpg"), ("a", "valid/a/2.jpg"), ("b", "test/b/3.jpg")]


def test_files_beside_class_folders_are_left_out_and_named(tmp_path, capsys):
    root = fill(tmp_path / "x", "a/1.jpg", "notes.txt", "stray.jpg")

    with terminal.speaking(terminal.Voice.STDOUT):
        assert listing(root) == [("a", "a/1.jpg")]
    assert "(2): notes.txt, stray.jpg" in capsys.readouterr().err


@pytest.mark.parametrize("make", ["nothing", "a file", "an empty folder"])
def test_a_folder_without_files_is_refused(tmp_path, make):
    path = tmp_path / "x"
    if make == "a file":
        path.write_text("x")
    elif make == "an empty folder":
        path.mkdir()

    with pytest.raises(FolderError):
        folder.read(path)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep names as text")
def test_a_name_that_is_no_utf8_is_listed_with_its_bytes_written_out(tmp_path):
    root = fill(tmp_path / "x", "a/1.jpg")
    Path(os.fsdecode(os.fsencode(root) + b"/a/\xff.jpg")).write_bytes(b"x")

    found = folder.read(root)

    assert found[1][1].id == "a/\\xff.jpg" and found[1][1].url.endswith("/a/%FF.jpg")


@pytest.mark.photos
def test_the_bears_as_they_came_are_all_listed(real_photos):
    root = real_photos / "bears_raw"
    files = [path for path in root.rglob("*") if path.is_file() and path.parent != root]

    assert len(folder.read(root)) == len(files)
