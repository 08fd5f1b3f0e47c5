"""Candidates -> photos. Every URL is fetched once, and every candidate ends with a status.

What becomes of a candidate hangs on its bytes and on who else claims them, never on which answer came first; see
`candidates.settle`. So a harvest that was killed anywhere and run again ends as one that was not.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter, deque
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, unquote_to_bytes, urlsplit
from urllib.request import url2pathname

import anyio
import anyio.to_thread

from fieldmark.artifacts import candidates, contents
from fieldmark.artifacts.candidates import Place
from fieldmark.artifacts.catalog import Catalog
from fieldmark.artifacts.contents import Content
from fieldmark.artifacts.forgotten import host_of
from fieldmark.artifacts.store import PhotoStore
from fieldmark.config import HarvestSettings
from fieldmark.engines.local import available_processors
from fieldmark.errors import (
    BadShape,
    BadStatus,
    BadURL,
    FetchFailed,
    NotAPhoto,
    OptedOut,
    RefusedAddress,
    RobotsRefuse,
    TimedOut,
    TooManyBytes,
    TooManyPixels,
    TooSmall,
)
from fieldmark.imaging.hashing import fingerprint
from fieldmark.imaging.shrink import shrink
from fieldmark.imaging.sniff import name_content
from fieldmark.net.manners import waiting_is_lifted
from fieldmark.net.visitor import Visitor

IN_WORK = 256
"""URLs in work at once, most of which wait for their host's turn."""

CONNECTIONS = 32
"""Pictures that are being fetched at once. Each may be `--max-mb` large, so this bounds the memory too."""

WAITING = 4
"""Pictures that wait for a processor before no more are fetched, per processor: no use in piling them up in memory."""

PER_HOST = 4
"""URLs of one host in work at once: two that are fetched, two whose pictures are being shrunk."""

# The first that fits is the one: subclasses stand before what they derive from.
_STATUS_OF: tuple[tuple[type[Exception], str], ...] = (
    (RobotsRefuse, "robots"),
    (OptedOut, "opted_out"),
    (RefusedAddress, "refused_address"),
    (BadURL, "refused_address"),
    (BadStatus, "http_error"),
    (TimedOut, "timeout"),
    (TooManyBytes, "too_many_bytes"),
    (FetchFailed, "gave_up"),
    (TooManyPixels, "too_many_pixels"),
    (TooSmall, "too_small"),
    (BadShape, "bad_shape"),
    (NotAPhoto, "not_an_image"),
)


@dataclass(frozen=True)
class _Ready:
    """A fetched picture, fit to be kept."""

    content: Content
    jpeg: bytes


class Fetching:
    """Fetches what is pending in a catalog, while searches may still add to it."""

    def __init__(self, catalog: Catalog, store: PhotoStore, visitor: Visitor, settings: HarvestSettings) -> None:
        self._catalog = catalog
        self._store = store
        self._visitor = visitor
        self._settings = settings
        self._max_bytes = settings.max_mb * 2**20
        # Twice as many as processors, so that none is idle while a thread waits for Python's lock.
        self._threads = anyio.CapacityLimiter(2 * available_processors())
        self._queue = _HostQueue()
        self._fetched = 0  # pictures that are being shrunk, or wait for it
        self._seen: set[str] = set()
        self._wake = anyio.Event()
        self._more_to_come = True

    def refill(self) -> None:
        """Take up what has become pending since."""
        for url in candidates.pending_urls(self._catalog):
            if url not in self._seen:
                self._seen.add(url)
                self._queue.add(url)
        self._wake.set()

    def no_more(self) -> None:
        """Say that the searches have ended."""
        self._more_to_come = False
        self.refill()

    async def run(self) -> None:
        """Fetch until nothing is pending and nothing more is to come.

        Raises:
            OSError: the disk does not take the photos.
            WorkspaceError: the catalog cannot be written to.
        """
        async with anyio.create_task_group() as tasks:
            while True:
                self._wake = anyio.Event()
                while self._fetched < WAITING * available_processors() and (url := self._queue.take()) is not None:
                    tasks.start_soon(self._work, url)
                if not self._more_to_come and self._queue.idle:
                    return
                await self._wake.wait()

    async def _work(self, url: str) -> None:
        try:
            await self._end(url)
        finally:
            self._queue.done(url)
            self._seen.discard(url)  # another search may name it later, and ends as this one did
            self._wake.set()

    async def _end(self, url: str) -> None:
        """Bring all candidates of one URL to their end."""
        if candidates.has_ended(self._catalog, url):
            self._end_as_before(url)
            return
        try:
            data = await self._bytes_of(url)
            ready = await self._shrink(data)
        except (FetchFailed, NotAPhoto) as error:
            with self._catalog.writing():
                candidates.fail(self._catalog, url, _status_of(error), str(error))
            return
        self._keep(url, ready, data)

    async def _bytes_of(self, url: str) -> bytes:
        # A search result that names a file of this computer is refused like any odd address.
        if url.startswith("file:") and candidates.is_local(self._catalog, url):
            return await anyio.to_thread.run_sync(_read_local, url, self._max_bytes, limiter=self._threads)
        page = candidates.page_of(self._catalog, url)
        fetched = await self._visitor.fetch(
            url, referer=_origin(page), max_bytes=self._max_bytes, timeout=self._settings.timeout
        )
        return fetched.content

    async def _shrink(self, data: bytes) -> _Ready:
        self._fetched += 1
        try:
            return await anyio.to_thread.run_sync(self._prepare, data, limiter=self._threads)
        finally:
            self._fetched -= 1

    def _prepare(self, data: bytes) -> _Ready:
        """Judge and shrink a picture; runs on a thread. Raises NotAPhoto."""
        wish = self._settings
        shrunk = shrink(data, wish.size, pad=wish.pad, min_side=wish.min_side, max_aspect=wish.max_aspect)
        marks = fingerprint(shrunk.image)
        sha256 = hashlib.sha256(data).hexdigest()
        content = Content(sha256[:16], sha256, marks.phash, marks.detail, shrunk.width, shrunk.height, len(data))
        return _Ready(content, shrunk.jpeg)

    def _keep(self, url: str, ready: _Ready, data: bytes) -> None:
        """Stage the file, write the rows, give the file its name: a kill between any two is put right by `tidy`."""
        id_ = ready.content.id
        with self._catalog.writing():
            known = bool(candidates.claimants(self._catalog, id_))
            contents.add(self._catalog, ready.content)
            candidates.attach(self._catalog, url, id_)
            place = candidates.settle(self._catalog, id_)
            if place[0] != "forgotten" and not known:
                self._store.stage(id_, place[1], ready.jpeg)
                if self._settings.keep:
                    self._store.keep_original(id_, data, name_content(data))
        if known:
            self._move(id_, place)  # its file lies there, or a person has deleted it
        elif place[0] != "forgotten":
            self._store.publish(id_, place[1])

    def _end_as_before(self, url: str) -> None:
        """End the candidates of a URL as those of another search did; its photo may be claimed by a new class now."""
        with self._catalog.writing():
            id_ = candidates.same_as_before(self._catalog, url)
            place = candidates.settle(self._catalog, id_) if id_ else None
        if id_ and place:
            self._move(id_, place)

    def _move(self, id_: str, place: Place) -> None:
        kind, label = place
        if kind != "forgotten":
            self._store.move(id_, label, candidates.claimants(self._catalog, id_))


class _HostQueue:
    """URLs that wait, by host, and how many of each host are in work, so that no host holds up another."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[str]] = {}
        self._in_work: Counter[str] = Counter()

    def add(self, url: str) -> None:
        self._waiting.setdefault(host_of(url), deque()).append(url)

    def take(self) -> str | None:
        """Return the next URL to work on; None when all that wait are of busy hosts, or enough are in work."""
        if self._in_work.total() >= IN_WORK:
            return None
        for host, urls in self._waiting.items():
            most = PER_HOST if host and not _is_lifted(urls[0]) else CONNECTIONS
            if self._in_work[host] < most:
                self._in_work[host] += 1
                url = urls.popleft()
                del self._waiting[host]
                if urls:  # to the end of the line, so that hosts take turns
                    self._waiting[host] = urls
                return url
        return None

    def done(self, url: str) -> None:
        host = host_of(url)
        self._in_work[host] -= 1
        if not self._in_work[host]:
            del self._in_work[host]

    @property
    def idle(self) -> bool:
        return not self._waiting and not self._in_work


def _is_lifted(url: str) -> bool:
    """Whether the host of a URL need not be spared: a test double of our own."""
    try:
        parts = urlsplit(url)
        return waiting_is_lifted(parts.hostname or "", parts.port or 80)
    except ValueError:
        return False


def _read_local(url: str, max_bytes: int) -> bytes:
    escaped = urlsplit(url).path
    path = Path(url2pathname(escaped) if os.name == "nt" else os.fsdecode(unquote_to_bytes(escaped)))
    shown = unquote(escaped.rpartition("/")[2])
    try:
        if not path.is_file():
            raise FetchFailed(f"{shown} is there no more, or is no ordinary file")
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise FetchFailed(f"{shown} cannot be read ({os.strerror(error.errno or 0)})") from error
    if len(data) > max_bytes:
        raise TooManyBytes(f"{shown} is larger than the {max_bytes / 2**20:g} MiB we read")
    return data


def _origin(page: str) -> str:
    """Return the origin of a page, which many picture hosts want as Referer; empty when there is none."""
    try:
        parts = urlsplit(page)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}/" if parts.scheme in ("http", "https") and parts.netloc else ""


def _status_of(error: Exception) -> str:
    return next(status for kind, status in _STATUS_OF if isinstance(error, kind))
