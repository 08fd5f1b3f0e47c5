"""`photos/<class>/<id>.jpg`, `conflicts/<id>.jpg`, `originals/<id>.*`: the pictures of a workspace, as files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from pathlib import Path

from fieldmark.artifacts.atomic import write_bytes
from fieldmark.artifacts.workspace import Workspace

SUFFIXES = {
    "a JPEG picture": ".jpg",
    "a PNG picture": ".png",
    "a GIF picture": ".gif",
    "a WebP picture": ".webp",
    "a BMP picture": ".bmp",
    "a TIFF picture": ".tif",
    "a JPEG 2000 picture": ".jp2",
    "an AVIF picture": ".avif",
    "a HEIC picture": ".heic",
}


class PhotoStore:
    """The picture files of one workspace. A photo is written before the catalog speaks of it, and removed after."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def path(self, id_: str, label: str | None) -> Path:
        """Return where a photo lies: below its class, or, with no label, among the conflicts."""
        folder = self._workspace.conflicts if label is None else self._workspace.photos / label
        return folder / f"{id_}.jpg"

    def stage(self, id_: str, label: str | None, jpeg: bytes) -> None:
        """Write a photo beside its place, where nobody takes it for one; `publish` gives it its name.

        Not flushed to the disk: a killed process loses nothing by it, and a power failure costs a few photos that
        `tidy` finds empty. Flushing each of 10,000 would take minutes.

        Raises:
            OSError: the disk does not take it.
        """
        path = self.path(id_, label)
        path.parent.mkdir(parents=True, exist_ok=True)
        _staged(path).write_bytes(jpeg)

    def publish(self, id_: str, label: str | None) -> None:
        """Give a staged photo its name, once the catalog speaks of it."""
        path = self.path(id_, label)
        _staged(path).replace(path)

    def keep_original(self, id_: str, data: bytes, content: str | None) -> None:
        """Write the bytes as they came, under a name that fits what they are."""
        path = self._workspace.originals / f"{id_}{SUFFIXES.get(content or '', '.bin')}"
        if not path.exists() or path.stat().st_size == 0:  # empty: a power failure
            path.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(path, data, flush=False)

    def move(self, id_: str, label: str | None, labels: Iterable[str]) -> None:
        """Make a photo lie where it belongs and nowhere else.

        Args:
            id_: the photo.
            label: its class; None for the conflicts.
            labels: the classes below which it may lie now.
        """
        target = self.path(id_, label)
        for path in [*(self.path(id_, other) for other in labels if other != label), self.path(id_, None)]:
            if path == target or not path.exists() or (target.exists() and path.samefile(target)):
                continue  # the same file under two spellings of its folder, on a Mac or Windows
            if target.exists():
                path.unlink()
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                path.replace(target)

    def files_of(self, ids: Set[str]) -> list[Path]:
        """Return every file of some photos, wherever it lies: photos, conflicts, originals, half-written ones."""
        return sorted(path for path in self._files() if _id_in(path.name) in ids)

    def remove_all(self, ids: Set[str]) -> None:
        """Delete every file of some photos; see `files_of`."""
        for path in self.files_of(ids):
            path.unlink(missing_ok=True)

    def tidy(self, places: Mapping[str, str | None]) -> list[str]:
        """Put right what a killed run left: half-written files, photos in the wrong place, empty ones.

        Args:
            places: where each known photo belongs; see `contents.places`.

        Returns:
            The ids of known photos whose file is empty; they have to be fetched again.
        """
        empty = []
        for path in list(self._files()):
            id_ = _id_in(path.name)
            if path.suffix == ".partial":
                self._tidy_staged(path, id_, places)
            elif id_ in places and path.stem == id_:
                if path.stat().st_size == 0:
                    empty.append(id_)
                elif path.parent != self._workspace.originals:
                    self.move(id_, places[id_], [path.parent.name])
        return empty

    def _tidy_staged(self, path: Path, id_: str, places: Mapping[str, str | None]) -> None:
        """Publish what was staged when its rows are there, since it was whole before they were written."""
        if id_ in places and path == _staged(self.path(id_, places[id_])):
            self.publish(id_, places[id_])
        elif path.name.startswith("."):
            path.unlink()

    def missing(self, files: Iterable[str]) -> list[str]:
        """Return those of `files`, given as `class/id.jpg`, that are not there any more."""
        return [file for file in files if not (self._workspace.photos / file).exists()]

    def _files(self) -> Iterator[Path]:
        for folder in (self._workspace.photos, self._workspace.conflicts, self._workspace.originals):
            if folder.is_dir():
                yield from (path for path in folder.rglob("*") if path.is_file())


def _staged(path: Path) -> Path:
    return path.with_name(f".{path.name}.partial")


def _id_in(name: str) -> str:
    """Return the id in the name of a photo, or of one that was being written: `.<id>.jpg.<letters>.partial`."""
    return name.removeprefix(".").partition(".")[0]
