"""A folder of photos -> candidates that need no network, each with its class: photos already on disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from fieldmark.artifacts.photos import find_files, is_passed_over
from fieldmark.errors import FolderError
from fieldmark.search.provider import Result
from fieldmark.terminal import warn

ABOUT = "photos already on disk, in class folders or in one folder that is the class"


def read(path: Path) -> list[tuple[str, Result]]:
    """List the files of a folder: every one, since only its bytes tell whether it is a photo.

    Class folders may stand below `train`, `valid`, `val`, `validation` or `test`. A folder without folders is one
    class, called as the folder is. Dot files, `__MACOSX` and `.ipynb_checkpoints` are passed over.

    Returns:
        The class and the candidate of each file, in the order of the paths. `url` is the file's `file://` URI, `id`
        its path below the folder.

    Raises:
        FolderError: there is no such folder, or no file in it.
    """
    if not path.is_dir():
        raise FolderError(f"There is no folder {path}. Give the folder that holds the photos.")
    root = path.resolve()
    found = [(file.label, _candidate(root, file.path)) for file in find_files(root)]
    beside = list(_files_in(root))
    if not found:
        found = [(root.name, _candidate(root, file)) for file in beside]
    elif beside:
        shown = ", ".join(_shown(file.name) for file in beside[:3]) + (", ..." if len(beside) > 3 else "")
        warn(f"{path}: beside the class folders lie files of no class, which are left out ({len(beside)}): {shown}")
    if not found:
        raise FolderError(f"{path} holds no files. Give the folder that holds the photos.")
    return found


def _files_in(root: Path) -> Iterator[Path]:
    for path in sorted(root.iterdir()):
        if path.is_file() and not is_passed_over(path.name):
            yield path


def _candidate(root: Path, path: Path) -> Result:
    return Result(url=path.as_uri(), id=_shown(path.relative_to(root).as_posix()))


def _shown(name: str) -> str:
    """Return a file's name as text: one whose bytes are no UTF-8 with those bytes written out."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
