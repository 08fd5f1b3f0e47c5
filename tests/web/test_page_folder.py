import errno
import json

import pytest

from fieldmark.errors import WebPageError
from fieldmark.web import folder
from fieldmark.web.folder import MARK, check, write
from support.tiny_model import tiny_model_bytes
from web.test_site import site_of

OLD, NEW = site_of(tiny_model_bytes(("coral", "king"))), site_of(tiny_model_bytes(("asp", "boa")))


def content_of(out):
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}


def is_whole(out, site):
    found = content_of(out)
    return all(found.get(name) == content for name, content in site.files.items())


@pytest.mark.parametrize("there", [False, True])
def test_a_page_goes_into_a_new_or_an_empty_folder(tmp_path, there):
    out = tmp_path / "page"
    if there:
        out.mkdir()
    write(OLD, out)

    found = content_of(out)
    assert json.loads(found.pop(MARK))["page"] == OLD.version
    assert found == dict(OLD.files)
    assert [path.name for path in tmp_path.iterdir()] == ["page"]
    assert out.stat().st_mode & 0o777 == 0o755 and (out / "index.html").stat().st_mode & 0o777 == 0o644


def test_a_new_page_takes_the_place_of_the_old_one_and_leaves_what_is_not_ours(tmp_path):
    write(OLD, tmp_path)
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("ref")
    (tmp_path / "CNAME").write_text("snakes.example.org")
    (tmp_path / OLD.version / "note.txt").write_text("mine")
    write(NEW, tmp_path)

    found = content_of(tmp_path)
    assert {name: found.pop(name) for name in (".git/HEAD", "CNAME", f"{OLD.version}/note.txt")}
    assert set(found) == {*NEW.files, MARK} and is_whole(tmp_path, NEW)


def test_the_same_page_again_changes_nothing(tmp_path):
    write(OLD, tmp_path)
    before = content_of(tmp_path)
    write(OLD, tmp_path)

    assert content_of(tmp_path) == before


@pytest.mark.parametrize("mark", [None, "no json", "[]", '{"page": 3, "files": []}', '{"files": ["index.html"]}'])
def test_a_folder_of_something_else_is_left_alone(tmp_path, mark):
    (tmp_path / "index.html").write_text("my own page")
    if mark is not None:
        (tmp_path / MARK).write_text(mark)
    before = content_of(tmp_path)
    for act in (check, lambda out: write(NEW, out)):
        with pytest.raises(WebPageError, match="holds something else than a page of ours"):
            act(tmp_path)

    assert content_of(tmp_path) == before


def test_a_file_or_a_place_that_is_not_there_is_said(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(WebPageError, match="is a file"):
        check(tmp_path / "file")
    with pytest.raises(WebPageError, match="to make page in"):
        check(tmp_path / "nowhere" / "page")


def test_a_mark_that_names_files_elsewhere_removes_none_of_them(tmp_path):
    out = tmp_path / "page"
    write(OLD, out)
    for name in ("outside.txt", "absolute.txt"):
        (tmp_path / name).write_text("mine")
    mark = json.loads((out / MARK).read_text())
    mark["files"] += ["../outside.txt", str(tmp_path / "absolute.txt"), 7, "a/../../outside.txt"]
    (out / MARK).write_text(json.dumps(mark))
    write(NEW, out)

    assert is_whole(out, NEW)
    assert (tmp_path / "outside.txt").exists() and (tmp_path / "absolute.txt").exists()


@pytest.mark.parametrize("after", range(len(NEW.files) + 1))
def test_wherever_the_disk_fills_up_the_old_page_or_the_new_one_is_whole(tmp_path, monkeypatch, after):
    out = tmp_path / "page"
    write(OLD, out)
    fill_up(monkeypatch, after)
    with pytest.raises(OSError, match="No space"):
        write(NEW, out)
    monkeypatch.undo()

    shown = (out / "index.html").read_bytes()
    site = NEW if shown == NEW.files["index.html"] else OLD
    loaded = {name: content for name, content in site.files.items() if name.startswith(site.version)}
    assert loaded.items() <= content_of(out).items() and shown == site.files["index.html"]
    write(NEW, out)
    assert set(content_of(out)) == {*NEW.files, MARK} and is_whole(out, NEW)


def test_a_first_page_that_could_not_be_written_leaves_nothing(tmp_path, monkeypatch):
    fill_up(monkeypatch, 5)
    with pytest.raises(OSError, match="No space"):
        write(NEW, tmp_path / "page")

    assert list(tmp_path.iterdir()) == []


def fill_up(monkeypatch, after):
    """Let the disk be full once so many files were written."""
    real, left = folder.write_bytes, iter(range(after))

    def write_some(path, data, flush):
        if next(left, None) is None:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        real(path, data, flush)

    monkeypatch.setattr(folder, "write_bytes", write_some)
