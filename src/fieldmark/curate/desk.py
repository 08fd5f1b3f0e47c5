"""Acts -> rows of the journal, and rows -> what holds now. One desk per folder writes; others may look on."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from fieldmark.artifacts import verdicts
from fieldmark.artifacts.atomic import write_json
from fieldmark.artifacts.catalog import Catalog
from fieldmark.artifacts.verdicts import Acts, Decision, Journal, Row, Verdict, open_journal
from fieldmark.artifacts.workspace import Workspace
from fieldmark.curate.board import Board, Folder
from fieldmark.errors import FieldmarkError, WorkspaceError, explain_os_error

LOCK = ".clean.lock"
HOLDER = ".clean.json"
"""Beside the lock: who holds it, for the sentence that a second one prints."""

Json = dict[str, Any]


class ReadingOnly(FieldmarkError):
    """A decision that cannot be written down, because this desk may only look."""


class Desk:
    """The journal of one folder, open for as long as a `with` block lasts. Several threads may ask at once."""

    def __init__(self, workspace: Workspace, url: str) -> None:
        """Prepare; `url` is told to whoever opens the folder a second time."""
        self._workspace = workspace
        self._url = url
        self._folder = Folder(workspace)
        self._lock = threading.RLock()
        self._held = ExitStack()
        self._catalog: Catalog | None = None
        self._journal = Journal()
        self._acts = Acts()  # those that undo and redo are about: of the catalog that is written to, and of no other
        self._last = 0
        self._decisions: dict[str, Decision] = {}
        self._touched: list[tuple[int, str]] = []  # row number and photo, as far as rows were read
        self.board: Board
        self.reading = ""  # why it may only look; empty while it may write

    def __enter__(self) -> Desk:
        """Open the journal, and the folder. Raises FolderError where there is no photo, WorkspaceError for damage."""
        try:
            self._sit_down()
            self._read_frozen()
            self._read_on()
            self.board = self._folder.look(self._decisions)
        except BaseException:
            self._held.close()
            raise
        return self

    def __exit__(self, *problem: object) -> None:
        """Close the journal and let another desk write."""
        with self._lock:
            self._held.close()

    def look_again(self) -> Json:
        """Return the board as things lie now, and all that holds."""
        with self._lock:
            self._read_on()
            self.board = self._folder.look(self._decisions)
            return {**self.board.to_dict(), **self._news(self._decisions)}

    def changes(self, after: int) -> Json:
        """Return what holds now of every photo that a row after `after` is about."""
        with self._lock:
            if self.reading:
                self._sit_down()  # whoever had the folder open may have ended
            self._read_on()
            return self._since(after)

    def act(self, name: str, decided: Iterable[Verdict], after: int) -> Json:
        """Write one act down, once, and return what changed after `after`.

        Raises:
            ReadingOnly: this desk may only look.
            WorkspaceError: the disk does not take it; nothing of it was written.
        """
        with self._lock:
            verdicts.append(self._writable(), name, decided)
            self._read_on()
            return self._since(after)

    def undo(self, name: str, after: int) -> Json:
        """Take the last act back; `undone` names it, or is None. Raises as `act` does."""
        return self._shift("undone", name, after)

    def redo(self, name: str, after: int) -> Json:
        """Let the act hold again that was undone last; `redone` names it, or is None. Raises as `act` does."""
        return self._shift("redone", name, after)

    def _shift(self, word: str, name: str, after: int) -> Json:
        with self._lock:
            move = verdicts.undo if word == "undone" else verdicts.redo
            act = move(self._writable(), name, known=self._acts)
            self._read_on()
            return {**self._since(after), word: act, "photos": self._journal.photos_of(act) if act else []}

    def _sit_down(self) -> None:
        """Open the journal to write; where that cannot be, to read, and remember why."""
        memory = self._workspace.memory
        lock = FileLock(memory / LOCK)
        try:
            memory.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0)
        except Timeout:
            self.reading = f"{_holder(memory)} has this folder open. Here you can look; decide there, or end it first."
            return
        except OSError as error:
            self.reading = f"Here you can look, but not decide. {_sentence(error)}"
            return
        try:
            catalog = self._held.enter_context(open_journal(self._workspace))
            write_json(memory / HOLDER, {"process": os.getpid(), "url": self._url})
        except (OSError, WorkspaceError) as error:
            lock.release()
            if isinstance(error, WorkspaceError) and "cannot be written" not in str(error):
                raise
            self.reading = f"Here you can look, but not decide. {_sentence(error)}"
            return
        self._held.callback(lock.release)
        self._held.callback((memory / HOLDER).unlink, missing_ok=True)
        self._catalog, self.reading = catalog, ""

    def _writable(self) -> Catalog:
        if self.reading:
            self._sit_down()  # whoever had the folder open may have ended
        if self.reading or self._catalog is None:
            raise ReadingOnly(f"Reading only. {self.reading}")
        return self._catalog

    def _read_frozen(self) -> None:
        """Take what a workspace decided before it could no longer be written to; its rows count apart from ours."""
        frozen = self._workspace.catalog
        if frozen != self._workspace.journal and frozen.is_file():
            with Catalog.open_reading(frozen) as catalog:
                self._journal.take(verdicts.rows(catalog))
            self._decisions = self._journal.decisions()

    def _read_on(self) -> None:
        """Take the rows that were written since, by us, by another tab or by another command."""
        if self._catalog is None:
            if not self._workspace.journal.is_file():
                return
            self._catalog = self._held.enter_context(Catalog.open_reading(self._workspace.journal))
        new = verdicts.rows(self._catalog, after=self._last)
        if not new:
            return
        self._journal.take(new)
        for row in new:
            if row.n > self._acts.last:  # an undo may have read ahead
                self._acts.take(row)
        self._decisions = self._journal.decisions()
        self._last = new[-1].n
        self._touched += [(row.n, photo) for row in new for photo in self._photos_of(row)]

    def _photos_of(self, row: Row) -> list[str]:
        return self._journal.photos_of(row.value) if row.kind in ("undo", "redo") else [row.photo_id]

    def _since(self, after: int) -> Json:
        changed: dict[str, Decision | None] = {}
        for n, photo in reversed(self._touched):
            if n <= after:
                break
            changed[photo] = self._decisions.get(photo)
        return self._news(changed)

    def _news(self, changed: dict[str, Any]) -> Json:
        return {
            "last": self._last,
            "decisions": {photo: decision and _as_list(decision) for photo, decision in changed.items()},
            "can_undo": self._journal.acts.latest("undo") is not None,
            "can_redo": self._journal.acts.latest("redo") is not None,
            "reading": self.reading,
        }


def _as_list(decision: Decision) -> list[Any]:
    crop = str(decision.crop) if decision.crop else ""
    return [decision.state, decision.label, crop, int(decision.once), decision.by, decision.at, decision.why]


def _holder(memory: Path) -> str:
    """Say who holds the lock."""
    try:
        told = json.loads((memory / HOLDER).read_text("utf-8"))
        return f"Another fieldmark clean, at {told['url']} (process {told['process']}),"
    except (OSError, ValueError, KeyError, TypeError):  # it has not written its name down yet, or the disk was full
        return "Another fieldmark clean"


def _sentence(error: OSError | WorkspaceError) -> str:
    return str(error) if isinstance(error, WorkspaceError) else explain_os_error(error).partition(" Nothing")[0]
