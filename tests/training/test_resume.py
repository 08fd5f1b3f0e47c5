"""A training that was stopped goes on from its last whole epoch, and ends as if nothing had happened."""

import csv
import json

import pytest

from fieldmark.artifacts.unfinished import Unfinished
from fieldmark.cli import main
from fieldmark.training import learn as learning
from fieldmark.training import progress
from support.flat import paint_flat

pytestmark = pytest.mark.long

FLAGS = ("--epochs", "2,2", "--size", "64", "--batch", "8", "--lr", "1e-4,1e-3")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "WORTH_KEEPING", -1.0)  # else epochs this short would be done again
    return paint_flat(tmp_path / "colours", {"red": 12, "blue": 12})


def train(folder, out, *more):
    return main(["train", str(folder), *FLAGS, "-o", str(out), *more])


def stopping_after(real, epochs, stopped=KeyboardInterrupt):
    """Stand in for a stage: Ctrl-C comes once so many of its epochs are done and written down."""

    def stage(*given):
        for number, epoch in enumerate(real(*given)):
            if number == epochs:
                raise stopped
            yield epoch

    return stage


def interrupted(folder, out, monkeypatch, *more, stage="finetune", epochs=1):
    with monkeypatch.context() as patch:
        patch.setattr(learning, stage, stopping_after(getattr(learning, stage), epochs))
        assert train(folder, out, *more) == 130
    assert not out.exists()


def epochs_of(run):
    with (run / "epochs.csv").open(newline="") as file:
        return [[row[name] for name in ("stage", "epoch", "train_loss", "valid_loss")] for row in csv.DictReader(file)]


def same(one, other):
    assert (one / "predictions.csv").read_bytes() == (other / "predictions.csv").read_bytes()
    assert (one / "model.safetensors").read_bytes() == (other / "model.safetensors").read_bytes()
    assert epochs_of(one) == epochs_of(other)


def kept(folder):
    return list((folder / ".fieldmark" / "unfinished").glob("*"))


@pytest.mark.parametrize(("stage", "epochs"), [("train_head", 1), ("finetune", 0), ("finetune", 1)])
def test_it_goes_on_and_ends_the_same(folder, tmp_path, monkeypatch, capsys, stage, epochs):
    assert train(folder, tmp_path / "whole") == 0
    interrupted(folder, tmp_path / "run", monkeypatch, stage=stage, epochs=epochs)
    assert len(kept(folder)) == 1
    capsys.readouterr()

    assert train(folder, tmp_path / "run") == 0

    where = (1, epochs or 2) if stage == "train_head" or not epochs else (2, epochs)
    assert f"Going on after epoch {where[1]} of stage {where[0]}" in capsys.readouterr().out
    same(tmp_path / "whole", tmp_path / "run")
    assert not kept(folder)


def test_folds_that_are_done_are_not_trained_again(folder, tmp_path, monkeypatch):
    assert train(folder, tmp_path / "whole", "--folds", "2") == 0
    done, real = [], learning.finetune

    def second_fold_is_stopped(*given):
        done.append(given)
        if len(done) == 2:
            raise KeyboardInterrupt
        yield from real(*given)

    with monkeypatch.context() as patch:
        patch.setattr(learning, "finetune", second_fold_is_stopped)
        assert train(folder, tmp_path / "run", "--folds", "2") == 130
    done.clear()
    monkeypatch.setattr(learning, "finetune", lambda *given: done.append(given) or real(*given))

    assert train(folder, tmp_path / "run", "--folds", "2") == 0

    assert len(done) == 2  # the second fold, and the model itself
    assert (tmp_path / "whole" / "predictions.csv").read_bytes() == (tmp_path / "run" / "predictions.csv").read_bytes()


@pytest.mark.parametrize("harm", ["cut", "empty", "other"])
def test_a_checkpoint_that_cannot_be_trusted_is_not(folder, tmp_path, monkeypatch, harm):
    assert train(folder, tmp_path / "whole") == 0
    interrupted(folder, tmp_path / "run", monkeypatch)
    (path,) = kept(folder)
    whole = path.read_bytes()
    path.write_bytes({"cut": whole[: len(whole) // 2], "empty": b"", "other": b"PK\x03\x04 not at all"}[harm])

    assert train(folder, tmp_path / "run") == 0

    same(tmp_path / "whole", tmp_path / "run")


def test_other_settings_or_photos_begin_anew(folder, tmp_path, monkeypatch, capsys):
    interrupted(folder, tmp_path / "run", monkeypatch)
    capsys.readouterr()

    assert train(folder, tmp_path / "seeded", "--seed", "7") == 0
    assert "Going on" not in capsys.readouterr().out
    (folder / "red" / "000.png").write_bytes((folder / "red" / "001.png").read_bytes())
    assert train(folder, tmp_path / "changed") == 0
    assert "Going on" not in capsys.readouterr().out


def test_a_folder_that_takes_no_checkpoint_costs_a_warning(folder, tmp_path, capsys):
    (folder / ".fieldmark").mkdir()
    (folder / ".fieldmark" / "unfinished").write_text("in the way")

    assert train(folder, tmp_path / "run", "--json") == 0

    said = capsys.readouterr()
    assert said.err.count("A training that is stopped will begin anew the next time.") == 1
    assert json.loads(said.out)["kept"]


def test_what_nobody_went_on_with_is_removed(tmp_path, monkeypatch):
    old = Unfinished(tmp_path, {}).checkpoint({})
    old.write({}, {})
    assert old.read() == ({}, {})

    monkeypatch.setattr("fieldmark.artifacts.unfinished.KEPT_FOR", -1.0)
    Unfinished(tmp_path, {})

    assert not old.path.exists()
