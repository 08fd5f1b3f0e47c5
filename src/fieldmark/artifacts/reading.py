"""A workspace or a plain folder -> its photos as what was decided about them leaves them. No file is moved for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from fieldmark.artifacts import contents
from fieldmark.artifacts.catalog import Catalog
from fieldmark.artifacts.photos import FoundFile, PhotoFile, PhotoFolder, open_photo, read_folder
from fieldmark.artifacts.verdicts import Decision, read_journal
from fieldmark.artifacts.workspace import Workspace
from fieldmark.errors import FolderError


def read_photos(workspace: Workspace, test: bool = False) -> PhotoFolder:
    """Read the photos of a folder through the verdicts: without the rejected ones, relabelled, with their crops.

    Files that are no photos and were rejected are not named any more.
    A photo that two classes of a workspace claim is among them once a verdict says of which class it is.

    Args:
        workspace: where they lie.
        test: as for `read_folder`.

    Raises:
        FolderError: as `read_folder`; or every photo was rejected.
        WorkspaceError: the catalog cannot be read.
    """
    found = read_as_they_lie(workspace, test)
    decisions = read_journal(workspace).decisions()
    settled = () if test else tuple(_settled_conflicts(workspace, decisions))
    photos = tuple(decided((*found.photos, *settled), decisions))
    if not photos:
        raise FolderError(f"Every photo of {workspace.root} was rejected. To take that back: fieldmark clean")
    rejected = {id_ for id_, decision in decisions.items() if decision.state == "reject"}
    unusable = tuple(file for file in found.unusable if file.id not in rejected)
    return replace(found, photos=photos, unusable=unusable)


def read_as_they_lie(workspace: Workspace, test: bool = False) -> PhotoFolder:
    """Read the photos of a folder, with the groups of near-duplicates that its catalog knows; no verdict counts.

    Raises:
        FolderError: as `read_folder`.
        WorkspaceError: the catalog cannot be read.
    """
    found = read_folder(workspace.photos, test, named_by_id=workspace.harvested)
    if not workspace.harvested:
        return found
    with Catalog.open_reading(workspace.catalog) as catalog:
        groups = contents.group_of_photos(catalog)
    photos = tuple(replace(photo, group=groups.get(photo.id)) for photo in found.photos)
    return replace(found, photos=photos, before=photos)


def decided(photos: Iterable[PhotoFile], decisions: Mapping[str, Decision]) -> Iterator[PhotoFile]:
    """Yield the photos that verdicts leave, as they leave them."""
    seen: set[tuple[str, str]] = set()
    for photo in photos:
        decision = decisions.get(photo.id, Decision())
        label = decision.label or photo.label
        if decision.state == "reject" or (decision.once and (photo.id, label) in seen):
            continue
        seen.add((photo.id, label))
        yield replace(photo, label=label, crop=decision.crop)


def _settled_conflicts(workspace: Workspace, decisions: Mapping[str, Decision]) -> Iterator[PhotoFile]:
    """Photos of `conflicts/` whose class a person has said; their path leads there from the photos."""
    if not workspace.harvested or not workspace.conflicts.is_dir():
        return
    for path in sorted(workspace.conflicts.glob("*.jpg")):
        decision = decisions.get(path.stem)
        if decision is not None and decision.label is not None and decision.state == "keep":
            relative = Path("..", workspace.conflicts.name, path.name).as_posix()
            photo = open_photo(FoundFile(path, relative, decision.label, None))
            if isinstance(photo, PhotoFile):
                yield replace(photo, name_id=path.stem)
