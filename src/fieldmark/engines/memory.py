"""Memory that was freed -> given back to the system, where its allocator would keep it."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache


def give_back_memory() -> None:
    """Ask glibc to give back what it keeps of freed memory; elsewhere do nothing. Takes a few milliseconds."""
    if trim := _trim():
        trim(0)


@cache
def _trim() -> Callable[[int], int] | None:
    try:
        found: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (OSError, TypeError, AttributeError):  # another allocator, or Windows
        return None
    return found
