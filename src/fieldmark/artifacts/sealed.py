"""The sealed share of a folder: which photos it holds, and each time that it was looked at.

A share is drawn once. From then on nothing learns from its photos or is judged by them, until `evaluate --test` opens
it, and that is written down.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import astuple, dataclass, fields, replace

from fieldmark.artifacts import splits
from fieldmark.artifacts.catalog import Catalog
from fieldmark.artifacts.photos import PhotoFolder
from fieldmark.artifacts.reading import read_photos
from fieldmark.artifacts.verdicts import open_journal
from fieldmark.artifacts.workspace import MEMORY, Workspace
from fieldmark.errors import FolderError

OWN = "test/"
"""What stands for a sealed side that the folder came with, in place of a hash."""


@dataclass(frozen=True)
class Seal:
    """A share that was drawn and sealed.

    Attributes:
        seed: by which it was drawn.
        share: of the photos that there were then, 0 to 1.
        ids: of the sealed photos.
        others: ids of the photos that were there and not drawn.
    """

    seed: int
    share: float
    ids: frozenset[str]
    others: frozenset[str]

    @property
    def hash(self) -> str:
        """A hex digest of the ids: what a model says it left out."""
        return hashlib.sha256("\n".join(sorted(self.ids)).encode("ascii")).hexdigest()


@dataclass(frozen=True)
class Opening:
    """One look at sealed photos, as the table `openings` has it.

    Attributes:
        at: when, ISO 8601, UTC.
        seal: `Seal.hash`, or `OWN`.
        model: the run's id, or the model file's name.
        model_hash: sha256 of the run's weights, or of the model file.
        n, wrong: photos judged, and how many of them wrongly.
        log_loss: in nats.
    """

    at: str
    seal: str
    model: str
    model_hash: str
    n: int
    wrong: int
    log_loss: float


def read_seal(workspace: Workspace) -> Seal | None:
    """Return the share that was sealed in a folder; None where none was.

    Raises:
        FolderError, WorkspaceError: what was kept of it cannot be read.
    """
    for home in _homes(workspace):
        for seed, draw in splits.kept_draws(home):
            if draw.startswith("test"):
                sides = splits.read_kept(home, seed, draw)
                by_side = {side: frozenset(id_ for id_ in sides if sides[id_] == side) for side in ("test", "train")}
                return Seal(seed, float(draw.removeprefix("test")), by_side["test"], by_side["train"])
    return None


def keep_seal(workspace: Workspace, seed: int, share: float, sides: splits.Sides) -> Seal:
    """Keep what `split.draw_test` drew, and return it as it is read from then on."""
    splits.keep(workspace, seed, splits.sealed(share), sides)
    seal = read_seal(workspace)
    assert seal is not None
    return seal


def read_unsealed(workspace: Workspace) -> PhotoFolder:
    """Read the photos of a folder as `read_photos` does, without those of a sealed share."""
    return without(read_photos(workspace), read_seal(workspace))


def without(photos: PhotoFolder, seal: Seal | None) -> PhotoFolder:
    """Return the photos that are not sealed. Raises FolderError where none is left."""
    if seal is None:
        return photos
    left = tuple(photo for photo in photos.photos if photo.id not in seal.ids)
    if not left:
        raise FolderError(f"Every photo of {photos.root} is sealed. `fieldmark evaluate RUN DIR --test` opens them.")
    return replace(photos, photos=left, before=tuple(p for p in photos.before if p.id not in seal.ids))


def read_side(workspace: Workspace, test: bool) -> tuple[PhotoFolder, str | None]:
    """Read what a model may be judged by: all that is not sealed, or with `test` what is.

    A `test/` that the folder came with goes before a share that was drawn.

    Returns:
        The photos, and with `test` what was opened: `Seal.hash` or `OWN`.

    Raises:
        FolderError: as `read_photos`; or nothing is sealed, or none of it is left.
    """
    seal = read_seal(workspace)
    if seal is None:
        return read_photos(workspace, test), OWN if test else None
    photos = read_photos(workspace)
    if not test:
        return without(photos, seal), None
    if photos.sealed:
        return read_photos(workspace, test), OWN
    opened = tuple(photo for photo in photos.photos if photo.id in seal.ids)
    if not opened:
        raise FolderError(f"None of the {len(seal.ids)} sealed photos is left in {photos.root}.")
    return replace(photos, photos=opened, before=tuple(p for p in photos.before if p.id in seal.ids)), seal.hash


def counts_in(photos: PhotoFolder, seal: Seal) -> dict[str, int]:
    """Return how many of the photos are sealed, per class."""
    counted = Counter(photo.label for photo in photos.photos if photo.id in seal.ids)
    return {name: counted[name] for name in photos.classes}


def openings(workspace: Workspace, seal: str) -> list[Opening]:
    """Return every look at sealed photos, the first first."""
    found: list[Opening] = []
    for home in _homes(workspace):
        if home.journal.is_file():
            with Catalog.open_reading(home.journal) as catalog:
                found += [
                    Opening(*row)
                    for row in catalog.rows("SELECT * FROM openings WHERE seal = ? ORDER BY rowid", (seal,))
                ]
    return found


def note_opening(workspace: Workspace, opening: Opening) -> None:
    """Write down that sealed photos were looked at. Raises WorkspaceError where it cannot be written."""
    names = ", ".join(field.name for field in fields(Opening))
    with open_journal(workspace) as catalog, catalog.writing():
        catalog.run(f"INSERT INTO openings ({names}) VALUES (?, ?, ?, ?, ?, ?, ?)", astuple(opening))


def _homes(workspace: Workspace) -> Iterator[Workspace]:
    """Where it may be written: in the folder, and elsewhere for one that can no longer be written to."""
    inside = replace(workspace, memory=workspace.root if workspace.harvested else workspace.root / MEMORY)
    yield inside
    if workspace.memory != inside.memory:
        yield workspace
