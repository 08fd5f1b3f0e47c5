"""None of these, from training to the answer about a stranger: threshold, file, folders of strangers, words."""

import csv
import json
import shutil

import pytest

from fieldmark.artifacts.modelfile import Model
from fieldmark.artifacts.runs import Run
from fieldmark.cli import main
from support.flat import paint_flat

pytestmark = pytest.mark.long

FLAGS = ["--size", "64", "--batch", "8", "--head-lr", "1e-2", "--epochs", "2,0", "--folds", "2"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return paint_flat(tmp_path_factory.mktemp("unknown") / "colours", {"red": 20, "blue": 20})


@pytest.fixture(scope="module")
def strangers(tmp_path_factory, folder):
    """Green photos, one red one that is also among the photos of the folder, and a text."""
    far = paint_flat(tmp_path_factory.mktemp("far") / "greens", {"green": 6}, seed=5)
    (far / "red").mkdir()
    shutil.copy(folder / "red" / "003.png", far / "red" / "twin.png")
    (far / "notes.txt").write_text("no photo")
    return far


@pytest.fixture(scope="module")
def run(folder, strangers, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "run"
    near = paint_flat(tmp_path_factory.mktemp("near") / "reds", {"red": 3}, seed=9)
    assert main(["train", str(folder), *FLAGS, "--far", str(strangers), "--near", str(near), "-o", str(out)]) == 0
    return Run.open(out)


@pytest.fixture(scope="module")
def model_file(run, tmp_path_factory):
    out = tmp_path_factory.mktemp("models") / "model.onnx"
    assert main(["export", str(run.path), "-o", str(out)]) == 0
    return out


def test_photos_judged_out_of_fold_set_the_threshold_and_few_are_refused(run):
    found = run.metrics()["unknown"]

    assert found["fitted_on"] == "out-of-fold" and found["why_not"] is None and 0 < found["threshold"] < 1
    assert found["refused"]["n"] == 40 and found["refused"]["count"] <= 8


def test_the_table_of_predictions_says_what_was_refused(run):
    with (run.path / "predictions.csv").open(newline="") as file:
        refused = sum(row["unknown"] == "1" for row in csv.DictReader(file))

    metrics = run.metrics()
    assert refused == metrics["unknown"]["refused"]["count"] == round(metrics["unknown_share"] * 40)


def test_strangers_are_refused_and_others_like_the_classes_counted_apart(run, strangers):
    far, near = (run.metrics()["unknown"][name] for name in ("far", "near"))

    assert (far["n"], far["accepted"], far["left_out"]) == (6, 0, 1)
    assert "folder called red" in far["warning"] and "red/twin.png" in far["warning"]
    assert [entry["photo"] for entry in far["unusable"]] == ["notes.txt"]
    assert (near["n"], near["accepted"]) == (3, 3)  # more of the very reds: accepted, and rightly warned of
    assert "folder called red" in near["warning"]


def test_the_file_alone_refuses_as_the_network_does(run, model_file, folder, strangers, capsys):
    capsys.readouterr()
    assert main(["evaluate", str(model_file), str(folder), "--far", str(strangers), "--json"]) == 0
    printed = capsys.readouterr()
    found = json.loads(printed.out)["unknown"]

    assert found["threshold"] == pytest.approx(run.metrics()["unknown"]["threshold"])
    assert found["fitted_on"] == "out-of-fold" and found["near"] is None
    assert (found["far"]["n"], found["far"]["accepted"]) == (6, 0)
    assert found["refused"]["n"] == 40 and found["refused"]["share"] <= 0.2
    assert "0 of 6 photos taken for one of the classes" in printed.err and "notes.txt" in printed.err


def test_a_stranger_is_told_and_its_nearest_class_still_named(model_file, strangers, folder, capsys):
    stranger = strangers / "green" / "000.png"
    answer = Model(model_file).predict(stranger).to_dict()
    assert answer["unknown"] and answer["unknown_score"] > Model(model_file).info.threshold
    assert {name for name, _ in answer["predictions"]} == {"red", "blue"}

    capsys.readouterr()
    assert main(["predict", str(model_file), str(stranger)]) == 0
    assert "probably none of these; if one, " in "".join(capsys.readouterr())


def test_the_file_names_no_folder_of_strangers(model_file, strangers):
    assert str(strangers) not in Model(model_file).info.to_json()
    assert strangers.name.encode() not in model_file.read_bytes()


@pytest.mark.parametrize(("given", "words"), [("nowhere", "There is no folder"), ("colours", "All photos of")])
def test_a_folder_of_strangers_that_is_none_ends_a_training_before_it_begins(folder, capsys, given, words, tmp_path):
    out = tmp_path / "run"

    assert main(["train", str(folder), *FLAGS, "--far", str(folder.parent / given), "-o", str(out)]) == 1

    assert words in capsys.readouterr().err.splitlines()[-1]
    assert not out.exists()


def test_few_photos_kept_aside_give_no_threshold_but_the_advice(tiny_run):
    found = tiny_run.metrics()["unknown"]

    assert found["threshold"] is None and found["refused"] is None
    assert "6 judged photos are too few to set one. Add --folds 5" in found["why_not"]
