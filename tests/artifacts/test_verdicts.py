import sqlite3

import pytest

from fieldmark.artifacts import verdicts
from fieldmark.artifacts.verdicts import Journal, Verdict, open_journal, read_journal
from fieldmark.artifacts.workspace import Workspace


@pytest.fixture
def workspace(flat_folder):
    return Workspace.open(flat_folder)


@pytest.fixture
def catalog(workspace):
    with open_journal(workspace) as catalog:
        yield catalog


def held(workspace):
    return {id_: (d.state, d.label, str(d.crop or "")) for id_, d in read_journal(workspace).decisions().items()}


def test_a_folder_that_nobody_decided_about_has_an_empty_journal_and_gets_no_file(workspace):
    assert read_journal(workspace) == Journal()
    assert not workspace.memory.exists()


def test_the_last_word_on_a_photo_holds(workspace, catalog):
    verdicts.append(catalog, "1", [Verdict("a", "reject"), Verdict("b", "keep")])
    verdicts.append(catalog, "2", [Verdict("a", "label", "king")])
    verdicts.append(catalog, "3", [Verdict("b", "crop", "0,0,0.5,1")])
    assert held(workspace) == {"a": ("keep", "king", ""), "b": ("keep", None, "0,0,0.5,1")}


def test_a_rejected_photo_keeps_its_class_and_crop_for_the_day_it_comes_back(workspace, catalog):
    for act, verdict in enumerate([("label", "king"), ("crop", "0,0,0.5,1"), ("reject", ""), ("keep", "")]):
        verdicts.append(catalog, str(act), [Verdict("a", *verdict)])
    assert held(workspace) == {"a": ("keep", "king", "0,0,0.5,1")}


def test_a_crop_can_be_taken_away(workspace, catalog):
    verdicts.append(catalog, "1", [Verdict("a", "crop", "0,0,0.5,1")])
    verdicts.append(catalog, "2", [Verdict("a", "crop", "")])
    assert read_journal(workspace).decisions()["a"].crop is None


def test_an_act_is_undone_and_redone_as_a_whole(workspace, catalog):
    verdicts.append(catalog, "1", [Verdict("a", "keep")])
    verdicts.append(catalog, "2", [Verdict("a", "reject"), Verdict("b", "reject")])
    assert verdicts.undo(catalog, "u1") == "2"
    assert held(workspace) == {"a": ("keep", None, "")}
    assert verdicts.undo(catalog, "u2") == "1"
    assert held(workspace) == {}
    assert verdicts.undo(catalog, "u3") is None
    assert verdicts.redo(catalog, "r1") == "1"
    assert verdicts.redo(catalog, "r2") == "2"
    assert held(workspace) == {"a": ("reject", None, ""), "b": ("reject", None, "")}
    assert verdicts.redo(catalog, "r3") is None


def test_what_was_undone_cannot_be_redone_once_something_else_is_decided(workspace, catalog):
    verdicts.append(catalog, "1", [Verdict("a", "keep")])
    verdicts.undo(catalog, "u1")
    verdicts.append(catalog, "2", [Verdict("a", "reject")])
    assert verdicts.redo(catalog, "r1") is None
    assert held(workspace) == {"a": ("reject", None, "")}


def test_a_request_that_comes_twice_counts_once(workspace, catalog):
    assert verdicts.append(catalog, "1", [Verdict("a", "keep")])
    assert not verdicts.append(catalog, "1", [Verdict("a", "reject")])
    verdicts.append(catalog, "2", [Verdict("b", "keep")])
    assert verdicts.undo(catalog, "u1") == verdicts.undo(catalog, "u1") == "2"
    assert held(workspace) == {"a": ("keep", None, "")}


def test_reading_on_gives_what_reading_from_the_beginning_gives(catalog):
    growing = Journal()
    for n in range(30):
        if n % 7 == 3:
            verdicts.undo(catalog, f"u{n}")
        elif n % 7 == 5:
            verdicts.redo(catalog, f"r{n}")
        else:
            verdicts.append(catalog, str(n), [Verdict("ab"[n % 2], "label", f"class {n}"), Verdict("c", "keep")])
        growing.take(verdicts.rows(catalog, after=growing.last))
        whole = Journal()
        whole.take(verdicts.rows(catalog))
        assert growing == whole
        holding = Journal()  # that never heard of what was undone
        holding.take(row for act in growing.acts.done for row in verdicts.rows(catalog) if row.act == act)
        assert growing.decisions() == holding.decisions()


def test_an_answer_is_on_the_disk_before_it_is_given(catalog):
    assert catalog.row("PRAGMA synchronous")[0] == 2  # FULL: a power failure loses no verdict
    assert catalog.row("PRAGMA journal_mode")[0] == "wal"


def test_what_was_undone_leaves_what_others_said_before_and_after(workspace, catalog):
    verdicts.append(catalog, "1", [Verdict("a", "label", "king"), Verdict("b", "keep")])
    verdicts.append(catalog, "2", [Verdict("a", "crop", "0,0,0.5,1"), Verdict("c", "reject")])
    journal = Journal()
    journal.take(verdicts.rows(catalog))
    before = journal.decisions()
    verdicts.undo(catalog, "u1")
    journal.take(verdicts.rows(catalog, after=journal.last))
    assert {id_: (d.label, d.crop) for id_, d in journal.decisions().items()} == {
        "a": ("king", None),
        "b": (None, None),
    }
    assert str(before["a"].crop) == "0,0,0.5,1" and "c" in before  # what was given out stays as it was


def test_no_row_of_the_journal_is_ever_lost(catalog):
    verdicts.append(catalog, "1", [Verdict("a", "keep")], by="auto")
    verdicts.undo(catalog, "u1")
    assert [(row.by, row.kind, row.photo_id, row.value) for row in verdicts.rows(catalog)] == [
        ("auto", "keep", "a", ""),
        ("person", "undo", "", "1"),
    ]


def test_a_kind_that_does_not_exist_is_not_taken_and_nothing_of_its_act_is(catalog):
    with pytest.raises(sqlite3.IntegrityError):
        verdicts.append(catalog, "1", [Verdict("a", "keep"), Verdict("b", "sell")])
    assert verdicts.rows(catalog) == []


def test_a_decision_says_who_took_it(workspace, catalog):
    verdicts.append(catalog, "1", [Verdict("a", "reject", "a copy of b")], by="auto")
    decision = read_journal(workspace).decisions()["a"]
    assert (decision.by, decision.why, decision.state) == ("auto", "a copy of b", "reject")


def test_an_undo_reads_and_folds_a_few_rows_however_long_the_journal_is(workspace, catalog, monkeypatch):
    acts, journal = verdicts.Acts(), Journal()
    for n in range(300):
        verdicts.append(catalog, f"act {n}", [Verdict(f"photo {n % 100}", "keep")])
    verdicts.undo(catalog, "u1", known=acts)
    journal.take(verdicts.rows(catalog))

    read, folded = [], []
    rows_as_ever, after_as_ever = verdicts.rows, verdicts._after

    def rows(catalog, after=0):
        found = rows_as_ever(catalog, after)
        read.extend(found)
        return found

    monkeypatch.setattr(verdicts, "rows", rows)
    monkeypatch.setattr(verdicts, "_after", lambda before, row: folded.append(row) or after_as_ever(before, row))
    assert verdicts.undo(catalog, "u2", known=acts) == "act 298"
    assert verdicts.redo(catalog, "r1", known=acts) == "act 298"
    assert [(row.act, row.kind) for row in read] == [("u1", "undo"), ("u2", "undo")]

    journal.take(rows_as_ever(catalog, after=journal.last))
    assert 0 < len(folded) <= 4  # three rows are about this photo
    assert journal.decisions() == read_journal(workspace).decisions()


def test_acts_known_beforehand_hear_of_what_others_did_since(catalog):
    acts = verdicts.Acts()
    verdicts.append(catalog, "1", [Verdict("a", "keep")])
    assert verdicts.undo(catalog, "u1", known=acts) == "1"
    verdicts.append(catalog, "2", [Verdict("b", "keep")], by="auto")
    assert verdicts.redo(catalog, "r1", known=acts) is None
    assert verdicts.undo(catalog, "u2", known=acts) == "2"
    assert verdicts.undo(catalog, "u2", known=acts) == "2"  # sent twice
    assert verdicts.undo(catalog, "u3", known=acts) is None
