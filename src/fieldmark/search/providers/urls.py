"""A list of URLs -> candidates, each with its class: text, CSV, Parquet, or a log of FastClass."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from fieldmark.errors import MissingExtra, QueryError
from fieldmark.search import answers, licences
from fieldmark.search.provider import Result

ABOUT = "a list of URLs as .txt, .csv, .tsv, .parquet, or a FastClass .log"

URL_COLUMNS = ("url", "image_url", "imageurl", "image_link", "source", "link", "src")
"""Names of the column that holds the URLs; the first of these that is there is taken."""

_COLUMNS: dict[str, tuple[str, ...]] = {
    "label": ("class", "label"),
    "licence": ("licence", "license"),
    "author": ("author", "creator"),
    "page": ("page", "page_url"),
    "title": ("title",),
}

_LOG_HEADER = "image,source"

LONGEST_CELL = 1_000_000
"""Characters in one cell of a CSV; the standard library's own limit is global, so we set it, and higher."""


def read(path: Path) -> list[tuple[str, Result]]:
    """Read a list of URLs, as the ending of its name says.

    Returns:
        The class and the candidate of each line, in order, repeated lines included. The class is the file's stem where
        no column names one. A line that holds no web address is a candidate too: its fetch will say what is wrong.

    Raises:
        QueryError: it cannot be read as such a list; the message names file and line.
        MissingExtra: it is Parquet and pyarrow is not installed.
    """
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return _read_parquet(path)
    text = _text(path)
    if suffix == ".log":
        return _read_log(path, text)
    if suffix in (".csv", ".tsv"):
        return _read_table(path, text)
    if suffix == ".txt":
        lines = (line.strip() for line in _lines(text))
        return [(path.stem, _plain(line)) for line in lines if line and not line.startswith("#")]
    raise QueryError(f"{path} is no list of URLs that we read. There are: {ABOUT}.")


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise QueryError(f"There is no file {path}.") from None
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise QueryError(f"{path}, line {line}: this is not UTF-8 text. Save the list as UTF-8.") from None


def _lines(text: str) -> list[str]:
    """Cut text at line ends alone; `splitlines` cuts at rarer characters too, which a URL may hold."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _read_log(path: Path, text: str) -> list[tuple[str, Result]]:
    """Read `image,source` lines. All after the first comma is the URL: FastClass quotes nothing."""
    lines = _lines(text)
    if lines[0].strip().lower() != _LOG_HEADER:
        raise QueryError(f"{path}, line 1: a log of FastClass begins with {_LOG_HEADER!r}. Is it a list? Name it .txt.")
    found = []
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        _, comma, url = line.partition(",")
        if not comma:
            raise QueryError(f"{path}, line {number}: no comma between image and source in {line.strip()[:80]!r}.")
        found.append((path.stem, _plain(url.strip())))
    return found


def _read_table(path: Path, text: str) -> list[tuple[str, Result]]:
    header_line = text.partition("\n")[0]
    delimiter = "\t" if path.suffix.lower() == ".tsv" else max(",;\t", key=header_line.count)
    before = csv.field_size_limit(LONGEST_CELL)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = [cell.strip().lower() for cell in next(rows, [])]
        columns = _find_columns(path, header)
        return [_entry(path.stem, columns, cells) for cells in _checked(path, rows, len(header))]
    except csv.Error as error:
        raise QueryError(
            f"{path}, line {max(rows.line_num, 1)}: {error}. Is a quote opened and never closed?"
        ) from None
    finally:
        csv.field_size_limit(before)


def _checked(path: Path, rows: Any, wanted: int) -> Iterator[list[str]]:
    for cells in rows:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != wanted:
            raise QueryError(
                f"{path}, line {rows.line_num}: {len(cells)} cells where the header has {wanted}. "
                "Put a URL that holds commas into double quotes."
            )
        yield cells


def _find_columns(path: Path, header: list[str]) -> dict[str, int]:
    """Return where each kind of column stands. Raises QueryError when none holds URLs."""
    at = {name: index for index, name in reversed(list(enumerate(header)))}
    kinds = {"url": URL_COLUMNS, **_COLUMNS}
    named = {kind: next((name for name in names if name in at), None) for kind, names in kinds.items()}
    if named["url"] is None:
        shown = ", ".join(answers.text_of(name, 40) for name in header[:8]) or "nothing"
        raise QueryError(
            f"{path}, line 1: no column is called {' or '.join(URL_COLUMNS[:3])}; the header holds: {shown}. "
            "Name the column of URLs, or call a list without a header .txt."
        )
    return {kind: at[name] for kind, name in named.items() if name is not None}


def _entry(stem: str, columns: Mapping[str, int], cells: list[str]) -> tuple[str, Result]:
    held = {kind: cells[index].strip() for kind, index in columns.items()}
    licence = licences.of_text(held.get("licence", ""))
    result = Result(
        url=_clean(held["url"]),
        page=answers.url_of(held.get("page")),
        title=answers.text_of(held.get("title")),
        author=answers.text_of(held.get("author")),
        licence=licence.code,
        licence_version=licence.version,
        licence_url=licence.url,
    )
    return answers.text_of(held.get("label")) or stem, result


def _read_parquet(path: Path) -> list[tuple[str, Result]]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ModuleNotFoundError as error:
        raise MissingExtra(f"Reading {path.name}", "parquet") from error
    try:
        file = parquet.ParquetFile(path)
        names: list[str] = [str(name) for name in file.schema_arrow.names]
        columns = _find_columns(path, [name.strip().lower() for name in names])
        table = file.read(columns=[names[index] for index in columns.values()])
    except FileNotFoundError:
        raise QueryError(f"There is no file {path}.") from None
    except (pyarrow.ArrowException, OSError) as error:
        raise QueryError(f"{path} cannot be read as Parquet: {answers.text_of(str(error), 200)}") from None
    cells: Iterable[tuple[object, ...]] = zip(
        *(table.column(names[i]).to_pylist() for i in columns.values()), strict=True
    )
    places = {kind: place for place, kind in enumerate(columns)}
    return [_entry(path.stem, places, ["" if cell is None else str(cell) for cell in row]) for row in cells]


def _plain(url: str) -> Result:
    return Result(url=_clean(url))


def _clean(url: str) -> str:
    """Return a URL as it was given, less what no database can keep; a URL that held such a thing is wrong anyway."""
    return url.encode("utf-8", "replace").decode("utf-8").replace("\0", "?")[: answers.LONGEST_URL]
