"""The folder for containers: it is whole and safe by what it says, and what it builds serves, locked in."""

import json
import os
import re
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from fieldmark.artifacts.modelfile import Model
from fieldmark.deploy.container import fill, packages_here, place, refuse_taken
from fieldmark.deploy.gate import LIMITS, weigh_folder
from fieldmark.errors import TargetError
from support import dockerfile
from support.tiny_model import BLUE, picture_bytes, tiny_model_bytes

LOCKABLE = pytest.mark.skipif(
    not dockerfile.is_able_to_lock(), reason="this machine lets nobody mount, so nothing can be locked in"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("container") / "snakes-docker"
    folder.mkdir()
    fill(folder, tiny_model_bytes(), "3.12")
    return folder


@pytest.fixture(scope="module")
def stages(folder):
    return dockerfile.parse((folder / "Dockerfile").read_text())


def test_it_builds_on_the_python_asked_for_slim_and_twice(stages):
    assert [stage.base for stage in stages] == ["python:3.12-slim", "python:3.12-slim"]


def test_every_file_it_copies_is_there_and_gets_past_dockerignore(folder, stages):
    sent = dockerfile.sent(folder)
    copied = [text.split()[:-1] for stage in stages for text in stage.all("COPY") if "--from" not in text]
    names = [name for each in copied for name in each]

    assert set(names) == {"requirements.txt", "constraints.txt", "fieldmark", "model.onnx"}
    for name in names:
        assert name in sent or any(file.startswith(f"{name}/") for file in sent), name
    assert not [file for file in sent if "__pycache__" in file or file.startswith((".", "Dockerfile", "README"))]


def test_nothing_else_is_sent(folder):
    (folder / "secret.key").write_text("x")
    (folder / "fieldmark" / "__pycache__").mkdir(exist_ok=True)
    (folder / "fieldmark" / "__pycache__" / "a.pyc").write_text("x")

    assert not {"secret.key", "fieldmark/__pycache__/a.pyc"} & dockerfile.sent(folder)
    (folder / "secret.key").unlink()


def test_what_changes_least_is_copied_first_and_the_model_last(stages):
    build, final = stages

    assert build.steps[0][1].startswith("requirements.txt") and build.steps[1][1].startswith("pip install")
    assert final.all("COPY")[-1].startswith("model.onnx")


def test_it_runs_as_nobody_in_particular_by_number(stages):
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", stages[-1].last("USER"))
    after = [name for name, _ in stages[-1].steps[[n for n, _ in stages[-1].steps].index("USER") :]]
    assert not {"COPY", "RUN"} & set(after)


def test_it_listens_where_the_host_says_and_is_told_so_without_a_shell(stages):
    final = stages[-1]

    assert dockerfile.exec_form(final.last("CMD"))[:4] == ["python", "-m", "fieldmark", "serve"]
    assert "0.0.0.0" in final.last("CMD") and "--port" not in final.last("CMD")
    assert final.env["PORT"] == final.last("EXPOSE")
    assert "/healthz" in final.last("HEALTHCHECK")


def test_packages_are_pinned_and_so_is_what_they_need(folder):
    asked = (folder / "requirements.txt").read_text().split()
    pinned = (folder / "constraints.txt").read_text().split()

    assert all(re.fullmatch(r"[a-z0-9-]+==[\w.]+", line) for line in [*asked, *pinned])
    assert set(asked) < set(pinned) and any(line.startswith("h11==") for line in pinned)
    assert not any(line.startswith(("torch==", "timm==")) for line in pinned)


def test_no_path_of_this_machine_is_in_what_is_written(folder):
    for path in folder.iterdir():
        if path.is_file() and path.suffix != ".onnx":
            assert str(folder.parent) not in path.read_text() and "/home/" not in path.read_text(), path


def test_the_readme_says_the_port_that_the_dockerfile_does(folder, stages):
    assert f"app_port: {stages[-1].env['PORT']}\n" in (folder / "README.md").read_text()


def test_what_lies_there_already_is_left_alone(folder, tmp_path):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "Dockerfile").write_text("mine")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "empty").mkdir()

    for name in ("taken", "file"):
        with pytest.raises(TargetError, match="is there already, and may hold changes of yours"):
            refuse_taken(tmp_path / name)
    (tmp_path / "filled").mkdir()
    place(tmp_path / "filled", tmp_path / "empty")
    assert (tmp_path / "empty").is_dir() and not (tmp_path / "filled").exists()


def test_packages_weigh_what_they_do_here_without_the_second_engine():
    sizes = packages_here()

    assert 20e6 < sizes["onnxruntime"] < 60e6 < sum(sizes.values()) < 250e6


@pytest.fixture(scope="module")
def image(tmp_path_factory, tiny_model_file):
    """An image's files, built from the folder with the packages' index."""
    home = tmp_path_factory.mktemp("image")
    context, root = home / "context", home / "root"
    context.mkdir()
    fill(context, tiny_model_file.read_bytes(), "3.12")
    home.chmod(0o755)
    return root, dockerfile.build(context, root)


@pytest.mark.long
def test_what_it_builds_fits_and_holds_no_torch_and_one_engine(image):
    root, _ = image

    assert weigh_folder(root).unpacked < LIMITS["docker"].unpacked
    assert {path.name for path in root.iterdir() if path.is_dir()} - {"bin"} == {"model", "own", "packages"}
    assert not (root / "packages" / "torch").exists() and not list(root.rglob("libonnxruntime.so*"))
    assert list((root / "own").rglob("*.pyc")) and list((root / "packages" / "starlette").rglob("*.pyc"))


@pytest.mark.long
@LOCKABLE
def test_locked_in_read_only_and_without_rights_it_serves_is_well_and_stops_when_told(image, tiny_model_file):
    root, stage = image
    port = str(free_port())
    server = dockerfile.locked_in(root, stage, dockerfile.exec_form(stage.last("CMD")), PORT=port)
    try:
        assert f":{port} " in server.stdout.readline()
        check = dockerfile.locked_in(root, stage, dockerfile.exec_form(stage.last("HEALTHCHECK")), PORT=port)
        assert check.wait(60) == 0, check.stderr.read()
        picture = picture_bytes(BLUE)
        reply = upload(port, picture)
        processes = [Path("/proc", str(pid)) for pid in dockerfile.processes(server)]
        for status in [(process / "status").read_text() for process in processes]:
            assert re.search(r"^Uid:\t1000\t1000", status, re.M) and re.search(r"^CapEff:\t0+$", status, re.M)
        maps = [line for process in processes for line in (process / "maps").read_text().splitlines()]
        engines = {line.split()[-1] for line in maps if "onnxruntime" in line}
        assert engines and all("/packages/" in path for path in engines)
        assert not list((processes[0] / "root" / "tmp").iterdir())  # the one place it could write to
        os.kill(int(processes[0].name), signal.SIGTERM)
        out, err = server.communicate(timeout=60)
    finally:
        server.kill()

    assert reply["predictions"] == Model(tiny_model_file, threads=1).predict(picture).to_dict()["predictions"]
    assert server.returncode == 0 and "Stopped." in out
    assert "Traceback" not in err and "Read-only" not in err and "Permission" not in err


@pytest.mark.long
@LOCKABLE
def test_unwell_is_told_by_the_health_check(image):
    root, stage = image
    check = dockerfile.locked_in(root, stage, dockerfile.exec_form(stage.last("HEALTHCHECK")), PORT=str(free_port()))

    assert check.wait(60) != 0


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def upload(port: str, picture: bytes) -> dict:
    done = subprocess.run(
        ["curl", "-sS", "-F", "file=@-;filename=a.png", f"http://127.0.0.1:{port}/upload"],
        input=picture, capture_output=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)
