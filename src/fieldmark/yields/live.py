"""A harvest that goes on -> a table in the terminal that keeps up with it."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType

from rich.cells import cell_len
from rich.console import Console, Group
from rich.live import Live as Screen
from rich.text import Text

from fieldmark.artifacts import candidates
from fieldmark.artifacts.catalog import Catalog
from fieldmark.terminal import count, has_listener, printable, say
from fieldmark.yields.table import (
    COLUMNS,
    Counts,
    Yield,
    by_class,
    by_provider,
    cut,
    fill,
    merge,
    total,
)

SHARE = 0.05
"""Part of the time that may go into looking; counting 100,000 candidates takes a while, and the harvest comes first."""

WINDOW = 15.0
"""Seconds over which the rate is measured."""

PLAIN_EVERY = 10.0
"""Seconds between two lines where there is no terminal."""

WIDE = 80
"""Columns of a terminal from which headings are written out."""

_SHORT = {"duplicate": "dupl.", "too small": "small"}
_NARROW_LEAVES_OUT = ("conflict", "waiting")  # the line below the table tells of them
_WIDEST_NAME = 48
_FEWEST_LINES = 3


class Live:
    """Shows how far a harvest is: a table on a terminal, else a line now and then, and nothing to a program.

    Use it as `with Live(catalog, searching) as live` and call `live.refresh()` about twice a second; it looks less
    often where looking takes long.

    Args:
        catalog: the harvest's own; it is only read.
        searching: returns the names of the providers that may still name more candidates.
        console: what to draw on, in place of stderr.
        clock: seconds, for tests.
    """

    def __init__(
        self,
        catalog: Catalog,
        searching: Callable[[], list[str]],
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._catalog = catalog
        self._searching = searching
        self._clock = clock
        # Said here, since rich takes a pipe for a terminal where FORCE_COLOR is set.
        self._console = console or Console(stderr=True, force_terminal=sys.stderr.isatty())
        self._screen: Screen | None = None
        self._pace = Pace()
        self._start = self._due = clock()

    def __enter__(self) -> Live:
        if not has_listener():
            return self
        self._look()  # what an earlier run fetched is no pace of this one
        if self._console.is_terminal and not self._console.is_dumb_terminal:
            # Lines for stdout go above the table only where both are the same terminal.
            redirect = sys.stdout.isatty()
            self._screen = Screen(console=self._console, auto_refresh=False, transient=True, redirect_stdout=redirect)
            self._screen.start()
        else:
            self._due = self._start + PLAIN_EVERY
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._screen is not None:
            self._screen.stop()

    def refresh(self) -> None:
        """Look again, unless that would take more than its share of the time."""
        begin = self._clock()
        if begin < self._due or not has_listener():
            return
        rows = self._look()
        status = self._describe(rows)
        pause = PLAIN_EVERY
        if self._screen is None:
            counts = total(rows)
            say(f"{count(counts['found'], 'candidate')}, {counts['fetched']:,} fetched; {'; '.join(status)}")
        else:
            width, height = self._console.size
            self._screen.update(draw(rows, status, width, height), refresh=True)
            pause = 0.0
        end = self._clock()
        self._due = end + max(pause, (end - begin) * (1 / SHARE - 1))

    def _look(self) -> list[Yield]:
        rows = merge(candidates.tally(self._catalog))
        self._pace.note(self._clock(), total(rows))
        return rows

    def _describe(self, rows: Sequence[Yield]) -> list[str]:
        counts, searching = total(rows), self._searching()
        return [
            *describe_work(searching, counts),
            self._pace.describe(counts["waiting"], more_to_come=bool(searching)),
            f"{say_clock(self._clock() - self._start)} so far",
        ]


@dataclass(frozen=True)
class _Sample:
    at: float
    fetched: int
    ended: int


class Pace:
    """How fast a harvest goes, judged by its last seconds."""

    def __init__(self) -> None:
        self._samples: deque[_Sample] = deque()

    def note(self, at: float, counts: Counts) -> None:
        """Remember where it stands at some second."""
        ended = counts.undecided_at_search - counts["waiting"]
        self._samples.append(_Sample(at, counts["fetched"], ended))
        while len(self._samples) > 2 and self._samples[1].at <= at - WINDOW:
            self._samples.popleft()

    @property
    def photos(self) -> float | None:
        """Photos a second; None before there is anything to judge by."""
        return self._rate(lambda sample: sample.fetched)

    def seconds_left(self, waiting: int) -> float | None:
        """Return how long it takes to bring so many candidates to their end; None when that cannot be said."""
        rate = self._rate(lambda sample: sample.ended)
        return waiting / rate if rate else None

    def describe(self, waiting: int, more_to_come: bool) -> str:
        """Return rate and time left in words."""
        rate, left = self.photos, self.seconds_left(waiting)
        if rate is None:
            return "no rate yet"
        words = f"{rate:.{0 if rate >= 10 else 1}f} photos/s"
        if not waiting:
            return words
        if left is None:
            return f"{words}, time left unknown"
        return f"{words}, {'at least ' if more_to_come else 'about '}{say_duration(left)} left"

    def _rate(self, figure: Callable[[_Sample], int]) -> float | None:
        first, last = (self._samples[0], self._samples[-1]) if self._samples else (None, None)
        if first is None or last is None or last.at - first.at < 1:
            return None
        # A photo that turns out to be in conflict is one fewer; that is no negative pace.
        return max(0.0, (figure(last) - figure(first)) / (last.at - first.at))


def describe_work(searching: Sequence[str], counts: Counts) -> list[str]:
    """Return what is going on: who is being searched, how many candidates wait, how many are in conflict."""
    names = [printable(name, 20) for name in searching]
    if len(names) > 3:
        names = [*names[:3], f"{len(names) - 3} more"]
    words = []
    if names:
        words.append(f"searching {' and '.join([', '.join(names[:-1]), names[-1]] if names[1:] else names)}")
    if counts["waiting"]:
        words.append(f"{counts['waiting']:,} to fetch")
    if counts["conflict"]:
        words.append(f"{counts['conflict']:,} in conflict")
    return words if searching or counts["waiting"] else [*words, "finishing"]


def say_duration(seconds: float) -> str:
    """Return a span of time, as roughly as a guess deserves."""
    if seconds < 55:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{max(1, minutes)} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def say_clock(seconds: float) -> str:
    """Return a span of time to the second: 1:05, 2:00:07."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


@dataclass(frozen=True)
class _Line:
    name: str
    counts: Counts
    style: str = ""


def draw(rows: Sequence[Yield], status: Sequence[str], width: int, height: int) -> Group:
    """Draw the live table so that it fits a terminal of `width` columns and `height` lines."""
    everything = total(rows)
    columns = ["found", *(name for name in COLUMNS if name != "conflict" or everything[name])]
    if width < WIDE:
        columns = [name for name in columns if name not in _NARROW_LEAVES_OUT]
    said = _fold_status(status, width)
    room = height - len(said) - 4  # headings, total, a blank line, and one for the cursor
    lines, left_out = _choose(rows, max(_FEWEST_LINES, room))
    lines.append(_Line("all", everything, "bold"))
    drawn = _lay_out(lines, columns, width)
    if left_out:
        words = f"… {count(left_out, 'line')} more, counted in the totals"
        drawn.insert(-1, Text(cut(words, width), "dim", no_wrap=True))
    return Group(*drawn, Text(), *(Text(line, no_wrap=True) for line in said))


def _choose(rows: Sequence[Yield], room: int) -> tuple[list[_Line], int]:
    """Return the lines for providers and, below each, its classes: the busiest, as many as there is room for."""
    lines: list[tuple[str, _Line]] = []  # (provider, line), in the order in which they are shown
    for provider, of_provider in by_provider(rows).items():
        classes = by_class(of_provider)
        if len(classes) == 1:
            lines.append((provider, _Line(f"{provider}: {next(iter(classes))}", total(of_provider))))
            continue
        lines.append((provider, _Line(provider, total(of_provider), "bold")))
        lines += [(provider, _Line(f"  {label}", total(some))) for label, some in classes.items()]
    if len(lines) <= room:
        return [line for _, line in lines], 0
    heads = {provider: i for i, (provider, _) in reversed(list(enumerate(lines)))}

    def busyness(i: int) -> tuple[bool, int, int]:
        provider, line = lines[i]
        return heads[provider] == i, line.counts["waiting"], line.counts["found"]

    # Lines of providers come first, so that no class stands below the wrong one.
    kept = sorted(sorted(range(len(lines)), key=busyness, reverse=True)[: room - 1])
    return [lines[i][1] for i in kept], len(lines) - len(kept)


def _lay_out(lines: Sequence[_Line], columns: Sequence[str], width: int) -> list[Text]:
    wide = width >= WIDE
    headings = [name if wide else _SHORT.get(name, name) for name in columns]
    figures = [[_figure(line.counts[name], wide) for name in columns] for line in lines]
    widths = [max(len(heading), *(len(row[i]) for row in figures)) for i, heading in enumerate(headings)]
    gap = 2 if wide else 1
    for_names = width - 1 - sum(widths) - gap * len(widths)
    name_width = max(8, min(for_names, _WIDEST_NAME, max(cell_len(printable(line.name)) + 2 for line in lines)))
    head = " " * name_width + "".join(" " * gap + h.rjust(w) for h, w in zip(headings, widths, strict=True))
    drawn = [Text(head, "dim", no_wrap=True, overflow="crop")]
    for line, row in zip(lines, figures, strict=True):
        indent = len(line.name) - len(line.name.lstrip(" "))
        text = Text(fill(" " * indent + printable(line.name), name_width), line.style, no_wrap=True, overflow="crop")
        for name, figure, w in zip(columns, row, widths, strict=True):
            text.append(" " * gap + figure.rjust(w), _style(name, figure))
        drawn.append(text)
    return drawn


def _figure(n: int, wide: bool) -> str:
    return f"{n:,}" if wide else str(n)


def _style(column: str, figure: str) -> str:
    if figure == "0":
        return "dim"
    return {"fetched": "green", "failed": "red", "conflict": "red"}.get(column, "")


def _fold_status(status: Sequence[str], width: int) -> list[str]:
    """Put the parts of the status on as few lines as they fit on."""
    lines: list[str] = []
    for part in status:
        if lines and cell_len(lines[-1]) + cell_len(part) + 3 < width:
            lines[-1] += f" · {part}"
        else:
            lines.append(cut(part, width - 1))
    return lines
