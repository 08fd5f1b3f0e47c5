"""`fieldmark export --web` from the command line, with a small package in place of ONNX Runtime Web."""

import base64
import hashlib
import io
import json
import tarfile

import pytest

from fieldmark.cli import main
from fieldmark.web import runtime
from fieldmark.web.runtime import FILES, Pinned
from support.tiny_model import tiny_model_bytes


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package as npm packs it, and a lock file that names it."""
    path = tmp_path / "onnxruntime-web-1.2.3.tgz"
    with tarfile.open(path, mode="w:gz") as archive:
        for name in FILES:
            entry = tarfile.TarInfo(name)
            entry.size = len(name)
            archive.addfile(entry, io.BytesIO(name.encode()))
    digest = base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()
    monkeypatch.setattr(runtime, "pinned", lambda: Pinned("1.2.3", f"sha512-{digest}"))
    return path


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "snakes.onnx"
    path.write_bytes(tiny_model_bytes())
    return path


def test_a_model_file_becomes_a_page_and_its_size_is_said(model, package, tmp_path, capsys):
    assert main(["export", str(model), "--web", str(tmp_path / "page"), "--runtime", str(package)]) == 0
    said = capsys.readouterr().out

    assert (tmp_path / "page" / "index.html").is_file()
    assert (
        f"Wrote {tmp_path / 'page'}: a page of 0.4 MB in " in said and "the largest are ThirdPartyNotices.txt" in said
    )
    assert f"python -m http.server --bind 127.0.0.1 --directory {tmp_path / 'page'}" in said


def test_json_has_every_file_with_its_size(model, package, tmp_path, capsys):
    assert main(["export", str(model), "--web", str(tmp_path / "page"), "--runtime", str(package), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["web"]

    found = {path.relative_to(tmp_path / "page").as_posix(): path for path in (tmp_path / "page").rglob("*.*")}
    assert told["files"] == {name: path.stat().st_size for name, path in found.items() if name != "fieldmark.json"}
    assert told["bytes"] == sum(told["files"].values()) and told["path"] == str(tmp_path / "page")


def test_a_run_becomes_a_model_file_and_its_page(tiny_run, package, tmp_path, capsys):
    command = ["export", str(tiny_run.path), "-o", str(tmp_path / "tiny.onnx"), "--web", str(tmp_path / "page")]
    assert main([*command, "--runtime", str(package), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)

    digest = hashlib.sha256((tmp_path / "tiny.onnx").read_bytes()).hexdigest()
    about = json.loads((tmp_path / "page" / told["web"]["version"] / "model.json").read_text())
    assert about["model"]["sha256"] == digest and about["classes"] == ["blue", "red"]


@pytest.mark.long
def test_a_run_becomes_a_page_in_eight_bits(tiny_run, package, tmp_path, capsys):
    command = ["export", str(tiny_run.path), "-o", str(tmp_path / "tiny.onnx"), "--web", str(tmp_path / "page")]
    assert main([*command, "--int8", "--runtime", str(package), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)

    assert told["precision"] == "int8" and told["against_float32"]["n"] == 6
    digest = hashlib.sha256((tmp_path / "tiny.onnx").read_bytes()).hexdigest()
    about = json.loads((tmp_path / "page" / told["web"]["version"] / "model.json").read_text())
    assert about["model"]["sha256"] == digest


def test_a_page_of_more_than_the_aim_is_warned_of(model, package, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("fieldmark.pipeline.web.AIM", 100_000)
    assert main(["export", str(model), "--web", str(tmp_path / "page"), "--runtime", str(package)]) == 0

    assert "warning: 0.4 MB is much to wait for on a phone" in capsys.readouterr().err


def test_what_a_page_lacks_is_said_before_a_run_is_exported(tiny_run, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    command = ["export", str(tiny_run.path), "-o", str(tmp_path / "tiny.onnx"), "--web"]
    assert main([*command, str(tmp_path / "page")]) == 1
    assert "Install Node.js" in capsys.readouterr().err
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "index.html").write_text("mine")
    assert main([*command, str(tmp_path / "mine")]) == 1
    assert "holds something else" in capsys.readouterr().err

    assert not (tmp_path / "tiny.onnx").exists() and not (tmp_path / "page").exists()


def test_flags_that_make_no_sense_together_are_refused(model, package, tmp_path, capsys):
    page = ["--web", str(tmp_path / "page"), "--runtime", str(package)]
    for line, words in (
        (["--runtime", str(package)], "name that folder too"),
        ([*page, "-o", "other.onnx"], "is a model file already, so -o cannot be given"),
        ([*page, "--cost", "coral->king=5"], "--cost cannot be given"),
    ):
        assert main(["export", str(model), *line]) == 2
        assert words in capsys.readouterr().err
    assert not (tmp_path / "page").exists()


@pytest.mark.parametrize("content", [b"", b"no model", tiny_model_bytes()[:200]])
def test_what_is_no_model_file_makes_no_page(package, tmp_path, capsys, content):
    (tmp_path / "odd.onnx").write_bytes(content)
    assert main(["export", str(tmp_path / "odd.onnx"), "--web", str(tmp_path / "page"), "--runtime", str(package)]) == 1

    assert "odd.onnx is not an ONNX model" in capsys.readouterr().err
    assert not (tmp_path / "page").exists()
