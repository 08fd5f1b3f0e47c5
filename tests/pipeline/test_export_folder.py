import csv
import json
import shutil
from pathlib import Path

import pytest

from fieldmark.artifacts import splits, verdicts
from fieldmark.artifacts.verdicts import Verdict, open_journal
from fieldmark.artifacts.workspace import Workspace
from fieldmark.cli import main
from fieldmark.errors import FolderError, WrongUsage
from fieldmark.imaging.decode import as_pixels
from fieldmark.pipeline.export_folder import PROVENANCE, export_folder
from support import kept


@pytest.fixture
def workspace(tmp_path):
    root = kept.made(tmp_path / "snakes")
    for number in range(20):
        label = "coral" if number < 10 else "king"
        url = f"https://x.org/{number}.jpg"
        kept.keep(root, number, url, label=label, author="=Ana", licence="cc-by", licence_version="4.0")
    return root


def photos_below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.jpg"))


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text("utf-8").splitlines()))


def test_imagefolder_is_a_folder_per_class_with_the_credits_beside(workspace, tmp_path):
    done = export_folder(workspace, tmp_path / "out")

    assert done.photos == {"coral": 10, "king": 10}
    assert photos_below(tmp_path / "out") == photos_below(workspace / "photos")
    assert [row["file"] for row in table(tmp_path / "out" / "CREDITS.csv")] == photos_below(tmp_path / "out")


def test_the_copy_is_safe_to_edit(workspace, tmp_path):
    export_folder(workspace, tmp_path / "out")
    name = photos_below(tmp_path / "out")[0]
    before = (workspace / "photos" / name).read_bytes()
    with (tmp_path / "out" / name).open("r+b") as file:
        file.write(b"edited")

    assert (workspace / "photos" / name).read_bytes() == before


def test_fastai_has_a_side_for_every_photo_and_the_split_is_kept(workspace, tmp_path):
    done = export_folder(workspace, tmp_path / "one", "fastai")
    again = export_folder(workspace, tmp_path / "two", "fastai")

    assert done.sides == again.sides == {"train": 16, "valid": 4}
    assert photos_below(tmp_path / "one") == photos_below(tmp_path / "two")
    assert {path.split("/")[0] for path in photos_below(tmp_path / "one")} == {"train", "valid"}
    sides = splits.read_kept(Workspace.open(workspace), 42, splits.halves(0.2))
    assert {Path(p).stem: p.split("/")[0] for p in photos_below(tmp_path / "one")} == sides


def test_fastai_uses_the_split_that_training_kept(workspace, tmp_path):
    ids = [Path(path).stem for path in photos_below(workspace / "photos")]
    kept_sides = {id_: "valid" if at % 3 == 0 else "train" for at, id_ in enumerate(ids)}
    splits.keep(Workspace.open(workspace), 7, splits.halves(0.3), kept_sides)

    export_folder(workspace, tmp_path / "out", "fastai", seed=7, valid_share=0.3)

    assert {Path(p).stem: p.split("/")[0] for p in photos_below(tmp_path / "out")} == kept_sides


def test_hf_has_a_row_per_photo_with_label_and_origin(workspace, tmp_path):
    export_folder(workspace, tmp_path / "out", "hf")

    rows = table(tmp_path / "out" / "train" / "metadata.csv")
    assert list(rows[0]) == ["file_name", "label", *PROVENANCE]
    assert sorted(f"train/{row['file_name']}" for row in rows) == photos_below(tmp_path / "out")
    assert {row["label"] for row in rows} == {"coral", "king"}
    assert {row["author"] for row in rows} == {"'=Ana"}


def test_hf_comes_with_a_card(workspace, tmp_path):
    export_folder(workspace, tmp_path / "out", "hf")

    card = (tmp_path / "out" / "README.md").read_text("utf-8")
    assert card.startswith('---\npretty_name: "snakes"\nlicense: cc-by-4.0\n')
    assert "| coral | 10 |" in card and "| CC BY 4.0 | 20 |" in card and "some labels are wrong" in card


def test_a_mixture_of_licences_is_other(workspace, tmp_path):
    kept.keep(workspace, 99, "https://x.org/99.jpg", licence="cc0", licence_version="1.0")
    export_folder(workspace, tmp_path / "out", "hf")

    assert "license: other\n" in (tmp_path / "out" / "README.md").read_text("utf-8")


@pytest.mark.parametrize("layout", ["imagefolder", "fastai", "hf"])
def test_a_plain_folder_goes_too_without_origin(flat_folder, tmp_path, layout):
    done = export_folder(flat_folder, tmp_path / "out", layout)

    assert done.photos == {"blue": 12, "red": 12} and done.without_origin == 0
    names = sorted(path.name for path in (tmp_path / "out").rglob("*.png"))
    assert len(set(names)) == 24 and all(len(name) == 20 for name in names)
    assert not (tmp_path / "out" / "CREDITS.csv").exists()
    if layout == "hf":
        assert list(table(tmp_path / "out" / "train" / "metadata.csv")[0]) == ["file_name", "label"]
        assert "license: unknown" in (tmp_path / "out" / "README.md").read_text("utf-8")


def test_the_sides_that_a_folder_has_are_kept(flat_folder, tmp_path):
    for side, numbers in (("train", range(9)), ("val", range(9, 12))):
        for label in ("red", "blue"):
            (tmp_path / "given" / side / label).mkdir(parents=True)
            for number in numbers:
                shutil.copy(flat_folder / label / f"{number:03}.png", tmp_path / "given" / side / label)

    assert export_folder(tmp_path / "given", tmp_path / "out", "fastai").sides == {"train": 18, "valid": 6}
    assert not (tmp_path / "given" / ".fieldmark").exists()


def test_files_that_are_no_photos_are_not_copied(flat_folder, tmp_path):
    (flat_folder / "red" / "page.jpg").write_text("<!doctype html><html></html>")

    assert export_folder(flat_folder, tmp_path / "out").photos == {"blue": 12, "red": 12}


def test_a_suffix_that_lies_is_put_right(flat_folder, tmp_path):
    (flat_folder / "red" / "000.png").rename(flat_folder / "red" / "000.JPEG")

    export_folder(flat_folder, tmp_path / "out")
    assert len(list((tmp_path / "out" / "red").glob("*.png"))) == 12


def test_identical_files_are_copied_once_and_contested_ones_not_at_all(flat_folder, tmp_path):
    shutil.copy(flat_folder / "red" / "000.png", flat_folder / "red" / "again.png")
    shutil.copy(flat_folder / "red" / "001.png", flat_folder / "blue" / "contested.png")

    done = export_folder(flat_folder, tmp_path / "out", "hf")

    assert done.photos == {"blue": 12, "red": 11} and (done.copies, done.conflicts) == (1, 1)


def test_a_photo_that_a_person_added_or_moved_is_copied_too(workspace, tmp_path):
    moved = photos_below(workspace / "photos")[0]
    (workspace / "photos" / moved).rename(workspace / "photos" / "king" / Path(moved).name)
    (workspace / "photos" / "king" / "mine.jpg").write_bytes(kept.picture(500)[1])

    done = export_folder(workspace, tmp_path / "out", "hf")

    assert done.photos == {"coral": 9, "king": 12} and done.without_origin == 1
    rows = {row["file_name"]: row for row in table(tmp_path / "out" / "train" / "metadata.csv")}
    assert rows[Path(moved).name]["label"] == "king" and rows[Path(moved).name]["source"].startswith("https://x.org/")
    assert all(None not in row and None not in row.values() for row in rows.values())
    credited = {row["file"]: row["class"] for row in table(tmp_path / "out" / "CREDITS.csv")}
    assert credited[f"train/{Path(moved).name}"] == "king"


def test_an_empty_folder_is_taken_and_a_full_one_refused(workspace, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").touch()

    export_folder(workspace, tmp_path / "empty")
    with pytest.raises(WrongUsage, match="not empty"):
        export_folder(workspace, tmp_path / "full")
    assert len(photos_below(tmp_path / "empty")) == 20


@pytest.mark.parametrize(
    ("out", "sentence"),
    [
        ("snakes/photos/copy", "lies inside"),
        ("snakes/photos/coral/../copy", "lies inside"),
        ("snakes/conflicts", "lies inside"),
        ("snakes", "not empty"),
        ("nowhere/copy", "no folder"),
        ("snakes/catalog.db", "is a file"),
    ],
)
def test_a_copy_is_not_made_where_it_would_do_harm(workspace, tmp_path, out, sentence):
    before = kept.files(tmp_path)

    with pytest.raises(WrongUsage, match=sentence):
        export_folder(workspace, tmp_path / out)
    assert kept.files(tmp_path) == before


def test_a_copy_of_a_plain_folder_is_not_made_inside_it(flat_folder):
    with pytest.raises(WrongUsage, match="lies inside"):
        export_folder(flat_folder, flat_folder / "copy")


def test_a_copy_that_fails_leaves_nothing(workspace, tmp_path, monkeypatch):
    done = []

    def full(source, target):
        done.append(source)
        if len(done) == 7:
            raise OSError(28, "No space left on device", str(target))
        return Path(target).write_bytes(Path(source).read_bytes())

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(OSError, match="No space"):
        export_folder(workspace, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["snakes"]


def test_what_a_killed_copy_left_is_cleared_away(workspace, tmp_path):
    (tmp_path / ".out.fieldmark-partial" / "coral").mkdir(parents=True)
    (tmp_path / ".out.fieldmark-partial" / "coral" / "half.jpg").touch()

    export_folder(workspace, tmp_path / "out")

    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "snakes"]
    assert len(photos_below(tmp_path / "out")) == 20


def test_an_unknown_layout_names_its_nearest(workspace, tmp_path, capsys):
    assert main(["export-folder", str(workspace), str(tmp_path / "out"), "--layout", "imagefoldr"]) == 2
    assert "Did you mean imagefolder?" in capsys.readouterr().err


def test_an_empty_workspace_says_to_harvest(tmp_path):
    with pytest.raises(FolderError, match="fieldmark harvest"):
        export_folder(kept.made(tmp_path / "new"), tmp_path / "out")


def test_json_gives_counts_and_path(workspace, tmp_path, capsys):
    assert main(["export-folder", str(workspace), str(tmp_path / "out"), "--layout", "fastai", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)

    assert told["path"] == str(tmp_path / "out") and told["photos"] == {"coral": 10, "king": 10}
    assert told["sides"] == {"train": 16, "valid": 4}


def test_the_copy_is_the_clean_set(workspace, tmp_path):
    names = photos_below(workspace / "photos")
    rejected, moved, cropped = (Path(names[at]).stem for at in (0, 1, 2))
    with open_journal(Workspace.open(workspace)) as catalog:
        decided = [
            Verdict(rejected, "reject"),
            Verdict(moved, "label", "king"),
            Verdict(cropped, "crop", "0,0,0.5,0.25"),
        ]
        verdicts.append(catalog, "1", decided)

    done = export_folder(workspace, tmp_path / "out")

    assert done.photos == {"coral": 8, "king": 11}
    copied = photos_below(tmp_path / "out")
    assert f"king/{moved}.jpg" in copied and not any(rejected in name for name in copied)
    assert as_pixels(tmp_path / "out" / "coral" / f"{cropped}.jpg").shape == (16, 32, 3)
    assert photos_below(workspace / "photos") == names
