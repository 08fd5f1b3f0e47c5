"""Query sheets, lists and folders -> a workspace of photos whose origin is known."""

from __future__ import annotations

import html
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import anyio
from filelock import FileLock, Timeout

from fieldmark.artifacts import candidates, contents, forgotten, searches
from fieldmark.artifacts.atomic import write_bytes, write_text
from fieldmark.artifacts.candidates import LeftOut, Tally
from fieldmark.artifacts.catalog import NAME, Catalog
from fieldmark.artifacts.searches import Standing
from fieldmark.artifacts.store import PhotoStore
from fieldmark.artifacts.workspace import Workspace, given_path
from fieldmark.config import HarvestSettings
from fieldmark.duplicates import Copy, best_copy, near_duplicate_groups
from fieldmark.errors import QueryError, WorkspaceError, WrongUsage, explain_os_error, first_of
from fieldmark.fetch import CONNECTIONS, Fetching
from fieldmark.net import loops
from fieldmark.net.client import Client
from fieldmark.net.manners import Manners
from fieldmark.net.visitor import Visitor, user_agent
from fieldmark.search import registry, runner
from fieldmark.search.asker import Asker
from fieldmark.search.licences import check_codes
from fieldmark.search.provider import Search
from fieldmark.search.sources import QUERIES, Plan, Wanted, default_workspace, read_sources
from fieldmark.terminal import say
from fieldmark.yields.ending import final_table
from fieldmark.yields.live import Live
from fieldmark.yields.page import NAME as PAGE
from fieldmark.yields.page import write_page

LOCK = ".harvest.lock"

REFRESH = 0.5
"""Seconds between two looks of the live table at the catalog."""


@dataclass(frozen=True)
class Harvest:
    """What a workspace holds after a harvest, all runs together.

    Attributes:
        folder: the workspace.
        tallies: candidates by search and status.
        standings: where each search stands.
        photos: photos per class.
        left_out: the candidates that gave no photo, each with its reason.
        asked: whom this run asked; what others said in earlier runs is no fault of it.
        dry_run: whether it searched and fetched nothing.
    """

    folder: Path
    tallies: tuple[Tally, ...]
    standings: tuple[Standing, ...]
    photos: dict[str, int]
    left_out: tuple[LeftOut, ...] = ()
    asked: frozenset[str] = frozenset()
    dry_run: bool = False

    @property
    def candidates(self) -> int:
        """How many pictures were named."""
        return sum(tally.n for tally in self.tallies)

    @property
    def ok(self) -> bool:
        """Whether there is a photo at all (or, in a dry run, a candidate), and no provider failed outright."""
        failures = {standing.provider for standing in self.standings if standing.failed} & self.asked
        got_something = self.candidates if self.dry_run else self.photos
        found = {name: entry["found"] for name, entry in self.providers().items()}
        return bool(got_something) and all(found[name] for name in failures)

    def providers(self) -> dict[str, dict[str, Any]]:
        """Return the outcome of each provider over all its searches, and how many candidates it named.

        A failure in one search is the provider's outcome: what is missing must not hide behind what was found.
        """
        summary: dict[str, dict[str, Any]] = {}
        for standing in self.standings:
            entry = summary.setdefault(standing.provider, {"outcome": "nothing found", "found": 0})
            if standing.failed or entry["outcome"] == "nothing found":
                entry["outcome"] = standing.outcome or "unfinished"
        for tally in self.tallies:
            summary[tally.provider]["found"] += tally.n
        return summary

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr><td>{html.escape(name)}</td><td>{n} photos</td></tr>" for name, n in self.photos.items())
        page = (self.folder / PAGE).as_uri()
        return f"<p><b>{self.candidates} candidates</b>; <a href='{page}'>yield</a></p><table>{rows}</table>"

    def to_dict(self) -> dict[str, Any]:
        """Return the document that `harvest --json` prints."""
        return {
            "candidates": self.candidates,
            "statuses": candidates.statuses(self.tallies),
            "photos": self.photos,
            "providers": self.providers(),
            "left_out": [asdict(entry) for entry in self.left_out],
            "folder": str(self.folder),
        }


def harvest(sources: Sequence[str], settings: HarvestSettings, out: str | os.PathLike[str] | None = None) -> Harvest:
    """Search, fetch, and keep what is a photo; go on where an earlier run of the same workspace stopped.

    Args:
        sources: query sheets, lists of URLs, folders of photos, or a workspace.
        settings: where to search, what to take, how to keep it.
        out: the workspace; by default a folder here, called after the source.

    Raises:
        FieldmarkError: something given cannot be used. Nothing was made then.
    """
    if not sources:
        raise WrongUsage(
            "Give a query sheet, a list of URLs or a folder of photos, such as: fieldmark harvest snakes.csv"
        )
    licences = check_codes(",".join(settings.licence)) if settings.licence else ()
    plan = read_sources(sources, settings.provider, settings.max)
    root = given_path(out) if out else default_workspace(sources)
    _check_apart(root, sources)
    with _opened(root, plan) as (workspace, catalog):
        store = PhotoStore(workspace)
        _pick_up(catalog, store, plan, settings, licences)
        with Live(catalog, searching=lambda: _searching(catalog)) as live:
            loops.run(partial(_search_and_fetch, catalog, store, plan, settings, licences, live))
        if not settings.dry_run:
            _forget_what_was_named_again(catalog, store)
            group_near_duplicates(catalog)
            write_page(workspace.root / PAGE, workspace, catalog)
            if settings.log:
                _write_logs(workspace, catalog)
        result = Harvest(
            workspace.root,
            tuple(candidates.tally(catalog)),
            tuple(searches.read_all(catalog)),
            contents.photo_counts(catalog),
            tuple(candidates.left_out(catalog)),
            frozenset(want.provider for want in plan.searches),
            settings.dry_run,
        )
        final_table(catalog, workspace, None if settings.dry_run else workspace.root / PAGE)
    return result


def _check_apart(root: Path, sources: Sequence[str]) -> None:
    """Refuse a workspace inside a folder it is to be filled from: the next run would take its photos for a class."""
    for source in map(given_path, sources):
        inside = source.is_dir() and root.resolve().is_relative_to(source.resolve())
        if inside and not (source / QUERIES).is_file():
            raise WrongUsage(f"The workspace {root} would lie inside its own source {source}. Give another: -o DIR")


@contextmanager
def _opened(root: Path, plan: Plan) -> Iterator[tuple[Workspace, Catalog]]:
    """Make or open the workspace, for this run alone; one that could not be made whole is not left behind."""
    made = _make(root)
    with ExitStack() as held:
        try:
            held.enter_context(alone_in(root))
            catalog = held.enter_context(Catalog.open(root / NAME))
            _check_spelling(catalog, plan)
            _keep_queries(root, plan)
        except BaseException:
            held.close()
            if made:
                shutil.rmtree(root, ignore_errors=True)
            raise
        yield Workspace.open(root), catalog


def _make(root: Path) -> bool:
    """Make the folder of a workspace; return whether it was us who made it."""
    try:
        root.mkdir(parents=True)
        return True
    except FileExistsError:
        if root.is_dir():
            return False
        raise WorkspaceError(f"The workspace {root} cannot be made: there is a file of that name.") from None
    except OSError as error:
        raise WorkspaceError(f"The workspace {root} cannot be made. {explain_os_error(error)}") from error


def _check_spelling(catalog: Catalog, plan: Plan) -> None:
    """Refuse a class whose folder would be that of one which is there already, on a Mac or Windows."""
    known = {label.casefold(): label for label in candidates.all_labels(catalog)}
    for label in plan.labels:
        other = known.get(label.casefold(), label)
        if other != label:
            raise QueryError(f"The workspace has a class {other}, whose folder {label} would share. Spell it alike.")


@contextmanager
def alone_in(root: Path) -> Iterator[None]:
    """Hold the workspace against another harvest. The system lets go of it when we are killed."""
    try:
        with FileLock(root / LOCK, timeout=0):
            yield
    except Timeout:
        raise WorkspaceError(f"Another harvest is at work in {root}. Wait until it has ended.") from None
    except PermissionError as error:
        raise WorkspaceError(f"{root} cannot be written to. Give another folder with -o.") from error


def _keep_queries(root: Path, plan: Plan) -> None:
    """Copy the sheet into a workspace that has none, so that `fieldmark harvest WORKSPACE` goes on with it."""
    target = root / QUERIES
    if len(plan.sheets) != 1:
        return
    sheet = plan.sheets[0].read_bytes()
    if not target.exists():
        write_bytes(target, sheet)
    elif target.read_bytes() != sheet:
        say(f"{target} holds other queries than {plan.sheets[0]}, which counts for this run. Copy it there to keep it.")


def _pick_up(
    catalog: Catalog, store: PhotoStore, plan: Plan, settings: HarvestSettings, licences: Sequence[str]
) -> None:
    """Put right what a killed run left, and make pending again what this run is to try again."""
    with catalog.writing():
        candidates.fetch_again(catalog, store.tidy(contents.places(catalog)))
        store.remove_all(forgotten.photo_ids(catalog))
        again = candidates.reopen(catalog) if settings.retry else 0
        caps = {(want.label, want.query.typed, want.provider): want.most for want in plan.searches}
        for label, origin, provider in {*caps, *((e.label, e.origin, e.provider) for e in plan.listed)}:
            cap = caps.get((label, origin, provider))
            candidates.apply_licences(catalog, label, origin, provider, licences, cap)
    if again:
        say(f"{again} candidates that failed before are tried again.")


def _forget_what_was_named_again(catalog: Catalog, store: PhotoStore) -> None:
    """Let go of a photo that one search named without its owner's name, and another with it."""
    if not forgotten.any_kept(catalog):
        return
    with catalog.writing():
        affected = [e for e in forgotten.affected_by(catalog, forgotten.read(catalog)) if e.status != "forgotten"]
        forgotten.erase(catalog, affected)
        ids = {entry.photo_id for entry in affected if entry.photo_id}
        forgotten.remember_photos(catalog, ids)
    store.remove_all(ids)


async def _search_and_fetch(
    catalog: Catalog, store: PhotoStore, plan: Plan, settings: HarvestSettings, licences: Sequence[str], live: Live
) -> None:
    manners = Manners()
    runner.take_listed(catalog, plan.listed, licences)
    async with Client(user_agent=user_agent(settings.contact)) as client:
        visitor = Visitor(
            client,
            robots=settings.robots,
            opt_outs=settings.opt_out,
            connections=CONNECTIONS,
            manners=manners,
        )
        fetching = Fetching(catalog, store, visitor, settings)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_keep_showing, live)
                async with anyio.create_task_group() as work:
                    if not settings.dry_run:
                        work.start_soon(fetching.run)
                    await _search_everywhere(catalog, plan.searches, settings, licences, manners, fetching)
                tasks.cancel_scope.cancel()
        except BaseExceptionGroup as group:
            raise first_of(group) from group


async def _search_everywhere(
    catalog: Catalog,
    wanted: Sequence[Wanted],
    settings: HarvestSettings,
    licences: Sequence[str],
    manners: Manners,
    fetching: Fetching,
) -> None:
    """Search all providers side by side, each at its own pace."""

    async def search_at(name: str) -> None:
        provider = registry.find(name)
        async with Asker(provider, manners, settings.contact) as asks:
            await runner.search(
                catalog,
                provider,
                [want for want in wanted if want.provider == name],
                asks,
                lambda want: Search(want.query, want.most, asks.keys, tuple(licences)),
                licences,
                found=fetching.refill,
            )

    fetching.refill()
    async with anyio.create_task_group() as searches_:
        for name in dict.fromkeys(want.provider for want in wanted):
            searches_.start_soon(search_at, name)
    fetching.no_more()


async def _keep_showing(live: Live) -> None:
    while True:
        live.refresh()
        await anyio.sleep(REFRESH)


def _searching(catalog: Catalog) -> list[str]:
    """Name the searches that are going on."""
    return [f"{s.provider}: {s.query}" for s in searches.read_all(catalog) if s.outcome == searches.UNFINISHED]


def group_near_duplicates(catalog: Catalog) -> None:
    """Group the photos that look alike, and mark the best copy of each group."""
    photos = contents.contents_of_photos(catalog)
    groups = near_duplicate_groups([photo.phash for photo in photos], [photo.detail for photo in photos])
    found = []
    for members in groups:
        copies = [Copy(photos[i].id, photos[i].width, photos[i].height, photos[i].n_bytes) for i in members]
        found.append((best_copy(copies).id, [copy.id for copy in copies]))
    contents.write_groups(catalog, found)


def _write_logs(workspace: Workspace, catalog: Catalog) -> None:
    """Write what FastClass writes: a log per class, `image,source`."""
    for label in contents.photo_counts(catalog):
        lines = [f"{photo.file.partition('/')[2]},{photo.source}\n" for photo in contents.photos(catalog, label)]
        write_text(workspace.root / f"{label}.log", "".join(["image,source\n", *lines]))
