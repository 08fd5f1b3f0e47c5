"""The desk reads on; it never begins again."""

import pytest

from curate.desks import ids_of, paint
from fieldmark.artifacts import verdicts
from fieldmark.artifacts.verdicts import Verdict
from fieldmark.artifacts.workspace import Workspace
from fieldmark.curate.desk import Desk


@pytest.fixture
def root(tmp_path):
    return paint(tmp_path / "snakes", each=6)


def test_undo_and_redo_read_the_rows_that_are_new_and_no_other(root, monkeypatch):
    ids = list(ids_of(root).values())
    with Desk(Workspace.open(root), "http://x") as desk:
        for n in range(40):
            desk.act(f"act-{n}", [Verdict(ids[n % 12], "reject" if n % 2 else "keep")], 0)
        read = []
        rows_as_ever = verdicts.rows

        def rows(catalog, after=0):
            found = rows_as_ever(catalog, after)
            read.extend(found)
            return found

        monkeypatch.setattr(verdicts, "rows", rows)
        told = [
            *(desk.undo("undo-1", 40)["undone"], desk.undo("undo-2", 41)["undone"]),
            *(desk.redo("redo-1", 42)["redone"], desk.redo("redo-2", 43)["redone"]),
        ]
        held = desk.look_again()["decisions"]

    assert told == ["act-39", "act-38", "act-38", "act-39"]
    assert {row.act for row in read} == {"undo-1", "undo-2", "redo-1", "redo-2"}
    assert held[ids[39 % 12]][0] == "reject" and held[ids[38 % 12]][0] == "keep"


def test_who_looks_on_may_decide_once_the_other_has_ended(root):
    photo = next(iter(ids_of(root).values()))
    with Desk(Workspace.open(root), "http://first") as first:
        looking = Desk(Workspace.open(root), "http://second")
        looking.__enter__()
        assert "http://first" in looking.changes(0)["reading"]
        first.act("act-1", [Verdict(photo, "keep")], 0)
    try:
        told = looking.changes(0)
        assert told["reading"] == "" and told["can_undo"] and told["decisions"][photo][0] == "keep"
        assert looking.undo("undo-1", 0)["undone"] == "act-1"
    finally:
        looking.__exit__()
