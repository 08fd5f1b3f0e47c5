"""The table `verdicts`: a journal of what was decided about photos. Rows are appended, and nothing else.

What one key press decides, of one photo or of a whole group, is one *act*, and is undone as one. An act has a name that
whoever decides makes up, so that a request which is sent twice counts once. What holds now is what the journal says
when it is read from the beginning; see `Journal`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from fieldmark.artifacts.catalog import Catalog, now
from fieldmark.artifacts.workspace import Workspace
from fieldmark.imaging.crop import Crop

KINDS = ("keep", "reject", "label", "crop", "once")
"""What can be decided: it is good; it goes; it is of another class; a part of it counts; of equal files one counts."""


@dataclass(frozen=True)
class Verdict:
    """One row that decides.

    Attributes:
        photo_id: of which photo.
        kind: one of `KINDS`.
        value: the class for "label"; a `Crop` as text, or "" for the whole picture, for "crop"; else why, or "".
    """

    photo_id: str
    kind: str
    value: str = ""


@dataclass(frozen=True)
class Decision:
    """What holds for one photo.

    Attributes:
        state: "keep" or "reject"; None where nobody has said.
        label: the class it was given; None where it stays what its folder says.
        crop: the part that counts; None for the whole picture.
        once: whether of several equal files only the first counts.
        by, at: who said the last of it, and when.
        why: what was noted with it.
    """

    state: str | None = None
    label: str | None = None
    crop: Crop | None = None
    once: bool = False
    by: str = ""
    at: str = ""
    why: str = ""


@dataclass(frozen=True)
class Row:
    """A row of the journal as it stands; `kind` may be "undo" and "redo" too, whose `value` is an act."""

    n: int
    act: str
    at: str
    by: str
    kind: str
    photo_id: str
    value: str


@dataclass
class Acts:
    """Which acts hold, and which were undone: rows in, names out. What they decide is left to `Journal`.

    Attributes:
        last: number of the last row read.
        undone: acts that were undone and can be redone, the next one last.
    """

    last: int = 0
    undone: list[str] = field(default_factory=list)
    _holding: dict[str, int] = field(default_factory=dict)  # act -> its place, in the order in which they were done
    _known: set[str] = field(default_factory=set)
    _next: int = 0

    @property
    def done(self) -> list[str]:
        """Acts that hold, in the order in which they were done."""
        return list(self._holding)

    def place_of(self, act: str) -> int | None:
        """Return a number that is the greater the later an act was done, or done again; None where it does not hold."""
        return self._holding.get(act)

    def latest(self, kind: str) -> str | None:
        """Return which act "undo" or "redo" is about."""
        return next(reversed(self._holding if kind == "undo" else self.undone), None)

    def take(self, row: Row) -> bool:
        """Read one more row; return whether it changed which acts hold."""
        self.last = max(self.last, row.n)
        if row.kind == "undo":
            return self._undo(row.value)
        if row.kind == "redo":
            return self._redo(row.value)
        if row.act in self._known:
            return False
        self._known.add(row.act)
        self._hold(row.act)
        self.undone.clear()  # as everywhere: what was undone cannot be redone once something else is done
        return True

    def _hold(self, act: str) -> None:
        self._holding[act] = self._next
        self._next += 1

    def _undo(self, act: str) -> bool:
        if self._holding.pop(act, None) is None:
            return False
        self.undone.append(act)
        return True

    def _redo(self, act: str) -> bool:
        if act not in self.undone:
            return False
        self.undone.remove(act)
        self._hold(act)
        return True


@dataclass
class Journal:
    """The journal as read so far: rows in, decisions out.

    Attributes:
        acts: which of them hold.
    """

    acts: Acts = field(default_factory=Acts)
    _rows: dict[str, list[Row]] = field(default_factory=dict)  # by act
    _about: dict[str, list[Row]] = field(default_factory=dict)  # by photo
    _held: dict[str, Decision] = field(default_factory=dict)

    @property
    def last(self) -> int:
        """Number of the last row read."""
        return self.acts.last

    def take(self, rows: Iterable[Row]) -> None:
        """Read on."""
        for row in rows:
            changed = self.acts.take(row)
            if row.kind not in ("undo", "redo"):
                self._append(row)
            elif changed and row.kind == "undo":
                self._hold_anew(self.photos_of(row.value))
            elif changed:
                for again in self._rows[row.value]:
                    self._hold(again)

    def _append(self, row: Row) -> None:
        self._rows.setdefault(row.act, []).append(row)
        self._about.setdefault(row.photo_id, []).append(row)
        if self.acts.latest("undo") == row.act:
            self._hold(row)
        else:
            self._hold_anew([row.photo_id])

    def _hold(self, row: Row) -> None:
        self._held[row.photo_id] = _after(self._held.get(row.photo_id, Decision()), row)

    def _hold_anew(self, photos: Iterable[str]) -> None:
        """Read again what is said of some photos: a decision does not know what held before it."""
        for photo in photos:
            self._held.pop(photo, None)
            placed = [(self.acts.place_of(row.act), row) for row in self._about[photo]]
            holding = [(place, row) for place, row in placed if place is not None]
            for _, row in sorted(holding, key=lambda pair: (pair[0], pair[1].n)):
                self._hold(row)

    def photos_of(self, act: str) -> list[str]:
        """Return the photos that an act decides about."""
        return list(dict.fromkeys(row.photo_id for row in self._rows.get(act, ())))

    def decisions(self) -> dict[str, Decision]:
        """Return what holds, by photo; photos about which nothing holds are not in it."""
        return dict(self._held)


def effect_hash(decisions: Mapping[str, Decision]) -> str:
    """Return a hex digest of what verdicts change about the photos that are read; that one is kept changes nothing."""
    told = [
        f"{id_} {'reject' if held.state == 'reject' else [held.label, str(held.crop or ''), held.once]}"
        for id_, held in sorted(decisions.items())
        if held.state == "reject" or held.label or held.crop or held.once
    ]
    return hashlib.sha256("\n".join(told).encode("utf-8", "surrogateescape")).hexdigest()


def _after(before: Decision, row: Row) -> Decision:
    """What holds for a photo once one more row is read."""
    if row.kind == "crop":
        return replace(before, by=row.by, at=row.at, crop=Crop.parse(row.value) if row.value else None)
    if row.kind == "once":
        return replace(before, by=row.by, at=row.at, once=True, why=row.value)
    if row.kind == "label":
        return replace(before, by=row.by, at=row.at, state="keep", label=row.value, why="")
    return replace(before, by=row.by, at=row.at, state=row.kind, why=row.value)


def append(catalog: Catalog, act: str, verdicts: Iterable[Verdict], by: str = "person") -> bool:
    """Write down one act; return False, and write nothing, when an act of that name is there already."""
    with catalog.writing():
        if catalog.row("SELECT 1 FROM verdicts WHERE act = ? LIMIT 1", (act,)):
            return False
        _insert(catalog, act, by, [(verdict.kind, verdict.photo_id, verdict.value) for verdict in verdicts])
    return True


def undo(catalog: Catalog, act: str, by: str = "person", known: Acts | None = None) -> str | None:
    """Take the last act back that holds, as an act named `act`; return which it was, None when there is none.

    Args:
        catalog: whose journal it is.
        act: a name for this.
        by: who does it.
        known: the acts of this journal as far as they were read before; it reads on. Without it all are read.
    """
    return _take_back(catalog, act, by, "undo", known)


def redo(catalog: Catalog, act: str, by: str = "person", known: Acts | None = None) -> str | None:
    """Let the act hold again that was undone last; return which it was, None when there is none. As for `undo`."""
    return _take_back(catalog, act, by, "redo", known)


def _take_back(catalog: Catalog, act: str, by: str, kind: str, known: Acts | None) -> str | None:
    with catalog.writing():
        before = catalog.row("SELECT value FROM verdicts WHERE act = ? AND kind = ?", (act, kind))
        if before:
            return str(before["value"])
        acts = Acts() if known is None else known
        for row in rows(catalog, after=acts.last):
            acts.take(row)
        latest = acts.latest(kind)
        if latest is not None:
            _insert(catalog, act, by, [(kind, "", latest)])
        return latest


def _insert(catalog: Catalog, act: str, by: str, rows: list[tuple[str, str, str]]) -> None:
    at = now()
    catalog.run_many(
        "INSERT INTO verdicts (act, at, by, kind, photo_id, value) VALUES (?, ?, ?, ?, ?, ?)",
        [(act, at, by, *row) for row in rows],
    )


def rows(catalog: Catalog, after: int = 0) -> list[Row]:
    """Return the rows of the journal from one on, in the order in which they were written."""
    found = catalog.rows("SELECT n, act, at, by, kind, photo_id, value FROM verdicts WHERE n > ? ORDER BY n", (after,))
    return [Row(*row) for row in found]


@contextmanager
def open_journal(workspace: Workspace) -> Iterator[Catalog]:
    """Open the catalog that takes the findings and verdicts of a folder, making it where there is none.

    What is fetched can be fetched again, but nobody decides the same photos twice: what is written is on the disk.

    Raises:
        WorkspaceError: it cannot be written to.
    """
    workspace.journal.parent.mkdir(parents=True, exist_ok=True)
    with Catalog.open(workspace.journal, through_power_failure=True) as catalog:
        yield catalog


def read_journal(workspace: Workspace) -> Journal:
    """Read the journal of a folder; one that nobody has decided about is empty.

    A workspace that can no longer be written to keeps what it holds, and what is decided since is kept elsewhere.
    """
    journal = Journal()
    for path in dict.fromkeys([workspace.catalog, workspace.journal]):
        if path.is_file():
            with Catalog.open_reading(path) as catalog:
                journal.take(rows(catalog))
    return journal
