"""A condition -> the moment at which it is true, or a failure: for what another thread or process does in its own time."""

from __future__ import annotations

import time
from collections.abc import Callable


def until_true(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait until a condition holds. It is looked at often, so a test takes no longer than what it waits for."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.005)
