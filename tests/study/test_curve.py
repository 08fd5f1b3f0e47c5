"""`fieldmark curve` from a folder to its table, and what it says of folders that it cannot use."""

import json
import sys

import numpy as np
import pytest

from fieldmark.artifacts import searches, verdicts
from fieldmark.artifacts.catalog import NAME, Catalog
from fieldmark.artifacts.photos import PhotoFile
from fieldmark.artifacts.reading import read_photos
from fieldmark.artifacts.searches import Standing
from fieldmark.artifacts.verdicts import Verdict, open_journal
from fieldmark.artifacts.workspace import Workspace
from fieldmark.cli import main
from fieldmark.errors import FolderError, MissingExtra
from fieldmark.study import curve as module
from fieldmark.study.curve import check_enough, curve
from fieldmark.study.sources import read_sources
from support import kept
from support.flat import paint_flat

pytestmark = pytest.mark.long


def filed(counts):
    numbers = iter(range(10_000))
    return [
        PhotoFile(f"{label}/{i:03}.jpg", label, None, f"{next(numbers):064x}")
        for label, n in counts.items()
        for i in range(n)
    ]


@pytest.fixture
def folder(tmp_path):
    """Two colours, and some of either in the other's folder, so that there is something to get wrong."""
    root = paint_flat(tmp_path / "colours", {"red": 20, "blue": 20})
    for name, other in (("red", "blue"), ("blue", "red")):
        strayed = paint_flat(tmp_path / "strayed", {other: 3}, seed=7)
        for path in (strayed / other).iterdir():
            path.rename(root / name / f"strayed-{path.name}")
    return root


def test_the_command_prints_its_table_and_the_verdict(folder, capsys):
    assert main(["curve", str(folder), "--json"]) == 0
    printed = capsys.readouterr()
    told = json.loads(printed.out)

    assert told["photos"] == 46 and told["classes"] == {"blue": 23, "red": 23} and told["different"] <= 46
    assert [point["photos"] for point in told["points"]] == sorted({point["photos"] for point in told["points"]})
    last = told["points"][-1]
    assert last["judged"] == 46 and last["error_ci95"][0] <= last["error"] <= last["error_ci95"][1]
    assert 0.08 < last["error"] < 0.25  # 6 of 46 lie in the wrong folder
    assert set(last["per_class"]) == {"blue", "red"} and last["per_class"]["red"]["n"] == 23
    assert [row["photos"] for row in told["projected"]] == [46, 92, 184]
    for row in told["projected"]:
        assert 0 <= row["error_band"][0] <= row["error"] <= row["error_band"][1] <= 1
    assert set(told["law"]) == {"floor", "scale", "exponent"} and set(told["half"]) == {"photos", "photos_band"}
    assert told["verdict"].startswith("Labels are your limit, not quantity: 6 of the 6 photos got wrong")
    assert told["advice"] and told["verdict"] in printed.err and "95 % interval" in printed.err
    assert f"{last['photos']:>9}" in printed.err


def test_verdicts_count(folder):
    workspace = Workspace.open(folder)
    strayed = [photo for photo in read_photos(workspace).photos if "strayed" in photo.path]
    with open_journal(workspace) as catalog:
        made = [Verdict(photo.id, "label", "red" if photo.label == "blue" else "blue") for photo in strayed]
        verdicts.append(catalog, "an act", made, "test")
    drawn = curve(folder)

    assert drawn.counts == {"blue": 23, "red": 23} and drawn.points[-1].error == 0
    assert drawn.verdict.startswith("None of 46 photos was got wrong") and drawn.half is None
    assert drawn.to_dict()["projected"] == [] and drawn.to_dict()["half"] is None


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"coral": 60}, ["one class only", "60 coral"]),
        ({"coral": 60, "king": 1}, ["'king' has one picture only", "60 coral, 1 king"]),
        ({"coral": 20, "king": 19}, ["39 pictures", "20 coral, 19 king", "add at least 1 more"]),
    ],
)
def test_too_few_photos_are_named_with_what_to_do(counts, words):
    photos = filed(counts)
    with pytest.raises(FolderError) as said:
        check_enough(photos, range(len(photos)))
    assert all(word in str(said.value) for word in words)


def test_copies_count_as_one_picture():
    photos = filed({"coral": 30, "king": 30})
    check_enough(photos, range(60))
    with pytest.raises(FolderError, match="30 pictures"):
        check_enough(photos, [i // 2 for i in range(60)])
    with pytest.raises(FolderError, match="'king' has one picture"):
        check_enough(photos, [min(i, 30) for i in range(60)])


def test_a_small_folder_is_refused_before_any_photo_is_looked_at(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(module, "same_pictures", None)
    paint_flat(tmp_path / "few", {"red": 5, "blue": 5})

    assert main(["curve", str(tmp_path / "few")]) == 1
    assert "10 pictures" in capsys.readouterr().err


def test_without_the_training_extra_it_is_named(flat_folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "cleanlab.filter", None)
    monkeypatch.delitem(sys.modules, "fieldmark.checks.labels", raising=False)
    monkeypatch.delattr("fieldmark.checks.labels", raising=False)

    with pytest.raises(MissingExtra, match="learning curve needs a package"):
        curve(flat_folder)


def test_groups_come_from_bytes_harvest_check_and_looks(tmp_path, monkeypatch):
    from fieldmark.pipeline import find_alike

    given = []
    monkeypatch.setattr(find_alike, "find_alike", lambda _, features, hashed: given.extend(hashed) or [])
    monkeypatch.setattr(module, "_found_alike", lambda _: {"coral/004.jpg": "g", "coral/005.jpg": "g"})
    photos = [PhotoFile(f"coral/{i:03}.jpg", "coral", None, "0" * 64 if i < 2 else f"{i:064x}") for i in range(6)]
    photos[2:4] = [PhotoFile(p.path, p.label, None, p.sha256, group="h") for p in photos[2:4]]

    class Seen:
        vectors = greys = shapes = np.zeros((6, 2))

    Seen.photos = tuple(photos)
    module.same_pictures(Workspace.open(tmp_path), Seen())

    assert sorted(given) == [[0, 1], [2, 3], [4, 5]]


def test_sources_count_what_verdicts_leave(tmp_path):
    root = kept.made(tmp_path / "snakes")
    for number in range(6):
        named = {"query": "micrurus" if number < 4 else "coral snake", "provider": "inaturalist"}
        id_ = kept.keep(root, number, f"https://x.org/{number}.jpg", **named)
    with Catalog.open(root / NAME) as catalog:
        searches.write(catalog, Standing("coral", "micrurus", "inaturalist", "ok", next={"page": 2}))
    workspace = Workspace.open(root)
    with open_journal(workspace) as catalog:
        verdicts.append(catalog, "an act", [Verdict(id_, "reject", "")], "test")

    first, second = read_sources(workspace, read_photos(workspace).photos)

    assert (first.query, first.fetched, first.in_use, first.exhausted) == ("micrurus", 4, 4, False)
    assert (second.query, second.fetched, second.in_use, second.exhausted) == ("coral snake", 2, 1, True)
    assert first.to_dict()["provider"] == "inaturalist"


def test_a_plain_folder_has_no_sources(flat_folder):
    assert read_sources(Workspace.open(flat_folder), ()) == []
