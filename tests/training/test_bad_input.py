"""What cannot be learned from, or goes wrong on the way, ends in a sentence and leaves nothing half made."""

import json
import math

import numpy as np
import pytest
from PIL import Image

from fieldmark.artifacts.runs import Epoch
from fieldmark.cli import main
from fieldmark.training import learn as learning
from support.flat import paint_flat

pytestmark = pytest.mark.long

FLAGS = ["--size", "64", "--batch", "8", "--head-lr", "1e-2", "--lr", "1e-4", "--epochs", "1,1"]


@pytest.fixture
def copies_of_one(tmp_path):
    """A class of eight photos beside one of four copies of one photo, each of other bytes."""
    folder = paint_flat(tmp_path / "colours", {"red": 8, "blue": 1})
    pixels = np.asarray(Image.open(folder / "blue" / "000.png"))
    for i in range(3):
        other = pixels.copy()
        other[i, i] = 255
        Image.fromarray(other).save(folder / "blue" / f"copy{i}.png")
    return folder


def refused(capsys, folder, *flags):
    assert main(["train", str(folder), *FLAGS, *flags]) == 1
    told = capsys.readouterr().err
    assert "Traceback" not in told
    assert not [path for path in (folder / ".fieldmark" / "runs").glob("*") if path.name != ".lock"]
    return told


def test_folds_of_a_class_whose_photos_are_copies_are_refused(capsys, copies_of_one):
    told = refused(capsys, copies_of_one, "--folds", "2")

    assert "All 4 photos of class 'blue' are of one group" in told and "photos of at least two" in told


def test_without_folds_such_a_class_is_learned_and_its_figure_is_missing_in_words(capsys, copies_of_one):
    assert main(["train", str(copies_of_one), *FLAGS[:-1], "1", "--json"]) == 0
    metrics = json.loads(capsys.readouterr().out)

    assert metrics["per_class"]["blue"]["n"] == 0 and metrics["per_class"]["blue"]["recall"] is None
    assert any("No photo of class 'blue' is on the validation side" in text for text in metrics["warnings"])


def test_as_many_folds_as_photos_of_a_class_work_and_more_than_photos_do_not(capsys, tmp_path):
    folder = paint_flat(tmp_path / "colours", {"red": 3, "blue": 3})

    assert "6 different photos cannot be cut into 7 folds. Give --folds 2 or fewer" in refused(
        capsys, folder, "--folds", "7"
    )


def test_a_share_to_seal_that_leaves_too_little_is_refused_and_nothing_is_sealed(capsys, tmp_path):
    folder = paint_flat(tmp_path / "colours", {"red": 8, "blue": 2})

    assert "class 'blue' would have 1 left" in refused(capsys, folder, "--test", "20%")
    assert not list((folder / ".fieldmark").glob("splits/*test*"))


def failing(real, stage, turn):
    """Stand in for a stage: in its n-th call it gives a loss that is no number."""
    calls = []

    def epochs(*given):
        calls.append(given)
        if len(calls) == turn:
            yield Epoch(stage, 1, math.nan, math.nan, 0.5, 1.0)
        else:
            yield from real(*given)

    return epochs


def test_a_fold_whose_loss_is_no_number_later_keeps_what_was_good_and_is_named(capsys, tmp_path, monkeypatch):
    folder = paint_flat(tmp_path / "colours", {"red": 8, "blue": 8})
    monkeypatch.setattr(learning, "finetune", failing(learning.finetune, 2, turn=1))

    out = tmp_path / "run"
    assert main(["train", str(folder), *FLAGS, "--folds", "2", "--json", "-o", str(out)]) == 0
    metrics = json.loads(capsys.readouterr().out)

    (warning,) = metrics["warnings"]
    assert warning.startswith("Fold 1.1: The loss was no number in epoch 1 of stage 2") and "smaller --lr" in warning
    assert metrics["stage1"]["epoch"] == 1 and metrics["stage2"] is None  # one fold has no figures of that stage
    assert metrics["judgements"] == 16
    assert "Fold 1.1" in (out / "report.html").read_text("utf-8")


def test_a_fold_whose_loss_is_no_number_at_once_ends_it_and_is_named(capsys, tmp_path, monkeypatch):
    folder = paint_flat(tmp_path / "colours", {"red": 8, "blue": 8})
    monkeypatch.setattr(learning, "train_head", failing(learning.train_head, 1, turn=2))

    told = refused(capsys, folder, "--folds", "2")

    assert "Fold 1.2: The loss was no number in epoch 1 of stage 1" in told and "smaller --head-lr" in told


def test_weights_that_are_no_numbers_after_an_unjudged_epoch_are_not_kept(capsys, tmp_path, monkeypatch):
    folder = paint_flat(tmp_path / "colours", {"red": 8, "blue": 8})

    def breaking(classifier, *_):
        with learning.torch.no_grad():
            next(classifier.parameters()).fill_(math.nan)
        yield Epoch(2, 1, 0.5, math.nan, math.nan, 1.0)  # its loss was taken before the last step

    monkeypatch.setattr(learning, "finetune", breaking)
    assert main(["train", str(folder), *FLAGS[:-1], "1,2", "--folds", "2", "--json"]) == 0
    metrics = json.loads(capsys.readouterr().out)

    assert metrics["kept"] == {"stage": 1, "epoch": 1} and math.isfinite(metrics["log_loss"])
    assert sum("stopped there" in text for text in metrics["warnings"]) == 3  # both folds, and the model itself
