"""The table `forgotten`: what owners asked us to remove, and not to take again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from fieldmark.artifacts.catalog import Catalog, now

Kind = Literal["url", "host", "author"]


@dataclass(frozen=True)
class Forgotten:
    """What is not to be taken again."""

    urls: frozenset[str]
    hosts: frozenset[str]
    authors: frozenset[str]

    def covers(self, url: str, page: str, author: str) -> str | None:
        """Return why a picture is not to be taken, or None when nobody asked for that."""
        if bare(url) in self.urls or (page and bare(page) in self.urls):
            return "its owner asked for the removal of this URL"
        for host in (host_of(url), host_of(page)):
            if any(host == known or host.endswith(f".{known}") for known in self.hosts):
                return f"the owner of {host} asked for the removal of what is there"
        if author and fold(author) in self.authors:
            return "its author asked for the removal of their pictures"
        return None


def read(catalog: Catalog) -> Forgotten:
    """Return what is to stay forgotten, photos aside, which `candidates.settle` asks about itself."""
    kept: dict[str, set[str]] = {"url": set(), "host": set(), "author": set(), "photo": set()}
    for row in catalog.rows("SELECT kind, value FROM forgotten"):
        kept[row["kind"]].add(row["value"])
    return Forgotten(frozenset(kept["url"]), frozenset(kept["host"]), frozenset(kept["author"]))


def remember(catalog: Catalog, kind: Kind, value: str, photo_ids: Iterable[str]) -> None:
    """Keep what is not to be taken again, and the ids of the photos that went because of it."""
    _keep(catalog, kind, [folded(kind, value)])
    remember_photos(catalog, photo_ids)


@dataclass(frozen=True)
class Affected:
    """One candidate that is to be forgotten.

    Attributes:
        key: class, query, provider and URL: its row in `candidates`.
        status: how it had ended.
        photo_id: the photo it gave; None when it gave none.
        reason: why it goes.
    """

    key: tuple[str, str, str, str]
    status: str
    photo_id: str | None
    reason: str


def affected_by(catalog: Catalog, wanted: Forgotten) -> list[Affected]:
    """Return the candidates that `wanted` covers, and all others of the same URL or the same bytes."""
    rows = catalog.rows(
        "SELECT label, query, provider, url, page, author, status, photo_id FROM candidates "
        "ORDER BY label, query, provider, url"
    )
    reasons = [wanted.covers(row["url"], row["page"], row["author"]) for row in rows]
    chosen, before = {i for i, reason in enumerate(reasons) if reason}, -1
    while len(chosen) > before:  # a URL leads to bytes, and these to other URLs
        before = len(chosen)
        urls, ids = ({rows[i][column] for i in chosen} - {None} for column in ("url", "photo_id"))
        chosen |= {i for i, row in enumerate(rows) if row["url"] in urls or row["photo_id"] in ids}
    same = "its owner asked for the removal of this photo"
    return [
        Affected(tuple(rows[i])[:4], rows[i]["status"], rows[i]["photo_id"], reasons[i] or same) for i in sorted(chosen)
    ]


def erase(catalog: Catalog, affected: Iterable[Affected]) -> None:
    """End candidates as forgotten, and blank what they say of a person and of the picture.

    The URL stays, so that it is not fetched again, and the hash of the bytes, so that they are known elsewhere.
    """
    affected = list(affected)
    catalog.run_many(
        "UPDATE candidates SET status = 'forgotten', reason = ?, done_at = ?, "
        "author = '', title = '', attribution = '' WHERE label = ? AND query = ? AND provider = ? AND url = ?",
        [(entry.reason, now(), *entry.key) for entry in affected],
    )
    ids = sorted({entry.photo_id for entry in affected if entry.photo_id})
    catalog.run_many("UPDATE contents SET phash = '', detail = x'' WHERE id = ?", [(id_,) for id_ in ids])


def any_kept(catalog: Catalog) -> bool:
    """Return whether anybody ever asked for a removal."""
    return catalog.row("SELECT 1 FROM forgotten") is not None


def remember_photos(catalog: Catalog, ids: Iterable[str]) -> None:
    """Keep photos that went because of something that is to be forgotten already."""
    _keep(catalog, "photo", ids)


def _keep(catalog: Catalog, kind: Kind | Literal["photo"], values: Iterable[str]) -> None:
    catalog.run_many(
        "INSERT INTO forgotten (kind, value, at) VALUES (?, ?, ?) ON CONFLICT (kind, value) DO NOTHING",
        [(kind, value, now()) for value in sorted(values)],
    )


def photo_ids(catalog: Catalog) -> frozenset[str]:
    """Return the ids of all photos that are to stay forgotten."""
    return frozenset(row["value"] for row in catalog.rows("SELECT value FROM forgotten WHERE kind = 'photo'"))


def folded(kind: Kind, value: str) -> str:
    """Return a URL, host or author as it is compared and kept; empty when it is none."""
    if kind == "url":
        return bare(value)
    return fold(value) if kind == "author" else host_of(f"//{value}").rstrip(".")


def bare(url: str) -> str:
    """Return a URL as it is compared: no fragment, no last slash, http and https alike, the host in small letters."""
    scheme, separator, rest = url.strip().partition("#")[0].partition("://")
    host, slash, path = rest.partition("/")
    scheme = "http" if scheme.lower() == "https" else scheme.lower()
    return f"{scheme}{separator}{host.lower()}{slash}{path}".rstrip("/")


def host_of(url: str) -> str:
    """Return the host of a URL in lower case; empty when it has none."""
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def fold(author: str) -> str:
    """Return an author's name as it is compared: case and spaces aside."""
    return " ".join(author.casefold().split())
