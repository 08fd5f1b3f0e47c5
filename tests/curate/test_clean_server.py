import socket
import stat

import pytest

from curate.desks import Process, Visitor, ids_of, paint
from fieldmark.artifacts.workspace import Workspace
from fieldmark.curate import desk
from fieldmark.curate.desk import Desk, ReadingOnly
from fieldmark.curate.door import TOKEN_FILE, keep_token
from fieldmark.curate.server import serving, take_port
from fieldmark.errors import ServeError, WorkspaceError


@pytest.fixture
def root(tmp_path):
    return paint(tmp_path / "snakes", each=3, size=16)


def test_it_prints_the_address_and_ends_cleanly_on_ctrl_c(root):
    process = Process(root)
    assert Visitor(process.url).board()["name"] == "snakes"
    process.popen.send_signal(2)
    out, error = process.popen.communicate(timeout=10)
    assert (process.popen.returncode, out, error) == (0, "Stopped. Everything you decided is kept.\n", "")


def test_a_port_in_use_is_said_and_the_usual_one_gives_way(root):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        with pytest.raises(ServeError, match=f"Port {taken} on 127.0.0.1 is in use .*--port {taken + 1}"):
            take_port(taken)
    with pytest.raises(ServeError, match="There is no port 70000"):
        take_port(70000)
    with take_port(None), take_port(None) as second:
        assert second.getsockname()[1] != 8010


def test_the_token_survives_a_restart_and_is_the_owners_alone(tmp_path):
    token = keep_token(tmp_path)
    assert len(token) == 48
    assert keep_token(tmp_path) == token
    assert stat.S_IMODE((tmp_path / TOKEN_FILE).stat().st_mode) == 0o600
    assert keep_token(tmp_path / "nowhere") != token


def test_who_only_looks_may_decide_once_the_other_has_ended(root):
    workspace = Workspace.open(root)
    with Desk(workspace, "http://second") as second, Desk(workspace, "http://third") as third:
        assert "at http://second (process" in third.reading
        with pytest.raises(ReadingOnly):
            third.undo("undo-1-by-third", 0)
        second.__exit__()
        assert third.undo("undo-2-by-third", 0)["reading"] == ""


def test_a_disk_that_takes_nothing_allows_reading(root, monkeypatch):
    def refuse(workspace):
        raise WorkspaceError("catalog.db cannot be written to.")

    monkeypatch.setattr(desk, "open_journal", refuse)
    with serving(Workspace.open(root)) as url:
        visitor = Visitor(url)
        assert "you can look, but not decide" in visitor.board()["reading"]
        answer = visitor.decide((next(iter(ids_of(root).values())), "keep", ""))
        assert (answer.status_code, answer.json()["error"][:13]) == (409, "Reading only.")


def test_what_was_decided_is_there_after_a_restart(root):
    photo = ids_of(root)["king/0001.jpg"]
    with serving(Workspace.open(root)) as url:
        Visitor(url).decide((photo, "label", "coral"))
    with serving(Workspace.open(root)) as url:
        assert Visitor(url).board()["decisions"][photo][:2] == ["keep", "coral"]
