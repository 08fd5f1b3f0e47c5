"""URL -> bytes, within limits: who is called (see `guard`), how much is read, how long it takes, how often it moves on.

`fetch` is for one URL. Many URLs share a `Client`, which keeps its connections. It knows no manners: rates, robots.txt
and retries are for `visitor`.

Requests go straight to the connection pool. The layer that HTTP clients put above it (merged settings, events, a
response that decodes itself) costs as much CPU as the fetch of a photo.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from types import TracebackType
from typing import TypeVar

import anyio
import httpcore2
import httpx2

from fieldmark.errors import BadStatus, BadURL, BrokenOff, FetchFailed, TimedOut, TooManyBytes, Unreachable
from fieldmark.net.guard import GuardedBackend, check_url, shorten
from fieldmark.net.manners import retry_after
from fieldmark.net.unpack import Damaged, TooLong, unpack
from fieldmark.version import __version__

MAX_BYTES = 16 * 2**20
"""Most bytes we read from one URL, counted after decompression: the size up to which the server takes an upload."""

MAX_ANSWER = 8 * 2**20
"""Most bytes we read of a search provider's answer. The longest that we know have 2 MiB."""

TIMEOUT = 10.0
"""Seconds that one URL may take in all: names, connections, redirects and body."""

MAX_REDIRECTS = 5

USER_AGENT = f"fieldmark/{__version__} (+fetches single pictures that a person asked for)"

_REDIRECTS = {301, 302, 303, 307, 308}
_SMALL = 65_536  # bytes of an error page or redirect that we read to the end, since that keeps the connection
_HARMLESS = {"accept", "accept-language", "user-agent"}  # headers that another host may see; the rest may hold keys

T = TypeVar("T")


@dataclass(frozen=True)
class Fetched:
    """What a URL gave.

    Attributes:
        content: the body, unpacked.
        url: where it came from, after redirects.
        content_type: what the host calls it, lower case, without parameters; never to be believed.
        headers: names in lower case; a header that came several times has its values on lines of their own.
    """

    content: bytes
    url: str
    content_type: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """What a site said, whatever its status. `headers` as in `Fetched`; `url` is where it came from."""

    status: int
    headers: dict[str, str]
    content: bytes
    url: str


@dataclass(frozen=True)
class Redirect:
    """Where a URL sends us."""

    url: str


class Client:
    """An HTTP client that calls only public addresses. Use it as `async with Client() as client`.

    Args:
        user_agent: who we say we are.
        max_connections: most at a time, all hosts together.
        cookies: keep those that a site sets and send them back to it, as some search sites demand.
    """

    def __init__(self, *, user_agent: str = USER_AGENT, max_connections: int = 100, cookies: bool = False) -> None:
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=_trusted(),
            max_connections=max_connections,
            max_keepalive_connections=20,
            keepalive_expiry=5.0,
            network_backend=GuardedBackend(),
        )
        self._user_agent = user_agent
        self._cookies = httpx2.Cookies() if cookies else None

    async def fetch(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        max_bytes: int = MAX_BYTES,
        timeout: float = TIMEOUT,
        max_redirects: int = MAX_REDIRECTS,
    ) -> Fetched:
        """Fetch the bytes behind a URL.

        Args:
            url: http or https.
            headers: beside our own, such as a Referer.
            max_bytes: give up beyond so many bytes, after decompression.
            timeout: seconds for everything together.
            max_redirects: give up beyond so many redirects.

        Raises:
            RefusedAddress: the URL, or a redirect, leads where we do not go.
            BadURL: it is no URL, or redirects to something that is none.
            BadStatus: another status than success, or too many redirects.
            TooManyBytes, TimedOut, Unreachable: as they say.
        """

        async def hop(target: httpx2.URL) -> Fetched | Redirect:
            return await self.hop(target, headers=headers, max_bytes=max_bytes, timeout=timeout)

        with _in_time(url, timeout):
            return await follow(url, hop, max_redirects)

    async def hop(
        self,
        url: httpx2.URL,
        *,
        headers: Mapping[str, str] | None = None,
        max_bytes: int = MAX_BYTES,
        timeout: float = TIMEOUT,
    ) -> Fetched | Redirect:
        """Ask one URL that `guard.check_url` has parsed, and follow no redirect. Raises as `fetch` does.

        For callers with something to do between two redirects; `timeout` is for this request alone.
        """
        # Pictures are compressed already. What is compressed against our wish is unpacked, and counted unpacked.
        ours = {"user-agent": self._user_agent, "accept": "image/*", "accept-encoding": "identity"}
        with _in_time(str(url), timeout):
            answer = await self._send(url, ours | _lower(headers), max_bytes, timeout, wanted=_is_success)
        if answer.status in _REDIRECTS and "location" in answer.headers:
            return Redirect(_join(url, answer.headers["location"]))
        if not _is_success(answer.status):
            sentence = f"{shorten(answer.url)} answered {_status(answer.status)} and gave no picture."
            raise BadStatus(sentence, answer.status, retry_after(answer.headers))
        kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        return Fetched(answer.content, answer.url, kind, answer.headers)

    async def ask(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        max_bytes: int = MAX_ANSWER,
        timeout: float = TIMEOUT,
        cut: bool = False,
    ) -> Answer:
        """Ask a site for something other than a picture. Every status is an answer; redirects are followed.

        Args:
            url: http or https.
            params: query parameters, added to those of `url`.
            headers: beside our own, or instead of them. Another host that the site redirects to sees none of them,
                but for the User-Agent and what we accept.
            max_bytes: give up beyond so many bytes, after decompression.
            timeout: seconds for everything together.
            cut: of a longer answer return the first `max_bytes`, rather than giving up.

        Raises:
            FetchFailed: as `fetch`, but for BadStatus, which means too many redirects and nothing else.
        """
        start = check_url(url)
        start = check_url(str(start.copy_merge_params(dict(params)))) if params else start
        given = _lower(headers)
        foreign = {name: value for name, value in given.items() if name in _HARMLESS}

        async def hop(target: httpx2.URL) -> Answer | Redirect:
            home = (target.scheme, target.netloc) == (start.scheme, start.netloc)
            ours = {"user-agent": self._user_agent, "accept": "*/*", "accept-encoding": "gzip"}
            answer = await self._send(target, ours | (given if home else foreign), max_bytes, timeout, cut=cut)
            if answer.status in _REDIRECTS and "location" in answer.headers:
                return Redirect(_join(target, answer.headers["location"]))
            return answer

        with _in_time(str(start), timeout):
            return await follow(str(start), hop)

    async def _send(
        self,
        url: httpx2.URL,
        headers: dict[str, str],
        max_bytes: int,
        timeout: float,
        wanted: Callable[[int], bool] = lambda _: True,
        cut: bool = False,
    ) -> Answer:
        """Send one GET and read the body when its status is `wanted`."""
        request = self._request(url, headers, timeout)
        shown = str(url)
        try:
            response = await self._pool.handle_async_request(request)
            try:
                found = _headers(response.headers)
                if self._cookies is not None:
                    self._keep_cookies(url, response)
                content = await _read(response, found, shown, max_bytes, wanted(response.status), cut)
            finally:
                await response.aclose()
        except httpcore2.ConnectTimeout:
            raise Unreachable(f"{shorten(shown)} could not be fetched: nobody answers there.") from None
        except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
            raise _broken(shown, error) from error
        return Answer(response.status, found, content, shown)

    def _request(self, url: httpx2.URL, headers: dict[str, str], timeout: float) -> httpcore2.Request:
        if self._cookies is not None:
            bare = httpx2.Request("GET", url)
            self._cookies.set_cookie_header(bare)
            headers = ({"cookie": bare.headers["cookie"]} if "cookie" in bare.headers else {}) | headers
        sent = [(b"host", url.netloc)]
        sent += [(name.encode("ascii", "replace"), value.encode()) for name, value in headers.items()]
        return httpcore2.Request(
            "GET",
            httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=sent,
            # Half the time: who does not pick up by then is away, which is another thing than slow.
            extensions={"timeout": {"connect": timeout / 2}},
        )

    def _keep_cookies(self, url: httpx2.URL, response: httpcore2.Response) -> None:
        assert self._cookies is not None
        request = httpx2.Request("GET", url)
        self._cookies.extract_cookies(httpx2.Response(response.status, headers=response.headers, request=request))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._pool.aclose()

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


async def fetch(
    url: str, *, max_bytes: int = MAX_BYTES, timeout: float = TIMEOUT, max_redirects: int = MAX_REDIRECTS
) -> Fetched:
    """Fetch the bytes behind one URL; see `Client.fetch`."""
    async with Client() as client:
        return await client.fetch(url, max_bytes=max_bytes, timeout=timeout, max_redirects=max_redirects)


async def follow(url: str, hop: Callable[[httpx2.URL], Awaitable[T | Redirect]], most: int = MAX_REDIRECTS) -> T:
    """Call `hop` for a URL and for each that it is redirected to, until it gives something else.

    Every URL passes `check_url` first. The reason for which a later one fails also names the first.
    """
    target = url
    for count in range(most + 1):
        try:
            found = await hop(check_url(target))
        except FetchFailed as error:
            if count:
                error.args = (f"{error} ({shorten(url)} redirects there.)",)
            raise
        if not isinstance(found, Redirect):
            return found
        target = found.url
    raise BadStatus(f"{shorten(url)} redirects more than {most} times. Give the picture's own URL.")


@contextmanager
def _in_time(url: str, timeout: float) -> Iterator[None]:
    try:
        with anyio.fail_after(timeout):
            yield
    except (TimeoutError, httpcore2.TimeoutException):
        raise TimedOut(f"{shorten(url)} took longer than {timeout:g} seconds. Try again later.") from None


async def _read(
    response: httpcore2.Response, headers: dict[str, str], url: str, max_bytes: int, wanted: bool, cut: bool
) -> bytes:
    promised = headers.get("content-length", "")
    length = int(promised) if promised.isdecimal() and len(promised) < 20 else None
    if not wanted:
        if length is None or length > _SMALL:
            return b""  # and the connection is closed, since it still holds the rest
        max_bytes, cut = _SMALL, True
    elif length is not None and length > max_bytes and not cut:
        raise _too_many(url, max_bytes)
    content = bytearray()
    assert isinstance(response.stream, AsyncIterable)
    async for part in response.stream:
        content += part
        if len(content) > max_bytes:  # packed bytes count too: some packings unpack to nothing
            if not cut:
                raise _too_many(url, max_bytes)
            return bytes(content[:max_bytes])
    encoding = headers.get("content-encoding", "") if wanted else ""
    if not encoding:
        return bytes(content)
    try:
        return unpack(bytes(content), encoding, max_bytes)
    except TooLong:
        raise _too_many(url, max_bytes) from None
    except Damaged as error:
        raise BrokenOff(f"{shorten(url)} could not be fetched: {error}.") from None


def _headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1").lower(), _text(value)
        found[key] = f"{found[key]}\n{text}" if key in found else text
    return found


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _lower(headers: Mapping[str, str] | None) -> dict[str, str]:
    return {name.lower(): value for name, value in (headers or {}).items()}


def _join(url: httpx2.URL, location: str) -> str:
    try:
        return str(url.join(location.partition("\n")[0]))
    except httpx2.InvalidURL:
        raise BadURL(f"{shorten(str(url))} redirects to something that is not a URL.") from None


def _too_many(url: str, max_bytes: int) -> TooManyBytes:
    limit = f"{max_bytes / 2**20:g} MiB" if max_bytes >= 2**20 else f"{max_bytes:,} bytes"
    return TooManyBytes(f"{shorten(url)} sends more than the {limit} we read. Give a smaller picture.")


def _is_success(status: int) -> bool:
    return 200 <= status < 300


def _status(code: int) -> str:
    try:
        return f"{code} {HTTPStatus(code).phrase}"
    except ValueError:
        return str(code)


def _broken(url: str, error: Exception) -> Unreachable:
    what = f"{shorten(url)} could not be fetched"
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return Unreachable(f"{what}: its certificate is not one we trust.")
    if isinstance(error, httpcore2.ConnectError):
        return Unreachable(f"{what}: nobody answers there.")
    return BrokenOff(f"{what}: the connection broke off or spoke no proper HTTP.")


@cache
def _trusted() -> ssl.SSLContext:
    return httpcore2.default_ssl_context()  # reads the system's certificates, some 20 ms, so once
