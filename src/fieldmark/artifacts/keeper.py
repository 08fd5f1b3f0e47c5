"""A cache that grows -> its file, written now and then. A disk that takes nothing costs a warning, once."""

from __future__ import annotations

import time
from collections.abc import Callable

from fieldmark.errors import explain_os_error
from fieldmark.terminal import warn

SAVE_EVERY = 60.0
"""Seconds of work that a killed process may lose."""


class Keeper:
    """Writes a cache while it grows."""

    def __init__(self, write: Callable[[], None], lost: str) -> None:
        """Prepare.

        Args:
            write: writes all of the cache; may raise OSError.
            lost: a sentence, what it means that this failed.
        """
        self._write, self._lost = write, lost
        self._written = time.monotonic()
        self._unwritten = 0
        self._refused = False

    def now_and_then(self) -> None:
        """Say that something was added."""
        self._unwritten += 1
        if time.monotonic() - self._written > SAVE_EVERY:
            self.at_last()

    def at_last(self) -> None:
        """Write what was added since."""
        if self._refused or not self._unwritten:
            return
        try:
            self._write()
        except OSError as error:
            self._refused = True
            warn(f"{self._lost} {explain_os_error(error)}")
        self._written, self._unwritten = time.monotonic(), 0
