"""A folder of strangers -> how many of them a model takes for one of its classes."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from fieldmark.artifacts.photos import FoundFile, PhotoFile, Unusable, find_any, open_photo
from fieldmark.artifacts.workspace import Workspace
from fieldmark.engines.local import map_threads
from fieldmark.errors import FolderError, NotAPhoto
from fieldmark.evaluate.intervals import wilson
from fieldmark.imaging.decode import Pixels
from fieldmark.terminal import track

NAMED = 3
"""Photos that a warning names."""


@dataclass(frozen=True)
class Probe:
    """Photos that belong to no class of a model.

    Attributes:
        folder: as it was given.
        root: what the photos' paths start from.
        photos: to be counted; each different file once.
        unusable: files that are no photos.
        warning: what speaks against it, in words; None where nothing does.
        left_out: photos not counted, as the model knows them.
    """

    folder: str
    root: Path
    photos: tuple[PhotoFile, ...]
    unusable: tuple[Unusable, ...]
    warning: str | None
    left_out: int


def read_probe(folder: str | os.PathLike[str], classes: Sequence[str], known: Collection[str] = ()) -> Probe:
    """Read a folder of strangers: photos at any depth, in class folders or not.

    Args:
        folder: a folder, or a workspace.
        classes: what the model knows; a folder of that name is warned of.
        known: ids of photos that the model learned from or is judged by, see `PhotoFile.id`. They are left out, with a
            warning. Copies that are not the same file byte by byte are not noticed.

    Raises:
        FolderError: there is no such folder, or no photo in it that can be counted.
    """
    root = Workspace.open(folder).photos
    files = list(find_any(root))
    opened = list(track(map_threads(open_photo, files), f"reading {root.name}", total=len(files)))
    different = {item.sha256: item for item in opened if isinstance(item, PhotoFile)}
    unusable = tuple(item for item in opened if isinstance(item, Unusable))
    given = set(known)
    twins = [photo for photo in different.values() if photo.id in given]
    photos = tuple(photo for photo in different.values() if photo not in twins)
    if not photos:
        raise FolderError(_nothing_to_count(folder, twins, unusable))
    return Probe(os.fspath(folder), root, photos, unusable, _warning(root, files, classes, twins), len(twins))


def judge_probe(probe: Probe, score: Callable[[Pixels], float], threshold: float | None) -> dict[str, Any] | None:
    """Count the strangers that pass.

    Args:
        probe: the strangers.
        score: a photo, uint8 `[height, width, 3]` -> its unknown score; called from several threads.
        threshold: above it a photo is refused; None refuses none.

    Returns:
        `folder`; `n` photos, of which `accepted` passed; their `share` with its Wilson interval `ci95`; a `warning` or
        None; how many were `left_out`; and the `unusable` files with their reasons. None where no photo could be read.
    """

    def ask(photo: PhotoFile) -> float | Unusable:
        try:
            return score(photo.pixels(probe.root))
        except NotAPhoto as reason:  # gone since it was opened
            return Unusable(photo.path, str(reason))

    name = probe.root.name
    answers = list(track(map_threads(ask, probe.photos), f"judging {name}", total=len(probe.photos)))
    scores = [answer for answer in answers if not isinstance(answer, Unusable)]
    unusable = [*probe.unusable, *(answer for answer in answers if isinstance(answer, Unusable))]
    if not scores:
        return None
    accepted = sum(threshold is None or not each > threshold for each in scores)
    warning = probe.warning
    if threshold is None:
        warning = " ".join(filter(None, (warning, "The model has no threshold, so it refuses nothing.")))
    return {
        "folder": probe.folder,
        "n": len(scores),
        "accepted": accepted,
        "share": accepted / len(scores),
        "ci95": list(wilson(accepted, len(scores))),
        "warning": warning,
        "left_out": probe.left_out,
        "unusable": [{"photo": file.path, "reason": file.reason} for file in unusable],
    }


def _warning(root: Path, files: Sequence[FoundFile], classes: Sequence[str], twins: Sequence[PhotoFile]) -> str | None:
    said = " ".join((*_named_as_classes(root, files, classes), *_known(twins)))
    return said or None


def _named_as_classes(root: Path, files: Sequence[FoundFile], classes: Sequence[str]) -> Iterator[str]:
    folders = {part.casefold() for file in files for part in PurePosixPath(file.relative).parent.parts}
    named = [name for name in classes if name.casefold() in folders | {root.name.casefold()}]
    if named:
        yield (
            f"{root.name} has photos in a folder called {' and '.join(named)}, as {_classes(len(named))} of the model. "
            "Photos of a class are no strangers, and count as mistakes here when they are rightly accepted."
        )


def _classes(n: int) -> str:
    return "a class" if n == 1 else "classes"


def _known(twins: Sequence[PhotoFile]) -> Iterator[str]:
    if twins:
        names = ", ".join(photo.path for photo in twins[:NAMED]) + (", ..." if len(twins) > NAMED else "")
        what = "1 photo was" if len(twins) == 1 else f"{len(twins)} photos were"
        yield f"{what} left out, as the model learned from the same file or is judged by it: {names}."


def _nothing_to_count(folder: str | os.PathLike[str], twins: Sequence[PhotoFile], unusable: Sequence[Unusable]) -> str:
    if twins:
        return (
            f"All photos of {os.fspath(folder)} are among those that the model learned from or is judged by. "
            "Give a folder of photos that show none of the classes."
        )
    if unusable:
        first = unusable[0]
        return f"No file in {os.fspath(folder)} is a photo. The first: {first.path}: {first.reason}."
    return f"{os.fspath(folder)} holds no photos. Give a folder of photos that show none of the classes."
