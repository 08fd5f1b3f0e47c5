import pytest

from fieldmark.artifacts.store import PhotoStore
from fieldmark.artifacts.workspace import Workspace
from support.kept import put

A, B = "a" * 16, "b" * 16


@pytest.fixture
def workspace(tmp_path):
    (tmp_path / "catalog.db").touch()
    return Workspace.open(tmp_path)


@pytest.fixture
def store(workspace):
    return PhotoStore(workspace)


def files(workspace):
    return sorted(p.relative_to(workspace.root).as_posix() for p in workspace.root.rglob("*") if p.is_file())[1:]


def test_photos_lie_below_their_class_and_conflicts_apart(workspace, store):
    put(store, A, "coral", b"jpeg")
    put(store, B, None, b"jpeg")
    assert files(workspace) == [f"conflicts/{B}.jpg", f"photos/coral/{A}.jpg"]


def test_a_photo_moves_to_where_it_belongs_and_nowhere_else(workspace, store):
    put(store, A, "coral", b"jpeg")
    store.move(A, None, ["coral", "king"])
    assert files(workspace) == [f"conflicts/{A}.jpg"]
    store.move(A, "king", ["coral", "king"])
    assert files(workspace) == [f"photos/king/{A}.jpg"]


def test_tidying_puts_right_what_a_killed_run_left(workspace, store):
    put(store, A, "coral", b"jpeg")
    put(store, A, None, b"jpeg")  # written for the conflict; the row says so, the old file was not yet removed
    put(store, B, "king", b"")  # a power failure
    (workspace.photos / "king" / "mine.jpg").write_bytes(b"put there by a person")
    assert store.tidy({A: None, B: "king"}) == [B]
    assert files(workspace) == [f"conflicts/{A}.jpg", f"photos/king/{B}.jpg", "photos/king/mine.jpg"]


def test_a_staged_photo_is_published_when_its_rows_are_there_and_goes_when_they_are_not(workspace, store):
    store.stage(A, "coral", b"jpeg")
    store.stage(B, "coral", b"jpe")
    assert not store.path(A, "coral").exists()
    assert store.tidy({A: "coral"}) == []
    assert files(workspace) == [f"photos/coral/{A}.jpg"]


def test_originals_are_named_after_what_they_are(workspace, store):
    store.keep_original(A, b"bytes", "a PNG picture")
    store.keep_original(B, b"bytes", None)
    assert files(workspace) == [f"originals/{A}.png", f"originals/{B}.bin"]


def test_removing_takes_the_original_too(workspace, store):
    put(store, A, "coral", b"jpeg")
    store.keep_original(A, b"bytes", "a WebP picture")
    put(store, B, "coral", b"jpeg")
    store.remove_all({A})
    assert files(workspace) == [f"photos/coral/{B}.jpg"]


def test_photos_that_a_person_deleted_are_named(workspace, store):
    put(store, A, "coral", b"jpeg")
    assert store.missing([f"coral/{A}.jpg", f"coral/{B}.jpg"]) == [f"coral/{B}.jpg"]


def test_an_original_that_a_power_failure_left_empty_is_written_again(workspace, store):
    store.keep_original(A, b"", "a PNG picture")
    store.keep_original(A, b"bytes", "a PNG picture")
    assert (workspace.originals / f"{A}.png").read_bytes() == b"bytes"
