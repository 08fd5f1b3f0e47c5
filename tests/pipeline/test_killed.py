"""`train` and `export` killed at many moments: a whole artifact or none."""

import signal
import subprocess
import sys
import time

import pytest

from fieldmark.artifacts import card
from fieldmark.artifacts.modelfile import Model
from fieldmark.artifacts.runs import Run

pytestmark = pytest.mark.long

FLAGS = ["--epochs", "1,1", "--size", "64", "--batch", "8", "--head-lr", "0.01", "--lr", "1e-5,1e-4"]


def run_for(command: list[str], seconds: float | None) -> float:
    """Run a command, with SIGKILL after some seconds; return how long it ran."""
    start = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", "fieldmark", *command], stderr=subprocess.DEVNULL)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
    return time.monotonic() - start


@pytest.fixture(scope="module")
def whole(tiny_folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "run"
    return run_for(["train", str(tiny_folder), "-o", str(out), *FLAGS], None)


@pytest.mark.parametrize("moment", [0.6, 0.85, 0.93, 0.97])
def test_a_killed_training_leaves_a_whole_run_or_none(tiny_folder, tmp_path, whole, moment):
    run_for(["train", str(tiny_folder), "-o", str(tmp_path / "run"), *FLAGS], whole * moment)

    if (tmp_path / "run").exists():
        assert Run.open(tmp_path / "run").metrics()["n_valid"] == 6
    assert all(path.name.startswith((".run.", "run")) for path in tmp_path.iterdir())


@pytest.fixture(scope="module")
def whole_export(tiny_run, tmp_path_factory):
    return run_for(["export", str(tiny_run.path), "-o", str(tmp_path_factory.mktemp("whole") / "model.onnx")], None)


@pytest.mark.parametrize("moment", [0.6, 0.9, 0.97])
def test_a_killed_export_leaves_whole_files_or_none(tiny_run, tmp_path, whole_export, moment):
    run_for(["export", str(tiny_run.path), "-o", str(tmp_path / "model.onnx")], whole_export * moment)

    left = {path.name for path in tmp_path.iterdir()}
    if "model.onnx" in left:
        assert Model(tmp_path / "model.onnx").classes == ("blue", "red")
    if "model.card.md" in left:
        assert "model.onnx" in left
        assert card.is_untouched(tmp_path / "model.card.md")
    assert all(name.startswith((".model.onnx.", ".model.card.md.")) for name in left - {"model.onnx", "model.card.md"})
