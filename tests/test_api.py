import re
import shutil
import signal
import subprocess
import sys
import urllib.request

import numpy as np
import pytest
from PIL import Image

import fieldmark as fm
from fieldmark import api
from fieldmark.artifacts import findings
from fieldmark.artifacts.workspace import Workspace
from fieldmark.errors import MissingExtra


def test_the_whole_way_from_python(flat_folder, tmp_path, capsys):
    run = fm.train(flat_folder, epochs=(1, 0), size=64, batch=8, head_lr=0.01, out=tmp_path / "run")
    model = run.export(tmp_path / "colours.onnx")

    assert "epoch  train_loss" in capsys.readouterr().out
    assert run.report().is_file() and run.metrics()["classes"] == ["blue", "red"]
    for photo in (
        flat_folder / "red" / "000.png",
        str(flat_folder / "red" / "000.png"),
        (flat_folder / "red" / "000.png").read_bytes(),
        Image.open(flat_folder / "red" / "000.png"),
        np.asarray(Image.open(flat_folder / "red" / "000.png")),
    ):
        assert model.predict(photo).label == "red"


def test_runs_models_and_predictions_show_themselves_in_a_notebook(tiny_run, tiny_model_file, tiny_folder):
    run = fm.Run.open(tiny_run.path)
    model = fm.Model(tiny_model_file)

    assert "photos right" in run._repr_html_() and "report.html" in run._repr_html_()
    assert "blue, red" in model._repr_html_() and "learned from 22 photos" in model._repr_html_()
    assert "<progress" in model.predict(tiny_folder / "red" / "000.png")._repr_html_()


def test_a_library_is_silent_when_told_to_be(flat_folder, tmp_path, capsys):
    fm.train(flat_folder, epochs=(1, 0), size=64, batch=8, head_lr=0.01, out=tmp_path / "run", verbose=False)

    printed = capsys.readouterr()
    assert printed.out == "" and printed.err == ""


def test_a_folder_is_checked_and_cleaned_from_python(flat_folder, capsys, monkeypatch):
    def leave_out(_):
        raise MissingExtra("Looking at photos", "train")  # which would take its time

    monkeypatch.setattr("fieldmark.pipeline.check.training", leave_out)
    shutil.copy(flat_folder / "red" / "000.png", flat_folder / "red" / "copy.png")

    checked = api.check(flat_folder, verbose=False)
    done = fm.clean(flat_folder, auto=True, verbose=False)

    assert checked.photos == 25 and checked.counts()["duplicate"] == 1 and checked.page.is_file()
    assert done.counts() == {"once": 1} and done.photos == {"blue": 12, "red": 12}
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err == ""


CLEAN = """
import asyncio, sys
import fieldmark as fm
if sys.argv[2] == "notebook":  # where a loop runs already, and Ctrl-C is the stop button
    async def cell():
        print(fm.clean(sys.argv[1], port=0))
    asyncio.new_event_loop().run_until_complete(cell())
else:
    print(fm.clean(sys.argv[1], port=0))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent another way")
@pytest.mark.parametrize("where", ["script", "notebook"])
def test_the_page_of_clean_is_open_until_ctrl_c(where, flat_folder):
    memory = Workspace.open(flat_folder).memory
    memory.mkdir()
    (memory / findings.PAGE).touch()  # it was checked before, which would take its time here
    command = [sys.executable, "-u", "-c", CLEAN, str(flat_folder), where]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    with urllib.request.urlopen(re.search(r"http://[0-9.:]+", line)[0], timeout=10) as page:
        assert page.status == 200
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)

    assert line.startswith("24 photos of colours at http://127.0.0.1:")
    assert (process.returncode, out, err) == (0, "Stopped. Everything you decided is kept.\nNone\n", "")


def test_errors_are_of_one_family(tmp_path):
    with pytest.raises(fm.FieldmarkError, match="no folder"):
        fm.train(tmp_path / "none")
    with pytest.raises(fm.FieldmarkError, match="no folder"):
        fm.clean(tmp_path / "none")
    with pytest.raises(fm.FieldmarkError, match="Did you mean epochs"):
        fm.train(tmp_path, epoch=3)
    with pytest.raises(fm.FieldmarkError, match="no such file"):
        raise_from_model(tmp_path)


def raise_from_model(tmp_path):
    from support.tiny_model import tiny_model_bytes

    fm.Model(tiny_model_bytes()).predict(tmp_path / "none.jpg")


def test_public_names_are_there_and_others_are_not():
    assert all(getattr(fm, name) is not None for name in fm.__all__)
    with pytest.raises(AttributeError):
        _ = fm.no_such_name
