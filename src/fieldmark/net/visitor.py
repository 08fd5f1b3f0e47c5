"""URL -> bytes, as a polite visitor gets them: robots.txt, a turn at the host, opt-outs, another try where it helps.

A caller may have thousands of fetches under way. What is scarce, the connections, is taken only once a host's turn has
come, so that a slow host keeps nobody but its own URLs waiting.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import anyio
import httpx2

from fieldmark.errors import BadStatus, FetchFailed, OptedOut, TimedOut, Unreachable
from fieldmark.net.client import MAX_BYTES, TIMEOUT, Answer, Client, Fetched, Redirect, follow
from fieldmark.net.guard import check_url, shorten
from fieldmark.net.manners import Manners, retry_after
from fieldmark.net.optout import opted_out
from fieldmark.net.robots import AGENT, MAX_ROBOTS, Robots
from fieldmark.version import __version__

_MAY_PASS = {429, 500, 502, 503, 504}

T = TypeVar("T")


def user_agent(contact: str = "") -> str:
    """Return who we say we are: name, version, and how to reach whoever runs it (an address or a page).

    Without a contact it says that there is none, which some sites answer with less.
    """
    who = "".join(character for character in contact if character.isascii() and character not in "()")
    who = " ".join("".join(character if character.isprintable() else " " for character in who).split())[:200]
    return f"{AGENT}/{__version__} ({'+' + who if who else 'collects photos to learn from; operator gave no contact'})"


def browser_agent() -> str:
    """Return a User-Agent for sites that answer only browsers. It still says who we are."""
    return f"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Safari/537.36 {AGENT}/{__version__}"


@dataclass
class _Budget:
    """Seconds that are left for one try of a URL; waiting for a turn takes none of them."""

    whole: float
    left: float


class Visitor:
    """Fetches pictures politely. One for a whole run; many `fetch` at a time.

    Args:
        client: who connects.
        robots: obey robots.txt.
        opt_outs: obey the headers of `optout`, and `Content-Signal` in robots.txt.
        attempts: most tries of one URL.
        connections: most at a time, all hosts together; not more than the client's own.
        manners: turns and pauses, to be shared with whoever else calls hosts in this run.
    """

    def __init__(
        self,
        client: Client,
        *,
        robots: bool = True,
        opt_outs: bool = True,
        attempts: int = 3,
        connections: int = 64,
        manners: Manners | None = None,
    ) -> None:
        self.manners = manners if manners is not None else Manners()
        self._client = client
        self._robots = Robots(self._robots_txt, opt_outs=opt_outs) if robots else None
        self._opt_outs = opt_outs
        self._attempts = attempts
        self._connections = anyio.Semaphore(connections, fast_acquire=True)

    async def fetch(
        self, url: str, *, referer: str = "", max_bytes: int = MAX_BYTES, timeout: float = TIMEOUT
    ) -> Fetched:
        """Fetch the bytes behind a URL, as politely as this visitor was told to be.

        Args:
            url: http or https.
            referer: the page that shows the picture, where a host wants to hear of it.
            max_bytes: give up beyond so many bytes, after decompression.
            timeout: seconds for each try, redirects and all; waiting for turns does not count.

        Raises:
            RobotsRefuse, OptedOut: the site, or the one it redirects to, does not want it.
            FetchFailed: as `Client.fetch`, after as many tries as make sense.
        """
        headers = {"referer": referer} if referer.isprintable() and referer.isascii() and referer else {}

        async def fetch_once() -> Fetched:
            budget = _Budget(timeout, timeout)

            async def hop(target: httpx2.URL) -> Fetched | Redirect:
                return await self._hop(target, headers, max_bytes, budget)

            return await follow(url, hop)

        found = await self._retry(url, fetch_once)
        owner = opted_out(found.headers) if self._opt_outs else None
        if owner is not None:
            raise OptedOut(f"{shorten(found.url)} is reserved from machine learning by its owner ({owner}).")
        return found

    async def _hop(
        self, url: httpx2.URL, headers: dict[str, str], max_bytes: int, budget: _Budget
    ) -> Fetched | Redirect:
        if self._robots is not None:
            await self._robots.check(url)
        async with self.manners.turn(url), self._connections:
            started = time.monotonic()
            try:
                return await self._client.hop(url, headers=headers, max_bytes=max_bytes, timeout=budget.left)
            except BadStatus as error:
                self._heed(url, error.code, error.retry_after)
                raise
            except TimedOut:
                sentence = f"{shorten(str(url))} took longer than {budget.whole:g} seconds. Try again later."
                raise TimedOut(sentence) from None
            finally:
                budget.left = max(0.0, budget.left - (time.monotonic() - started))

    async def _robots_txt(self, url: str) -> Answer:
        target = check_url(url)

        async def ask_once() -> Answer:
            async with self.manners.turn(target), self._connections:
                headers = {"accept": "text/plain", "accept-encoding": "identity"}
                answer = await self._client.ask(url, headers=headers, max_bytes=MAX_ROBOTS, cut=True)
                if answer.status in _MAY_PASS:
                    after = retry_after(answer.headers)
                    self._heed(target, answer.status, after)
                    raise BadStatus(f"its robots.txt answered {answer.status}.", answer.status, after)
                return answer

        return await self._retry(url, ask_once)

    def _heed(self, url: httpx2.URL, status: int | None, asked: float | None) -> None:
        if status == 429 or (status == 503 and asked is not None):
            self.manners.pause(url, asked)

    async def _retry(self, url: str, once: Callable[[], Awaitable[T]]) -> T:
        """Try again what may pass. A host that asked for a pause makes the next try wait for its turn."""
        for attempt in range(1, self._attempts):
            try:
                return await once()
            except FetchFailed as error:
                if error.final or not _may_pass(error):
                    raise
                await self.manners.back_off(check_url(url), attempt)
        return await once()


def _may_pass(error: FetchFailed) -> bool:
    if isinstance(error, BadStatus):
        return error.code in _MAY_PASS
    return isinstance(error, TimedOut | Unreachable)
