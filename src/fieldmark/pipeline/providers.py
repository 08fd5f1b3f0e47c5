"""The registry of providers -> a list with what each needs and, on request, how each answers now."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import anyio

from fieldmark.errors import FetchFailed, SearchFailed, first_of
from fieldmark.net import loops
from fieldmark.net.manners import Manners
from fieldmark.search import registry
from fieldmark.search.asker import Asker
from fieldmark.search.provider import Provider, Search
from fieldmark.search.query import Query

PROBE = Query.parse("Vulpes vulpes")
"""What `--check` looks for: the red fox, a taxon, and a picture of which everybody has."""

MOST_STEPS = 3
"""Requests that a check may take: a token or a taxon, then a page, then another."""


@dataclass(frozen=True)
class Listed:
    """One provider, as `fieldmark providers` lists it.

    Attributes:
        name, about: who it is.
        keys: alternatives of environment variables; empty when none is needed.
        ready: whether it can be asked now.
        licences: whether it knows the licence of each picture.
        cap: most results for one query; None where there is no such number.
        outcome: how it answered a check: "ok", "nothing found", "blocked"...; None when it was not asked.
        reason: a sentence with it.
        local: whether it reads what is given to it and answers no query.
    """

    name: str
    about: str
    keys: tuple[tuple[str, ...], ...] = ()
    ready: bool = True
    licences: bool = False
    cap: int | None = None
    outcome: str | None = None
    reason: str = ""
    local: bool = False

    @property
    def failed(self) -> bool:
        """Whether a check got no photo from a provider that could be asked."""
        return self.outcome not in (None, "ok", "no key")

    def to_dict(self) -> dict[str, Any]:
        """Return what `--json` prints of it."""
        return {
            "name": self.name,
            "about": self.about,
            "keys": [list(together) for together in self.keys],
            "ready": self.ready,
            "licences": self.licences,
            "cap": self.cap,
            "outcome": self.outcome,
            "reason": self.reason,
        }


def list_providers(check: bool = False, contact: str = "") -> list[Listed]:
    """Return every provider there is, in the order of the registry, what reads lists and folders last.

    Args:
        check: ask each for one photo.
        contact: how the operator can be reached, for the User-Agent.
    """
    entries = [_entry(provider) for provider in registry.providers().values()]
    if check:
        entries = loops.run(partial(_check_all, entries, contact))
    return entries + [Listed(name, about, local=True) for name, about in registry.LOCAL.items()]


def _entry(provider: Provider, outcome: str | None = None, reason: str = "") -> Listed:
    ready = registry.has_key(provider)
    return Listed(provider.name, provider.about, provider.keys, ready, provider.licences, provider.cap, outcome, reason)


async def _check_all(entries: list[Listed], contact: str) -> list[Listed]:
    manners, checked = Manners(), dict[str, Listed]()

    async def check_one(name: str) -> None:
        provider = registry.find(name)
        checked[name] = _entry(provider, *await _answer_of(provider, manners, contact))

    try:
        async with anyio.create_task_group() as tasks:
            for entry in entries:
                tasks.start_soon(check_one, entry.name)
    except BaseExceptionGroup as group:
        raise first_of(group) from group
    return [checked[entry.name] for entry in entries]


async def _answer_of(provider: Provider, manners: Manners, contact: str) -> tuple[str, str]:
    """Return the outcome of asking a provider for one photo, and a sentence."""
    try:
        async with Asker(provider, manners, contact) as asks:
            request = provider.start(Search(PROBE, 1, asks.keys))
            for _ in range(MOST_STEPS):
                page = provider.read(await asks.ask(request))
                if page.results:
                    return "ok", page.results[0].url
                if page.next is None:
                    return "nothing found", page.note
                request = page.next
            return "nothing found", "it promised further pages, and none held a photo"
    except SearchFailed as error:
        return error.outcome, str(error)
    except FetchFailed as error:
        return "unreachable", str(error)
