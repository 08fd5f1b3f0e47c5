"""Recipes on the same folds, and runs that are there: which is better, or that one cannot tell."""

import json

import numpy as np
import pytest

from fieldmark.artifacts.predictions import Predictions
from fieldmark.cli import main
from fieldmark.config import TrainSettings
from fieldmark.errors import WrongUsage
from fieldmark.study import compare
from fieldmark.study.arms import read_arms
from fieldmark.study.kept_folds import Judged, KeptFolds
from fieldmark.study.standing import stand
from support.flat import paint_flat

FLAGS = ["--size", "32", "--batch", "8", "--head-lr", "1e-2", "--epochs", "1", "--folds", "2"]


def said(wrong, repeats=1, labels=None, photos=None, classes=("coral", "king"), folds=True):
    """Predictions of n photos, of which those at the given places are wrong in every repeat."""
    n = len(photos) if photos else 100
    names = list(photos or (f"{i:03}.jpg" for i in range(n)))
    actual = np.array(labels if labels is not None else [i % 2 for i in range(n)])
    top = actual.copy()
    top[list(wrong)] = 1 - top[list(wrong)]
    probabilities = np.where(np.arange(2) == top[:, None], 0.9, 0.1)
    return Predictions(
        classes=classes,
        photos=tuple(names) * repeats,
        ids=tuple(name.split(".")[0] for name in names) * repeats,
        actual=np.tile(actual, repeats),
        probabilities=np.tile(probabilities, (repeats, 1)),
        unknown=np.zeros(n * repeats, dtype=np.bool_),
        folds=tuple(f"{r + 1}.{i % 5 + 1}" for r in range(repeats) for i in range(n)) if folds else (),
        groups=tuple(names) * repeats,
    )


def test_the_better_is_named_and_p_is_corrected_for_the_number_of_recipes():
    standing = stand({"squish": said(range(4)), "pad": said(range(16)), "crop": said(range(5))}, "squish")
    pad, crop = standing.pairs
    assert pad.verdict.startswith("squish beats pad: 4.0 % against 16.0 % wrong of 100")
    assert crop.verdict.startswith("Cannot tell squish from crop")
    assert pad.p == pytest.approx(2 * pad.found.p)
    assert crop.p == 1.0
    assert [arm.wrong for arm in standing.arms] == [4, 16, 5]


def test_photos_are_paired_by_name_whatever_their_order():
    one, names = said([0, 1, 2]), [f"{i:03}.jpg" for i in range(100)][::-1]
    other = said([97, 98, 99], labels=[i % 2 for i in range(100)][::-1], photos=names)
    found = stand({"a": one, "b": other}, "a").pairs[0].found
    assert (found.only_a_wrong, found.only_b_wrong) == (0, 0)


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (said([], photos=["000.jpg", "x.jpg"]), "1 only b, such as x.jpg"),
        (said([], labels=[1] * 100), "000.jpg is coral for a and king for b, and so are 49 more"),
        (said([], repeats=3), "a judged each photo once, b 3 times"),
        (said([], classes=("king", "coral")), "000.jpg is coral for a and king for b"),
    ],
)
def test_predictions_of_another_set_are_refused_and_the_difference_is_named(other, named):
    with pytest.raises(WrongUsage, match=named):
        stand({"a": said([]), "b": other}, "a")


def test_folds_that_were_cut_otherwise_are_told():
    other = said([3])
    object.__setattr__(other, "folds", other.folds[1:] + other.folds[:1])
    assert "other folds than a" in stand({"a": said([]), "b": other}, "a").notes[0]
    assert not stand({"a": said([]), "b": said([3])}, "a").notes


def test_a_standing_is_plain_json_and_a_table_with_names_escaped():
    standing = stand({"<b>": said([1, 2], repeats=2), "king": said([2], repeats=2)}, "<b>")
    document = json.loads(json.dumps(standing.to_dict(), allow_nan=False))
    assert document["arms"][0]["wrong"] == 4
    assert document["pairs"][0]["difference"] == pytest.approx(-0.01)
    assert "&lt;b&gt;" in standing._repr_html_() and "<b>" not in standing._repr_html_()


def test_what_varies_is_read_and_the_usual_value_is_the_reference():
    arms = read_arms("fit=pad-white, squish", TrainSettings())
    assert {name: arm.fit for name, arm in arms.settings.items()} == {"pad-white": "pad-white", "squish": "squish"}
    assert arms.reference == "squish"
    several = read_arms("epochs=2,2; 8,4", TrainSettings())
    assert [arm.epochs for arm in several.settings.values()] == [(2, 2), (8, 4)]
    assert several.reference == "2,2"
    assert read_arms("head-lr=1e-3,1e-2", TrainSettings()).key == "head_lr"


@pytest.mark.parametrize(
    ("vary", "named"),
    [
        ("fit", "write what varies and its values"),
        ("ftt=squish,crop", "fit"),
        ("folds=3,5", "cannot vary"),
        ("fit=squish", "two different values"),
        ("size=299,299", "two different values"),
        ("epochs=4,4", "epochs=2,2;4,4"),
        ("fit=squish,stretch", "stretch"),
        ("size=299,wide", "wide"),
        ("size=299,4", "32 to 1024"),
    ],
)
def test_what_cannot_vary_is_refused_in_words(vary, named):
    with pytest.raises(WrongUsage, match=named):
        read_arms(vary, TrainSettings())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return paint_flat(tmp_path_factory.mktemp("compare") / "colours", {"red": 8, "blue": 8})


def test_a_comparison_that_was_stopped_goes_on_and_none_is_trained_twice(folder, monkeypatch, capsys):
    trained, original = [], compare.train_fold

    def train_fold(material, photos, sides, repeat, fold):
        if len(trained) == 3:
            raise KeyboardInterrupt
        trained.append((material.settings.fit, fold))
        return original(material, photos, sides, repeat, fold)

    monkeypatch.setattr(compare, "train_fold", train_fold)
    command = ["compare", str(folder), "--vary", "fit=squish,crop", *FLAGS, "--json"]
    assert main(command) == 130
    assert "Traceback" not in capsys.readouterr().err
    assert trained == [("squish", 1), ("squish", 2), ("crop", 1)]
    del trained[:]
    assert main(command) == 0
    first = json.loads(capsys.readouterr().out)
    assert trained == [("crop", 2)]
    del trained[:]
    assert main([*command, "--vary", "fit=crop,squish"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert trained == []
    assert again["reference"] == first["reference"] == "squish"
    assert {arm["name"]: arm["wrong"] for arm in again["arms"]} == {arm["name"]: arm["wrong"] for arm in first["arms"]}
    assert not list((folder / ".fieldmark").glob(".comparing-*"))


def test_kept_folds_are_those_of_these_photos_and_settings_alone(folder):
    from fieldmark.artifacts.reading import read_photos
    from fieldmark.artifacts.workspace import Workspace

    workspace, settings = Workspace.open(folder), TrainSettings(size=48)
    photos = read_photos(workspace).photos
    sides = {photo.id: str(i % 2 + 1) for i, photo in enumerate(photos)}
    paths = tuple(photo.path for photo in photos[::2])
    kept = KeptFolds(workspace, settings, photos, sides)
    kept.keep(1, Judged(paths, np.zeros((len(paths), 2), dtype=np.float32), 1.5))
    assert kept.read(1, paths).photos == paths
    assert kept.read(2, paths) is None
    assert kept.read(1, paths[1:]) is None
    assert KeptFolds(workspace, TrainSettings(size=64), photos, sides).read(1, paths) is None
    assert KeptFolds(workspace, settings, photos[1:], sides).read(1, paths) is None
    others = TrainSettings(size=48, folds=2, repeats=3, cost=("red->blue=2",))
    assert KeptFolds(workspace, others, photos, sides).read(1, paths)
    whole = (kept.folder / "1.npz").read_bytes()
    for damaged in (b"", b"PK", whole[:-30], whole[:50], b"\x00" * 400):
        (kept.folder / "1.npz").write_bytes(damaged)
        assert kept.read(1, paths) is None
    kept.keep(1, Judged(paths, np.full((len(paths), 2), np.nan, dtype=np.float32), 1.5))
    assert kept.read(1, paths) is None


def test_runs_are_compared_by_what_is_stored(tiny_run, tmp_path, capsys):
    import shutil

    other = tmp_path / "other"
    shutil.copytree(tiny_run.path, other)
    assert main(["compare", str(tiny_run.path), str(other)]) == 0
    printed = capsys.readouterr().out
    assert "Cannot tell tiny from other" in printed
    assert "chosen on the very photos judged" in printed
    lines = (other / "predictions.csv").read_text().splitlines(keepends=True)
    (other / "predictions.csv").write_text("".join(lines[:-1]))
    assert main(["compare", str(tiny_run.path), str(other)]) == 2
    assert "1 only tiny" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["{run}"], "Name two different runs"),
        (["{run}", "{run}"], "Name two different runs"),
        (["{run}", "no-such-run"], "no-such-run"),
        (["{run}", "{run}", "--size", "64"], "Settings are for training"),
        (["{folder}", "{folder}", "--vary", "fit=squish,crop"], "--vary takes one folder"),
        (["{folder}", "--vary", "fit=squish,crop", "--folds", "1"], "--folds 1"),
        (["{folder}", "--vary", "fit=squish,crop", "--folds", "50"], "50 folds"),
        (["{folder}/nothing", "--vary", "fit=squish,crop"], "nothing"),
        (["{folder}", "--vary", "backbone=efficientnet_lite0,resnet1"], "resnet1"),
    ],
)
def test_what_cannot_be_compared_is_told_in_words(words, named, folder, tiny_run, capsys):
    given = [word.format(run=tiny_run.path, folder=folder) for word in words]
    assert main(["compare", *given]) in (1, 2)
    error = capsys.readouterr().err
    assert named in error
    assert "Traceback" not in error
