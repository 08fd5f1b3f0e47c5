"""A query sheet -> what to look for, and which class it feeds.

The sheet is FastClass's CSV as it is: a header `searchterm,exclude`, a row per query, where `exclude` takes words out
of the folder's name and out of nothing else. Three columns may stand beside them: `class` names the class, so that
several queries can feed it; `provider` and `max` overrule `-c` and `-m` for the row.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fieldmark.errors import QueryError, nearest
from fieldmark.search.query import Query

COLUMNS = ("searchterm", "exclude", "class", "provider", "max")

LONGEST_NAME = 200
"""Longest folder name, in bytes of UTF-8; file systems stop at 255."""

_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')  # what Windows, the strictest, has no files called by
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


@dataclass(frozen=True)
class Row:
    """One query of a sheet.

    Attributes:
        label: the class it feeds, which is also the name of the class's folder.
        query: what to look for.
        providers: where to look; empty means wherever the command says.
        most: most candidates from each provider; None means what the command says.
    """

    label: str
    query: Query
    providers: tuple[str, ...] = ()
    most: int | None = None


def is_sheet(path: Path) -> bool:
    """Return whether the first line of a file names the column `searchterm`."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            return "searchterm" in _header(file.readline(10_000))
    except OSError:
        return False


def read_sheet(path: Path) -> list[Row]:
    """Read a query sheet.

    Raises:
        QueryError: it is no such sheet, or a row makes no sense; the message names the file and the line.
    """
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise QueryError(f"{path} is not text in UTF-8. Save it as CSV in UTF-8.") from None
    except OSError as error:
        raise QueryError(f"{path} cannot be read: {error.strerror or error}.") from None
    if not lines:
        raise QueryError(f"{path} is empty. Its first line must be: searchterm,exclude")
    header = _read_header(path, lines[0])
    rows, origins = [], _Folders(path)
    for number, line in enumerate(lines[1:], 2):
        if not line.strip(" ,\t"):
            continue
        cells = dict(zip(header, _cells(path, number, line, len(header)), strict=False))
        row, name = _row(path, number, cells)
        origins.claim(number, row.label, name)
        rows.append(row)
    if not rows:
        raise QueryError(f"{path} holds no query below its header. Add a line such as: micrurus tener -king,")
    return rows


def folder_name(text: str) -> str:
    """Return the name of the folder for a class, as FastClass writes it: spaces to `_`, `&` to `and`.

    What no file can be called by on some system is left out; an empty result means that nothing was left.
    """
    name = unicodedata.normalize("NFC", text).replace("&", "and")
    name = "_".join(_FORBIDDEN.sub("", name).split())
    name = name.lstrip("-.").encode("utf-8", "ignore")[:LONGEST_NAME].decode("utf-8", "ignore").rstrip(". ")
    return f"{name}_" if _RESERVED.fullmatch(name) else name


def _header(line: str) -> list[str]:
    try:
        return [cell.strip().lower() for cell in next(csv.reader([line.rstrip("\r\n")]), [])]
    except csv.Error:
        return []


def _read_header(path: Path, line: str) -> list[str]:
    header = _header(line)
    if "searchterm" not in header:
        hint = " Separate the columns by commas." if ";" in line or "\t" in line else ""
        raise QueryError(
            f"{path}, line 1: there is no column called searchterm.{hint} Make the first line: searchterm,exclude"
        )
    for name in header:
        if name not in COLUMNS:
            raise QueryError(
                f"{path}, line 1: there is no column {name!r}.{nearest(name, COLUMNS)} There are: {', '.join(COLUMNS)}."
            )
    if len(set(header)) < len(header):
        raise QueryError(f"{path}, line 1: a column stands there twice.")
    return header


def _cells(path: Path, number: int, line: str, columns: int) -> list[str]:
    """Cut a line at its commas. A query fits in one line, so that a quote left open cannot swallow the rest."""
    try:
        cells = next(csv.reader([line], strict=True))
    except csv.Error:
        if line.count('"') % 2:
            raise QueryError(f"{path}, line {number}: a quote is opened and never closed: {line.strip()}") from None
        # `"coral snake" -king,` is no CSV, but FastClass takes it, and what is meant is clear.
        cells = line.split(",")
    if len(cells) > columns:
        raise QueryError(
            f"{path}, line {number}: {len(cells)} columns where the header names {columns}. "
            "Put a query that holds a comma into quotes."
        )
    return [cell.strip() for cell in cells]


def _row(path: Path, number: int, cells: dict[str, str]) -> tuple[Row, str]:
    """Return the row, and the class's name before it became that of a folder."""
    where = f"{path}, line {number}"
    term = cells.get("searchterm", "")
    try:
        query = Query.parse(term)
    except ValueError as error:
        raise QueryError(f"{where}: the query {term!r} cannot be used: {error}.") from None
    if "class" in cells and not cells["class"]:
        raise QueryError(f"{where}: the class is empty. Name it, or leave that column out to call it after the query.")
    name = " ".join(cells["class"].split()) if "class" in cells else _without(term, cells.get("exclude", ""))
    label = folder_name(name)
    if not label:
        raise QueryError(f"{where}: no name for a folder is left of {term!r}. Add a column `class` and name it there.")
    providers = tuple(word.lower() for word in re.split(r"[\s;|+]+", cells.get("provider", "")) if word)
    return Row(label, query, providers, _most(where, cells.get("max", ""))), name


def _without(term: str, exclude: str) -> str:
    unwanted = {word.casefold() for word in exclude.split()}
    return " ".join(word for word in term.replace('"', " ").split() if word.casefold() not in unwanted)


def _most(where: str, text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0):
        raise QueryError(f"{where}: the max {text!r} makes no sense: give a number from 1 on, or nothing.")
    return int(text)


class _Folders:
    """Which class each folder belongs to: two that would share one, here or on a Mac or Windows, must not."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._names: dict[str, tuple[int, str]] = {}

    def claim(self, number: int, label: str, name: str) -> None:
        """Raise QueryError when another class has that folder."""
        first, other = self._names.setdefault(label.casefold(), (number, name))
        if other != name:
            raise QueryError(
                f"{self._path}, line {number}: the classes {other!r} (line {first}) and {name!r} would share the "
                f"folder {label}. Give both the same name, or add a column `class` and name them apart."
            )


def labels(rows: Iterable[Row]) -> Iterator[str]:
    """Yield each class once, in the order of the sheet."""
    yield from dict.fromkeys(row.label for row in rows)
