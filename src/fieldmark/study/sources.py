"""A workspace's catalog and the photos in use -> which query at which provider brings photos that stay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from fieldmark.artifacts import contents, searches
from fieldmark.artifacts.catalog import Catalog
from fieldmark.artifacts.photos import PhotoFile
from fieldmark.artifacts.workspace import Workspace


@dataclass(frozen=True)
class Source:
    """What one query at one provider has brought for one class.

    Attributes:
        label: the class.
        query: as typed.
        provider: who was asked.
        fetched: photos of the class that came from it.
        in_use: those of them that no verdict rejected or gave another class.
        exhausted: whether the provider has nothing more to give.
    """

    label: str
    query: str
    provider: str
    fetched: int
    in_use: int
    exhausted: bool

    def to_dict(self) -> dict[str, Any]:
        """Return it as `curve --json` prints it."""
        return asdict(self)


def read_sources(workspace: Workspace, photos: Iterable[PhotoFile]) -> list[Source]:
    """Return the queries by class, those that brought the most photos in use first; none for a plain folder.

    Args:
        workspace: whose catalog says where each photo comes from.
        photos: as `read_photos` gives them.

    Raises:
        WorkspaceError: the catalog cannot be read.
    """
    if not workspace.harvested:
        return []
    with Catalog.open_reading(workspace.catalog) as catalog:
        kept = contents.photos(catalog)
        ended = {(s.label, s.query, s.provider): s.exhausted for s in searches.read_all(catalog)}
    used = {(photo.id, photo.label) for photo in photos}
    fetched = Counter((photo.label, photo.query, photo.provider) for photo in kept)
    in_use = Counter((p.label, p.query, p.provider) for p in kept if (p.id, p.label) in used)
    # A list of URLs or a folder has no search of its own, and has given all that it holds.
    found = [Source(*key, fetched[key], in_use[key], ended.get(key, True)) for key in fetched]
    return sorted(found, key=lambda s: (s.label, -s.in_use, s.query, s.provider))
