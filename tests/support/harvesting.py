"""What the tests of harvests share: a query sheet, the small web's environment, and what a workspace amounts to."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fieldmark.config import HarvestSettings
from fieldmark.pipeline.harvest import Harvest, harvest

SHEET = "searchterm,exclude,class\nmicrurus tener -king,,coral\nLampropeltis elapsoides,,king\n"

POLITE = {"contact": "tests@example.org"}

TIMES = {"seen_at", "done_at"}


def sheet_in(folder: Path, text: str = SHEET) -> str:
    path = folder / "snakes.csv"
    path.write_text(text)
    return str(path)


def run(folder: Path, *sources: str, **settings: Any) -> Harvest:
    return harvest(sources or [sheet_in(folder)], HarvestSettings.of({**POLITE, **settings}), folder / "snakes")


def everything(workspace: Path) -> dict[str, Any]:
    """Return all that a harvest leaves, times aside: the rows of each table, and the bytes of each picture."""
    with sqlite3.connect(f"file:{workspace / 'catalog.db'}?mode=ro", uri=True) as connection:
        connection.row_factory = sqlite3.Row
        tables = {
            table: sorted((tuple(kv for kv in dict(row).items() if kv[0] not in TIMES) for row in rows), key=repr)
            for table in ("candidates", "contents", "near_duplicates", "searches", "forgotten")
            for rows in [connection.execute(f"SELECT * FROM {table}").fetchall()]
        }
    pictures = {
        path.relative_to(workspace).as_posix(): path.read_bytes()
        for folder in ("photos", "conflicts", "originals")
        for path in sorted((workspace / folder).rglob("*"))
        if path.is_file()
    }
    return {**tables, "pictures": pictures}


def statuses_by_url(workspace: Path, **where: str) -> dict[str, str]:
    """Return the status of every candidate, as "provider url", that has the given columns."""
    with sqlite3.connect(f"file:{workspace / 'catalog.db'}?mode=ro", uri=True) as connection:
        test = " AND ".join(f"{name} = ?" for name in where) or "1"
        rows = connection.execute(f"SELECT provider, url, status FROM candidates WHERE {test}", tuple(where.values()))
        return {f"{provider} {url}": status for provider, url, status in rows}


def set_environment(monkeypatch: Any, environment: Mapping[str, str]) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
