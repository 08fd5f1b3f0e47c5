import json
import os
import stat
import sys
import threading

import pytest

from fieldmark.artifacts import atomic
from fieldmark.artifacts.atomic import write_bytes, write_json, write_text


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_writes_the_bytes_and_nothing_beside_them(tmp_path):
    write_bytes(tmp_path / "a.bin", b"\x00\xff\r\n")
    assert (tmp_path / "a.bin").read_bytes() == b"\x00\xff\r\n"
    assert names(tmp_path) == ["a.bin"]


def test_replaces_an_older_file(tmp_path):
    (tmp_path / "a").write_bytes(b"a longer old file")
    write_bytes(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_what_is_written_others_may_read(tmp_path):
    write_bytes(tmp_path / "a", b"x")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o644


@pytest.mark.parametrize("step", ["fsync", "replace", "write"])
@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_midway_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, step, failure):
    def fail(*_):
        raise failure

    target = tmp_path / "a"
    target.write_bytes(b"old")
    if step == "fsync":
        monkeypatch.setattr(os, "fsync", fail)
    elif step == "replace":
        monkeypatch.setattr(type(target), "replace", fail)
    else:
        real = os.fdopen

        def open_and_fail(*args, **kwargs):
            file = real(*args, **kwargs)
            file.close()
            raise failure

        monkeypatch.setattr(os, "fdopen", open_and_fail)
    with pytest.raises(type(failure)):
        write_bytes(target, b"new")
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


def test_a_missing_folder_is_an_os_error(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        write_bytes(tmp_path / "nowhere" / "a", b"x")
    assert names(tmp_path) == []


def test_data_that_is_no_bytes_leaves_nothing_behind(tmp_path):
    with pytest.raises(TypeError):
        write_bytes(tmp_path / "a", "text")
    assert names(tmp_path) == []


def test_flushes_to_the_disk_before_the_name_changes(tmp_path, monkeypatch):
    order = []
    real_fsync, real_replace = os.fsync, type(tmp_path).replace
    monkeypatch.setattr(atomic.os, "fsync", lambda handle: (order.append("fsync"), real_fsync(handle)))
    monkeypatch.setattr(type(tmp_path), "replace", lambda path, to: (order.append("replace"), real_replace(path, to)))
    write_bytes(tmp_path / "a", b"x")
    assert order == ["fsync", "replace"]


def test_a_reader_meanwhile_sees_one_whole_version_or_the_other(tmp_path):
    target = tmp_path / "a"
    versions = [bytes([value]) * 200_000 for value in (1, 2)]
    write_bytes(target, versions[0])
    done = threading.Event()
    torn = []

    def read():
        while not done.is_set():
            data = target.read_bytes()
            if data not in versions:
                torn.append(len(data))

    reader = threading.Thread(target=read)
    reader.start()
    for i in range(20):
        write_bytes(target, versions[i % 2])
    done.set()
    reader.join()
    assert torn == []


def test_text_is_utf8_with_plain_line_ends(tmp_path):
    write_text(tmp_path / "a.txt", "Blöße\nzwei\n")
    assert (tmp_path / "a.txt").read_bytes() == "Blöße\nzwei\n".encode()


def test_json_is_indented_keeps_letters_and_ends_with_a_line_end(tmp_path):
    value = {"class": "Korallenotter ß", "n": 3, "share": 0.5, "nothing": None}
    write_json(tmp_path / "a.json", value)
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads(text) == value
    assert "Korallenotter ß" in text
    assert text.startswith('{\n  "class"')
    assert text.endswith("}\n")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"a": [float("-inf")]}, {1j}, object()])
def test_json_that_other_readers_would_refuse_is_not_written(tmp_path, value):
    (tmp_path / "a.json").write_text("old")
    with pytest.raises((ValueError, TypeError)):
        write_json(tmp_path / "a.json", value)
    assert (tmp_path / "a.json").read_text() == "old"
    assert names(tmp_path) == ["a.json"]
