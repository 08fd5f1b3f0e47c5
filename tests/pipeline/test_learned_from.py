"""A model that is judged by photos it learned from says so."""

import json
import shutil

import onnx
import pytest

from fieldmark.artifacts.modelfile import METADATA_KEY
from fieldmark.cli import main
from support.flat import paint_flat

SENTENCE = "The model learned from {} of these {} photos"


def judge(capsys, model, folder, *flags):
    assert main(["evaluate", str(model), str(folder), "--json", *map(str, flags)]) == 0
    told = capsys.readouterr()
    return json.loads(told.out), told.err


def test_its_own_photos_are_told_on_the_terminal_and_in_the_report(
    capsys, tiny_run, tiny_model_file, tiny_folder, tmp_path
):
    learned = tiny_run.settings()["trained_on"]["n"]
    report = tmp_path / "report.html"

    metrics, said = judge(capsys, tiny_model_file, tiny_folder, "--report", report)

    sentence = SENTENCE.format(learned, metrics["n_valid"])
    assert metrics["n_learned_from"] == learned < metrics["n_valid"]
    text = report.read_text()
    assert sentence in " ".join(said.split()) and sentence in text
    assert f"but the model learned from {learned} of them." in text and "the true share" not in text


def test_so_are_those_of_a_run(capsys, tiny_run, tiny_folder):
    metrics, said = judge(capsys, tiny_run.path, tiny_folder)

    assert metrics["n_learned_from"] == tiny_run.settings()["trained_on"]["n"]
    assert "The model learned from" in said


def test_one_among_strangers_is_found(capsys, tiny_run, tiny_model_file, tiny_folder, tmp_path):
    folder = paint_flat(tmp_path / "others", {"red": 3, "blue": 3}, seed=9)
    validation = set(tiny_run.predictions().photos)
    own = next(path for path in sorted(tiny_folder.rglob("red/*.*")) if f"red/{path.name}" not in validation)
    none, quiet = judge(capsys, tiny_model_file, folder)
    shutil.copy(own, folder / "red" / f"again{own.suffix}")

    one, said = judge(capsys, tiny_model_file, folder)

    assert none["n_learned_from"] == 0 and "learned from" not in quiet
    assert one["n_learned_from"] == 1 and SENTENCE.format(1, 7) in " ".join(said.split())


@pytest.mark.parametrize("marks", [None, 7, "no base64"])
def test_a_file_that_does_not_tell_is_judged_all_the_same(capsys, tiny_model_file, tiny_folder, tmp_path, marks):
    graph = onnx.load(tiny_model_file)
    entry = next(entry for entry in graph.metadata_props if entry.key == METADATA_KEY)
    facts = json.loads(entry.value)
    facts["trained_on"]["marks"] = marks
    entry.value = json.dumps(facts)
    onnx.save(graph, tmp_path / "old.onnx")

    metrics, said = judge(capsys, tmp_path / "old.onnx", tiny_folder)

    assert metrics["n_learned_from"] is None and "learned from" not in said


def test_where_it_learned_from_all_of_them_it_says_so(capsys, tiny_run, tiny_model_file, tiny_folder, tmp_path):
    shutil.copytree(tiny_folder, tmp_path / "learned")
    for photo in set(tiny_run.predictions().photos):
        (tmp_path / "learned" / photo).unlink()

    metrics, said = judge(capsys, tiny_model_file, tmp_path / "learned")

    assert metrics["n_learned_from"] == metrics["n_valid"]
    assert SENTENCE.format("all", metrics["n_valid"]) in " ".join(said.split())
