"""A harvest that ended -> its last words in the terminal: what each search gave, what went wrong, what to do next."""

from __future__ import annotations

import io
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from urllib.parse import unquote

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from fieldmark.artifacts import candidates, contents
from fieldmark.artifacts.candidates import Claim, LeftOut
from fieldmark.artifacts.catalog import Catalog
from fieldmark.artifacts.workspace import Workspace
from fieldmark.terminal import count, printable, say
from fieldmark.yields.table import (
    OUTCOMES,
    Counts,
    Yield,
    by_class,
    columns_used,
    cut,
    fill,
    read_yields,
    total,
)

WIDTH = 100
"""Columns at most, whether a terminal or a file takes them."""

LISTED = 20
"""Conflicts and failed searches named; the page names more of them."""

MANY = 5
"""When so many candidates fail, and no other is there, it is hardly the fault of their hosts."""

_ONLY_HERE = "only here"
_HEADINGS = {
    "duplicate": ("dupli-", "cate"),
    "conflict": ("con-", "flict"),
    "too small": ("too", "small"),
    _ONLY_HERE: ("only", "here"),
}


def final_table(catalog: Catalog, workspace: Workspace, page: Path | None = None) -> None:
    """Say what a harvest gave.

    Args:
        catalog: of the workspace.
        workspace: where the photos lie.
        page: `harvest.html`, where one was written.
    """
    rows = read_yields(catalog)
    claims = candidates.claims(catalog)
    summary = [_summary(total(rows), contents.photo_counts(catalog))]
    steps = next_steps(rows, workspace, page)
    gone = candidates.left_out(catalog)
    for line in [*yield_table(rows), *failed_searches(rows), *left_out(gone), *conflicts(claims), *summary, *steps]:
        say(line)


def yield_table(rows: Sequence[Yield]) -> list[str]:
    """Return the table of what each query gave at each provider, class by class, as lines of at most `WIDTH`."""
    if not rows:
        return []
    everything = total(rows)
    columns = columns_used(everything)
    columns.insert(2, _ONLY_HERE)
    headings = [_HEADINGS.get(name, ("", name)) for name in columns]
    figures = [_figures(row.counts, row.only_here, columns) for row in rows]
    sums = _figures(everything, sum(row.only_here for row in rows), columns)
    widths = [
        max(*(len(word) for word in heading), *(len(line[i]) for line in [*figures, sums]))
        for i, heading in enumerate(headings)
    ]
    longest = max(cell_len("all searches"), *(cell_len(f"    {row.provider}") for row in rows))
    name_width = min(longest, WIDTH - sum(widths) - 2 * len(widths))
    lines = [_line("", [heading[i] for heading in headings], widths, name_width) for i in (0, 1)]
    told = iter(figures)
    for label, of_class in by_class(rows).items():
        lines.append(cut(f"{printable(label)}: {count(total(of_class)['fetched'], 'photo')}", WIDTH))
        for query, of_query in groupby(of_class, lambda row: row.query):
            lines.append(cut(f"  {printable(query)}", WIDTH))
            lines += [_line(f"    {printable(row.provider)}", next(told), widths, name_width) for row in of_query]
    return [*lines, _line("all searches", sums, widths, name_width), ""]


def _figures(counts: Counts, only_here: int, columns: Sequence[str]) -> list[str]:
    return [f"{only_here if name == _ONLY_HERE else counts[name]:,}" for name in columns]


def _line(name: str, cells: Sequence[str], widths: Sequence[int], name_width: int) -> str:
    figures = "".join(f"  {cell.rjust(width)}" for cell, width in zip(cells, widths, strict=True))
    return (fill(name, name_width) + figures).rstrip()


def failed_searches(rows: Sequence[Yield]) -> list[str]:
    """Return the searches that gave no answer we can use, each with its reason; and those that found nothing."""
    failed = [row for row in rows if row.failed]
    lines = [f"{count(len(failed), 'search', 'searches')} failed:"] if failed else []
    for row in failed[:LISTED]:
        reason = printable(row.reason or OUTCOMES.get(row.outcome, ""), 600)
        lines += _wrap(f"{_name(row)}: {printable(row.outcome)}. {reason}".rstrip(), indent=2)
    if len(failed) > LISTED:
        lines.append(f"  … and {len(failed) - LISTED} more, all of them in harvest.html.")
    remarks = [row for row in rows if not row.failed and (row.outcome == "nothing found" or row.reason)]
    for row in remarks[:LISTED]:
        outcome = "nothing found. " if row.outcome == "nothing found" else ""
        lines += _wrap(f"{_name(row)}: {outcome}{printable(row.reason, 600)}".rstrip(), indent=0)
    return [*lines, ""] if lines else []


def left_out(gone: Sequence[LeftOut]) -> list[str]:
    """Return what gave no photo: each file and list entry of the person's own by name, the rest by status."""
    lines = [f"{count(len(gone), 'candidate')} gave no photo:"] if gone else []
    own = [entry for entry in gone if entry.provider == "folder"]
    for entry in own[:LISTED]:
        name = printable(unquote("/".join(entry.url.split("/")[-2:])))
        lines += _wrap(f"{name}: {printable(entry.reason, 300)}", indent=2)
    if len(own) > LISTED:
        lines.append(f"  … and {len(own) - LISTED:,} more files.")
    rest = [entry for entry in gone if entry.provider != "folder"]
    for status, n in Counter(entry.status for entry in rest).most_common():
        example = next(entry.reason for entry in rest if entry.status == status)
        lines += _wrap(f"{n:,} {status}, such as: {printable(example, 300)}", indent=2)
    return [*lines, ""] if lines else []


def _name(row: Yield) -> str:
    return f"{printable(row.provider)}, {printable(row.query)} ({printable(row.label)})"


def conflicts(claims: Sequence[Claim]) -> list[str]:
    """Return the photos that several classes claim: file and classes."""
    labels = {id_: sorted({c.label for c in some}) for id_, some in groupby(claims, lambda claim: claim.photo_id)}
    if not labels:
        return []
    lines = [f"{count(len(labels), 'photo')} claimed by several classes, and kept out until you decide:"]
    for id_, names in list(labels.items())[:LISTED]:
        lines += _wrap(f"conflicts/{id_}.jpg: {' and '.join(printable(name) for name in names)}", indent=2)
    if len(labels) > LISTED:
        lines.append(f"  … and {len(labels) - LISTED:,} more in conflicts/.")
    return [*lines, ""]


def next_steps(rows: Sequence[Yield], workspace: Workspace, page: Path | None) -> list[str]:
    """Return what a person may want to do now."""
    return [line for step in _steps(rows, workspace, page) for line in _wrap(step, indent=0)]


def _steps(rows: Sequence[Yield], workspace: Workspace, page: Path | None) -> Iterator[str]:
    counts = total(rows)
    folder = shlex.quote(str(_short(workspace.root)))
    waiting, may_pass = counts["waiting"], sum(counts.by_status.get(status, 0) for status in candidates.MAY_PASS)
    unfinished = sum(row.failed for row in rows)
    if waiting and page is None:
        yield f"{count(waiting, 'candidate')} found and none fetched: run the same command without --dry-run."
    elif waiting:
        yield f"{count(waiting, 'candidate')} not fetched yet: run the same command again to go on."
    elif unfinished:
        yield "The same command again tries the failed searches once more; what was fetched is not fetched again."
    if may_pass == counts["found"] >= MANY:
        yield "Not one picture could be fetched. Is there a network?"
    if may_pass:
        yield f"{count(may_pass, 'candidate')} failed for a reason that may pass: add --retry to try again."
    if page is not None:
        yield f"To look at it: {_short(page)}"
    if sum(total(some)["fetched"] > 0 for some in by_class(rows).values()) > 1:
        yield f"Next: fieldmark train {folder}"
    if counts["fetched"]:
        yield f"Who took the photos: fieldmark credits {folder}"


def _summary(counts: Counts, photos: dict[str, int]) -> str:
    n = sum(photos.values())
    in_classes = f" in {count(len(photos), 'class', 'classes')}" if photos else ""
    return f"{count(n, 'photo')}{in_classes}, from {count(counts['found'], 'candidate')}."


def _short(path: Path) -> Path:
    """Return a path as one would type it here."""
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path


def _wrap(text: str, indent: int) -> list[str]:
    """Break a text into lines of at most `WIDTH`, those after the first set in by four more."""
    console = Console(file=io.StringIO(), width=WIDTH)
    first, *others = Text(text).wrap(console, WIDTH - indent - 4)
    return [f"{' ' * indent}{first.plain.rstrip()}", *(f"{' ' * (indent + 4)}{line.plain.rstrip()}" for line in others)]
