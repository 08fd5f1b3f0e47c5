"""Workspace -> `harvest.html`: one page that holds everything it shows and asks no other computer for anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from urllib.parse import urlsplit

from fieldmark.artifacts import candidates, contents
from fieldmark.artifacts.atomic import write_text
from fieldmark.artifacts.candidates import Claim
from fieldmark.artifacts.catalog import Catalog, now
from fieldmark.artifacts.contents import Photo
from fieldmark.artifacts.licences import name_of, terms_of
from fieldmark.artifacts.store import PhotoStore
from fieldmark.artifacts.workspace import Workspace
from fieldmark.engines.local import map_threads
from fieldmark.errors import NotAPhoto
from fieldmark.imaging.decode import read_bytes
from fieldmark.imaging.thumbnail import data_uri, thumbnail_of
from fieldmark.paper import fit_for_a_file, templates
from fieldmark.terminal import count, printable
from fieldmark.version import __version__
from fieldmark.yields.table import (
    COLUMNS,
    MEANINGS,
    OUTCOMES,
    Counts,
    Yield,
    by_class,
    by_provider,
    columns_used,
    read_yields,
    total,
)

NAME = "harvest.html"

PER_CLASS = 60
"""Thumbnails of one class at most."""

IN_STRIPS = 600
"""Thumbnails of all classes together, shared out evenly."""

GROUPS = 30
"""Groups of near-duplicates shown, the largest first."""

PER_GROUP = 5
"""Copies shown of one group, the best one first."""

CONFLICTS = 30
"""Photos shown that several classes claim."""

SIDE = 176
"""Longer side of a thumbnail, in pixels."""

QUALITY = 72

BUDGET = 7_000_000
"""Characters of pictures that a page holds at most; the rest of it takes about half a million."""

LONGEST_LINK = 2000


@dataclass(frozen=True)
class Picture:
    """A thumbnail with what is said of it; all text is a stranger's.

    Attributes:
        image: a `data:` URI.
        link: where it comes from, http or https; empty when nothing fit to be linked is known.
        author, licence, provider, title: for the caption.
        size: in pixels, as it came.
        best: whether it is the best copy of its group.
    """

    image: str
    link: str
    author: str
    licence: str
    provider: str
    title: str = ""
    size: str = ""
    best: bool = False


@dataclass(frozen=True)
class Strip:
    """Photos of one class."""

    label: str
    n: int
    pictures: list[Picture]


@dataclass(frozen=True)
class Alike:
    """A group of near-duplicates."""

    label: str
    n: int
    pictures: list[Picture]


@dataclass(frozen=True)
class Disputed:
    """A photo that several classes claim, and one link for each claim, class by class."""

    file: str
    image: str
    claims: list[tuple[str, list[tuple[str, str, str]]]]  # (class, [(provider, query, link)])


def write_page(path: Path, workspace: Workspace, catalog: Catalog) -> None:
    """Write the page of a harvest. Raises OSError when the disk does not take it."""
    environment = templates("fieldmark.yields")
    environment.filters |= {"count": count, "short": printable}
    photos = contents.photos(catalog)
    page = environment.get_template("harvest.html").render(
        title=workspace.root.name,
        licences=_licences(photos),
        **_numbers(catalog),
        **_pictures(photos, candidates.claims(catalog), PhotoStore(workspace)),
    )
    write_text(path, fit_for_a_file(page))


def _numbers(catalog: Catalog) -> dict[str, object]:
    rows = read_yields(catalog)
    everything = total(rows)
    created = now()
    moment = datetime.fromisoformat(created)
    return {
        "tool_version": __version__,
        "created": created,
        "date": f"{moment.day} {moment:%B %Y}, {moment:%H:%M} UTC",
        "everything": everything,
        "columns": columns_used(everything),
        "parts": [(name, everything[name]) for name in COLUMNS if everything[name]],
        "classes": {label: (some, total(some)) for label, some in by_class(rows).items()},
        "providers": {name: (some, total(some)) for name, some in by_provider(rows).items()},
        "only_here": sum(row.only_here for row in rows),
        "n_searches": len(rows),
        "endings": list(_endings(rows)),
        "n_failed": sum(row.failed for row in rows),
        "statuses": _meanings(everything),
    }


def _endings(rows: Sequence[Yield]) -> Iterator[tuple[str, str, bool, list[Yield]]]:
    """Yield each outcome with its meaning, whether it is a failure, and its searches; failures first."""
    ordered = sorted(rows, key=lambda row: (not row.failed, row.outcome))
    for outcome, some in groupby(ordered, lambda row: row.outcome):
        searches = list(some)
        yield outcome or "not finished", OUTCOMES.get(outcome, ""), searches[0].failed, searches


def _meanings(counts: Counts) -> list[tuple[str, int, str]]:
    return [(status, counts.by_status.get(status, 0), meaning) for status, meaning in MEANINGS.items()]


def _licences(photos: Sequence[Photo]) -> list[tuple[str, int, str, str]]:
    """Return each licence with its number of photos, what it asks, and where it can be read; the commonest first."""
    tally = Counter((photo.licence, photo.licence_version) for photo in photos)
    links = {(photo.licence, photo.licence_version): safe_link(photo.licence_url) for photo in photos}
    return [(_say_licence(*key), n, terms_of(key[0]), links[key]) for key, n in tally.most_common()]


def _say_licence(code: str, version: str) -> str:
    return printable(name_of(code, version), 40)


class _Thumbnails:
    """Photos -> `data:` URIs, as long as there is room for them on the page."""

    def __init__(self, store: PhotoStore) -> None:
        self._store = store
        self._room = BUDGET

    def of(self, wanted: Iterable[tuple[str, str | None]]) -> Iterator[str | None]:
        """Yield a thumbnail of each photo, given as (id, class); None where there is none, or no room."""
        for made in map_threads(self._make, wanted):
            fits = made is not None and len(made) <= self._room
            if made is not None and fits:
                self._room -= len(made)
            yield made if fits else None

    def _make(self, photo: tuple[str, str | None]) -> str | None:
        try:
            return data_uri(thumbnail_of(read_bytes(self._store.path(*photo)), SIDE, QUALITY))
        except NotAPhoto:  # taken away by its owner, or damaged since
            return None


def _pictures(photos: Sequence[Photo], claims: Sequence[Claim], store: PhotoStore) -> dict[str, object]:
    thumbnails = _Thumbnails(store)
    groups = _groups(photos)
    # What a person has to decide on goes first, so that it is the strips that end early where room is short.
    return {
        "disputed": list(_disputed(claims, thumbnails)),
        "n_disputed": len({claim.photo_id for claim in claims}),
        "groups": list(_alike(groups[:GROUPS], thumbnails)),
        "n_groups": len(groups),
        "strips": list(_strips(photos, thumbnails)),
    }


def _groups(photos: Sequence[Photo]) -> list[list[Photo]]:
    """Gather near-duplicates, the best copy first; the largest groups first."""
    groups: dict[str, list[Photo]] = {}
    for photo in photos:
        if photo.group_id is not None:
            groups.setdefault(photo.group_id, []).append(photo)
    alike = [sorted(group, key=lambda p: (not p.best, -p.width * p.height, p.id)) for group in groups.values()]
    return sorted((group for group in alike if len(group) > 1), key=lambda group: -len(group))


def _alike(groups: Sequence[Sequence[Photo]], thumbnails: _Thumbnails) -> Iterator[Alike]:
    shown = [group[:PER_GROUP] for group in groups]
    images = thumbnails.of((photo.id, photo.label) for group in shown for photo in group)
    for group, some in zip(groups, shown, strict=True):
        pictures = [_picture(photo, image) for photo, image in zip(some, images, strict=False) if image]
        if len(pictures) > 1:
            yield Alike(group[0].label, len(group), pictures)


def _strips(photos: Sequence[Photo], thumbnails: _Thumbnails) -> Iterator[Strip]:
    classes = {label: list(some) for label, some in groupby(photos, lambda photo: photo.label)}
    each = max(1, min(PER_CLASS, IN_STRIPS // max(1, len(classes))))
    for i, (label, some) in enumerate(classes.items()):
        shown = spread(some, each if i < IN_STRIPS else 0)
        images = thumbnails.of((photo.id, photo.label) for photo in shown)
        pictures = [_picture(photo, image) for photo, image in zip(shown, images, strict=True) if image]
        yield Strip(label, len(some), pictures)


def spread(photos: Sequence[Photo], most: int) -> list[Photo]:
    """Choose photos so that every provider has its turn, the best-ranked of each first."""
    queues = [
        sorted((photo for photo in photos if photo.provider == name), key=lambda photo: (photo.rank, photo.id))
        for name in sorted({photo.provider for photo in photos})
    ]
    turns = [queue[i] for i in range(max(map(len, queues), default=0)) for queue in queues if i < len(queue)]
    return turns[:most]


def _picture(photo: Photo, image: str) -> Picture:
    return Picture(
        image=image,
        link=safe_link(photo.page) or safe_link(photo.source),
        author=printable(photo.author, 60),
        licence=_say_licence(photo.licence, photo.licence_version),
        provider=printable(photo.provider, 30),
        title=printable(photo.title, 120),
        size=f"{photo.width} × {photo.height}",
        best=bool(photo.best),
    )


def _disputed(claims: Sequence[Claim], thumbnails: _Thumbnails) -> Iterator[Disputed]:
    photos = {id_: list(some) for id_, some in groupby(claims, lambda claim: claim.photo_id)}
    shown = list(photos.items())[:CONFLICTS]
    images = thumbnails.of((id_, None) for id_, _ in shown)
    for (id_, some), image in zip(shown, images, strict=True):
        sides = [(label, [_side(claim) for claim in each]) for label, each in groupby(some, lambda claim: claim.label)]
        yield Disputed(f"conflicts/{id_}.jpg", image or "", sides)


def _side(claim: Claim) -> tuple[str, str, str]:
    return printable(claim.provider, 30), printable(claim.query, 80), safe_link(claim.page) or safe_link(claim.url)


def safe_link(url: str) -> str:
    """Return a URL that a stranger gave, if it is one to put into a page: http or https, with a host; else nothing."""
    if len(url) > LONGEST_LINK or not url.isprintable():
        return ""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  (raises ValueError when it is none)
    except ValueError:
        return ""
    return url if parts.scheme in ("http", "https") and parts.hostname else ""
