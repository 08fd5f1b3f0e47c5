import json
import shutil

import pytest

from fieldmark.artifacts import findings, verdicts
from fieldmark.artifacts.reading import read_photos
from fieldmark.artifacts.verdicts import Verdict, open_journal, read_journal
from fieldmark.artifacts.workspace import Workspace
from fieldmark.cli import main
from fieldmark.errors import VerdictError
from fieldmark.pipeline.clean import clean_auto, export_verdicts, import_verdicts, prepare, undo
from fieldmark.terminal import Voice, speaking


@pytest.fixture
def folder(flat_folder):
    """Two classes, a copy, and a page that is no photo. Photos of one colour are blank, which nobody rejects alone."""
    shutil.copy(flat_folder / "red" / "000.png", flat_folder / "red" / "copy.png")
    (flat_folder / "red" / "page.jpg").write_text("<html>not found</html>")
    return flat_folder


def decide(folder, *decided, act="1"):
    with open_journal(Workspace.open(folder)) as catalog:
        verdicts.append(catalog, act, [Verdict(*verdict) for verdict in decided])


def holds(folder):
    return read_journal(Workspace.open(folder)).decisions()


def test_auto_takes_the_safe_decisions_and_can_be_taken_back(folder):
    before = sorted(folder.rglob("*.png"))

    done = clean_auto(folder)

    assert done.counts() == {"reject": 1, "once": 1}
    assert done.photos == {"blue": 12, "red": 12}
    assert {decision.by for decision in holds(folder).values()} == {"auto"}
    assert sorted(folder.rglob("*.png")) == before
    assert clean_auto(folder).verdicts == ()
    assert undo(folder) == 2
    assert holds(folder) == {} and undo(folder) == 0


@pytest.fixture
def measured(monkeypatch):
    """How often photos were measured; what needs a network raises."""
    from fieldmark.pipeline import check as module

    times = []
    measure_as_ever = module._measure
    monkeypatch.setattr(module, "_measure", lambda photos: times.append(len(photos.photos)) or measure_as_ever(photos))
    monkeypatch.setattr(module, "training", None)
    return times


def test_an_unchecked_folder_opens_with_what_pixels_tell_and_says_how_to_find_more(folder, measured, capsys):
    with speaking(Voice.STDERR):
        workspace = prepare(folder)
    told = capsys.readouterr().err
    assert told.startswith("Not checked yet") and f"`fieldmark check {folder}` takes longer" in told
    assert {found.kind for found in findings.read_kept(workspace)} >= {"unreadable", "duplicate", "dark"}
    assert not findings.is_whole(workspace) and measured == [25]

    prepare(folder)
    assert measured == [25]


def test_a_checked_folder_opens_as_the_check_left_it(folder, measured, capsys):
    workspace = Workspace.open(folder)
    workspace.memory.mkdir()
    (workspace.memory / findings.PAGE).touch()

    with speaking(Voice.STDERR):
        prepare(folder)

    assert measured == [] and capsys.readouterr().err == ""


def test_verdicts_go_out_as_csv_and_come_back(folder, tmp_path):
    first, second, third, *_ = (photo.id for photo in read_photos(Workspace.open(folder)).photos)
    decide(folder, (first, "reject"), (second, "label", "red"), (third, "crop", "0,0,0.5,1"))
    held = holds(folder)

    assert export_verdicts(folder, tmp_path / "verdicts.csv") == 3
    undo(folder)
    done = import_verdicts(folder, tmp_path / "verdicts.csv")

    assert done.counts() == {"reject": 1, "label": 1, "crop": 1}
    after = holds(folder)
    assert {id_: (d.state, d.label, d.crop) for id_, d in after.items()} == {
        id_: (d.state, d.label, d.crop) for id_, d in held.items()
    }
    assert {decision.by for decision in after.values()} == {"import"}


def test_a_report_of_fastclass_is_taken(folder, tmp_path):
    report = tmp_path / "blue_report_all.csv"
    report.write_text("file;rank\nblue/000.png;D\nblue/001.png;1\nblue/gone.png;1\n")
    done = import_verdicts(folder, report)
    assert done.counts() == {"keep": 1, "reject": 1}
    assert done.unknown == ("blue/gone.png",)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"id,decision\nffffffffffffffff,keep\n", "No photo that table.csv names is in"),
        (b"name,what\na,b\n", "no column 'id'"),
        (b"\xff\xfe\x00", "no text in UTF-8"),
    ],
)
def test_a_table_that_cannot_be_taken_is_said_and_nothing_of_it_is(folder, tmp_path, content, complaint):
    table = tmp_path / "table.csv"
    table.write_bytes(content)
    with pytest.raises(VerdictError, match=complaint):
        import_verdicts(folder, table)
    assert holds(folder) == {}


@pytest.mark.parametrize("name", ["nowhere.csv", "."])
def test_a_table_that_is_not_there_is_said(folder, tmp_path, name):
    with pytest.raises(VerdictError):
        import_verdicts(folder, tmp_path / name)


def test_verdicts_about_photos_that_went_away_are_kept(folder, tmp_path):
    photo = read_photos(Workspace.open(folder)).photos[0]
    decide(folder, (photo.id, "label", "red"))
    (folder / photo.path).unlink()
    export_verdicts(folder, tmp_path / "verdicts.csv")
    assert f",{photo.id},,keep,red" in (tmp_path / "verdicts.csv").read_text()


def test_the_commands_say_what_they_did(folder, tmp_path, capsys):
    assert main(["clean", str(folder), "--auto"]) == 0
    assert "Decided: 1 rejected, 1 to be counted once." in capsys.readouterr().out
    assert main(["clean", str(folder), "--auto", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["counts"] == {}
    assert main(["clean", str(folder), "--export", str(tmp_path / "v.csv")]) == 0
    assert "2 photos have a verdict" in capsys.readouterr().out
    assert main(["clean", str(folder), "--undo"]) == 0
    assert "about 2 photos" in capsys.readouterr().out
    assert main(["clean", str(folder), "--import", str(tmp_path / "nowhere.csv")]) == 1
    assert "There is no file" in capsys.readouterr().err
    assert main(["clean", str(folder), "--port", "many"]) == 2
    assert "--port many is no port" in capsys.readouterr().err
