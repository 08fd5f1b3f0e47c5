"""A folder of class folders -> the photos that can be used, and the files that cannot, each with its reason."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from fieldmark.engines.local import map_threads
from fieldmark.errors import FolderError, NotAPhoto
from fieldmark.imaging.crop import Crop
from fieldmark.imaging.decode import Pixels, as_pixels, decode, read_bytes
from fieldmark.imaging.sniff import name_content
from fieldmark.terminal import track

SIDES = {"train": "train", "valid": "valid", "val": "valid", "validation": "valid", "test": "test"}
"""Folder names that stand above class folders, and the side each means."""

PASSED_OVER = {"__MACOSX"}  # and everything that begins with a dot, `.ipynb_checkpoints` and `.fieldmark` among it

_ID = re.compile(r"[0-9a-f]{16}")

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
        name_id: the id that the file's name holds, in a workspace, where the bytes as they came were others.
        group: what near-duplicates of it share, in a workspace; None when it has none.
        crop: the part of it that counts; None for the whole picture.
    """

    path: str
    label: str
    side: str | None
    sha256: str
    name_id: str | None = None
    group: str | None = None
    crop: Crop | None = None

    @property
    def id(self) -> str:
        """The first 16 hex digits of the sha256: what splits and verdicts key on, so that renaming loses nothing."""
        return self.name_id or self.sha256[:16]

    def pixels(self, root: Path) -> Pixels:
        """Decode it, uint8 `[height, width, 3]`, and cut out the part that counts. Raises NotAPhoto."""
        whole = as_pixels(root / self.path)
        return whole if self.crop is None else self.crop.of(whole)


@dataclass(frozen=True)
class Unusable:
    """One file that cannot be used, and why; `id` is that of its bytes, empty where these cannot be read."""

    path: str
    reason: str
    id: str = ""


@dataclass(frozen=True)
class Listing:
    """What lies in a folder of class folders, by name and size alone; the sealed `test/` is left out.

    Attributes:
        classes: class names, sorted, those of empty folders too.
        files: path relative to the folder, class, and size in bytes of every file, in the order of their paths.
    """

    classes: tuple[str, ...]
    files: tuple[tuple[str, str, int], ...]

    def counts(self) -> dict[str, int]:
        """Return the number of files per class."""
        counted = Counter(label for _, label, _ in self.files)
        return {name: counted[name] for name in self.classes}

    def hash(self) -> str:
        """Return a hex digest that changes when a file is added, taken away, moved or of another size."""
        text = "\n".join(f"{path} {n_bytes}" for path, _, n_bytes in sorted(self.files))
        return hashlib.sha256(os.fsencode(text)).hexdigest()


@dataclass(frozen=True)
class PhotoFolder:
    """What a folder of class folders holds.

    Attributes:
        root: the folder, absolute.
        classes: class names, sorted.
        photos: the usable photos, in the order of their paths.
        unusable: the files that are none, in the order of their paths.
        listing: what lay there when it was read.
        sealed: how many files of a given `test/` were left unread.
        before: the photos as they lie there, before any verdict; see `reading.read_photos`.
    """

    root: Path
    classes: tuple[str, ...]
    photos: tuple[PhotoFile, ...]
    unusable: tuple[Unusable, ...]
    listing: Listing
    sealed: int = 0
    before: tuple[PhotoFile, ...] = ()

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
class FoundFile:
    """A file in a class folder, not yet opened; the attributes are those of `PhotoFile`."""

    path: Path
    relative: str
    label: str
    side: str | None


def read_folder(root: Path, test: bool = False, named_by_id: bool = False) -> PhotoFolder:
    """Open every file of a folder of class folders and tell photos from the rest.

    Args:
        root: `class/*` or `train|valid|val|validation|test/class/*`; photos may lie deeper below their class folder.
        test: read the sealed `test/` side, and only that.
        named_by_id: this is the `photos/` of a workspace, where a photo's name is its id.

    Raises:
        FolderError: there are no class folders, or no usable photo at all.
    """
    if named_by_id and not root.is_dir():
        raise FolderError(f"{root.parent} has no photos yet. Run: fieldmark harvest {root.parent}")
    found = list(find_files(root))
    classes = tuple(sorted({file.label for file in found} | _empty_class_folders(root)))
    if not classes:
        raise FolderError(
            f"{root} holds no class folders. Put the photos of each class into a folder of its own, "
            f"such as {root.name}/coral/1.jpg and {root.name}/king/1.jpg."
        )
    sealed = [file for file in found if file.side == "test"]
    if test and not sealed:
        raise FolderError(
            f"{root} has no test/ folder with photos, so there is nothing sealed to open. "
            "To seal a share of its photos: fieldmark train DIR --test 15%"
        )
    wanted = sealed if test else [file for file in found if file.side != "test"]
    opened = list(track(map_threads(open_photo, wanted), "reading photos", total=len(wanted)))
    photos = tuple(item for item in opened if isinstance(item, PhotoFile))
    if named_by_id:
        photos = tuple(replace(photo, name_id=id_in(photo.path)) for photo in photos)
    unusable = tuple(item for item in opened if isinstance(item, Unusable)) + tuple(_strays(root))
    if not photos:
        raise FolderError(_nothing_usable(root, unusable))
    return PhotoFolder(root, classes, photos, unusable, _listing(found, classes), 0 if test else len(sealed), photos)


def list_folder(root: Path) -> Listing:
    """Look at a folder of class folders without opening a file; one that is not there holds nothing.

    Raises:
        FolderError: it cannot be read.
    """
    if not root.is_dir():
        return Listing((), ())
    found = list(find_files(root))
    return _listing(found, tuple(sorted({file.label for file in found} | _empty_class_folders(root))))


def _listing(found: list[FoundFile], classes: tuple[str, ...]) -> Listing:
    files = ((file.relative, file.label, _size(file.path)) for file in found if file.side != "test")
    return Listing(classes, tuple(sorted(files)))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # a dangling link, or a file that went away meanwhile
        return 0


def open_photo(file: FoundFile) -> PhotoFile | Unusable:
    """Decode a file to know whether it is a photo; the pixels are read again when they are needed."""
    data = b""
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
        return Unusable(file.relative, str(error), hashlib.sha256(data).hexdigest()[:16] if data else "")
    return PhotoFile(file.relative, file.label, file.side, hashlib.sha256(data).hexdigest())


def id_in(path: str) -> str | None:
    """Return the id that a photo's name is; None for a file that a person has put beside the harvested ones."""
    stem = PurePosixPath(path).stem
    return stem if _ID.fullmatch(stem) else None


def find_files(root: Path) -> Iterator[FoundFile]:
    """Yield every file in the class folders of `root`, in the order of their paths, without opening any."""
    for top, side in _tops(root):
        for class_folder in _folders(top):
            for path in _files_below(class_folder):
                yield FoundFile(path, path.relative_to(root).as_posix(), class_folder.name, side)


def find_any(root: Path) -> Iterator[FoundFile]:
    """Yield every file at any depth below a folder whose photos have no class, without opening any."""
    for path in _files_below(root):
        yield FoundFile(path, path.relative_to(root).as_posix(), "", None)


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
    return [child for child in children if child.is_dir() and not is_passed_over(child.name)]


def _files_below(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not is_passed_over(name))
        for name in sorted(files):
            if not is_passed_over(name):
                yield Path(parent) / name


def is_passed_over(name: str) -> bool:
    """Return whether a file or folder of this name is none of the photos' business."""
    return name.startswith(".") or name in PASSED_OVER


def _empty_class_folders(root: Path) -> set[str]:
    """Return class folders whatever they hold, so that an empty one is spoken of and not forgotten."""
    return {folder.name for top, side in _tops(root) if side != "test" for folder in _folders(top)}


def _strays(root: Path) -> Iterator[Unusable]:
    """Name pictures that lie beside the class folders, where they belong to no class."""
    for top, _ in [(root, None), *(pair for pair in _tops(root) if pair[1])]:
        for path in sorted(top.iterdir()):
            if path.is_file() and not is_passed_over(path.name) and _looks_like_picture(path):
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
