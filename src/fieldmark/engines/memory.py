"""Memory that was freed -> kept for whoever asks next, or given back; and when not to look for what could be."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # as glibc's malloc.h has them
LARGEST_KEPT = 2**30
"""Bytes; a network's layer makes a few million of a batch of photos."""


def keep_freed_memory() -> None:
    """Tell glibc's allocator to keep what is freed for the next layer of a network; elsewhere do nothing.

    As it comes it gives every large block back to the system and takes it anew, page by page: a quarter to two fifths
    of the time of looking at photos.
    """
    if tell := _of_glibc("mallopt"):
        for option in (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD):
            tell(option, LARGEST_KEPT)


def give_back_memory() -> None:
    """Ask glibc to give back what it keeps of freed memory; elsewhere do nothing. Takes a few milliseconds."""
    if trim := _of_glibc("malloc_trim"):
        trim(0)


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep Python from searching for unused objects meanwhile.

    For where a great many are made that stay, as in importing torch and in exporting a network: the search, done over
    and over, is a sixth of the time, and finds nothing.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def _of_glibc(name: str) -> Callable[..., int] | None:
    try:
        found: Callable[..., int] = getattr(ctypes.CDLL(None), name)
    except (OSError, TypeError, AttributeError):  # another allocator, or Windows
        return None
    return found
