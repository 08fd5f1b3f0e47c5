"""A folder of photos -> where its photos lie, and where we keep what we must remember about it."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

from fieldmark.errors import FolderError

MEMORY = ".fieldmark"


@dataclass(frozen=True)
class Workspace:
    """A plain folder of class folders.

    Attributes:
        root: the folder, absolute.
        memory: where splits and runs of it are kept: `.fieldmark/` inside, or a folder in the user's cache where the
            photos cannot be written beside. Made only when something is written.
    """

    root: Path
    memory: Path

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> Workspace:
        """Look at a folder without writing anything. Raises FolderError when there is none."""
        root = Path(folder).expanduser()
        if not root.exists():
            raise FolderError(f"There is no folder {root}.{_neighbours(root)}")
        if not root.is_dir():
            raise FolderError(f"{root} is a file. Give the folder that holds one folder of photos per class.")
        root = root.resolve()
        return cls(root, _memory_of(root))

    @property
    def remembers_elsewhere(self) -> bool:
        """Whether what we remember lies outside the folder itself."""
        return not self.memory.is_relative_to(self.root)

    @property
    def runs(self) -> Path:
        """Where the runs of this folder lie."""
        return self.memory / "runs"

    @property
    def splits(self) -> Path:
        """Where the splits of this folder lie."""
        return self.memory / "splits"


def cache_folder() -> Path:
    """Return the user's cache folder for Fieldmark; it may not exist yet."""
    return user_cache_path("fieldmark", appauthor=False)


def _memory_of(root: Path) -> Path:
    inside = root / MEMORY
    if os.access(inside if inside.exists() else root, os.W_OK | os.X_OK):
        return inside
    # Two folders of one name must not share a memory, so the path's hash is part of the name.
    return cache_folder() / "folders" / f"{root.name}-{hashlib.sha256(os.fsencode(root)).hexdigest()[:12]}"


def _neighbours(missing: Path) -> str:
    """Name what does lie where a folder was looked for."""
    try:
        names = sorted(p.name for p in missing.parent.iterdir() if p.is_dir() and not p.name.startswith("."))
    except OSError:
        return ""
    return f" Beside it lie: {', '.join(names[:8])}." if names else ""
