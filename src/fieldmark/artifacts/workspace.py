"""A folder -> where its photos lie, and where we keep what we must remember about it.

A *workspace* is what `harvest` makes: `catalog.db`, `photos/<class>/<id>.jpg`, `runs/`. A *plain folder* of class
folders is anybody's; all that we add to it goes into `.fieldmark/` inside.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

from fieldmark.artifacts import catalog
from fieldmark.errors import FolderError, WorkspaceError

MEMORY = ".fieldmark"
PHOTOS = "photos"
"""Folder of a workspace that holds the class folders."""


@dataclass(frozen=True)
class Workspace:
    """A workspace or a plain folder, on disk.

    Attributes:
        root: the folder, absolute.
        memory: where runs and other things we make are kept: the folder itself for a workspace, `.fieldmark/` inside
            for a plain folder, or a folder in the user's cache where that cannot be written to. Made only when
            something is written.
        harvested: whether it has a catalog, so that photos lie in `photos/` and are named by their ids.
    """

    root: Path
    memory: Path
    harvested: bool = False

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> Workspace:
        """Look at a folder without writing anything. Raises FolderError when there is none."""
        root = given_path(folder)
        if not root.exists():
            raise FolderError(f"There is no folder {root}.{_neighbours(root)}")
        if not root.is_dir():
            raise FolderError(f"{root} is a file. Give the folder that holds one folder of photos per class.")
        root = root.resolve()
        harvested = (root / catalog.NAME).is_file()
        return cls(root, _memory_of(root, root if harvested else root / MEMORY), harvested)

    @classmethod
    def open_harvested(cls, folder: str | os.PathLike[str]) -> Workspace:
        """Look at a workspace. Raises FolderError when there is no such folder, WorkspaceError for a plain one."""
        workspace = cls.open(folder)
        if not workspace.harvested:
            raise WorkspaceError(
                f"{folder} has no {catalog.NAME}, so nothing is known of where its photos come from. "
                f"To begin one: fieldmark harvest {folder} -o WORKSPACE"
            )
        return workspace

    @classmethod
    def of_photos(cls, folder: str | os.PathLike[str]) -> Workspace:
        """Look at the workspace in whose `photos/` a folder's photos lie, or at the folder itself where there is none.

        Runs name the folder that holds the class folders, see `photos`. Raises FolderError when there is none.
        """
        path = given_path(folder).absolute()
        is_ours = path.name == PHOTOS and (path.parent / catalog.NAME).is_file()
        return cls.open(path.parent if is_ours else path)

    @property
    def remembers_elsewhere(self) -> bool:
        """Whether what we remember lies outside the folder itself."""
        return not self.memory.is_relative_to(self.root)

    @property
    def catalog(self) -> Path:
        """The catalog of a workspace."""
        return self.root / catalog.NAME

    @property
    def journal(self) -> Path:
        """The catalog that takes findings and verdicts: that of a workspace, or one in the memory of a folder."""
        return self.memory / catalog.NAME

    @property
    def photos(self) -> Path:
        """The folder that holds the class folders."""
        return self.root / PHOTOS if self.harvested else self.root

    @property
    def conflicts(self) -> Path:
        """Where photos lie that two classes of a workspace claim, until a person decides."""
        return self.root / "conflicts"

    @property
    def originals(self) -> Path:
        """Where the bytes lie as they came, with `harvest --keep`."""
        return self.root / "originals"

    @property
    def runs(self) -> Path:
        """Where the runs of this folder lie."""
        return self.memory / "runs"

    @property
    def splits(self) -> Path:
        """Where the splits of a plain folder lie; those of a workspace are in its catalog."""
        return self.memory / "splits"


def given_path(text: str | os.PathLike[str]) -> Path:
    """Return a path as a person gave it, with `~` for their home; a `~` that is nobody's home is part of the name."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return Path(text)


def cache_folder() -> Path:
    """Return the user's cache folder for Fieldmark; it may not exist yet."""
    return user_cache_path("fieldmark", appauthor=False)


def _memory_of(root: Path, wanted: Path) -> Path:
    if os.access(wanted if wanted.exists() else root, os.W_OK | os.X_OK):
        return wanted
    # Two folders of one name must not share a memory, so the path's hash is part of the name.
    return cache_folder() / "folders" / f"{root.name}-{hashlib.sha256(os.fsencode(root)).hexdigest()[:12]}"


def _neighbours(missing: Path) -> str:
    """Name what does lie where a folder was looked for."""
    try:
        names = sorted(p.name for p in missing.parent.iterdir() if p.is_dir() and not p.name.startswith("."))
    except OSError:
        return ""
    return f" Beside it lie: {', '.join(names[:8])}." if names else ""
