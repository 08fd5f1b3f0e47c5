"""`thumbnails/<id>.jpg`: photos made small once, for pages that show thousands of them."""

from __future__ import annotations

from pathlib import Path
from threading import Lock

from fieldmark.artifacts.atomic import write_bytes
from fieldmark.errors import NotAPhoto
from fieldmark.imaging.decode import read_bytes
from fieldmark.imaging.thumbnail import thumbnail_of

FOLDER = "thumbnails"

LONGEST = 320
"""Pixels of the longer side: sharp on a tile of 160 on a phone's screen; about 12 kB each."""

REMEMBERED = 2000
"""How many are held in memory where the folder cannot be written to: about 24 MB."""


class Thumbnails:
    """The thumbnails in one folder, which is made with the first of them. Several threads may ask at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._in_memory: dict[str, bytes] = {}
        self._hopeless: dict[str, str] = {}
        self._lock = Lock()

    def get(self, id_: str, photo: Path) -> bytes:
        """Return the thumbnail of a photo as a JPEG, making it if there is none that is newer than the photo.

        Raises:
            NotAPhoto: the file does not decode, now or when it was last tried.
            OSError: there is no such file, or it cannot be read.
        """
        taken = photo.stat().st_mtime
        kept = self._kept(id_, taken)
        if kept is not None:
            return kept
        if id_ in self._hopeless:
            raise NotAPhoto(self._hopeless[id_])
        try:
            made = thumbnail_of(read_bytes(photo), LONGEST)
        except NotAPhoto as error:
            self._hopeless[id_] = str(error)
            raise
        self._keep(id_, made)
        return made

    def is_made(self, id_: str, photo: Path) -> bool:
        """Return whether `get` has nothing left to do for a photo."""
        if id_ in self._in_memory or id_ in self._hopeless:
            return True
        try:
            return self._file(id_).stat().st_mtime >= photo.stat().st_mtime
        except OSError:
            return False

    def _file(self, id_: str) -> Path:
        return self._folder / f"{id_}.jpg"

    def _kept(self, id_: str, taken: float) -> bytes | None:
        try:
            file = self._file(id_)
            return file.read_bytes() if file.stat().st_mtime >= taken else None
        except OSError:
            return self._in_memory.get(id_)

    def _keep(self, id_: str, made: bytes) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_bytes(self._file(id_), made, flush=False)
        except OSError:  # a full or read-only disk is no reason to show nothing
            with self._lock:
                self._in_memory[id_] = made
                while len(self._in_memory) > REMEMBERED:
                    del self._in_memory[next(iter(self._in_memory))]
