"""A condition -> the moment at which it is true, or a failure: for what other threads and processes do."""

from __future__ import annotations

import time
from collections.abc import Callable

_PAUSE = 0.005  # seconds


def until_true(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait until a condition holds. Looks are counted and not seconds, since a machine may stand still for a while."""
    for _ in range(int(seconds / _PAUSE)):
        if condition():
            return
        time.sleep(_PAUSE)
    raise AssertionError("it did not come true")
