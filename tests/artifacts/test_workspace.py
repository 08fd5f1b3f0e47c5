import os

import pytest

from fieldmark.artifacts.workspace import Workspace
from fieldmark.errors import FolderError


def test_what_is_remembered_lies_inside_the_folder(tmp_path):
    workspace = Workspace.open(tmp_path)

    assert workspace.runs == tmp_path / ".fieldmark" / "runs"
    assert not workspace.remembers_elsewhere


def test_looking_at_a_folder_writes_nothing(tmp_path):
    Workspace.open(tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_to_is_remembered_in_the_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)

    workspace = Workspace.open(tmp_path)

    assert workspace.remembers_elsewhere
    assert os.environ["XDG_CACHE_HOME"] in str(workspace.memory)


def test_two_such_folders_of_one_name_do_not_share_a_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    for parent in ("a", "b"):
        (tmp_path / parent / "snakes").mkdir(parents=True)

    assert Workspace.open(tmp_path / "a/snakes").memory != Workspace.open(tmp_path / "b/snakes").memory


def test_a_missing_folder_names_what_lies_there(tmp_path):
    (tmp_path / "snakes").mkdir()

    with pytest.raises(FolderError, match="Beside it lie: snakes"):
        Workspace.open(tmp_path / "snake")


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "a.jpg").touch()

    with pytest.raises(FolderError, match="is a file"):
        Workspace.open(tmp_path / "a.jpg")
