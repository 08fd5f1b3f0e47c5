"""Query sheets, lists of URLs and folders -> what is to be searched for, and what is listed already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fieldmark.artifacts import catalog
from fieldmark.artifacts.workspace import given_path
from fieldmark.config import SETTINGS_FILE
from fieldmark.errors import QueryError, WrongUsage
from fieldmark.search import registry
from fieldmark.search.provider import Result
from fieldmark.search.providers import folder, urls
from fieldmark.search.query import Query
from fieldmark.search.sheet import folder_name, is_sheet, read_sheet

QUERIES = "queries.csv"
"""The query sheet of a workspace."""

LIST_SUFFIXES = (".txt", ".log", ".csv", ".tsv", ".parquet")


@dataclass(frozen=True)
class Wanted:
    """One query at one provider, for one class."""

    label: str
    query: Query
    provider: str
    most: int


@dataclass(frozen=True)
class Listed:
    """One picture that a list or a folder names.

    Attributes:
        provider: "urls" or "folder".
        origin: the name of that list or folder, in place of a query.
    """

    label: str
    provider: str
    origin: str
    result: Result


@dataclass
class Plan:
    """Everything that one `harvest` is to look for."""

    searches: list[Wanted] = field(default_factory=list)
    listed: list[Listed] = field(default_factory=list)
    sheets: list[Path] = field(default_factory=list)

    @property
    def labels(self) -> list[str]:
        """The classes, each once, in the order in which they were given."""
        return list(dict.fromkeys([*(s.label for s in self.searches), *(entry.label for entry in self.listed)]))


def read_sources(sources: Sequence[str], providers: Sequence[str], most: int) -> Plan:
    """Read all sources before anything is made.

    Args:
        sources: query sheets, lists of URLs, folders of photos, or workspaces, whose `queries.csv` is read.
        providers: names given by `-c`; none means the defaults. `urls` and `folder` say how to read the sources.
        most: most candidates from each provider for each query.

    Raises:
        QueryError: a source cannot be read; the message names the file and the line.
        WrongUsage: there is no provider of such a name.
    """
    names = [name.lower() for name in providers]
    web = _web_providers(names)
    plan = Plan()
    for source in sources:
        _read_one(given_path(source), names, web, most, plan)
    _check_folders(plan)
    return plan


def _web_providers(names: Sequence[str]) -> tuple[str, ...]:
    if "all" in names:
        return registry.ready()
    web = tuple(dict.fromkeys(registry.find(name).name for name in names if name not in registry.LOCAL))
    return web or registry.DEFAULTS


def _read_one(path: Path, names: Sequence[str], web: Sequence[str], most: int, plan: Plan) -> None:
    if path.is_dir() and (path / QUERIES).is_file() and "folder" not in names:
        path = path / QUERIES
    if path.is_dir():
        if (path / catalog.NAME).is_file():
            raise QueryError(f"{path} is a workspace without {QUERIES}. Give the sheet or list it was made from.")
        plan.listed += [Listed(_folder(label), "folder", path.name, found) for label, found in folder.read(path)]
    elif not path.exists():
        raise QueryError(
            f"There is no {path}. Give a query sheet, a list of URLs, or a folder of photos. To search for words, "
            "write a sheet: searchterm,exclude in its first line, the words in the second."
        )
    elif "urls" not in names and (is_sheet(path) or path.suffix.lower() not in LIST_SUFFIXES):
        _read_sheet(path, web, most, plan)
    else:
        plan.listed += [Listed(_folder(label), "urls", path.name, found) for label, found in _read_list(path)]


def _read_list(path: Path) -> list[tuple[str, Result]]:
    try:
        return urls.read(path)
    except QueryError:
        if path.suffix.lower() == ".csv":  # then it was meant to be a sheet, as a rule: say what one begins with
            read_sheet(path)
        raise


def _read_sheet(path: Path, web: Sequence[str], most: int, plan: Plan) -> None:
    plan.sheets.append(path)
    for row in read_sheet(path):
        for name in [registry.find(name).name for name in row.providers] or web:
            wanted = Wanted(row.label, row.query, name, row.most or most)
            if wanted not in plan.searches:
                plan.searches.append(wanted)


def _folder(label: str) -> str:
    shown = label.encode("utf-8", "backslashreplace").decode("utf-8")
    if shown != label:
        raise QueryError(f"The folder or list {shown!r} has a name that is not UTF-8. Rename it.")
    name = folder_name(label)
    if not name:
        raise QueryError(f"The class {label!r} leaves no name for a folder. Rename it.")
    return name


def _check_folders(plan: Plan) -> None:
    seen: dict[str, str] = {}
    for label in plan.labels:
        other = seen.setdefault(label.casefold(), label)
        if other != label:
            raise QueryError(f"The classes {other} and {label} would share a folder on a Mac or Windows. Rename one.")


def default_workspace(sources: Sequence[str]) -> Path:
    """Return where a harvest goes without `-o`: a folder here, called after its source.

    Raises:
        WrongUsage: that name is the source itself, or something else that is there.
    """
    paths = [given_path(source) for source in sources]
    if len(paths) == 1 and _is_workspace(paths[0]):
        return paths[0]
    first = paths[0].resolve()
    name = (first.name if first.is_dir() else first.stem) if len(paths) == 1 else first.parent.name or "harvest"
    target = Path.cwd() / name
    if any(path.resolve() == target.resolve() for path in paths) or (target.exists() and not _is_workspace(target)):
        raise WrongUsage(f"{target} is there already and is no workspace. Say where the harvest goes: -o DIR")
    return target


def _is_workspace(path: Path) -> bool:
    return path.is_dir() and any((path / name).is_file() for name in (catalog.NAME, QUERIES, SETTINGS_FILE))
