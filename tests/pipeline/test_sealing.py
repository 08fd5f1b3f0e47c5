"""A sealed share: drawn once, seen by no training, opened by `evaluate --test` alone, and that is written down."""

import json
import shutil
from dataclasses import replace

import pytest

from fieldmark.artifacts.runs import Run
from fieldmark.artifacts.sealed import openings, read_seal, read_side, read_unsealed
from fieldmark.artifacts.verdicts import read_journal
from fieldmark.artifacts.workspace import Workspace
from fieldmark.cli import main
from fieldmark.config import TrainSettings
from fieldmark.errors import FolderError
from fieldmark.pipeline.export import export
from fieldmark.pipeline.sealing import set_aside
from support.flat import paint_flat

pytestmark = pytest.mark.long

FLAGS = ["--size", "64", "--batch", "8", "--head-lr", "1e-2", "--epochs", "1"]


def answer(capsys, *words):
    capsys.readouterr()
    code = main([*map(str, words), "--json"])
    told = capsys.readouterr()
    return code, (json.loads(told.out) if told.out else None), told.err


def ids_in(run):
    return set(run.predictions().ids)


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    """A folder with a run, then a share sealed by a training with folds; that run, and one without the flag."""
    folder = paint_flat(tmp_path_factory.mktemp("sealed") / "colours", {"red": 14, "blue": 14})
    runs = {}
    for name, flags in {"early": [], "sealing": ["--test", "15%", "--folds", "2"], "later": []}.items():
        out = folder.parent / name
        assert main(["train", str(folder), *FLAGS, *flags, "-o", str(out)]) == 0
        runs[name] = Run.open(out)
    return folder, runs


@pytest.fixture(scope="module")
def exported(sealed):
    return export(sealed[1]["later"], sealed[0].parent / "model.onnx")


@pytest.fixture(scope="module")
def model(exported):
    """The last run as a file, which is judged faster."""
    return exported.path


@pytest.fixture
def copy(sealed, tmp_path):
    """The same, to be opened."""
    folder = tmp_path / "colours"
    shutil.copytree(sealed[0], folder)
    return folder


def test_no_training_sees_what_is_sealed_with_the_flag_or_without(sealed):
    folder, runs = sealed
    seal = read_seal(Workspace.open(folder))

    assert len(seal.ids) == 4 and not seal.ids & seal.others and len(seal.others) == 24
    for name in ("sealing", "later"):
        facts = runs[name].settings()["trained_on"]
        assert facts["sealed"] == {"n": 4, "hash": seal.hash} and runs[name].metrics()["sealed"] == 4
        assert not ids_in(runs[name]) & seal.ids
    assert ids_in(runs["sealing"]) == seal.others  # with folds every photo that is left is judged
    assert runs["sealing"].settings()["trained_on"]["n"] == 24
    assert runs["early"].metrics()["sealed"] == 0 and "sealed" not in runs["early"].settings()["trained_on"]


def test_evaluate_reads_no_sealed_photo_unless_told(capsys, sealed, model):
    folder, _ = sealed

    code, metrics, _ = answer(capsys, "evaluate", model, folder)

    assert code == 0 and metrics["n_valid"] == 24 and metrics["opened"] is None
    assert not openings(Workspace.open(folder), read_seal(Workspace.open(folder)).hash)


def test_opening_is_written_down_and_the_second_time_says_so(capsys, sealed, model, copy):
    _, runs = sealed
    report = copy.parent / "report.html"

    _, first, _ = answer(capsys, "evaluate", runs["sealing"].path, copy, "--test")
    _, second, err = answer(capsys, "evaluate", model, copy, "--test", "--report", report)

    assert first["n_valid"] == second["n_valid"] == 4
    assert first["opened"]["times"] == 1 and first["opened"]["before"] == []
    assert second["opened"]["times"] == 2 and "had been opened once before" in err and "no longer untouched" in err
    assert "no longer untouched" in report.read_text("utf-8")
    (before,) = second["opened"]["before"]
    assert (before["model"], before["n"], before["wrong"]) == ("sealing", 4, first["wrong"])
    workspace = Workspace.open(copy)
    assert len(openings(workspace, read_seal(workspace).hash)) == 2
    _, status, said = answer(capsys, "status", copy)
    assert status["sealed"] == {"photos": 4, "opened": 2} and "opened 2 times" in said


def test_a_model_that_may_have_learned_from_them_does_not_open_them(capsys, sealed, copy):
    _, runs = sealed

    code, _, err = answer(capsys, "evaluate", runs["early"].path, copy, "--test")

    workspace = Workspace.open(copy)
    assert code == 1 and "may have learned from them" in err and "closed" in err
    assert not openings(workspace, read_seal(workspace).hash)


def test_an_export_says_how_many_photos_it_was_kept_from(exported):
    assert exported.sealed == 4


def test_verdicts_on_opened_photos_are_counted(capsys, model, copy):
    workspace = Workspace.open(copy)
    answer(capsys, "evaluate", model, copy, "--test")
    photo = read_side(workspace, True)[0].photos[0]
    table = copy.parent / "verdicts.csv"
    table.write_text(f"photo,id,decision,label,crop\n{photo.path},{photo.id},reject,,\n")
    assert main(["clean", str(copy), "--import", str(table)]) == 0
    assert read_journal(workspace).decisions()[photo.id].state == "reject"

    _, judged, err = answer(capsys, "evaluate", model, copy, "--test")

    assert judged["n_valid"] == 3
    assert judged["opened"]["rejected"] == 1 and "1 rejected since" in err


def test_another_share_or_a_side_of_its_own_is_refused_in_words(capsys, sealed, copy):
    code, _, err = answer(capsys, "train", copy, *FLAGS, "--test", "0.3")
    assert code == 1 and "0.15 was sealed" in err and "give --test 0.15" in err

    own = copy.parent / "own"
    paint_flat(own / "train", {"red": 6, "blue": 6})
    paint_flat(own / "test", {"red": 2, "blue": 2}, seed=1)
    code, _, err = answer(capsys, "train", own, *FLAGS, "--test", "15%")
    assert code == 1 and "test/ folder of its own" in err


def test_nothing_sealed_is_an_error_that_says_how_to_seal(capsys, tiny_run, tiny_folder):
    code, _, err = answer(capsys, "evaluate", tiny_run.path, tiny_folder, "--test")

    assert code == 1 and "nothing sealed" in err and "--test 15%" in err


def test_new_photos_are_not_sealed_and_copies_of_sealed_ones_are_left_out(copy):
    workspace = Workspace.open(copy)
    seal = read_seal(workspace)
    paint_flat(copy.parent / "more", {"red": 5}, seed=9)
    for path in (copy.parent / "more" / "red").iterdir():
        shutil.copy(path, copy / "red" / f"new-{path.name}")
    photos = read_unsealed(workspace)
    new = [photo for photo in photos.photos if photo.id not in seal.others]
    everything = [*photos.photos, *read_side(workspace, True)[0].photos]
    twin_of = next(photo for photo in everything if photo.id in seal.ids and photo.label == "red")
    twins = {new[0].id: "together", twin_of.id: "together"}
    grouped = replace(photos, photos=tuple(replace(p, group=twins.get(p.id)) for p in everything))

    left, sealed = set_aside(workspace, grouped, TrainSettings())

    assert len(new) == 5 and sealed.copies == 1 and sealed.n == 4
    assert {photo.id for photo in left.photos} == seal.others | {photo.id for photo in new[1:]}
    assert read_seal(workspace) == seal


def test_an_exported_folder_keeps_the_sealed_side(capsys, sealed):
    folder, _ = sealed
    seal = read_seal(Workspace.open(folder))

    code, done, _ = answer(capsys, "export-folder", folder, folder.parent / "fastai", "--layout", "fastai")
    there = {path.stem for path in (folder.parent / "fastai" / "test").glob("*/*")}
    _, plain, err = answer(capsys, "export-folder", folder, folder.parent / "plain")

    assert code == 0 and there == seal.ids and done["sides"]["test"] == done["sealed"] == 4
    assert plain["sealed"] == 4 and plain["sides"] == {} and "4 of them are sealed" in err


def test_a_curve_learns_from_no_sealed_photo(tmp_path, monkeypatch):
    from fieldmark import embed
    from fieldmark.study.curve import curve

    folder = paint_flat(tmp_path / "colours", {"red": 30, "blue": 30}, size=(40, 40))
    workspace = Workspace.open(folder)
    set_aside(workspace, read_unsealed(workspace), TrainSettings(test=0.2))
    asked = []

    def looked(workspace, photos, root):
        asked.extend(photos)
        raise FolderError("enough seen")

    monkeypatch.setattr(embed, "embed", looked)
    with pytest.raises(FolderError, match="enough seen"):
        curve(folder)

    assert len(asked) == 48 and not {photo.id for photo in asked} & read_seal(workspace).ids
