"""`catalog.db`: the SQLite file in which a workspace keeps every picture it ever heard of, and what became of it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

from fieldmark.artifacts.migrations import migrate
from fieldmark.errors import WorkspaceError

NAME = "catalog.db"

PATIENCE = 30.0
"""Seconds that a command waits for another one to finish writing, before it says that the catalog is busy."""


class Catalog:
    """An open catalog. Use it as `with Catalog.open(path) as catalog`; statements outside `writing` commit at once."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection

    @classmethod
    def open(cls, path: Path, through_power_failure: bool = False) -> Catalog:
        """Open a catalog, making it where there is none, and bring it to this version.

        Args:
            path: the file.
            through_power_failure: wait at each commit until the disk has it. Without, a killed process loses nothing
                either, but after a power failure the last seconds may have to be redone.

        Raises:
            WorkspaceError: it is damaged, of a newer Fieldmark, another program's, or cannot be written to.
        """
        with _explained(path):
            # One thread at a time uses it, but not always the one that opened it.
            connection = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
            connection.row_factory = sqlite3.Row
            try:
                migrate(connection, path)  # first, so that another program's database is left as it is
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute(f"PRAGMA synchronous = {'FULL' if through_power_failure else 'NORMAL'}")
                connection.execute("PRAGMA foreign_keys = ON")
            except BaseException:
                connection.close()
                raise
        return cls(path, connection)

    @classmethod
    def open_reading(cls, path: Path) -> Catalog:
        """Open a catalog to read it; one on a disk or in a folder that cannot be written to as well.

        Raises:
            WorkspaceError: it is damaged, another program's, of a newer Fieldmark, or of an older one and read-only.
        """
        if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
            return cls.open(path)
        # Without `immutable`, SQLite wants to write a file beside a catalog that no other command has open.
        alone = not all(path.with_name(path.name + suffix).exists() for suffix in ("-wal", "-shm"))
        uri = f"file:{quote(path.absolute().as_posix())}?mode=ro" + "&immutable=1" * alone
        with _explained(path):
            connection = sqlite3.connect(uri, uri=True, timeout=PATIENCE, isolation_level=None)
            connection.row_factory = sqlite3.Row
            try:
                migrate(connection, path)
            except BaseException:
                connection.close()
                raise
        return cls(path, connection)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Make everything inside one transaction: all of it is kept, or nothing."""
        with _explained(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            with self._connection:
                yield

    def run(self, statement: str, values: Sequence[Any] = ()) -> int:
        """Run a statement that changes something; return how many rows it changed."""
        with _explained(self.path):
            return self._connection.execute(statement, values).rowcount

    def run_many(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run a statement once for each row of values."""
        with _explained(self.path):
            self._connection.executemany(statement, rows)

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """Return the rows of a SELECT."""
        with _explained(self.path):
            return self._connection.execute(statement, values).fetchall()

    def row(self, statement: str, values: Sequence[Any] = ()) -> sqlite3.Row | None:
        """Return the first row of a SELECT, or None."""
        with _explained(self.path):
            row: sqlite3.Row | None = self._connection.execute(statement, values).fetchone()
            return row

    def close(self) -> None:
        """Close the file; what SQLite kept beside it goes away."""
        self._connection.close()

    def __enter__(self) -> Catalog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def now() -> str:
    """Return the time as the catalog writes it: ISO 8601, UTC, whole seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn what SQLite says of a file into a sentence for its owner."""
    try:
        yield
    except sqlite3.IntegrityError:
        raise  # a fault of ours: no file and no person can cause it
    except (sqlite3.OperationalError, sqlite3.DatabaseError) as error:
        raise WorkspaceError(_why(path, error)) from error


def _why(path: Path, error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", None)
    primary = code & 0xFF if code is not None else None
    if primary == sqlite3.SQLITE_FULL:
        return f"The disk is full: {path}. Make room and run the same command again; nothing is lost."
    if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return f"{path} cannot be written to. Give another folder with -o, or make this one writable."
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return f"{path} is in use by another command. Wait until it has ended and try again."
    if primary in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return f"{path} is damaged or no catalog of ours. Move it away; the photos beside it stay as they are."
    if primary == sqlite3.SQLITE_IOERR:
        return f"{path} could not be read or written ({error}). The disk may be full or failing."
    raise error
