"""A run is repeated from what it says of itself, and whether the two agree is said."""

import json
import shutil

import pytest

from fieldmark.artifacts.runs import Run
from fieldmark.cli import main
from fieldmark.errors import RunError
from fieldmark.pipeline.reproduce import Repeated, Row
from support import kept

pytestmark = pytest.mark.long

QUICK = ["--size", "64", "--batch", "8", "--epochs", "1,0", "--head-lr", "1e-2"]


def repeat(capsys, *words):
    capsys.readouterr()
    code = main(["train", "--from", *map(str, words), "--json"])
    told = capsys.readouterr()
    return code, (json.loads(told.out) if told.out else None), told.err


def row(repeated, what):
    return next(one for one in repeated["inputs"] + repeated["figures"] if one["what"] == what)


def test_the_same_training_on_this_machine_is_the_same_bit_by_bit(capsys, tiny_run, tiny_folder, tmp_path):
    code, told, err = repeat(capsys, tiny_run.path, "-o", tmp_path / "again")
    repeated = told["repeated"]

    assert code == 0 and repeated["identical"] and repeated["agree"] and repeated["largest_difference"] == 0
    assert all(one["agree"] for one in repeated["inputs"] + repeated["figures"])
    assert "Repeated bit by bit" in err and " differs:" not in err
    assert told["run"] == str(tmp_path / "again")
    asked = Run.open(tiny_run.path).settings()["settings"]
    assert Run.open(tmp_path / "again").settings()["settings"] == asked


def test_a_run_of_a_workspace_is_repeated_in_the_workspace(capsys, tmp_path):
    root = kept.made(tmp_path / "snakes")
    for number in range(24):
        kept.keep(root, number, f"https://x.org/{number}.jpg", label=("coral", "king")[number % 2])
    assert main(["train", str(root), *QUICK, "-o", str(tmp_path / "run")]) == 0

    code, told, err = repeat(capsys, tmp_path / "run", "-o", tmp_path / "again")

    assert code == 0 and told["repeated"]["identical"] and " differs:" not in err
    assert not (root / "photos" / ".fieldmark").exists()


def test_photos_that_changed_are_named_before_the_training(capsys, tiny_run, tiny_folder, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(tiny_folder, moved, ignore=shutil.ignore_patterns(".fieldmark"))
    shutil.copy(moved / "red" / "000.png", moved / "red" / "copy.png")
    (moved / "blue" / "003.png").unlink()

    code, told, err = repeat(capsys, tiny_run.path, moved, "-o", tmp_path / "again")
    repeated = told["repeated"]

    assert code == 0 and not repeated["identical"]
    assert err.index("files differs") < err.index("Stage 1")
    assert row(repeated, "files")["agree"] is False and row(repeated, "split")["agree"] is False
    assert row(repeated, "code")["agree"] and row(repeated, "verdicts")["agree"]
    assert "files" in repeated["verdict"]


def test_other_settings_beside_it_are_refused(capsys, tiny_run):
    code, _, err = repeat(capsys, tiny_run.path, "--seed", "7", "--cost", "red->blue=3")

    assert code == 2 and "--seed, --cost cannot be given" in err


def test_defaults_of_a_settings_file_do_not_count_as_given(capsys, tiny_run, tiny_folder, tmp_path, monkeypatch):
    (tmp_path / "fieldmark.toml").write_text("[train]\nseed = 7\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("fieldmark.pipeline.reproduce.reproduce", stopped)

    assert main(["train", "--from", str(tiny_run.path)]) == 1
    assert "asked to repeat, no folder" in capsys.readouterr().err


def stopped(reference, folder, out):
    raise RunError("asked to repeat, " + (f"in {folder}" if folder else "no folder"))


def test_a_run_that_is_not_there_and_a_folder_that_is_not_named_are_explained(capsys, tmp_path):
    code, _, err = repeat(capsys, tmp_path / "none")
    assert code == 1 and "none" in err

    assert main(["train"]) == 2
    assert "--from RUN" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("inputs", "same", "identical", "words"),
    [
        ([("files", True), ("code", True)], True, False, "The figures agree; no probability differs"),
        (
            [("files", True), ("code", False)],
            True,
            True,
            "the weights are the same, though not the same went in (code)",
        ),
        ([("files", False), ("code", False)], False, False, "so does what went in: files, code"),
        ([("files", None), ("code", True)], False, False, "nothing that is written down does"),
    ],
)
def test_the_verdict_names_what_differs(tiny_run, inputs, same, identical, words):
    rows = tuple(Row(what, "a", "b", agree) for what, agree in inputs)
    done = Repeated(tiny_run, tiny_run, rows, (Row("error", "1", "2", same),), identical, 1e-3)

    assert words in done.verdict
    assert ("files" in done.verdict.partition("does not say: ")[2]) == (inputs[0][1] is None and not same)
