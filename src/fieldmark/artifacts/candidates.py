"""The table `candidates`: every picture that a search named, and the one status in which each ends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields, replace
from typing import Literal

from fieldmark.artifacts.catalog import Catalog, now

STATUSES = (
    "pending",
    "ok",
    "duplicate",
    "conflict",
    "negative",
    "licence",
    "robots",
    "opted_out",
    "refused_address",
    "http_error",
    "timeout",
    "too_many_bytes",
    "too_many_pixels",
    "not_an_image",
    "too_small",
    "bad_shape",
    "forgotten",
    "gave_up",
)
"""The closed list (a contract): every candidate is in exactly one of these."""

MAY_PASS = ("gave_up", "http_error", "timeout")
"""What another day may change; `harvest --retry` makes these pending again."""

UNWANTED = ("negative", "licence", "forgotten")
"""Decided before anything is fetched; these do not count towards `--max`."""


@dataclass(frozen=True)
class Candidate:
    """One picture as one search named it; the columns of the table, those of its end aside."""

    label: str
    query: str
    provider: str
    url: str
    rank: int
    provider_id: str = ""
    page: str = ""
    title: str = ""
    author: str = ""
    licence: str = "unknown"
    licence_version: str = ""
    licence_url: str = ""
    attribution: str = ""


_COLUMNS = tuple(field.name for field in fields(Candidate))

# Of equal bytes the best-ranked source is kept: the rank decides, then a licence that is known, then the alphabet, so
# that the choice hangs neither on which answer came first nor on the order of the runs.
_BEST_FIRST = "ORDER BY rank, licence = 'unknown', provider, query, url"


def add(catalog: Catalog, candidate: Candidate, status: str = "pending", reason: str = "") -> bool:
    """Write a candidate down; return False when the same search has named the same URL before."""
    marks = ", ".join("?" * (len(_COLUMNS) + 4))
    done = None if status == "pending" else now()
    if status == "forgotten":  # its owner is not to be named again either
        candidate = replace(candidate, title="", author="", attribution="")
    # Not INSERT OR IGNORE, which would swallow a status that is not on the list as well.
    return bool(
        catalog.run(
            f"INSERT INTO candidates ({', '.join(_COLUMNS)}, status, reason, seen_at, done_at) VALUES ({marks}) "
            "ON CONFLICT (label, query, provider, url) DO NOTHING",
            (*astuple(candidate), status, reason, now(), done),
        )
    )


def wanted_count(catalog: Catalog, label: str, query: str, provider: str) -> int:
    """Return how many candidates of a search count towards its cap, over all runs."""
    marks = ", ".join("?" * len(UNWANTED))
    row = catalog.row(
        f"SELECT count(*) FROM candidates WHERE label = ? AND query = ? AND provider = ? AND status NOT IN ({marks})",
        (label, query, provider, *UNWANTED),
    )
    assert row is not None
    return int(row[0])


def any_named(catalog: Catalog, label: str, query: str, provider: str) -> bool:
    """Return whether a search has ever named a candidate."""
    row = catalog.row(
        "SELECT 1 FROM candidates WHERE label = ? AND query = ? AND provider = ?", (label, query, provider)
    )
    return row is not None


def is_local(catalog: Catalog, url: str) -> bool:
    """Return whether a URL is that of a file which the person gave us with a folder."""
    return catalog.row("SELECT 1 FROM candidates WHERE url = ? AND provider = 'folder'", (url,)) is not None


def claimants(catalog: Catalog, photo_id: str) -> list[str]:
    """Return the classes whose candidates gave the same bytes."""
    rows = catalog.rows("SELECT DISTINCT label FROM candidates WHERE photo_id = ? ORDER BY label", (photo_id,))
    return [row["label"] for row in rows]


def pending_urls(catalog: Catalog) -> list[str]:
    """Return the URLs that are still to be fetched, best-ranked first, each once."""
    return [
        row["url"]
        for row in catalog.rows(
            "SELECT url FROM candidates WHERE status = 'pending' GROUP BY url ORDER BY min(rank), url"
        )
    ]


def page_of(catalog: Catalog, url: str) -> str:
    """Return the page on which the best-ranked search found a URL; empty when none says."""
    row = catalog.row(f"SELECT page FROM candidates WHERE url = ? {_BEST_FIRST}", (url,))
    return row["page"] if row else ""


def fail(catalog: Catalog, url: str, status: str, reason: str) -> None:
    """End all pending candidates of a URL that gave no photo."""
    catalog.run(
        "UPDATE candidates SET status = ?, reason = ?, done_at = ? WHERE url = ? AND status = 'pending'",
        (status, reason, now(), url),
    )


_ENDED = "url = ? AND status NOT IN ('pending', 'negative', 'licence')"


def has_ended(catalog: Catalog, url: str) -> bool:
    """Return whether a URL was fetched, or given up, for whichever search."""
    return catalog.row(f"SELECT 1 FROM candidates WHERE {_ENDED} LIMIT 1", (url,)) is not None


def same_as_before(catalog: Catalog, url: str) -> str | None:
    """End the pending candidates of a URL that `has_ended` as that one ended.

    Returns:
        The id of its photo, to be settled; None where it gave none.
    """
    before = catalog.row(
        f"SELECT status, reason, photo_id FROM candidates WHERE {_ENDED} ORDER BY photo_id IS NULL", (url,)
    )
    assert before is not None
    if before["photo_id"] is None:
        fail(catalog, url, before["status"], before["reason"])
        return None
    attach(catalog, url, before["photo_id"])
    return str(before["photo_id"])


def attach(catalog: Catalog, url: str, photo_id: str) -> None:
    """Say which photo a URL gave; `settle` decides what becomes of its candidates."""
    catalog.run(
        "UPDATE candidates SET photo_id = ?, done_at = ? WHERE url = ? AND status = 'pending'", (photo_id, now(), url)
    )


Place = tuple[Literal["photo"], str] | tuple[Literal["conflict", "forgotten"], None]
"""Where a photo belongs: among the photos of a class, among the conflicts, or nowhere."""


def settle(catalog: Catalog, photo_id: str) -> Place:
    """Decide between all candidates that gave the same bytes; the outcome hangs on who they are, not on who came first.

    One class: the best-ranked candidate is the photo, the others are duplicates. Two classes or more: all of them are
    in conflict. Bytes that are to be forgotten: all of them are forgotten.
    """
    claims = catalog.rows(
        f"SELECT label, query, provider, url, status, reason FROM candidates WHERE photo_id = ? {_BEST_FIRST}",
        (photo_id,),
    )
    labels = sorted({claim["label"] for claim in claims})
    if catalog.row("SELECT 1 FROM forgotten WHERE kind = 'photo' AND value = ?", (photo_id,)):
        place: Place = ("forgotten", None)
        catalog.run("UPDATE candidates SET title = '', author = '', attribution = '' WHERE photo_id = ?", (photo_id,))
        ends = [("forgotten", "its owner asked for the removal of this photo")] * len(claims)
    elif len(labels) > 1:
        place = ("conflict", None)
        ends = [("conflict", f"the same photo is claimed by {' and '.join(labels)}")] * len(claims)
    else:
        place = ("photo", labels[0])
        best = claims[0]["url"]
        ends = [("ok", ""), *[("duplicate", f"the same photo as {best}")] * (len(claims) - 1)]
    changed = [
        (*end, now(), claim["label"], claim["query"], claim["provider"], claim["url"])
        for claim, end in zip(claims, ends, strict=True)
        if (claim["status"], claim["reason"]) != end
    ]
    catalog.run_many(
        "UPDATE candidates SET status = ?, reason = ?, done_at = ? "
        "WHERE label = ? AND query = ? AND provider = ? AND url = ?",
        changed,
    )
    return place


def fetch_again(catalog: Catalog, photo_ids: Iterable[str]) -> None:
    """Make all candidates of photos pending whose file was lost."""
    catalog.run_many(
        "UPDATE candidates SET status = 'pending', reason = '', photo_id = NULL, done_at = NULL "
        "WHERE photo_id = ? AND status IN ('ok', 'duplicate', 'conflict')",
        [(id_,) for id_ in photo_ids],
    )


def reopen(catalog: Catalog, statuses: Sequence[str] = MAY_PASS) -> int:
    """Make candidates pending again that ended in one of `statuses`; return how many."""
    marks = ", ".join("?" * len(statuses))
    return catalog.run(
        f"UPDATE candidates SET status = 'pending', reason = '', done_at = NULL WHERE status IN ({marks})",
        tuple(statuses),
    )


def apply_licences(
    catalog: Catalog, label: str, query: str, provider: str, wanted: Sequence[str], most: int | None
) -> None:
    """Let the licences that are wanted now decide again over what one search named and nobody fetched yet.

    Args:
        catalog: to be changed.
        label, query, provider: the search.
        wanted: codes; none means any.
        most: cap of the search; as many as it allows are made pending, the best-ranked first. None means no cap.
    """
    key = (label, query, provider)
    test = f"licence IN ({', '.join('?' * len(wanted))})" if wanted else "1"
    catalog.run(
        "UPDATE candidates SET status = 'licence', reason = 'its licence is ' || licence, done_at = ? "
        f"WHERE label = ? AND query = ? AND provider = ? AND status = 'pending' AND NOT ({test})",
        (now(), *key, *wanted),
    )
    room = -1 if most is None else max(0, most - wanted_count(catalog, *key))  # SQLite: no limit below zero
    catalog.run(
        "UPDATE candidates SET status = 'pending', reason = '', done_at = NULL "
        "WHERE label = ? AND query = ? AND provider = ? AND url IN ("
        "SELECT url FROM candidates WHERE label = ? AND query = ? AND provider = ? AND status = 'licence' "
        f"AND {test} ORDER BY rank LIMIT ?)",
        (*key, *key, *wanted, room),
    )


@dataclass(frozen=True)
class LeftOut:
    """One candidate that gave no photo, and why."""

    label: str
    provider: str
    url: str
    status: str
    reason: str


def left_out(catalog: Catalog) -> list[LeftOut]:
    """Return the candidates that ended without a photo, what a person gave us first; duplicates are not among them."""
    rows = catalog.rows(
        "SELECT label, provider, url, status, reason FROM candidates "
        "WHERE status NOT IN ('ok', 'pending', 'duplicate', 'conflict') "
        "ORDER BY provider NOT IN ('folder', 'urls'), status, label, rank, url"
    )
    return [LeftOut(**dict(row)) for row in rows]


def all_labels(catalog: Catalog) -> list[str]:
    """Return every class that a candidate was ever named for."""
    return [row["label"] for row in catalog.rows("SELECT DISTINCT label FROM candidates ORDER BY label")]


@dataclass(frozen=True)
class Tally:
    """How many candidates of one search are in one status."""

    label: str
    query: str
    provider: str
    status: str
    n: int


def tally(catalog: Catalog) -> list[Tally]:
    """Count the candidates by search and status."""
    rows = catalog.rows(
        "SELECT label, query, provider, status, count(*) AS n FROM candidates "
        "GROUP BY label, query, provider, status ORDER BY label, query, provider, status"
    )
    return [Tally(**dict(row)) for row in rows]


def statuses(tallies: Iterable[Tally]) -> dict[str, int]:
    """Return the number of candidates per status, in the order of `STATUSES`, those with none left out."""
    counts = dict.fromkeys(STATUSES, 0)
    for entry in tallies:
        counts[entry.status] += entry.n
    return {status: n for status, n in counts.items() if n}


def photos_only_here(catalog: Catalog) -> dict[tuple[str, str, str], int]:
    """Return for each search, as (label, query, provider), how many of its photos no other provider named."""
    rows = catalog.rows(
        "SELECT label, query, provider, count(*) AS n FROM candidates WHERE status = 'ok' AND photo_id NOT IN "
        "(SELECT photo_id FROM candidates WHERE photo_id IS NOT NULL "
        "GROUP BY photo_id HAVING count(DISTINCT provider) > 1) GROUP BY label, query, provider"
    )
    return {(row["label"], row["query"], row["provider"]): row["n"] for row in rows}


def addresses(catalog: Catalog) -> dict[str, int]:
    """Return for each photo how many URLs gave its bytes."""
    rows = catalog.rows(
        "SELECT photo_id, count(DISTINCT url) AS n FROM candidates WHERE photo_id IS NOT NULL GROUP BY photo_id"
    )
    return {row["photo_id"]: row["n"] for row in rows}


@dataclass(frozen=True)
class Claim:
    """What one search says of a photo that several classes claim."""

    photo_id: str
    label: str
    query: str
    provider: str
    url: str
    page: str
    title: str
    author: str
    licence: str
    licence_version: str


def claims(catalog: Catalog) -> list[Claim]:
    """Return who claims the photos in conflict, photo by photo, class by class, best-ranked first."""
    columns = ", ".join(field.name for field in fields(Claim))
    rows = catalog.rows(
        f"SELECT {columns} FROM candidates WHERE status = 'conflict' "
        "ORDER BY photo_id, label, rank, provider, query, url"
    )
    return [Claim(**dict(row)) for row in rows]
