"""Tables `contents` and `near_duplicates`, view `photos`: what was fetched, what looks alike, what lies where."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields

from fieldmark.artifacts.catalog import Catalog


@dataclass(frozen=True)
class Content:
    """Bytes that turned out to be a photo.

    Attributes:
        id: the first 16 hex digits of `sha256`.
        sha256: of the bytes as they came, hex.
        phash: 64-bit perceptual hash, 16 hex digits.
        detail: a finer descriptor; see `imaging.hashing`.
        width, height: in pixels, upright, as it came.
        n_bytes: as it came.
    """

    id: str
    sha256: str
    phash: str
    detail: bytes
    width: int
    height: int
    n_bytes: int


@dataclass(frozen=True)
class Photo:
    """One photo of the workspace, with its origin: a row of the view `photos`."""

    id: str
    label: str
    sha256: str
    phash: str
    width: int
    height: int
    n_bytes: int
    provider: str
    query: str
    rank: int
    source: str
    page: str
    title: str
    author: str
    licence: str
    licence_version: str
    licence_url: str
    attribution: str
    group_id: str | None
    best: int | None

    @property
    def file(self) -> str:
        """Where it lies below `photos/`, with a forward slash."""
        return f"{self.label}/{self.id}.jpg"


_COLUMNS = ", ".join(field.name for field in fields(Content))


def add(catalog: Catalog, content: Content) -> None:
    """Write down what was fetched; bytes that are known already change nothing."""
    marks = ", ".join("?" * len(fields(Content)))
    catalog.run(f"INSERT INTO contents ({_COLUMNS}) VALUES ({marks}) ON CONFLICT (id) DO NOTHING", astuple(content))


def photos(catalog: Catalog, label: str | None = None) -> list[Photo]:
    """Return all photos, or those of one class, in the order of their classes and ids."""
    where, values = ("", ()) if label is None else ("WHERE label = ?", (label,))
    return [Photo(**dict(row)) for row in catalog.rows(f"SELECT * FROM photos {where} ORDER BY label, id", values)]


def photo_files(catalog: Catalog) -> set[str]:
    """Return where every photo lies below `photos/`, with forward slashes."""
    return {f"{row['label']}/{row['id']}.jpg" for row in catalog.rows("SELECT label, id FROM photos")}


def photo_counts(catalog: Catalog) -> dict[str, int]:
    """Return the number of photos per class."""
    rows = catalog.rows("SELECT label, count(*) AS n FROM photos GROUP BY label ORDER BY label")
    return {row["label"]: row["n"] for row in rows}


@dataclass(frozen=True)
class Group:
    """How many photos of a group of near-duplicates there are, and of which classes."""

    id: str
    photos: int
    labels: tuple[str, ...]


def groups(catalog: Catalog) -> list[Group]:
    """Return the groups of near-duplicates, in the order of their ids."""
    members: dict[str, list[str]] = {}
    for row in catalog.rows("SELECT group_id, label FROM photos WHERE group_id IS NOT NULL ORDER BY group_id, label"):
        members.setdefault(row["group_id"], []).append(row["label"])
    return [Group(id_, len(labels), tuple(dict.fromkeys(labels))) for id_, labels in members.items()]


def licence_counts(catalog: Catalog) -> dict[str, int]:
    """Return the number of photos per licence code, the most frequent first."""
    rows = catalog.rows("SELECT licence, count(*) AS n FROM photos GROUP BY licence ORDER BY n DESC, licence")
    return {row["licence"]: row["n"] for row in rows}


def look_alikes(catalog: Catalog, ids: Iterable[str]) -> list[Photo]:
    """Return the photos that are near-duplicates of some of `ids`, and not among them."""
    given = set(ids)
    rows = catalog.rows("SELECT photo_id, group_id FROM near_duplicates")
    touched = {row["group_id"] for row in rows if row["photo_id"] in given}
    return [photo for photo in photos(catalog) if photo.group_id in touched and photo.id not in given]


def contents_of_photos(catalog: Catalog) -> list[Content]:
    """Return what is known of the bytes of every photo, in the order of their ids."""
    columns = ", ".join(f"contents.{field.name}" for field in fields(Content))
    rows = catalog.rows(f"SELECT {columns} FROM contents JOIN photos ON photos.id = contents.id ORDER BY contents.id")
    return [Content(**dict(row)) for row in rows]


def places(catalog: Catalog) -> dict[str, str | None]:
    """Return where each content belongs: its class; None for one that classes are in conflict about."""
    rows = catalog.rows(
        "SELECT DISTINCT photo_id AS id, CASE status WHEN 'ok' THEN label END AS label FROM candidates "
        "WHERE status IN ('ok', 'conflict')"
    )
    return {row["id"]: row["label"] for row in rows}


def write_groups(catalog: Catalog, groups: Iterable[tuple[str, Sequence[str]]]) -> None:
    """Replace the groups of near-duplicates, each given as its best copy's id and all ids."""
    with catalog.writing():
        catalog.run("DELETE FROM near_duplicates")
        catalog.run_many(
            "INSERT INTO near_duplicates (photo_id, group_id, best) VALUES (?, ?, ?)",
            [(id_, best, int(id_ == best)) for best, ids in groups for id_ in ids],
        )


def group_of_photos(catalog: Catalog) -> dict[str, str]:
    """Return the group of each photo that has near-duplicates: photo id -> id of the best copy."""
    return {row["photo_id"]: row["group_id"] for row in catalog.rows("SELECT photo_id, group_id FROM near_duplicates")}
