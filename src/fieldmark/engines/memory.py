"""Memory that was freed -> kept for whoever asks next, or given back to the system, as glibc can be told."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

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


def _of_glibc(name: str) -> Callable[..., int] | None:
    try:
        found: Callable[..., int] = getattr(ctypes.CDLL(None), name)
    except (OSError, TypeError, AttributeError):  # another allocator, or Windows
        return None
    return found
