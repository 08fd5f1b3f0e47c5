import os

import pytest
from PIL import Image

from fieldmark.artifacts import thumbnails
from fieldmark.artifacts.thumbnails import LONGEST, Thumbnails
from fieldmark.errors import NotAPhoto


@pytest.fixture
def photo(tmp_path):
    Image.new("RGB", (1000, 500), "green").save(tmp_path / "a.png")
    return tmp_path / "a.png"


def test_a_thumbnail_is_made_once_and_again_when_the_photo_is_newer(photo, tmp_path):
    made = Thumbnails(tmp_path / "small")
    assert not made.is_made("a", photo)
    first = made.get("a", photo)
    file = tmp_path / "small" / "a.jpg"
    with Image.open(file) as small:
        assert small.size == (LONGEST, LONGEST // 2)
    assert made.is_made("a", photo) and made.get("a", photo) == first
    Image.new("RGB", (500, 500), "red").save(photo)
    os.utime(photo, (2**31, 2**31))
    assert not made.is_made("a", photo)
    assert made.get("a", photo) != first


def test_what_does_not_decode_is_tried_once(photo, tmp_path, monkeypatch):
    photo.write_text("<html>no</html>")
    made = Thumbnails(tmp_path / "small")
    with pytest.raises(NotAPhoto, match="an HTML page"):
        made.get("a", photo)
    monkeypatch.setattr(thumbnails, "thumbnail_of", None)
    with pytest.raises(NotAPhoto, match="an HTML page"):
        made.get("a", photo)


def test_where_the_folder_cannot_be_written_to_they_are_kept_in_memory(photo, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(thumbnails, "REMEMBERED", 2)
    made = Thumbnails(tmp_path / "file" / "small")
    for name in "abc":
        assert made.get(name, photo).startswith(b"\xff\xd8")
    assert [made.is_made(name, photo) for name in "abc"] == [False, True, True]


def test_a_photo_that_is_gone_is_an_os_error(tmp_path):
    with pytest.raises(OSError):
        Thumbnails(tmp_path / "small").get("a", tmp_path / "gone.jpg")
