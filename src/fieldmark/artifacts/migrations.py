"""A catalog as some Fieldmark wrote it -> a catalog as this one reads it. A migration is named, and never edited."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from fieldmark.errors import WorkspaceError

APPLICATION = 0x464D_524B  # "FMRK": how SQLite's `PRAGMA application_id` tells our file from another program's


def m001_harvest(connection: sqlite3.Connection) -> None:
    """Candidates and where their search stands, what was fetched, near-duplicates, who is to be forgotten, splits."""
    statements = """
    CREATE TABLE searches (                   -- one query at one provider
        label TEXT NOT NULL,                  -- the class it feeds
        query TEXT NOT NULL,                  -- as typed
        provider TEXT NOT NULL,
        outcome TEXT NOT NULL DEFAULT '',     -- ok, nothing found, blocked, ...; empty: not finished
        reason TEXT NOT NULL DEFAULT '',      -- a sentence, where there is something to say
        next TEXT,                            -- what to ask next, as JSON; NULL: nothing, it is exhausted
        rank INTEGER NOT NULL DEFAULT 0,      -- results on the pages before `next`
        licences TEXT NOT NULL DEFAULT '',    -- those it was asked for, between commas; empty: any
        PRIMARY KEY (label, query, provider)
    ) WITHOUT ROWID;

    CREATE TABLE candidates (                 -- one picture that one search named; the key is what it is, not when
        label TEXT NOT NULL,
        query TEXT NOT NULL,
        provider TEXT NOT NULL,
        url TEXT NOT NULL,
        rank INTEGER NOT NULL,                -- 1 is the provider's best
        provider_id TEXT NOT NULL DEFAULT '',
        page TEXT NOT NULL DEFAULT '',
        title TEXT NOT NULL DEFAULT '',
        author TEXT NOT NULL DEFAULT '',
        licence TEXT NOT NULL DEFAULT 'unknown',
        licence_version TEXT NOT NULL DEFAULT '',
        licence_url TEXT NOT NULL DEFAULT '',
        attribution TEXT NOT NULL DEFAULT '',
        status TEXT NOT NULL CHECK (status IN (
            'pending', 'ok', 'duplicate', 'conflict', 'negative', 'licence', 'robots', 'opted_out', 'refused_address',
            'http_error', 'timeout', 'too_many_bytes', 'too_many_pixels', 'not_an_image', 'too_small', 'bad_shape',
            'forgotten', 'gave_up')),
        reason TEXT NOT NULL DEFAULT '',
        photo_id TEXT REFERENCES contents (id),
        seen_at TEXT NOT NULL,                -- ISO 8601, UTC
        done_at TEXT,
        PRIMARY KEY (label, query, provider, url)
    ) WITHOUT ROWID;
    CREATE INDEX candidates_by_status ON candidates (status);
    CREATE INDEX candidates_by_url ON candidates (url);
    CREATE INDEX candidates_by_photo ON candidates (photo_id);

    CREATE TABLE contents (                   -- bytes that were fetched and are a photo
        id TEXT PRIMARY KEY,                  -- the first 16 hex digits of sha256
        sha256 TEXT NOT NULL,                 -- of the bytes as they came
        phash TEXT NOT NULL,                  -- 64-bit perceptual hash, 16 hex digits
        detail BLOB NOT NULL,                 -- a finer descriptor; see imaging.hashing
        width INTEGER NOT NULL,               -- upright, as it came
        height INTEGER NOT NULL,
        n_bytes INTEGER NOT NULL              -- as it came
    ) WITHOUT ROWID;

    CREATE TABLE near_duplicates (            -- photos that look alike; alone ones are not in here
        photo_id TEXT PRIMARY KEY,
        group_id TEXT NOT NULL,               -- the id of the best copy
        best INTEGER NOT NULL                 -- 1 for that copy
    ) WITHOUT ROWID;

    CREATE TABLE forgotten (                  -- what owners asked us to remove, and not to take again
        kind TEXT NOT NULL CHECK (kind IN ('url', 'host', 'author', 'photo')),
        value TEXT NOT NULL,                  -- folded as `forgetting` folds it; an id for a photo
        at TEXT NOT NULL,
        PRIMARY KEY (kind, value)
    ) WITHOUT ROWID;

    CREATE TABLE splits (
        seed INTEGER NOT NULL,
        share REAL NOT NULL,                  -- of the validation side
        photo_id TEXT NOT NULL,
        side TEXT NOT NULL CHECK (side IN ('train', 'valid')),
        PRIMARY KEY (seed, share, photo_id)
    ) WITHOUT ROWID;

    CREATE VIEW photos AS                     -- what lies in photos/<label>/<id>.jpg, and where it came from
    SELECT contents.id, candidates.label, contents.sha256, contents.phash, contents.width, contents.height,
           contents.n_bytes, candidates.provider, candidates.query, candidates.rank, candidates.url AS source,
           candidates.page, candidates.title, candidates.author, candidates.licence, candidates.licence_version,
           candidates.licence_url, candidates.attribution, near_duplicates.group_id, near_duplicates.best
    FROM candidates
    JOIN contents ON contents.id = candidates.photo_id
    LEFT JOIN near_duplicates ON near_duplicates.photo_id = contents.id
    WHERE candidates.status = 'ok';
    """
    _run(connection, statements)


def m002_verdicts(connection: sqlite3.Connection) -> None:
    """What `check` found, and what was decided about photos."""
    _run(
        connection,
        """
    CREATE TABLE findings (                   -- of the last `check`
        kind TEXT NOT NULL,
        place INTEGER NOT NULL,               -- 1 is the most doubtful of its kind
        photo TEXT NOT NULL,                  -- path below the photos, with forward slashes
        photo_id TEXT NOT NULL,
        score REAL NOT NULL,                  -- the greater the more doubtful
        text TEXT NOT NULL,
        sure INTEGER NOT NULL,                -- 1 where it is past the threshold of its kind
        group_id TEXT,                        -- what photos that were found together share
        PRIMARY KEY (kind, place)
    ) WITHOUT ROWID;

    CREATE TABLE verdicts (                   -- a journal: rows are appended, and never changed
        n INTEGER PRIMARY KEY,
        act TEXT NOT NULL,                    -- what one key press decided, of one photo or many, is one act
        at TEXT NOT NULL,                     -- ISO 8601, UTC
        by TEXT NOT NULL,                     -- "person", "auto", "import"
        kind TEXT NOT NULL CHECK (kind IN ('keep', 'reject', 'label', 'crop', 'once', 'undo', 'redo')),
        photo_id TEXT NOT NULL,               -- empty for undo and redo
        value TEXT NOT NULL                   -- a class, a crop, why; for undo and redo the act
    );
    CREATE INDEX verdicts_by_act ON verdicts (act);
    """,
    )


def m003_draws(connection: sqlite3.Connection) -> None:
    """Splits have names: halves, or folds."""
    _run(
        connection,
        """
    CREATE TABLE draws (
        seed INTEGER NOT NULL,
        draw TEXT NOT NULL,                   -- share0.2, folds5.1 (the first way to cut five)
        photo_id TEXT NOT NULL,
        side TEXT NOT NULL,                   -- train or valid; 1, 2, ...
        PRIMARY KEY (seed, draw, photo_id)
    ) WITHOUT ROWID;
    INSERT INTO draws SELECT seed, printf('share%g', share), photo_id, side FROM splits;
    DROP TABLE splits;
    ALTER TABLE draws RENAME TO splits;
    """,
    )


def m004_openings(connection: sqlite3.Connection) -> None:
    """Each look at a sealed share is written down."""
    _run(
        connection,
        """
    CREATE TABLE openings (                   -- append-only
        at TEXT NOT NULL,                     -- ISO 8601, UTC
        seal TEXT NOT NULL,                   -- hash of the sealed photos; "test/" for a side of the folder's own
        model TEXT NOT NULL,                  -- the run's id, or the model file's name
        model_hash TEXT NOT NULL,             -- sha256 of the weights, or of the model file
        n INTEGER NOT NULL,                   -- photos judged
        wrong INTEGER NOT NULL,
        log_loss REAL NOT NULL                -- in nats
    );
    """,
    )


def _run(connection: sqlite3.Connection, statements: str) -> None:
    for statement in statements.split(";\n"):
        if statement.strip():
            connection.execute(statement)


MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (m001_harvest, m002_verdicts, m003_draws, m004_openings)
"""In order; a catalog's version is the number of those it has been through."""


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring an open catalog, or an empty file, to this version; all of it or nothing.

    Raises:
        WorkspaceError: a newer Fieldmark wrote it, or it is another program's database.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and application != APPLICATION:
        raise WorkspaceError(f"{path} is a database of another program. Give another folder with -o.")
    if version > len(MIGRATIONS):
        raise WorkspaceError(
            f"{path} was written by a newer Fieldmark (version {version} of the catalog; this one knows "
            f"{len(MIGRATIONS)}). Run: pip install --upgrade fieldmark"
        )
    if version == len(MIGRATIONS):
        return
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        for migration in MIGRATIONS[version:]:
            migration(connection)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
