import subprocess
import sys

import pytest

from fieldmark.artifacts.runs import FILES, Run, new_id, new_run, remember
from fieldmark.errors import RunError


def fill(folder):
    for name in FILES:
        (folder / name).write_text("{}")


def test_a_run_appears_whole(tmp_path):
    with new_run(tmp_path / "runs" / "one") as partial:
        fill(partial)
        assert not (tmp_path / "runs" / "one").exists()

    assert Run.open(tmp_path / "runs" / "one").id == "one"
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["one"]


def test_a_failed_run_leaves_nothing(tmp_path):
    with pytest.raises(ValueError), new_run(tmp_path / "runs" / "one") as partial:
        fill(partial)
        raise ValueError

    assert list((tmp_path / "runs").iterdir()) == []


def test_a_killed_run_is_invisible_and_swept_by_the_next(tmp_path):
    script = f"""
import os, signal
from pathlib import Path
from fieldmark.artifacts.runs import new_run
with new_run(Path({str(tmp_path)!r}) / "killed") as partial:
    (partial / "model.safetensors").touch()
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", script]).returncode == -9
    assert (tmp_path / ".killed.partial").is_dir() and not (tmp_path / "killed").exists()
    with pytest.raises(RunError):
        Run.open(tmp_path / "killed")

    with new_run(tmp_path / "next") as partial:
        fill(partial)

    assert [path.name for path in tmp_path.iterdir()] == ["next"]


def test_a_run_still_at_work_is_not_swept(tmp_path):
    with new_run(tmp_path / "slow") as slow:
        with new_run(tmp_path / "quick") as quick:
            fill(quick)
        assert slow.is_dir()
        fill(slow)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["quick", "slow"]


def test_an_existing_run_is_never_overwritten(tmp_path):
    (tmp_path / "one").mkdir()

    with pytest.raises(RunError, match="exists already"), new_run(tmp_path / "one"):
        pass


def test_ids_do_not_collide(tmp_path):
    first = new_id(tmp_path, "resnet34")
    (tmp_path / first).mkdir()

    assert new_id(tmp_path, "resnet34") != first


def test_a_run_is_found_by_its_id_from_anywhere(tmp_path, monkeypatch):
    with new_run(tmp_path / "runs" / "one") as partial:
        fill(partial)
    remember(Run.open(tmp_path / "runs" / "one"))
    monkeypatch.chdir("/")

    assert Run.open("one").path == tmp_path / "runs" / "one"


def test_an_unknown_run_names_the_nearest(tmp_path):
    with new_run(tmp_path / "snakes-1") as partial:
        fill(partial)
    remember(Run.open(tmp_path / "snakes-1"))

    with pytest.raises(RunError, match="Did you mean snakes-1"):
        Run.open("snake-1")


def test_a_run_with_a_file_missing_is_explained(tmp_path):
    with new_run(tmp_path / "one") as partial:
        fill(partial)
    (tmp_path / "one" / "metrics.json").unlink()

    with pytest.raises(RunError, match=r"metrics\.json missing"):
        Run.open(tmp_path / "one")


def test_what_other_programs_call_partial_is_left_alone(tmp_path):
    (tmp_path / ".download.partial").mkdir()
    (tmp_path / ".film.partial").touch()

    with new_run(tmp_path / "run") as partial:
        fill(partial)

    assert sorted(path.name for path in tmp_path.iterdir()) == [".download.partial", ".film.partial", "run"]
