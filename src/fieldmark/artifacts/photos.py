"""A folder of class folders -> the photos that can be used, and the files that cannot, each with its reason."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fieldmark.engines.local import map_threads
from fieldmark.errors import FolderError, NotAPhoto
from fieldmark.imaging.decode import decode, read_bytes
from fieldmark.imaging.sniff import name_content
from fieldmark.terminal import track

SIDES = {"train": "train", "valid": "valid", "val": "valid", "validation": "valid", "test": "test"}
"""Folder names that stand above class folders, and the side each means."""

PASSED_OVER = {"__MACOSX"}  # and everything that begins with a dot, `.ipynb_checkpoints` and `.fieldmark` among it

MAX_FILE_BYTES = 256 * 2**20
"""No photo is larger than this; a film that strayed into a class folder is not read into memory."""


@dataclass(frozen=True)
class PhotoFile:
    """One usable photo.

    Attributes:
        path: relative to the folder, with forward slashes.
        label: its class, the name of the folder it lies in.
        side: "train", "valid" or "test" where the folder's layout says so, else None.
        sha256: hex digest of the file's bytes.
    """

    path: str
    label: str
    side: str | None
    sha256: str

    @property
    def id(self) -> str:
        """The first 16 hex digits of the sha256: what splits and verdicts key on, so that renaming loses nothing."""
        return self.sha256[:16]


@dataclass(frozen=True)
class Unusable:
    """One file that cannot be used, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class PhotoFolder:
    """What a folder of class folders holds.

    Attributes:
        root: the folder, absolute.
        classes: class names, sorted.
        photos: the usable photos, in the order of their paths.
        unusable: the files that are none, in the order of their paths.
        sealed: how many files of a given `test/` were left unread.
    """

    root: Path
    classes: tuple[str, ...]
    photos: tuple[PhotoFile, ...]
    unusable: tuple[Unusable, ...]
    sealed: int = 0

    def counts(self) -> dict[str, int]:
        """Return the number of usable photos per class."""
        counted = Counter(photo.label for photo in self.photos)
        return {name: counted[name] for name in self.classes}

    def conflicts(self) -> list[list[PhotoFile]]:
        """Return the groups of byte-identical photos that lie under two or more labels."""
        by_bytes: dict[str, list[PhotoFile]] = {}
        for photo in self.photos:
            by_bytes.setdefault(photo.sha256, []).append(photo)
        return [group for group in by_bytes.values() if len({photo.label for photo in group}) > 1]


@dataclass(frozen=True)
class _Found:
    """A file in a class folder, not yet opened."""

    path: Path
    relative: str
    label: str
    side: str | None


def read_folder(root: Path, test: bool = False) -> PhotoFolder:
    """Open every file of a folder of class folders and tell photos from the rest.

    Args:
        root: `class/*` or `train|valid|val|validation|test/class/*`; photos may lie deeper below their class folder.
        test: read the sealed `test/` side, and only that.

    Raises:
        FolderError: there are no class folders, or no usable photo at all.
    """
    found = list(_find(root))
    classes = tuple(sorted({file.label for file in found} | _empty_class_folders(root)))
    if not classes:
        raise FolderError(
            f"{root} holds no class folders. Put the photos of each class into a folder of its own, "
            f"such as {root.name}/coral/1.jpg and {root.name}/king/1.jpg."
        )
    sealed = [file for file in found if file.side == "test"]
    if test and not sealed:
        raise FolderError(f"{root} has no test/ folder with photos, so there is nothing sealed to open.")
    wanted = sealed if test else [file for file in found if file.side != "test"]
    opened = list(track(map_threads(_read, wanted), "reading photos", total=len(wanted)))
    photos = tuple(item for item in opened if isinstance(item, PhotoFile))
    unusable = tuple(item for item in opened if isinstance(item, Unusable)) + tuple(_strays(root))
    if not photos:
        raise FolderError(_nothing_usable(root, unusable))
    return PhotoFolder(root, classes, photos, unusable, sealed=0 if test else len(sealed))


def _read(file: _Found) -> PhotoFile | Unusable:
    """Decode a photo to know that it can be; the pixels are read again when they are needed."""
    try:
        file.relative.encode("utf-8")
        if not file.path.is_file():
            raise NotAPhoto("not an ordinary file")
        if file.path.stat().st_size > MAX_FILE_BYTES:
            raise NotAPhoto(f"larger than {MAX_FILE_BYTES // 2**20} MiB")
        data = read_bytes(file.path)
        decode(data)
    except UnicodeEncodeError:
        shown = os.fsencode(file.relative).decode("utf-8", "backslashreplace")
        return Unusable(shown, "its name is not valid UTF-8; rename it")
    except OSError as error:
        return Unusable(file.relative, f"cannot be read ({error.strerror or error})")
    except NotAPhoto as error:
        return Unusable(file.relative, str(error))
    return PhotoFile(file.relative, file.label, file.side, hashlib.sha256(data).hexdigest())


def _find(root: Path) -> Iterator[_Found]:
    for top, side in _tops(root):
        for class_folder in _folders(top):
            for path in _files_below(class_folder):
                yield _Found(path, path.relative_to(root).as_posix(), class_folder.name, side)


def _tops(root: Path) -> list[tuple[Path, str | None]]:
    """Return the folders that hold class folders, with the side each means."""
    folders = _folders(root)
    names = {folder.name.lower() for folder in folders}
    if "train" in names and names <= SIDES.keys():
        return [(folder, SIDES[folder.name.lower()]) for folder in folders]
    return [(root, None)]


def _folders(parent: Path) -> list[Path]:
    try:
        children = sorted(parent.iterdir())
    except OSError as error:
        raise FolderError(f"{parent} cannot be read: {error.strerror}.") from error
    return [child for child in children if child.is_dir() and not _passed_over(child.name)]


def _files_below(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not _passed_over(name))
        for name in sorted(files):
            if not _passed_over(name):
                yield Path(parent) / name


def _passed_over(name: str) -> bool:
    return name.startswith(".") or name in PASSED_OVER


def _empty_class_folders(root: Path) -> set[str]:
    """Return class folders whatever they hold, so that an empty one is spoken of and not forgotten."""
    return {folder.name for top, side in _tops(root) if side != "test" for folder in _folders(top)}


def _strays(root: Path) -> Iterator[Unusable]:
    """Name pictures that lie beside the class folders, where they belong to no class."""
    for top, _ in [(root, None), *(pair for pair in _tops(root) if pair[1])]:
        for path in sorted(top.iterdir()):
            if path.is_file() and not _passed_over(path.name) and _looks_like_picture(path):
                relative = os.fsencode(path.relative_to(root).as_posix()).decode("utf-8", "backslashreplace")
                yield Unusable(relative, "lies beside the class folders, not in one")


def _looks_like_picture(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return (name_content(file.read(64)) or "").endswith("picture")
    except OSError:
        return False


def _nothing_usable(root: Path, unusable: tuple[Unusable, ...]) -> str:
    if not unusable:
        return f"{root} holds class folders, but no files in them."
    first = unusable[0]
    return f"None of the {len(unusable)} files in {root} can be used. The first: {first.path}: {first.reason}."
