"""A site's robots.txt -> whether we may fetch a URL of it. Each is fetched once a run.

RFC 9309: no robots.txt (any 4xx) means that everything is allowed; one that cannot be had now (5xx, no answer) means
that nothing is. 429 counts with the latter, since it says "not now" and nothing about rules.
"""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import anyio
import httpx2
from protego import Protego

from fieldmark.errors import BadURL, FetchFailed, OptedOut, RefusedAddress, RobotsRefuse, Unreachable
from fieldmark.net.client import Answer
from fieldmark.net.guard import shorten

AGENT = "fieldmark"
"""Our name in robots.txt."""

MAX_ROBOTS = 500 * 1024
"""Bytes of robots.txt that we read; RFC 9309 asks for at least so many. What follows is passed over."""

_AGENT_FIELDS = ("user-agent", "useragent", "user agent")


@dataclass(frozen=True)
class Rules:
    """What a robots.txt says to us.

    Attributes:
        protego: the rules of our group; None when there are none.
        no_training: our group says `Content-Signal: ai-train=no`.
    """

    protego: Protego | None = None
    no_training: bool = False

    def allows(self, url: str) -> bool:
        """Return whether the rules let us fetch `url`."""
        return self.protego is None or self.protego.can_fetch(url, AGENT)


class Robots:
    """The robots.txt of every site that a run comes to.

    Args:
        ask: fetches the robots.txt of a site, through the guard, at most `MAX_ROBOTS` bytes, in its turn.
        opt_outs: obey `Content-Signal: ai-train=no` too.
    """

    def __init__(self, ask: Callable[[str], Awaitable[Answer]], *, opt_outs: bool = True) -> None:
        self._ask = ask
        self._opt_outs = opt_outs
        self._known: dict[str, Rules | FetchFailed] = {}
        self._locks: dict[str, anyio.Lock] = {}

    async def check(self, url: httpx2.URL) -> None:
        """Raise when we may not fetch `url`. Many calls for one site cause one request.

        Raises:
            RobotsRefuse: robots.txt says no.
            OptedOut: robots.txt reserves the site's content from machine learning.
            RefusedAddress, BadURL, Unreachable: there is no such site, or not for us, or robots.txt cannot be had now.
        """
        site = f"{url.scheme}://{url.netloc.decode('ascii')}"
        rules = self._known.get(site)
        if rules is None:
            rules = await self._load(site)
        if isinstance(rules, FetchFailed):
            raise copy.copy(rules)  # each its own, since an exception collects where it has been
        if not rules.allows(str(url)):
            raise RobotsRefuse(f"{shorten(str(url))} is off limits: the site's robots.txt says so.")
        if self._opt_outs and rules.no_training:
            raise OptedOut(f"{shorten(site)} reserves its content from machine learning (ai-train=no in robots.txt).")

    async def _load(self, site: str) -> Rules | FetchFailed:
        async with self._locks.setdefault(site, anyio.Lock()):
            if site not in self._known:
                self._known[site] = await self._read(site)
            return self._known[site]

    async def _read(self, site: str) -> Rules | FetchFailed:
        try:
            answer = await self._ask(f"{site}/robots.txt")
        except (RefusedAddress, BadURL, Unreachable) as error:
            error.final = True
            return error
        except FetchFailed as error:
            return _for_now(site, str(error))
        if 200 <= answer.status < 300:
            return read_rules(answer.content)
        if 400 <= answer.status < 500 and answer.status != 429:
            return Rules()
        return _for_now(site, f"its robots.txt answered {answer.status}.")


def _for_now(site: str, why: str) -> Unreachable:
    """What RFC 9309 takes for a refusal while it lasts; unlike one in words it may pass, so it has another name."""
    error = Unreachable(f"We stay away from {shorten(site)} for now: {why}")
    error.final = True
    return error


def read_rules(content: bytes) -> Rules:
    """Read a robots.txt. Never raises: bytes that are no robots.txt hold no rules."""
    lines = _our_lines(content[:MAX_ROBOTS].decode("utf-8-sig", "replace"))
    rules = [f"{field}: {value}" for field, value in lines if field in ("allow", "disallow") and value]
    return Rules(
        Protego.parse("\n".join(["user-agent: *", *rules])) if rules else None,
        any(field == "content-signal" and _says_no(value) for field, value in lines),
    )


def _our_lines(text: str) -> list[tuple[str, str]]:
    """Return (field, value) of the lines in the groups that name us, or else of those for everybody.

    The grouping is ours and the matching Protego's, which knows no Content-Signal and takes minutes over a file that
    lists thousands of agents before thousands of rules.
    """
    groups: dict[str, list[tuple[str, str]]] = {AGENT: [], "*": []}
    current: set[str] = set()
    named = heading = False
    for line in text.splitlines():
        field, colon, value = line.partition("#")[0].partition(":")
        field, value = field.strip().lower(), value.strip()
        if not colon or field in ("sitemap", "host"):  # of the whole site, and no end of a group's heading
            continue
        if field in _AGENT_FIELDS:
            current = current if heading else set()
            heading = True
            agent = value.lower().partition("/")[0].strip()
            if agent in groups:
                current.add(agent)
                named = named or agent == AGENT
        else:
            heading = False
            for agent in current:
                groups[agent].append((field, value))
    return groups[AGENT] if named else groups["*"]


def _says_no(signal: str) -> bool:
    return any(word.strip().lower() == "ai-train=no" for word in signal.replace(" ", ",").split(","))
