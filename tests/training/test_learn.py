import csv
import json
import math
import subprocess
import sys

import pytest
import torch

from fieldmark.artifacts.photos import read_folder
from fieldmark.artifacts.runs import Epoch
from fieldmark.artifacts.workspace import Workspace
from fieldmark.config import TrainSettings
from fieldmark.embed import embed
from fieldmark.errors import TrainingFailed
from fieldmark.split import split
from fieldmark.training import learn as learning
from fieldmark.training.learn import gather, learn
from support.flat import TINY, paint_flat


def learn_folder(folder, scratch, **settings):
    wanted = TrainSettings.of({**TINY, **settings})
    photos = read_folder(folder)
    sides = split(photos.photos, wanted.seed, wanted.valid_share, {})
    train, valid = ([p for p in photos.photos if sides[p.id] == side] for side in ("train", "valid"))
    return learn_from(photos, train, valid, wanted, see(folder, photos, wanted), scratch)[0]


def learn_from(photos, train, valid, settings, features, scratch):
    with gather(photos.root, train, valid, photos.classes, settings, features, scratch) as material:
        return learn(material, train, valid), material.lost


def see(folder, photos, settings):
    return embed(Workspace.open(folder), photos.photos, photos.root, size=settings.size)


def test_the_loss_falls_and_easy_classes_are_learned(flat_folder, tmp_path):
    learned = learn_folder(flat_folder, tmp_path, epochs=(3, 1))

    losses = [epoch.train_loss for epoch in learned.story.epochs]
    assert losses[-1] < losses[0]
    assert learned.story.kept.error_rate == 0.0
    assert [(epoch.stage, epoch.epoch) for epoch in learned.story.epochs] == [(1, 1), (1, 2), (1, 3), (2, 1)]


def test_both_stages_change_what_they_should(flat_folder, tmp_path):
    def backbone_of(learned):
        return learned.classifier.backbone.state_dict()["conv_stem.weight"]

    frozen = backbone_of(learn_folder(flat_folder, tmp_path, epochs=(1, 0)))
    pretrained = learning.build(TrainSettings(), 2, pretrained=True).backbone.state_dict()["conv_stem.weight"]
    assert torch.equal(frozen, pretrained)

    story = learn_folder(flat_folder, tmp_path, epochs=(1, 2), lr=(1e-3, 1e-3))
    if story.story.kept.stage == 2:
        assert not torch.equal(backbone_of(story), pretrained)


def test_the_epoch_with_the_lowest_validation_loss_is_kept(flat_folder, tmp_path):
    learned = learn_folder(flat_folder, tmp_path, epochs=(2, 2), lr=(0.05, 0.5))  # stage 2 breaks the network

    assert learned.story.kept == min(learned.story.epochs, key=lambda epoch: epoch.valid_loss)
    probabilities = torch.softmax(torch.from_numpy(learned.logits), dim=1).numpy()
    index = {name: i for i, name in enumerate(("blue", "red"))}
    rows = [probabilities[row, index[photo.label]] for row, photo in enumerate(learned.judged)]
    loss = -sum(torch.log(torch.tensor(float(p))) for p in rows) / len(rows)
    assert float(loss) == pytest.approx(learned.story.kept.valid_loss, rel=1e-3)


def test_nothing_is_left_in_the_scratch_folder(flat_folder, tmp_path):
    (tmp_path / "scratch").mkdir()
    learn_folder(flat_folder, tmp_path / "scratch")

    assert list((tmp_path / "scratch").iterdir()) == []


def test_the_finder_is_used_unless_a_rate_is_given(flat_folder, tmp_path):
    told = learn_folder(flat_folder, tmp_path, head_lr=0.005, lr="1e-5,1e-4").story
    asked = learn_folder(flat_folder, tmp_path, head_lr=None, lr=None).story

    assert told.used == {1: (0.005,), 2: (1e-5, 1e-4)}
    assert asked.used[1] == (asked.finders[0].suggestion,)
    assert asked.used[2] == (asked.finders[1].suggestion / 10, asked.finders[1].suggestion)


def test_the_finder_leaves_no_trace_in_the_weights(flat_folder, tmp_path):
    slow = learn_folder(flat_folder, tmp_path, epochs=(1, 1), head_lr=1e-12, lr="1e-12,1e-12")

    assert slow.classifier.head.linear.weight.abs().max() < 1e-6


@pytest.mark.parametrize("epochs", [1, 3])
def test_a_photo_that_vanishes_meanwhile_is_listed_and_ends_nothing(flat_folder, tmp_path, epochs):
    photos = read_folder(flat_folder)
    sides = split(photos.photos, 42, 0.2, {})
    train, valid = ([p for p in photos.photos if sides[p.id] == side] for side in ("train", "valid"))
    settings = TrainSettings.of({**TINY, "epochs": (1, epochs)})
    features = see(flat_folder, photos, settings)
    (flat_folder / train[0].path).unlink()

    learned, lost = learn_from(photos, train, valid, settings, features, tmp_path)

    assert [(file.path, file.reason) for file in lost] == [(train[0].path, "no such file")]
    assert learned.n_train == len(train) - 1


def test_a_photo_that_vanishes_before_it_is_looked_at_is_listed_once(flat_folder, tmp_path):
    photos = read_folder(flat_folder)
    sides = split(photos.photos, 42, 0.2, {})
    train, valid = ([p for p in photos.photos if sides[p.id] == side] for side in ("train", "valid"))
    settings = TrainSettings.of(TINY)
    (flat_folder / valid[0].path).unlink()

    learned, lost = learn_from(photos, train, valid, settings, see(flat_folder, photos, settings), tmp_path)

    assert [(file.path, file.reason) for file in lost] == [(valid[0].path, "no such file")]
    assert len(learned.judged) == len(valid) - 1


def test_what_was_seen_once_is_not_looked_at_again_and_gives_the_same_rates(flat_folder, tmp_path, monkeypatch):
    cold = learn_folder(flat_folder, tmp_path, epochs=(1, 0), head_lr=None)
    monkeypatch.setattr("fieldmark.embed._looks", lambda *_: pytest.fail("a photo was looked at again"))
    warm = learn_folder(flat_folder, tmp_path, epochs=(1, 0), head_lr=None)

    assert warm.story.finders == cold.story.finders
    assert warm.logits.tolist() == cold.logits.tolist()


def test_very_unequal_classes_are_weighted_and_said(tmp_path):
    folder = paint_flat(tmp_path / "unequal", {"red": 30, "blue": 5})

    story = learn_folder(folder, tmp_path).story

    assert story.weighted and len(story.warnings) == 1 and "24 photos of red, 4 of blue" in story.warnings[0]


def nonsense(stage):
    def epochs(*_):
        yield Epoch(stage, 1, math.nan, math.nan, 0.5, 1.0)

    return epochs


def test_a_loss_that_is_no_number_at_once_is_explained(flat_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(learning, "train_head", nonsense(1))

    with pytest.raises(TrainingFailed, match="smaller --head-lr"):
        learn_folder(flat_folder, tmp_path)


def test_a_loss_that_is_no_number_later_keeps_what_was_good(flat_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(learning, "finetune", nonsense(2))

    story = learn_folder(flat_folder, tmp_path).story

    assert (story.kept.stage, story.kept.epoch) == (1, 1)
    assert "epoch 1 of stage 2" in story.warnings[0]


@pytest.mark.long
def test_the_same_seed_gives_the_same_predictions_in_another_process(flat_folder, tmp_path):
    flags = ["--epochs", "1,1", "--size", "64", "--batch", "8"]
    tables = []
    for name in ("first", "second"):
        command = [sys.executable, "-m", "fieldmark", "train", str(flat_folder), *flags, "-o", str(tmp_path / name)]
        done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True)
        assert json.loads(done.stdout)["seed"] == 42
        tables.append((tmp_path / name / "predictions.csv").read_bytes())

    assert tables[0] == tables[1]
    assert len(list(csv.reader(tables[0].decode().splitlines()))) == 6  # a header, and 20 % of 24 photos
