import numpy as np
import pytest
from PIL import Image

import fieldmark as fm


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


def test_errors_are_of_one_family(tmp_path):
    with pytest.raises(fm.FieldmarkError, match="no folder"):
        fm.train(tmp_path / "none")
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
