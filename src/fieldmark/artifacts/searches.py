"""The table `searches`: how far each query at each provider has come, so that a second run goes on from there."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from fieldmark.artifacts.catalog import Catalog

UNFINISHED = ""

NO_FAILURE = (UNFINISHED, "ok", "nothing found")
"""Outcomes that are no failure of the provider; all others say that it gave no answer we can use."""


@dataclass(frozen=True)
class Standing:
    """Where one search stands.

    Attributes:
        outcome: how it ended: "ok", "nothing found", "blocked"...; `UNFINISHED` while it goes on.
        reason: a sentence, where there is something to say.
        next: what to ask next, as JSON values; None when there is nothing more, or nothing was asked yet.
        rank: how many results came on the pages before `next`.
        licences: those it was asked for, between commas; another wish begins the search anew.
    """

    label: str
    query: str
    provider: str
    outcome: str = UNFINISHED
    reason: str = ""
    next: dict[str, Any] | None = None
    rank: int = 0
    licences: str = ""

    @property
    def failed(self) -> bool:
        """Whether the provider gave no answer that we can use."""
        return self.outcome not in NO_FAILURE

    @property
    def exhausted(self) -> bool:
        """Whether the provider has nothing more to give."""
        return self.outcome in ("ok", "nothing found") and self.next is None


def read(catalog: Catalog, label: str, query: str, provider: str) -> Standing:
    """Return where a search stands; one that was never begun stands at its beginning."""
    row = catalog.row("SELECT * FROM searches WHERE label = ? AND query = ? AND provider = ?", (label, query, provider))
    return _standing(dict(row)) if row else Standing(label, query, provider)


def read_all(catalog: Catalog) -> list[Standing]:
    """Return every search that was ever begun."""
    return [_standing(dict(row)) for row in catalog.rows("SELECT * FROM searches ORDER BY label, query, provider")]


def write(catalog: Catalog, standing: Standing) -> None:
    """Keep where a search stands."""
    catalog.run(
        "INSERT OR REPLACE INTO searches (label, query, provider, outcome, reason, next, rank, licences) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            standing.label,
            standing.query,
            standing.provider,
            standing.outcome,
            standing.reason,
            None if standing.next is None else json.dumps(standing.next, ensure_ascii=False),
            standing.rank,
            standing.licences,
        ),
    )


def _standing(row: dict[str, Any]) -> Standing:
    return Standing(**{**row, "next": json.loads(row["next"]) if row["next"] else None})
