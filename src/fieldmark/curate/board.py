"""A folder, its findings and its journal -> the board: every photo that the page shows, and why it is doubted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from fieldmark.artifacts import candidates, contents, findings, forgotten
from fieldmark.artifacts.candidates import Claim
from fieldmark.artifacts.catalog import Catalog
from fieldmark.artifacts.contents import Photo
from fieldmark.artifacts.findings import KINDS, TITLES, Finding
from fieldmark.artifacts.photos import MAX_FILE_BYTES, FoundFile, find_files, id_in, list_folder
from fieldmark.artifacts.workspace import Workspace
from fieldmark.engines.local import map_threads
from fieldmark.errors import FolderError
from fieldmark.imaging.sniff import name_content
from fieldmark.terminal import track


@dataclass(frozen=True)
class Tile:
    """One photo of the board; equal files are one tile, since what is decided about them is decided by their bytes.

    Attributes:
        id: its id; "" for a file that nothing can be decided about, because its bytes cannot be read.
        paths: where it lies, relative to the photos, with forward slashes.
        labels: the classes it lies in, or that claim it.
        missing: whether it is spoken of, but no longer there.
        group: what look-alikes share: the id of the best copy; "" for a photo that stands alone.
    """

    id: str
    paths: tuple[str, ...]
    labels: tuple[str, ...]
    missing: bool = False
    group: str = ""


@dataclass(frozen=True)
class Origin:
    """Where a photo comes from, as far as that is known; texts may be empty."""

    source: str = ""
    page: str = ""
    title: str = ""
    author: str = ""
    licence: str = ""
    attribution: str = ""
    size: str = ""


@dataclass(frozen=True)
class Board:
    """What lies in a folder and what was found about it.

    Attributes:
        name: the folder's.
        classes: class names, sorted.
        tiles: the photos, in the order of their paths; missing ones last.
        findings: by place in `tiles`, in the order of `findings.in_order`.
        checked: whether a whole check has been made.
        files: photo id -> a file with these bytes.
        origins: photo id -> where it comes from; photos of a plain folder are not in it.
    """

    name: str
    classes: tuple[str, ...]
    tiles: tuple[Tile, ...]
    findings: tuple[tuple[int, Finding], ...]
    checked: bool
    files: Mapping[str, Path]
    origins: Mapping[str, Origin]

    @property
    def ids(self) -> set[str]:
        """The photos that can be decided about."""
        return {tile.id for tile in self.tiles if tile.id}

    def to_dict(self) -> dict[str, Any]:
        """Return it for the page, with lists for objects: 5,000 photos take about half a megabyte."""
        places = {name: place for place, name in enumerate(self.classes)}
        return {
            "name": self.name,
            "classes": self.classes,
            "kinds": KINDS,
            "titles": dict(TITLES),
            "checked": self.checked,
            "photos": [
                [tile.id, tile.paths, [places[label] for label in tile.labels], int(tile.missing), tile.group]
                for tile in self.tiles
            ],
            "findings": [
                [place, KINDS.index(found.kind), int(found.sure), found.text] for place, found in self.findings
            ],
        }


@dataclass(frozen=True)
class _Seen:
    """One file that was looked at."""

    id: str
    path: str
    labels: tuple[str, ...]
    file: Path
    is_picture: bool = True


class Folder:
    """Looks at a folder as often as asked; a file is read again only when its size or time has changed."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._known: dict[str, tuple[tuple[int, int], _Seen]] = {}
        self._classes: tuple[str, ...] = ()  # listed once: a second walk would double the 0.2 s that 5,000 photos take

    def look(self, decided: Iterable[str] = ()) -> Board:
        """Return the board as things lie now.

        Args:
            decided: photos that the journal speaks of; those that are gone are shown as missing.

        Raises:
            FolderError: there is no photo to show.
            WorkspaceError: a catalog cannot be read.
        """
        workspace = self._workspace
        found = findings.read_kept(workspace)
        notes = _Notes.of(workspace)
        spoken = {finding.photo for finding in found}
        seen = [file for file in self._files(notes) if file.is_picture or file.path in spoken]
        tiles, files = _lay_out(seen)
        gone = _gone(tiles, found, decided, notes)
        if not tiles and not gone:
            raise FolderError(f"{workspace.root} has no photos to decide on.{_what_next(workspace)}")
        tiles = [*tiles, *gone]
        self._classes = self._classes or list_folder(workspace.photos).classes
        classes = tuple(sorted({*self._classes, *(label for tile in tiles for label in tile.labels)}))
        placed = _place(tiles, [*found, *_unfound_conflicts(tiles, found)])
        tiles = _grouped(tiles, placed, notes.groups)
        return Board(
            workspace.root.name,
            classes,
            tuple(tiles),
            tuple(placed),
            findings.is_whole(workspace),
            files,
            notes.origins,
        )

    def _files(self, notes: _Notes) -> Iterator[_Seen]:
        root = self._workspace.photos
        found = [file for file in find_files(root) if file.side != "test"] if root.is_dir() else []
        looked = map(self._look_at, found) if self._known else map_threads(self._look_at, found)
        yield from track(looked, "looking at photos", total=len(found))
        if self._workspace.harvested and self._workspace.conflicts.is_dir():
            for path in sorted(self._workspace.conflicts.glob("*.jpg")):
                labels = notes.claimed.get(path.stem, ())
                yield _Seen(path.stem, f"../{path.parent.name}/{path.name}", labels, path)

    def _look_at(self, file: FoundFile) -> _Seen:
        named = id_in(file.relative) if self._workspace.harvested else None
        if named:
            return _Seen(named, file.relative, (file.label,), file.path)
        try:
            status = file.path.stat()
            mark = (status.st_size, status.st_mtime_ns)
            mark_before, seen = self._known.get(file.relative, (None, None))
            if seen is None or mark_before != mark:
                seen = _read(file, status.st_size)
                self._known[file.relative] = (mark, seen)
            return seen
        except OSError:
            return _Seen("", file.relative, (file.label,), file.path, is_picture=False)


def _read(file: FoundFile, n_bytes: int) -> _Seen:
    if not file.path.is_file() or n_bytes > MAX_FILE_BYTES:
        return _Seen("", file.relative, (file.label,), file.path, is_picture=False)
    data = file.path.read_bytes()
    is_picture = (name_content(data[:64]) or "").endswith("picture")
    return _Seen(hashlib.sha256(data).hexdigest()[:16], file.relative, (file.label,), file.path, is_picture)


@dataclass(frozen=True)
class _Notes:
    """What a workspace's catalog knows beside the findings; of a plain folder nothing is known."""

    origins: Mapping[str, Origin]
    paths: Mapping[str, str]
    claimed: Mapping[str, tuple[str, ...]]
    groups: Mapping[str, str]
    forgotten: frozenset[str]

    @classmethod
    def of(cls, workspace: Workspace) -> _Notes:
        if not workspace.harvested:
            return cls({}, {}, {}, {}, frozenset())
        with Catalog.open_reading(workspace.catalog) as catalog:
            photos, claims = contents.photos(catalog), candidates.claims(catalog)
            groups, gone = contents.group_of_photos(catalog), frozenset(forgotten.photo_ids(catalog))
        claimed: dict[str, tuple[str, ...]] = {}
        origins: dict[str, Origin] = {}
        for claim in claims:
            claimed[claim.photo_id] = tuple(dict.fromkeys([*claimed.get(claim.photo_id, ()), claim.label]))
            origins.setdefault(claim.photo_id, _origin_of_claim(claim))
        origins |= {photo.id: _origin_of(photo) for photo in photos}
        return cls(origins, {photo.id: photo.file for photo in photos}, claimed, groups, gone)


def _origin_of(photo: Photo) -> Origin:
    licence = f"{photo.licence} {photo.licence_version}".strip()
    size = f"{photo.width} × {photo.height}, {photo.n_bytes / 1000:,.0f} kB as it came"
    return Origin(photo.source, photo.page, photo.title, photo.author, licence, photo.attribution, size)


def _origin_of_claim(claim: Claim) -> Origin:
    licence = f"{claim.licence} {claim.licence_version}".strip()
    return Origin(claim.url, claim.page, claim.title, claim.author, licence)


def _lay_out(seen: Iterable[_Seen]) -> tuple[list[Tile], dict[str, Path]]:
    """Put equal files on one tile; of each id one file is enough to show."""
    files: dict[str, Path] = {}
    together: dict[str, list[_Seen]] = {}
    for file in seen:
        together.setdefault(file.id or file.path, []).append(file)
        if file.id:
            files.setdefault(file.id, file.file)
    tiles = [
        Tile(
            equal[0].id,
            tuple(file.path for file in equal),
            tuple(dict.fromkeys(label for file in equal for label in file.labels)),
        )
        for equal in together.values()
    ]
    return tiles, files


def _gone(tiles: list[Tile], found: list[Finding], decided: Iterable[str], notes: _Notes) -> list[Tile]:
    """Tiles for what the last check or the journal speaks of and which lies there no more."""
    there = {tile.id for tile in tiles} | {path for tile in tiles for path in tile.paths}
    paths = {id_: notes.paths.get(id_, "") for id_ in decided}
    paths |= {finding.photo_id or finding.photo: finding.photo for finding in found if finding.photo not in there}
    wanted = sorted((path, key) for key, path in paths.items() if key not in there and key not in notes.forgotten)
    return [
        Tile("" if key == path else key, (path,) if path else (), _label_in(path), missing=True) for path, key in wanted
    ]


def _label_in(path: str) -> tuple[str, ...]:
    parent = PurePosixPath(path).parent.name
    return (parent,) if parent and not path.startswith("..") else ()


def _unfound_conflicts(tiles: list[Tile], found: list[Finding]) -> list[Finding]:
    """Say of photos that several classes claim that they are in conflict, where no check has said so yet."""
    told = {finding.photo_id for finding in found if finding.kind == "conflict"}
    return [
        Finding(tile.paths[0], tile.id, "conflict", 1.0, f"The same photo is claimed by {' and '.join(tile.labels)}.")
        for tile in tiles
        if len(tile.labels) > 1 and tile.id not in told
    ]


def _place(tiles: list[Tile], found: list[Finding]) -> list[tuple[int, Finding]]:
    """Say to which tile each finding belongs. Equal files share a tile, and need no sentence twice."""
    by_id = {tile.id: place for place, tile in enumerate(tiles) if tile.id}
    by_path = {path: place for place, tile in enumerate(tiles) for path in tile.paths}
    placed: dict[tuple[int, str], tuple[int, Finding]] = {}
    for finding in findings.in_order(found):
        place = by_id.get(finding.photo_id, by_path.get(finding.photo))
        if place is not None:
            placed.setdefault((place, finding.kind), (place, finding))
    return list(placed.values())


def _grouped(tiles: list[Tile], placed: list[tuple[int, Finding]], known: Mapping[str, str]) -> list[Tile]:
    """Give look-alikes their group: that of the last check, or the one that the harvest saw."""
    groups: dict[str, str] = {}
    for place, finding in placed:
        if finding.group:
            groups.setdefault(tiles[place].id, finding.group)
    for group in set(groups.values()):  # the best copy may have no finding of its own: nothing is wrong with it
        groups.setdefault(group, group)
    if not groups:
        groups = dict(known)
    return [
        Tile(tile.id, tile.paths, tile.labels, tile.missing, groups.get(tile.id, "") if tile.id else "")
        for tile in tiles
    ]


def _what_next(workspace: Workspace) -> str:
    if workspace.harvested:
        return f" Run: fieldmark harvest {workspace.root}"
    name = workspace.root.name
    return f" Put those of each class into a folder of its own, such as {name}/coral/1.jpg and {name}/king/1.jpg."
