"""Every photo is judged by a training that did not see it, and the model learns from all of them."""

import json
from collections import Counter

import numpy as np
import pytest

from fieldmark.artifacts.modelfile import Model
from fieldmark.artifacts.reading import read_photos
from fieldmark.artifacts.runs import Run
from fieldmark.artifacts.workspace import Workspace
from fieldmark.cli import main
from fieldmark.embed import embed
from fieldmark.front.wording import track_record
from support.flat import paint_flat

pytestmark = pytest.mark.long

FLAGS = ["--size", "64", "--batch", "8", "--head-lr", "1e-2", "--epochs", "2", "--folds", "3"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return paint_flat(tmp_path_factory.mktemp("folds") / "colours", {"red": 9, "blue": 7})


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "run"
    assert main(["train", str(folder), *FLAGS, "--repeats", "2", "-o", str(out)]) == 0
    return Run.open(out)


def test_every_photo_is_judged_once_in_each_repeat(run):
    told = run.predictions()

    assert len(told) == 32 and told.n_photos == 16 and told.repeats == 2
    assert Counter(name.split(".")[0] for name in told.folds) == {"1": 16, "2": 16}
    assert all(count == 2 for count in Counter(told.photos).values())


def test_the_figures_are_pooled_and_each_fold_is_listed(run):
    metrics = run.metrics()

    assert (metrics["n_train"], metrics["n_valid"], metrics["judgements"], metrics["repeats"]) == (16, 16, 32, 2)
    assert [fold["fold"] for fold in metrics["folds"]] == ["1.1", "1.2", "1.3", "2.1", "2.2", "2.3"]
    assert sum(fold["wrong"] for fold in metrics["folds"]) == metrics["wrong"]
    assert sum(fold["n_valid"] for fold in metrics["folds"]) == 32
    assert sum(map(sum, metrics["confusion"])) == 32
    assert metrics["stage1"]["epoch"] == 2 and metrics["stage2"] is None
    assert not metrics["chosen_on_judged"]


def test_its_page_does_not_say_that_the_photos_judged_chose_when_to_stop(run, tmp_path):
    assert main(["export", str(run.path), "-o", str(tmp_path / "model.onnx")]) == 0

    metrics = Model(tmp_path / "model.onnx").info.metrics
    told = track_record(metrics)
    assert told is not None and "of 16 photos" in told and "chosen" not in told
    assert "was chosen on those same photos" in track_record({**metrics, "chosen_on_judged": True})


def test_simpler_answers_are_judged_on_the_same_photos_out_of_fold(run, folder):
    metrics, told = run.metrics(), run.predictions()
    majority, centroid = metrics["baselines"]

    assert (majority["name"], centroid["name"]) == ("commonest class", "nearest centroid")
    assert majority["wrong"] == 14 and majority["n"] == centroid["n"] == 32
    assert majority["error_rate"] == pytest.approx(metrics["baseline"]["error_rate"])
    assert centroid["wrong"] == by_hand(folder, told) and centroid["error_rate"] == centroid["wrong"] / 32
    for one in (majority, centroid):
        low, high = one["ci95"]
        assert 0 <= low <= one["error_rate"] <= high <= 1
    assert "nearest centroid" in metrics["against_centroid"]


def by_hand(folder, told):
    """Count, photo by photo, where the centre of another class is nearer, the photo's fold left out of the centres."""
    workspace = Workspace.open(folder)
    photos = read_photos(workspace).photos
    seen = embed(workspace, photos, folder, size=64)
    vectors = {
        photo.path: vector / np.linalg.norm(vector) for photo, vector in zip(seen.photos, seen.vectors, strict=True)
    }
    fold_of = dict(zip(zip(told.photos, (name[0] for name in told.folds), strict=True), told.folds, strict=True))
    wrong = 0
    for path, fold in zip(told.photos, told.folds, strict=True):
        gap = {}
        for name in ("red", "blue"):
            others = [p.path for p in photos if p.label == name and fold_of[p.path, fold[0]] != fold]
            gap[name] = np.linalg.norm(vectors[path] - np.mean([vectors[other] for other in others], axis=0))
        wrong += min(gap, key=gap.get) != path.split("/")[0]
    return wrong


def test_the_report_says_how_it_was_judged_and_flatters_nobody(run):
    page = (run.path / "report.html").read_text()

    assert "Each of 16 photos was judged 2 times" in page
    assert "flatters" not in page and "nan" not in page.lower().replace("finance", "")


def test_the_model_can_be_exported(run, tmp_path):
    assert main(["export", str(run.path), "-o", str(tmp_path / "model.onnx")]) == 0


def test_the_folds_are_kept_for_the_next_time(run, folder):
    for repeat in (1, 2):
        kept = json.loads((folder / ".fieldmark" / "splits" / f"seed42-folds3.{repeat}.json").read_text())
        assert set(kept["sides"].values()) == {"1", "2", "3"}


@pytest.mark.parametrize(
    ("flags", "code", "words"),
    [
        (["--folds", "1"], 2, "--folds 1 makes no sense"),
        (["--folds", "-3"], 2, "--folds -3 makes no sense"),
        (["--repeats", "2"], 2, "Add --folds 5"),
        (["--folds", "17"], 1, "16 different photos cannot be cut into 17 folds"),
        (["--folds", "3", "--group-by", "author"], 1, "plain folder and does not know where its photos came from"),
    ],
)
def test_folds_that_cannot_be_are_explained(folder, capsys, flags, code, words):
    assert main(["train", str(folder), "--size", "64", *flags]) == code
    assert words in capsys.readouterr().err
