import json
import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fieldmark.artifacts import contents, searches, verdicts
from fieldmark.artifacts.catalog import NAME, Catalog
from fieldmark.artifacts.migrations import MIGRATIONS
from fieldmark.artifacts.photos import list_folder
from fieldmark.artifacts.runs import FILES
from fieldmark.artifacts.searches import Standing
from fieldmark.artifacts.verdicts import Verdict, effect_hash, open_journal
from fieldmark.artifacts.workspace import Workspace
from fieldmark.cli import main
from fieldmark.errors import FolderError, WorkspaceError
from fieldmark.pipeline.status import status
from fieldmark.pipeline.status_text import lines
from fieldmark.pipeline.steps import STEPS
from support import kept


@pytest.fixture
def workspace(tmp_path):
    root = kept.made(tmp_path / "snakes")
    for number in range(6):
        label = "coral" if number < 4 else "king"
        kept.keep(root, number, f"https://x.org/{number}.jpg", label=label, licence="cc-by")
    return root


def stand(root, provider, outcome, reason=""):
    with Catalog.open(root / NAME) as catalog:
        searches.write(catalog, Standing("coral", "coral snake", provider, outcome=outcome, reason=reason))


def train(root: Path, photos: Path, days: float = 0, name: str = "first", **settings) -> Path:
    """Leave a run as `train` does, as far as status reads it."""
    run = root / "runs" / name
    run.mkdir(parents=True)
    for file in FILES:
        (run / file).touch()
    listing = list_folder(photos)
    facts = {
        "created": (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="seconds"),
        "files": {"counts": listing.counts(), "hash": listing.hash()},
    }
    (run / "settings.json").write_text(json.dumps({**facts, **settings}))
    (run / "metrics.json").write_text(json.dumps({"error_rate": 0.25, "n_valid": 4}))
    return run


def test_it_says_what_is_there(workspace):
    kept.keep(workspace, 0, "https://mirror.org/0.jpg", provider="flickr", rank=5, licence="cc-by")
    kept.name(workspace, "https://x.org/gone.jpg", "http_error")

    told = status(workspace).to_dict()

    assert told["kind"] == "workspace" and told["photos"] == 6
    assert {name: held["photos"] for name, held in told["classes"].items()} == {"coral": 4, "king": 2}
    assert told["bytes"] == sum(path.stat().st_size for path in workspace.rglob("*.jpg"))
    assert told["candidates"] == {"ok": 6, "duplicate": 1, "http_error": 1}
    assert told["licences"] == {"cc-by": 6} and told["missing"] == [] and told["strangers"] == 0


def test_searches_that_did_not_end_well_are_named_with_their_reason(workspace):
    stand(workspace, "openverse", "ok")
    stand(workspace, "commons", "nothing found")
    stand(workspace, "bing", "blocked", "it asks for a captcha")
    stand(workspace, "flickr", "")

    found = status(workspace)

    assert {(s.provider, s.outcome) for s in found.records.searches} == {("bing", "blocked"), ("flickr", "")}
    assert "search blocked: bing, 'coral snake' for coral: it asks for a captcha" in lines(found)
    assert found.states()["harvest"] == "stale"


def test_what_strangers_wrote_does_not_steer_the_terminal(workspace):
    stand(workspace, "bing", "blocked", "go away\x1b[2J\n\u202enow")

    assert all(line.isprintable() for line in lines(status(workspace)))


def test_photos_that_went_away_and_files_that_came_are_told(workspace):
    gone = next((workspace / "photos" / "king").iterdir())
    gone.unlink()
    (workspace / "photos" / "king" / "mine.jpg").touch()

    found = status(workspace)

    assert found.records.missing == (f"king/{gone.name}",) and found.records.strangers == 1
    assert any("missing: 1 photo of the catalog" in line for line in lines(found))


def test_conflicts_and_groups_across_classes_are_told(workspace):
    kept.keep(workspace, 0, "https://y.org/0.jpg", label="king")
    with Catalog.open(workspace / NAME) as catalog:
        ids = {label: [p.id for p in contents.photos(catalog, label)] for label in ("coral", "king")}
        contents.write_groups(catalog, [(ids["coral"][0], [ids["coral"][0], ids["king"][0]])])

    found = status(workspace)

    assert found.records.candidates["conflict"] == 2
    assert [group.labels for group in found.records.across] == [("coral", "king")]
    assert any("across classes coral and king" in line for line in lines(found))


def test_a_run_of_the_photos_that_are_there_is_fresh(workspace):
    run = train(workspace, workspace / "photos", days=3)

    found = status(workspace)

    assert found.runs[0].stale is False and found.runs[0].error_rate == 0.25
    assert any(f"run {run.name}: error rate 25.0% of 4, 3 days ago" == line for line in lines(found))
    assert found.next == [f"fieldmark export {run} -o model.onnx"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda photos: next((photos / "coral").iterdir()).unlink(), "coral 4 -> 3"),
        (lambda photos: shutil.copytree(photos / "king", photos / "milk"), "milk 0 -> 2"),
        (lambda photos: shutil.rmtree(photos / "king"), "king 2 -> 0"),
        (
            lambda photos: next((photos / "coral").iterdir()).rename(photos / "coral" / "renamed.jpg"),
            "as many photos as then, but others",
        ),
    ],
    ids=["one taken away", "a class added", "a class taken away", "one renamed"],
)
def test_a_run_of_other_photos_is_stale_and_says_why(workspace, change, told):
    train(workspace, workspace / "photos")
    change(workspace / "photos")

    found = status(workspace)

    assert found.runs[0].stale and told in found.runs[0].changes


def test_a_stale_run_is_trained_again(workspace):
    train(workspace, workspace / "photos")
    kept.keep(workspace, 50, "https://x.org/50.jpg")

    found = status(workspace)

    assert found.states()["train"] == "stale" and found.next == [f"fieldmark train {workspace}"]


def test_the_newest_run_decides(workspace):
    old = train(workspace, workspace / "photos", days=9, name="z-old")
    kept.keep(workspace, 50, "https://x.org/50.jpg")
    new = train(workspace, workspace / "photos", days=1, name="a-new")

    found = status(workspace)

    assert [run.path for run in found.runs] == [str(old), str(new)]
    assert [run.stale for run in found.runs] == [True, False] and found.states()["train"] == "done"


@pytest.mark.parametrize("files", [None, [], {}, {"counts": 3}])
def test_a_run_that_does_not_say_what_it_learned_from_is_not_called_stale(workspace, files):
    train(workspace, workspace / "photos", files=files)

    assert status(workspace).runs[0].stale is None


@pytest.mark.parametrize("text", ["", "[]", "{", '{"schema": 99}'])
def test_a_damaged_run_is_listed_all_the_same(workspace, text):
    run = train(workspace, workspace / "photos")
    (run / "settings.json").write_text(text)

    found = status(workspace)

    assert found.runs[0].error_rate is None and str(run) in found.runs[0].changes


def test_an_unfinished_run_is_no_run(workspace):
    run = train(workspace, workspace / "photos")
    (run / "model.safetensors").unlink()

    assert status(workspace).runs == ()


def test_training_records_the_photos_it_found(tiny_run, tiny_folder):
    listing = list_folder(tiny_folder)

    assert tiny_run.settings()["files"] == {
        "counts": {"blue": 14, "red": 14},
        "hash": listing.hash(),
        "verdicts": effect_hash({}),
    }


def test_verdicts_since_a_run_make_it_stale_and_keeping_a_photo_does_not(workspace):
    train(workspace, workspace / "photos")
    ids = sorted(path.stem for path in (workspace / "photos").rglob("*.jpg"))

    def decide(act, *verdicts_given):
        with open_journal(Workspace.open(workspace)) as catalog:
            verdicts.append(catalog, act, [Verdict(*verdict) for verdict in verdicts_given])

    decide("1", (ids[0], "keep"))
    assert not status(workspace).runs[0].stale
    decide("2", (ids[1], "reject"), (ids[2], "label", "king"), (ids[3], "crop", "0,0,1,0.5"))
    found = status(workspace)
    assert found.runs[0].changes == "other verdicts hold"
    assert found.to_dict()["verdicts"] == {"kept": 1, "rejected": 1, "relabelled": 1, "cropped": 1}
    assert "verdicts: 1 kept, 1 rejected, 1 relabelled, 1 cropped" in lines(found)


def test_what_to_run_next_follows_the_steps(tmp_path):
    root = kept.made(tmp_path / "my snakes")
    assert status(root).next == [f"fieldmark harvest QUERIES.csv -o '{root}'"]

    (root / "queries.csv").write_text("searchterm\ncoral\n")
    assert status(root).next == [f"fieldmark harvest '{root}'"]

    kept.keep(root, 1, "https://x.org/1.jpg")
    assert status(root).states() == {"harvest": "done", "train": "waits", "evaluate": "waits", "export": "waits"}
    kept.keep(root, 2, "https://x.org/2.jpg", label="king")
    assert status(root).next == [f"fieldmark train '{root}'"]

    kept.name(root, "https://x.org/3.jpg")
    assert status(root).next == [f"fieldmark harvest '{root}'", f"fieldmark train '{root}'"]


def test_every_command_that_is_proposed_exists():
    from fieldmark.cli import build_parser

    commands = next(action for action in build_parser()._actions if action.dest == "command").choices
    assert {step.name for step in STEPS} <= set(commands)


def test_a_plain_folder_has_photos_and_runs_alone(flat_folder):
    train(flat_folder / ".fieldmark", flat_folder)

    told = status(flat_folder).to_dict()

    assert told["kind"] == "plain folder" and told["photos"] == 24 and "candidates" not in told
    assert told["runs"][0]["stale"] is False and told["steps"]["train"]["state"] == "done"


def test_an_empty_folder_says_to_harvest(tmp_path, capsys):
    assert main(["status", str(tmp_path)]) == 0

    told = capsys.readouterr().out
    assert "empty folder" in told and f"next: fieldmark harvest QUERIES.csv -o {tmp_path}" in told
    assert list(tmp_path.iterdir()) == []


def test_json_is_one_document(workspace, capsys):
    assert main(["status", str(workspace), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)

    assert told["photos"] == 6 and told["next"] == [f"fieldmark train {workspace}"]


def test_the_folder_one_is_in_is_meant_when_none_is_named(workspace, monkeypatch, capsys):
    monkeypatch.chdir(workspace)

    assert main(["status"]) == 0
    assert "next: fieldmark train ." in capsys.readouterr().out


def test_looking_leaves_everything_as_it_was(workspace):
    before = sorted((str(path), path.stat().st_size) for path in workspace.rglob("*"))

    status(workspace)

    assert sorted((str(path), path.stat().st_size) for path in workspace.rglob("*")) == before


def test_a_workspace_that_cannot_be_written_to_is_read(workspace, monkeypatch):
    before = sorted(path.name for path in workspace.iterdir())
    monkeypatch.setattr(os, "access", lambda path, mode: False)

    assert status(workspace).records.candidates == {"ok": 6}
    assert sorted(path.name for path in workspace.iterdir()) == before
    with Catalog.open_reading(workspace / NAME) as catalog, pytest.raises(WorkspaceError, match="cannot be written"):
        catalog.run("DELETE FROM candidates")


def test_what_another_command_has_written_is_seen_in_a_folder_that_cannot_be_written_to(workspace, monkeypatch):
    with Catalog.open(workspace / NAME) as other:
        other.run("UPDATE candidates SET status = 'pending' WHERE label = 'king'")
        monkeypatch.setattr(os, "access", lambda path, mode: False)

        assert status(workspace).records.candidates == {"pending": 2, "ok": 4}


def test_a_catalog_of_a_newer_fieldmark_says_so(workspace, monkeypatch):
    with Catalog.open(workspace / NAME) as catalog:
        catalog.run(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")

    for writable in (True, False):
        monkeypatch.setattr(os, "access", lambda path, mode, answer=writable: answer)
        with pytest.raises(WorkspaceError, match="newer Fieldmark"):
            status(workspace)


def test_a_damaged_catalog_says_so(workspace, capsys):
    (workspace / NAME).write_bytes(b"no database at all" * 500)

    assert main(["status", str(workspace)]) == 1
    assert "damaged or no catalog" in capsys.readouterr().err


def test_a_folder_that_is_not_there_says_so(tmp_path):
    with pytest.raises(FolderError, match="There is no folder"):
        status(tmp_path / "nowhere")
