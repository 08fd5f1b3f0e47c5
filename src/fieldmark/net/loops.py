"""Work that waits for the network -> its result, also where an event loop runs already, as in a notebook."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
from anyio.from_thread import start_blocking_portal

Result = TypeVar("Result")


def run(work: Callable[[], Awaitable[Result]]) -> Result:
    """Do the work and return what it returns; Ctrl-C, or the stop button of a notebook, ends it."""
    if not loop_runs():
        return anyio.run(work)
    with start_blocking_portal() as portal:  # two loops do not go together on one thread
        return portal.call(work)


def loop_runs() -> bool:
    """Return whether this thread is inside of an event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
