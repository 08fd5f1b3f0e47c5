from dataclasses import replace

import pytest

from fieldmark.artifacts import runs, verdicts
from fieldmark.artifacts.reading import read_photos
from fieldmark.artifacts.verdicts import Verdict, open_journal
from fieldmark.artifacts.workspace import Workspace
from fieldmark.config import TrainSettings
from fieldmark.pipeline.train import train
from support.flat import TINY, paint_flat

pytestmark = pytest.mark.long

SETTINGS = TrainSettings.of(TINY)


def decide(folder, *decided):
    with open_journal(Workspace.open(folder)) as catalog:
        verdicts.append(catalog, decided[0][0], [Verdict(*verdict) for verdict in decided])


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """A folder on which one model was trained, and the photos that it was judged by."""
    folder = paint_flat(tmp_path_factory.mktemp("regraded") / "colours", {"red": 14, "blue": 14})
    run = train(folder, SETTINGS)
    assert run.metrics()["regraded"] is None
    by_id = {photo.id: photo for photo in read_photos(Workspace.open(folder)).photos}
    return folder, [by_id[id_] for id_ in run.predictions().ids]


@pytest.fixture(scope="module")
def regraded(judged):
    """The run after a person has rejected one of those photos and relabelled another."""
    folder, photos = judged
    red = [photo for photo in photos if photo.label == "red"]
    decide(folder, (red[0].id, "reject"), (red[1].id, "label", "blue"))
    return red, train(folder, SETTINGS)


def test_photos_regraded_after_a_model_was_judged_by_them_are_counted(judged, regraded):
    _, photos = judged
    _, run = regraded
    metrics = run.metrics()
    assert metrics["n_valid"] == len(photos) - 1
    assert metrics["regraded"]["rejected"] == metrics["regraded"]["relabelled"] == 1
    assert metrics["regraded"]["uncleaned"]["n"] == len(photos)


def test_the_figure_as_before_takes_the_labels_that_the_photos_had(regraded):
    red, run = regraded
    predictions = run.predictions()
    at = predictions.ids.index(red[1].id)
    assert predictions.classes[predictions.actual[at]] == "blue"
    others_wrong = int((predictions.actual != predictions.predicted).sum()) - int(
        predictions.classes[predictions.predicted[at]] != "blue"
    )
    wrong_before = run.metrics()["regraded"]["uncleaned"]["wrong"]
    now_wrong = int(predictions.classes[predictions.predicted[at]] != "red")
    assert others_wrong + now_wrong <= wrong_before <= others_wrong + now_wrong + 1  # the rejected photo is the one


def test_the_report_shows_both_figures_side_by_side(regraded):
    _, run = regraded
    report = (run.path / runs.REPORT).read_text("utf-8")
    assert "regraded (1 rejected, 1 relabelled)" in report
    assert "cleaned" in report and "as before" in report


def test_photos_to_learn_from_may_be_cleaned_without_a_word(judged, tmp_path):
    folder = paint_flat(tmp_path / "colours", {"red": 14, "blue": 14})
    run = train(folder, SETTINGS)
    held_back = set(run.predictions().ids)
    learned = [photo for photo in read_photos(Workspace.open(folder)).photos if photo.id not in held_back]
    decide(folder, (learned[0].id, "reject"), (learned[1].id, "keep"))
    assert train(folder, SETTINGS).metrics()["regraded"] is None


def test_photos_cleaned_before_any_model_saw_them_are_no_regrading(tmp_path):
    folder = paint_flat(tmp_path / "colours", {"red": 14, "blue": 14})
    photos = read_photos(Workspace.open(folder)).photos
    decide(folder, (photos[0].id, "reject"), (photos[20].id, "label", "blue"))
    assert train(folder, SETTINGS).metrics()["regraded"] is None


def test_with_folds_every_photo_was_judged_so_every_photo_regraded_since_counts(tmp_path):
    folder = paint_flat(tmp_path / "colours", {"red": 14, "blue": 14})
    settings = replace(SETTINGS, folds=2, repeats=2)
    first = train(folder, settings)
    assert first.metrics()["regraded"] is None
    by_id = {photo.id: photo for photo in read_photos(Workspace.open(folder)).photos}
    red = [photo.id for photo in by_id.values() if photo.label == "red"]
    decide(folder, (red[0], "reject"), (red[1], "label", "blue"))

    run = train(folder, settings)

    changed = run.metrics()["regraded"]
    assert (changed["rejected"], changed["relabelled"]) == (1, 1)
    assert changed["uncleaned"]["n"] == len(by_id) * settings.repeats  # the rejected one too, once a repeat
    predictions = run.predictions()
    assert red[0] not in predictions.ids
    assert changed["uncleaned"]["wrong"] >= sum(
        predictions.classes[label] != "red"
        for id_, label in zip(predictions.ids, predictions.predicted, strict=True)
        if id_ == red[1]
    )
    assert "as before" in (run.path / runs.REPORT).read_text("utf-8")
