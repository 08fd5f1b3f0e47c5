"""A board -> its thumbnails, made in the background while a person already decides."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path

from fieldmark.artifacts.thumbnails import Thumbnails
from fieldmark.errors import NotAPhoto


class ThumbnailMaker:
    """Makes thumbnails on one thread, so that the page keeps the other processors, while a `with` block lasts.

    Attributes:
        done, total: how far it is.
    """

    def __init__(self, thumbnails: Thumbnails, files: Iterable[tuple[str, Path]]) -> None:
        """Prepare; `files` are photo ids and their files, the most urgent first."""
        self._thumbnails = thumbnails
        self._files = list(files)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._make, name="thumbnails", daemon=True)
        self.done, self.total = 0, len(self._files)

    def __enter__(self) -> ThumbnailMaker:
        """Start."""
        self._thread.start()
        return self

    def __exit__(self, *problem: object) -> None:
        """Stop after the one at hand."""
        self._stop.set()
        self._thread.join()

    def _make(self) -> None:
        for id_, file in self._files:
            if self._stop.is_set():
                return
            try:
                if not self._thumbnails.is_made(id_, file):
                    self._thumbnails.get(id_, file)
            except (NotAPhoto, OSError):
                pass  # whoever asks for it is told why
            self.done += 1
