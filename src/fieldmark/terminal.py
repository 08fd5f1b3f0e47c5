"""What a person sees while work goes on: lines, what stands in them, and progress bars.

Lines go to stdout, bars to stderr and only on a terminal. With `--json` stdout belongs to the one JSON document, so
lines go to stderr; as a library Fieldmark says nothing unless asked to.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from enum import Enum
from typing import TypeVar

T = TypeVar("T")


class Voice(Enum):
    """Where lines go."""

    SILENT = "nowhere: we are a library"
    STDOUT = "to stdout: a person reads"
    STDERR = "to stderr: stdout is for JSON"


_voice: ContextVar[Voice] = ContextVar("voice", default=Voice.SILENT)


@contextmanager
def speaking(voice: Voice) -> Iterator[None]:
    """Let everything inside speak with `voice`."""
    token = _voice.set(voice)
    try:
        yield
    finally:
        _voice.reset(token)


def has_listener() -> bool:
    """Whether lines go anywhere."""
    return _voice.get() is not Voice.SILENT


def say(text: str = "") -> None:
    """Print one line where lines go."""
    voice = _voice.get()
    if voice is not Voice.SILENT:
        print(text, file=sys.stdout if voice is Voice.STDOUT else sys.stderr, flush=True)


def warn(text: str) -> None:
    """Print one line that should not be overlooked, on stderr, whoever listens."""
    if has_listener():
        print(f"warning: {text}", file=sys.stderr, flush=True)


def printable(text: str, most: int = 200) -> str:
    """Make a stranger's text fit for one line of a terminal: nothing that moves the cursor, and not endless."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * most]).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def count(n: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun: "1 photo", "1,200 photos"."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def track(items: Iterable[T], doing: str, total: int | None = None) -> Iterator[T]:
    """Yield `items`, showing on a terminal what is being done, how far it is and how long it may yet take."""
    if not has_listener() or not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    if total is None and isinstance(items, Sized):
        total = len(items)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield from progress.track(items, total=total, description=doing)
