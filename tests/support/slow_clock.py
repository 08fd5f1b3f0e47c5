"""A clock that stands still while anything can be done and then jumps to where the next sleeper wakes."""

from __future__ import annotations

import heapq
from collections.abc import Awaitable, Callable
from itertools import count
from typing import TypeVar

import anyio
from anyio.lowlevel import checkpoint

T = TypeVar("T")


class SlowClock:
    """`now` and `sleep` for code that waits; the sleeps are listed in `slept`."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.slept: list[float] = []
        self._sleepers: list[tuple[float, int, anyio.Event]] = []
        self._order = count()

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        woken = anyio.Event()
        heapq.heappush(self._sleepers, (self.time + seconds, next(self._order), woken))
        await woken.wait()

    def run(self, work: Callable[[], Awaitable[T]]) -> T:
        """Run `work` to its end and return its result, or raise what it raises."""

        async def both() -> T | Exception:
            async with anyio.create_task_group() as group:
                group.start_soon(self._tick)
                try:
                    return await work()
                except Exception as error:
                    return error  # and not a group of it
                finally:
                    group.cancel_scope.cancel()

        outcome = anyio.run(both)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def _tick(self) -> None:
        while True:
            for _ in range(50):  # until whoever can do something has done it
                await checkpoint()
            if self._sleepers:
                self.time, _, woken = heapq.heappop(self._sleepers)
                woken.set()
            else:
                await anyio.sleep(0.001)
