"""How often we call whom: turns at a host or a search provider, pauses that they ask for, hosts that are given up.

A turn is a permission to start one request. Waiting for it costs nothing but the wait, so a caller takes its scarce
things (connections, memory) only inside the turn, and a slow host keeps nobody else waiting.

`FIELDMARK_NO_WAIT=1` lifts rates, caps and pauses for the addresses in `FIELDMARK_ALLOW_HOSTS` and for no others: it is
for tests and benchmarks against a server of one's own.
"""

from __future__ import annotations

import copy
import math
import os
import random
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address

import anyio
import httpx2

from fieldmark.errors import BadStatus, BrokenOff, FetchFailed, TimedOut, Unreachable
from fieldmark.net.guard import allowed_endpoints, shorten

NO_WAIT_VARIABLE = "FIELDMARK_NO_WAIT"

_announced: set[str] = set()

LONGEST_WAIT = 120.0
"""Longest pause in seconds that we make for one host. Who asks for more is left alone for the rest of the run."""

CALM = 30.0
"""Seconds without a refusal after which a host's next pause is a short one again."""

MOST_FAILURES = 2
"""A host that could not be reached so often, with no answer between, is not asked again in the run."""

MOST_TIMEOUTS = 6
"""Likewise a host that was too slow so often: its 500 URLs would take hours to fail one by one."""


@dataclass(frozen=True)
class Pace:
    """How we treat one host.

    Attributes:
        interval: seconds between the starts of two requests.
        connections: most at a time.
        pause: seconds of the first pause after a 429 that names none; each further one doubles it.
    """

    interval: float = 0.1
    connections: int = 2
    pause: float = 1.0


PACES: dict[str, Pace] = {
    # 150 to 200 pictures in a burst and then 429, for up to an hour after the last 429: so slower, and long pauses.
    "live.staticflickr.com": Pace(interval=0.5, pause=60.0),
    # Photos of iNaturalist: over 5 GB an hour may end in a permanent block. 0.2 s is 4 GB an hour of `large` photos.
    "inaturalist-open-data.s3.amazonaws.com": Pace(interval=0.2, pause=5.0),
    "static.inaturalist.org": Pace(interval=0.2, pause=5.0),
    # Wikimedia: 200 requests a minute for an honest User-Agent, two connections for media.
    "upload.wikimedia.org": Pace(interval=0.3, pause=5.0),
    "thumb.wikimedia.org": Pace(interval=0.3, pause=5.0),
    # The image cache of GBIF asks for one connection.
    "api.gbif.org": Pace(interval=1.0, connections=1, pause=5.0),
    # A proxy before other people's pictures, with the daily allowance of its interface.
    "api.openverse.org": Pace(interval=3.0, connections=1, pause=5.0),
}
"""Hosts with rules of their own. All others get `Pace()`: ten requests a second at most."""


@dataclass
class _Host:
    pace: Pace
    lifted: bool
    places: anyio.Semaphore
    gate: anyio.Lock  # held by the one who starts next, so that turns come in the order they were asked for
    next_start: float = -math.inf  # by the clock of `Manners`, as the next
    paused_until: float = -math.inf
    strikes: int = 0  # pauses with less than `CALM` between them
    failures: int = 0  # connections that failed since the last answer
    timeouts: int = 0  # likewise
    given_up: FetchFailed | None = None


@dataclass
class Manners:
    """Whose turn it is. One object for a whole run; not to be shared between event loops.

    Attributes:
        paces: hosts with rules of their own.
        now, sleep, chance: clock in seconds, how to wait, random numbers from 0 to 1; tests bring their own.
    """

    paces: Mapping[str, Pace] = field(default_factory=lambda: PACES)
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep
    chance: Callable[[], float] = random.random
    _hosts: dict[tuple[str, str, int], _Host] = field(default_factory=dict, init=False, repr=False)

    @asynccontextmanager
    async def turn(self, url: httpx2.URL, *, provider: str = "", interval: float = 1.0) -> AsyncIterator[None]:
        """Wait for a turn at the host of `url`, and note how the request inside ends.

        Args:
            url: as `guard.check_url` returns it.
            provider: a search provider's name, which then has turns of its own: one request at a time.
            interval: seconds between the starts of two requests to that provider.

        Raises:
            FetchFailed: the host was given up, with the reason for which it was.
        """
        host = self._host(url, provider, interval)
        if host.lifted:
            self._check(host)
            with self._noted(host, url):
                yield
        else:
            async with host.places:
                async with host.gate:
                    await self._wait(host)
                with self._noted(host, url):
                    yield

    async def _wait(self, host: _Host) -> None:
        while True:  # somebody may have been told to pause while we slept
            self._check(host)
            now = self.now()
            start = max(host.next_start, host.paused_until)
            if start <= now:
                host.next_start = now + host.pace.interval
                return
            await self.sleep(start - now)

    @contextmanager
    def _noted(self, host: _Host, url: httpx2.URL) -> Iterator[None]:
        try:
            yield
        except (Unreachable, TimedOut) as error:
            self._count(host, url, error)
            raise
        except FetchFailed:
            host.failures = host.timeouts = 0  # whatever it said, it was there
            raise
        host.failures = host.timeouts = 0

    def _count(self, host: _Host, url: httpx2.URL, error: FetchFailed) -> None:
        host.failures += isinstance(error, Unreachable) and not isinstance(error, BrokenOff)
        host.timeouts += isinstance(error, TimedOut)
        if host.failures >= MOST_FAILURES or host.timeouts >= MOST_TIMEOUTS:
            error.final = True
            if host.given_up is None:
                host.given_up = copy.copy(error)
                host.given_up.args = (f"{shorten(url.host)} is not asked again in this run. {error}",)

    async def back_off(self, url: httpx2.URL, attempt: int) -> None:
        """Wait before another try at the same URL: about 1, 2, 4 ... seconds, and half of that by chance.

        Args:
            url: whose host says whether waiting is lifted.
            attempt: how many tries have failed.
        """
        if not self._host(url).lifted:
            await self.sleep(min(2.0 ** (attempt - 1), LONGEST_WAIT) * (0.5 + self.chance() / 2))

    def pause(self, url: httpx2.URL, asked: float | None, provider: str = "") -> None:
        """Leave a host alone because it said so: 429, or 503 with a Retry-After.

        The pause is for the whole host. It is as long as it asked for or longer, since our own pauses double from one
        to the next; answers to requests that were under way when a pause began do not count as a next one. Beyond
        `LONGEST_WAIT` the host is given up.

        Args:
            url: which was asked.
            asked: seconds that the host asked for, if it said so.
            provider: as for `turn`.

        Raises:
            BadStatus: the host was given up; the message says why.
        """
        host, now = self._host(url, provider), self.now()
        if asked is not None and asked > LONGEST_WAIT:
            self._give_up(host, f"{shorten(url.host)} wants no call for {_duration(asked)}", asked)
        elif not host.lifted:
            if now >= host.paused_until:
                host.strikes = host.strikes + 1 if now < host.paused_until + CALM else 1
                asked = max(asked or 0.0, host.pace.pause * 2.0 ** (host.strikes - 1))
                if asked > LONGEST_WAIT:
                    self._give_up(host, f"{shorten(url.host)} keeps saying that we call too often", asked)
            host.paused_until = max(host.paused_until, now + (asked or 0.0) * (1.0 + 0.1 * self.chance()))
        self._check(host)

    def _give_up(self, host: _Host, why: str, seconds: float) -> None:
        if host.given_up is None:
            host.given_up = BadStatus(f"{why}. Run the same command again later.", 429, seconds)
            host.given_up.final = True

    def _host(self, url: httpx2.URL, provider: str = "", interval: float = 1.0) -> _Host:
        port = url.port or (443 if url.scheme == "https" else 80)
        key = (provider, url.host, port)
        host = self._hosts.get(key)
        if host is None:
            pace = Pace(interval, 1, 5.0) if provider else self.paces.get(url.host, Pace())
            places = anyio.Semaphore(pace.connections, fast_acquire=True)
            host = self._hosts[key] = _Host(
                pace, waiting_is_lifted(url.host, port), places, anyio.Lock(fast_acquire=True)
            )
        return host

    def _check(self, host: _Host) -> None:
        if host.given_up is not None:
            raise copy.copy(host.given_up)  # each its own, since an exception collects where it has been


def waiting_is_lifted(host: str, port: int, environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether `FIELDMARK_NO_WAIT` is set and `host` is an address that `FIELDMARK_ALLOW_HOSTS` exempts.

    A name is never exempt, only an address. That the variable is in force is said on stderr, once.
    """
    if environ.get(NO_WAIT_VARIABLE) != "1":
        return False
    try:
        endpoint = (str(ip_address(host)), port)
    except ValueError:
        return False
    endpoints = allowed_endpoints(environ)
    if endpoints and NO_WAIT_VARIABLE not in _announced:
        _announced.add(NO_WAIT_VARIABLE)
        places = ", ".join(sorted(f"{address}:{number}" for address, number in endpoints))
        sys.stderr.write(f"fieldmark: {NO_WAIT_VARIABLE} is set: calls to {places} are not slowed down\n")
    return endpoint in endpoints


def retry_after(headers: Mapping[str, str], now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> float | None:
    """Read `Retry-After`, in seconds or as an HTTP date (RFC 9110, section 10.2.3), into seconds from now.

    Returns None where there is none or where it is neither. What lies in the past is 0.
    """
    text = headers.get("retry-after", "").partition("\n")[0].strip()
    if text.isdecimal() and text.isascii():
        return float(text[:12])  # 30,000 years; the digits of a hostile host have no end
    if not text or len(text) > 60:
        return None
    try:
        when = parsedate_to_datetime(text)
        seconds = (when.replace(tzinfo=when.tzinfo or UTC) - now()).total_seconds()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return max(0.0, seconds)


def _duration(seconds: float) -> str:
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= 2 * size:
            return f"{round(seconds / size):,} {unit}s"
    return f"{round(seconds)} seconds"
