"""Numbers that several processes count -> one table they share: a row for each, a column for each number.

Each process writes its own row alone, and one number at a time, so nothing needs a lock; whoever is asked adds up the
rows. The row of a process that died stays, so that no count ever falls. What the columns are is decided here, once, for
all models: labels come from closed lists, and no stranger can make the table grow.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Iterator
from typing import Any

from fieldmark.serve.refusals import REASONS

ROUTES = ("/upload", "/batch", "/classify-url", "/", "/healthz", "/metrics", "/openapi.json", "/docs", "asset", "other")
STATUSES = ("200", *dict.fromkeys(str(status) for status, _ in REASONS.values() if status), "other")
STAGES = ("read", "wait", "look")
"""Of a picture: until its bytes were there, until a thread was free, until there was an answer."""

# Seconds. From a small picture on a quick machine to a URL that took all of its ten seconds.
BUCKETS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)

MOST_CLASSES = 100
"""Classes that are counted by name; the others share one count."""

GAUGES = ("beat", "workers", "in_flight", "queued", "looking", "fetching", "held_bytes", "connections")
"""What is true of a process now. `beat` is when it last said so, by `time.monotonic`; `workers` is 1 from then on."""

_Key = tuple[str, ...]


def _columns() -> Iterator[_Key]:
    yield from (("gauge", name) for name in GAUGES)
    yield from (("requests", route, status) for route in ROUTES for status in STATUSES)
    for name in (*(f"request{route}" for route in ROUTES), *STAGES):
        yield from ((name, str(bucket)) for bucket in (*BUCKETS, "+Inf", "sum"))
    yield from (("refusals", reason) for reason in REASONS)
    yield from (("classes", str(n)) for n in range(MOST_CLASSES + 1))
    yield ("unknown",)
    yield ("ended",)


COLUMNS: dict[_Key, int] = {key: n for n, key in enumerate(_columns())}
WIDTH = len(COLUMNS)


class Tally:
    """The table, and the one row that this process writes."""

    def __init__(self, numbers: Any = None, row: int = 0) -> None:
        """Join a table.

        Args:
            numbers: float64 `[rows * WIDTH]`, all zero at first; shared memory, or None for a table of one row.
            row: whose cells this process may write. Its gauges begin at 0.
        """
        self._all = memoryview(numbers if numbers is not None else bytearray(8 * WIDTH)).cast("B").cast("d")
        self._row = self._all[row * WIDTH : (row + 1) * WIDTH]
        clear_gauges(self._row)

    def add(self, *key: str, by: float = 1.0) -> None:
        """Count one more, or `by` more, of what a column counts."""
        self._row[COLUMNS[key]] += by

    def set(self, gauge: str, value: float) -> None:
        """Say what is true now."""
        self._row[COLUMNS["gauge", gauge]] = value

    def observe(self, name: str, seconds: float) -> None:
        """Add one observation to the histogram of a stage or a route."""
        bucket = bisect_left(BUCKETS, seconds)
        self.add(name, str(BUCKETS[bucket]) if bucket < len(BUCKETS) else "+Inf")
        self.add(name, "sum", by=seconds)

    def answered(self, place: int, unknown: bool) -> None:
        """Count an answer by the place of its likeliest class in the model."""
        self.add("classes", str(min(place, MOST_CLASSES)))
        if unknown:
            self.add("unknown")

    def beat(self) -> None:
        """Say that this process is alive."""
        self.set("beat", time.monotonic())
        self.set("workers", 1)

    def total(self, *key: str) -> float:
        """Add up a column over all processes."""
        return sum(self._all[COLUMNS[key] :: WIDTH])


def row_of(numbers: Any, row: int) -> memoryview[float]:
    """Return one row of a shared table, for whoever looks after its process."""
    return memoryview(numbers).cast("B").cast("d")[row * WIDTH : (row + 1) * WIDTH]


def clear_gauges(row: memoryview[float]) -> None:
    """Forget what was true of a process that is no more."""
    for gauge in GAUGES:
        row[COLUMNS["gauge", gauge]] = 0.0
