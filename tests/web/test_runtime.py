import base64
import hashlib
import io
import json
import os
import stat
import tarfile
from importlib import resources

import pytest

from fieldmark.artifacts.workspace import cache_folder
from fieldmark.errors import WebPageError
from fieldmark.terminal import Voice, speaking
from fieldmark.web import runtime
from fieldmark.web.runtime import FILES, Pinned, gather


def package(marker: str = "") -> bytes:
    """A package of npm's with the files that we take, and one that we leave."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name in (*FILES, "package/dist/ort.all.js"):
            content = f"{name}{marker}".encode()
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


PACKAGE = package()


@pytest.fixture(autouse=True)
def locked(monkeypatch):
    """A lock file that names the package above."""
    digest = base64.b64encode(hashlib.sha512(PACKAGE).digest()).decode()
    wanted = Pinned("1.2.3", f"sha512-{digest}")
    monkeypatch.setattr(runtime, "pinned", lambda: wanted)
    return wanted


@pytest.fixture
def no_npm(monkeypatch, tmp_path):
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))


@pytest.fixture
def npm(monkeypatch, tmp_path):
    """Put an `npm` on the path that answers `npm pack` with the bytes given, or does what a shell script says."""

    def install(brings: bytes | None = None, script: str = "") -> None:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        (folder / "brought.tgz").write_bytes(brings or b"")
        copy = f'cp {folder}/brought.tgz "$5/onnxruntime-web-1.2.3.tgz"' if brings else ""
        program = folder / "npm"
        program.write_text(f'#!/bin/sh\necho "$@" >> {folder}/asked\n{copy}\n{script}\n')
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")

    return install


def kept():
    return cache_folder() / "web" / "onnxruntime-web-1.2.3.tgz"


def test_npm_is_asked_for_the_very_version_and_once(npm, no_npm, tmp_path):
    npm(PACKAGE)
    brought = gather()

    assert brought.version == "1.2.3"
    assert brought.files == {ours: theirs.encode() for theirs, ours in FILES.items()}
    asked = (tmp_path / "bin" / "asked").read_text()
    assert asked.startswith("pack onnxruntime-web@1.2.3 --ignore-scripts --pack-destination ")
    assert gather().files == brought.files
    assert (tmp_path / "bin" / "asked").read_text() == asked


def test_without_npm_and_without_a_cache_it_says_how_to_get_it(no_npm):
    with pytest.raises(WebPageError) as refused:
        gather()

    sentence = str(refused.value)
    assert "Install Node.js, which brings npm" in sentence and str(kept()) in sentence
    assert "download https://registry.npmjs.org/onnxruntime-web/-/onnxruntime-web-1.2.3.tgz" in sentence
    assert sentence.endswith("--runtime onnxruntime-web-1.2.3.tgz")


def test_a_package_that_was_downloaded_is_taken_and_kept(no_npm, tmp_path):
    (tmp_path / "given.tgz").write_bytes(PACKAGE)

    assert gather(tmp_path / "given.tgz").files == gather().files


def test_another_package_than_the_locked_one_is_never_used(npm, tmp_path):
    other = package("changed")
    (tmp_path / "given.tgz").write_bytes(other)
    with pytest.raises(WebPageError, match=r"given\.tgz is not onnxruntime-web-1\.2\.3\.tgz as it was published"):
        gather(tmp_path / "given.tgz")
    npm(other)
    with pytest.raises(WebPageError, match=r"npm brought another .* it is not used"):
        gather()
    assert not kept().exists()


@pytest.mark.parametrize(("name", "reason"), [("missing.tgz", "No such file"), ("", "Is a directory")])
def test_a_package_that_cannot_be_read_is_said(tmp_path, name, reason):
    with pytest.raises(WebPageError, match=f"cannot be read: {reason}"):
        gather(tmp_path / name)


def test_what_npm_complains_of_is_passed_on(npm):
    npm(
        script='echo "npm error code ENOTFOUND\nnpm error request failed\nnpm error A complete log is in x" >&2; exit 1'
    )
    with pytest.raises(WebPageError, match=r"npm could not fetch .* \(ENOTFOUND request failed\)\. Otherwise download"):
        gather()
    npm(script="exit 3")
    with pytest.raises(WebPageError, match="it does not say why"):
        gather()


def test_an_npm_that_brings_nothing_or_does_not_run_is_said(npm, monkeypatch, tmp_path):
    npm(script="exit 0")
    with pytest.raises(WebPageError, match=r"npm brought no onnxruntime-web-1\.2\.3\.tgz"):
        gather()
    npm(script="sleep 5")
    monkeypatch.setattr(runtime, "PATIENCE", 0.2)
    with pytest.raises(WebPageError, match="npm did not bring"):
        gather()


def test_a_damaged_cache_is_fetched_anew_and_a_warning_says_so(npm, capsys):
    kept().parent.mkdir(parents=True)
    kept().write_bytes(PACKAGE[:-3])
    npm(PACKAGE)
    with speaking(Voice.STDOUT):
        gather()

    assert "is not what it should be" in capsys.readouterr().err
    assert kept().read_bytes() == PACKAGE


def test_a_cache_that_cannot_be_written_to_is_no_reason_to_stop(npm):
    cache_folder().parent.mkdir(parents=True, exist_ok=True)
    cache_folder().write_text("a file where the folder should be")
    npm(PACKAGE)

    assert gather().version == "1.2.3"


def test_the_lock_file_pins_one_version_by_hash_and_names_no_host(monkeypatch):
    monkeypatch.undo()
    texts = {
        name: resources.files("fieldmark.web").joinpath(name).read_text()
        for name in ("package.json", "package-lock.json")
    }
    lock = json.loads(texts["package-lock.json"])
    wanted = runtime.pinned()

    assert json.loads(texts["package.json"])["dependencies"] == {"onnxruntime-web": wanted.version}
    assert lock["packages"][""]["dependencies"] == {"onnxruntime-web": wanted.version}
    assert len(base64.b64decode(wanted.integrity.removeprefix("sha512-"))) == 64
    assert all("integrity" in entry for name, entry in lock["packages"].items() if name)
    assert not any("://" in text for text in texts.values())
