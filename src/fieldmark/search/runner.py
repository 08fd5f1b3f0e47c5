"""Queries -> candidates in the catalog: asks providers page by page, and notes where each search stands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Protocol, TypeVar

from fieldmark.artifacts import candidates, forgotten, searches
from fieldmark.artifacts.candidates import Candidate
from fieldmark.artifacts.catalog import Catalog
from fieldmark.artifacts.searches import UNFINISHED, Standing
from fieldmark.errors import BadStatus, FetchFailed, PageChanged, RateLimited, SearchFailed
from fieldmark.search.provider import Page, Provider, Request, Response, Result, Search
from fieldmark.search.query import Query
from fieldmark.search.sources import Listed, Wanted

T = TypeVar("T")

BARREN_PAGES = 5
"""So many pages in a row without a result end a search: a site may always promise a next one."""

MOST_PAGES = 1000
"""No search asks for more pages, whatever a site promises."""

ATTEMPTS = 3
"""Times that one page is asked for, where the provider says to come back later."""


class Asks(Protocol):
    """Who sends a provider's requests: at its pace, under the right User-Agent, to its double where one is set."""

    async def ask(self, request: Request) -> Response:
        """Return the answer, whatever its status. Raises FetchFailed when there is none."""
        ...

    def rest(self, request: Request, seconds: float | None) -> None:
        """Make the next `ask` wait, as the provider wants. Raises FetchFailed when that would take too long."""
        ...


class Intake:
    """Results -> rows of the catalog, each with its first status."""

    def __init__(self, catalog: Catalog, licences: Sequence[str]) -> None:
        self._catalog = catalog
        self._licences = frozenset(licences)
        self._forgotten = forgotten.read(catalog)

    def take(self, label: str, query: Query | str, provider: str, result: Result, rank: int) -> bool:
        """Write a result down; return whether it is one to be fetched that this search has not named before."""
        candidate = Candidate(
            label=label,
            query=query if isinstance(query, str) else query.typed,
            provider=provider,
            url=_storable(result.url),
            rank=rank,
            provider_id=_storable(result.id),
            page=_storable(result.page),
            title=_storable(result.title),
            author=_storable(result.author),
            licence=result.licence,
            licence_version=result.licence_version,
            licence_url=_storable(result.licence_url),
            attribution=_storable(result.attribution),
        )
        status, reason = self._first_status(candidate, query, result)
        return candidates.add(self._catalog, candidate, status, reason) and status == "pending"

    def _first_status(self, candidate: Candidate, query: Query | str, result: Result) -> tuple[str, str]:
        if why := self._forgotten.covers(candidate.url, candidate.page, candidate.author):
            return "forgotten", why
        if isinstance(query, Query):
            texts = (result.title, result.description, result.tags, result.page)
            if negative := query.negative_in(*texts):
                return "negative", f"its text holds {negative!r}"
        if self._licences and result.licence not in self._licences:
            return "licence", f"its licence is {result.licence}"
        return "pending", ""


def _storable(text: str) -> str:
    """Return text that SQLite can keep: a lone half of a surrogate pair is written out."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def take_listed(catalog: Catalog, listed: Sequence[Listed], licences: Sequence[str]) -> None:
    """Write down what lists and folders name; their order is the rank."""
    intake = Intake(catalog, licences)
    ranks: dict[tuple[str, str, str], int] = {}
    with catalog.writing():
        for entry in listed:
            key = (entry.label, entry.origin, entry.provider)
            ranks[key] = ranks.get(key, 0) + 1
            intake.take(entry.label, entry.origin, entry.provider, entry.result, ranks[key])
        for label, origin, provider in ranks:
            searches.write(
                catalog, Standing(label, origin, provider, outcome="ok", rank=ranks[label, origin, provider])
            )


async def search(
    catalog: Catalog,
    provider: Provider,
    wanted: Sequence[Wanted],
    asks: Asks,
    search_for: Callable[[Wanted], Search],
    licences: Sequence[str],
    found: Callable[[], None],
) -> None:
    """Run all searches of one provider, one after another; a failure ends one search and is noted with it.

    Args:
        catalog: where candidates and standings go.
        provider: whom to ask.
        wanted: what to look for there.
        asks: sends the requests.
        search_for: adds keys and licences to what is wanted.
        licences: wanted codes; empty means any.
        found: called after each page, so that fetching can begin.
    """
    intake = Intake(catalog, licences)
    for want in wanted:
        standing = searches.read(catalog, want.label, want.query.typed, provider.name)
        try:
            await _Hunt(catalog, provider, want, intake).run(standing, asks, search_for(want), found)
        except SearchFailed as error:
            _note_failure(catalog, want, provider, error.outcome, str(error))
        except FetchFailed as error:
            busy = isinstance(error, BadStatus) and error.code == 429  # it was given up for what an earlier query heard
            _note_failure(catalog, want, provider, "rate-limited" if busy else "unreachable", str(error))


def _note_failure(catalog: Catalog, want: Wanted, provider: Provider, outcome: str, reason: str) -> None:
    standing = searches.read(catalog, want.label, want.query.typed, provider.name)
    searches.write(catalog, replace(standing, outcome=outcome, reason=reason))


class _Hunt:
    """One search on its way through the pages."""

    def __init__(self, catalog: Catalog, provider: Provider, want: Wanted, intake: Intake) -> None:
        self._catalog = catalog
        self._provider = provider
        self._want = want
        self._intake = intake

    async def run(self, standing: Standing, asks: Asks, search: Search, found: Callable[[], None]) -> None:
        licences = ",".join(sorted(search.licences))
        if standing.licences != licences:  # a site that was asked for fewer may have more to give
            standing = Standing(standing.label, standing.query, standing.provider, licences=licences)
        if standing.exhausted:
            return
        if self._missing() <= 0:
            if standing.outcome != "ok":  # killed, or refused, before it was known that this was enough
                self._finish(replace(standing, reason=""))
            return
        if standing.next is not None and self._provider.resumable:
            request = Request(**standing.next)
        else:
            request, standing = _start(self._provider, search), replace(standing, rank=0)
        barren = 0
        for _ in range(MOST_PAGES):
            page = await _ask_patiently(self._provider, asks, request)
            standing = self._keep(page, request, standing)
            found()
            barren = 0 if page.results else barren + 1
            if barren == BARREN_PAGES:
                standing = replace(standing, next=None)
            if standing.next is None or self._missing() <= 0:
                break
            assert page.next is not None
            request = page.next
        self._finish(standing)

    def _missing(self) -> int:
        have = candidates.wanted_count(self._catalog, self._want.label, self._want.query.typed, self._provider.name)
        return self._want.most - have

    def _keep(self, page: Page, request: Request, standing: Standing) -> Standing:
        """Write a page down, as much of it as is wanted, together with where to go on."""
        with self._catalog.writing():
            missing, taken = self._missing(), 0
            for result in page.results:
                if missing <= 0:
                    break
                taken += 1
                rank = standing.rank + taken
                missing -= self._intake.take(self._want.label, self._want.query, self._provider.name, result, rank)
            if taken < len(page.results):  # the cap was met in the middle of the page, which a larger cap reads again
                kept = replace(standing, outcome=UNFINISHED, next=asdict(request))
            else:
                following = None if page.next is None else asdict(page.next)
                kept = replace(standing, outcome=UNFINISHED, next=following, rank=standing.rank + taken)
            kept = replace(kept, reason=page.note or standing.reason)
            searches.write(self._catalog, kept)
        return kept

    def _finish(self, standing: Standing) -> None:
        want = self._want
        any_found = candidates.any_named(self._catalog, want.label, want.query.typed, self._provider.name)
        searches.write(self._catalog, replace(standing, outcome="ok" if any_found else "nothing found"))


async def _ask_patiently(provider: Provider, asks: Asks, request: Request) -> Page:
    """Ask and read; where a provider wants us to wait, wait and ask again, within limits."""
    for _ in range(ATTEMPTS - 1):
        try:
            return _read(provider, await asks.ask(request))
        except RateLimited as error:
            try:
                asks.rest(request, error.retry_after)
            except FetchFailed as too_long:
                raise RateLimited(f"{error} {too_long}", error.retry_after) from error
    return _read(provider, await asks.ask(request))


def _start(provider: Provider, search: Search) -> Request:
    return _guarded(provider, lambda: provider.start(search))


def _read(provider: Provider, response: Response) -> Page:
    return _guarded(provider, lambda: provider.read(response))


def _guarded(provider: Provider, work: Callable[[], T]) -> T:
    """Let what a provider of another package raises end its own search and no more."""
    try:
        return work()
    except SearchFailed:
        raise
    except Exception as error:  # code of strangers, on bytes of strangers
        what = f"{type(error).__name__}: {error}"[:200]
        raise PageChanged(f"The provider {provider.name} does not understand its site's answer ({what}).") from error
