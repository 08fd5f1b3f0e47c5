"""URL -> bytes, within limits: who is called (see `guard`), how much is read, how long it takes, how often it moves on.

`fetch` is for one URL. Many URLs share a `Client`, which keeps its connections; rates, retries and the ends that a URL
can come to are for whoever loops over it.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from types import TracebackType

import anyio
import httpcore2
import httpx2

from fieldmark.errors import FetchFailed
from fieldmark.net.guard import GuardedBackend, check_url, shorten
from fieldmark.version import __version__

MAX_BYTES = 16 * 2**20
"""Most bytes we read from one URL, counted after decompression: the size up to which the server takes an upload."""

TIMEOUT = 10.0
"""Seconds that one URL may take in all: names, connections, redirects and body."""

MAX_REDIRECTS = 5

USER_AGENT = f"fieldmark/{__version__} (+fetches single pictures that a person asked for)"

_REDIRECTS = {301, 302, 303, 307, 308}


@dataclass(frozen=True)
class Fetched:
    """What a URL gave."""

    content: bytes
    url: str  # where the bytes came from, after redirects
    content_type: str  # what the host calls them, lower case, without parameters; never to be believed


class Client:
    """An HTTP client that calls only public addresses. Use it as `async with Client() as client`."""

    def __init__(self, *, user_agent: str = USER_AGENT, max_connections: int = 100) -> None:
        self._http = httpx2.AsyncClient(
            transport=_GuardedTransport(max_connections),
            # Pictures are compressed already. What is compressed against our wish is unpacked, and counted unpacked.
            headers={"User-Agent": user_agent, "Accept": "image/*", "Accept-Encoding": "identity"},
            trust_env=False,  # a proxy would connect for us, to addresses we never saw
        )

    async def fetch(
        self,
        url: str,
        *,
        max_bytes: int = MAX_BYTES,
        timeout: float = TIMEOUT,
        max_redirects: int = MAX_REDIRECTS,
    ) -> Fetched:
        """Fetch the bytes behind a URL.

        Args:
            url: http or https.
            max_bytes: give up beyond so many bytes, after decompression.
            timeout: seconds for everything together.
            max_redirects: give up beyond so many redirects.

        Raises:
            RefusedAddress: the URL, or a redirect, leads where we do not go.
            FetchFailed: no such host, no answer in time, a status other than success, too many bytes or redirects.
        """
        try:
            with anyio.fail_after(timeout):
                return await self._follow(url, max_bytes, timeout, max_redirects)
        except (TimeoutError, httpcore2.TimeoutException):
            raise FetchFailed(f"{shorten(url)} took longer than {timeout:g} seconds. Try again later.") from None

    async def _follow(self, url: str, max_bytes: int, timeout: float, max_redirects: int) -> Fetched:
        found = await self._get(check_url(url), max_bytes, timeout)
        for _ in range(max_redirects):
            if isinstance(found, Fetched):
                return found
            try:
                found = await self._get(check_url(found), max_bytes, timeout)
            except FetchFailed as error:
                raise type(error)(f"{error} ({shorten(url)} redirects there.)") from error
        if isinstance(found, Fetched):
            return found
        raise FetchFailed(f"{shorten(url)} redirects more than {max_redirects} times. Give the picture's own URL.")

    async def _get(self, url: httpx2.URL, max_bytes: int, timeout: float) -> Fetched | str:
        """Return what `url` gave, or the URL it redirects to."""
        shown = shorten(str(url))
        try:
            async with self._http.stream("GET", url, timeout=httpx2.Timeout(None, connect=timeout)) as response:
                if response.status_code in _REDIRECTS and "location" in response.headers:
                    return str(url.join(response.headers["location"]))
                if not response.is_success:
                    raise FetchFailed(f"{shown} answered {_status(response.status_code)} and gave no picture.")
                return await _read(response, max_bytes)
        except httpx2.InvalidURL:
            raise FetchFailed(f"{shown} redirects to something that is not a URL.") from None
        except (httpcore2.NetworkError, httpcore2.ProtocolError, httpx2.HTTPError) as error:
            raise FetchFailed(f"{shown} could not be fetched: {_why(error)}.") from error

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

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


async def _read(response: httpx2.Response, max_bytes: int) -> Fetched:
    url = str(response.url)
    too_many = FetchFailed(
        f"{shorten(url)} sends more than the {max_bytes / 2**20:g} MiB we read. Give a smaller picture."
    )
    promised = response.headers.get("content-length", "")
    if promised.isdecimal() and int(promised) > max_bytes:
        raise too_many
    content = bytearray()
    async for chunk in response.aiter_bytes():  # in pieces of at most 1 MiB, also out of a decompressor
        content += chunk
        if len(content) > max_bytes:
            raise too_many
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return Fetched(bytes(content), url, kind)


def _status(code: int) -> str:
    try:
        return f"{code} {HTTPStatus(code).phrase}"
    except ValueError:
        return str(code)


def _why(error: Exception) -> str:
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return "its certificate is not one we trust"
    if isinstance(error, httpcore2.ConnectError):
        return "nobody answers there"
    if isinstance(error, httpx2.DecodingError):
        return "its compressed answer is damaged"
    return "the connection broke off or spoke no proper HTTP"


class _GuardedTransport(httpx2.AsyncBaseTransport):
    """The HTTP client's way to the network. Ours, so that nothing but `GuardedBackend` ever opens a connection."""

    def __init__(self, max_connections: int) -> None:
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=_trusted(),
            max_connections=max_connections,
            max_keepalive_connections=20,
            keepalive_expiry=5.0,
            network_backend=GuardedBackend(),
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        url = request.url
        response = await self._pool.handle_async_request(
            httpcore2.Request(
                method=request.method,
                url=httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        assert isinstance(response.stream, AsyncIterable)
        return httpx2.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_Body(response.stream),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        await self._pool.aclose()


class _Body(httpx2.AsyncByteStream):
    def __init__(self, stream: AsyncIterable[bytes]) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:
            yield part

    async def aclose(self) -> None:
        if hasattr(self._stream, "aclose"):
            await self._stream.aclose()


@cache
def _trusted() -> ssl.SSLContext:
    return httpcore2.default_ssl_context()  # reads the system's certificates, some 20 ms, so once
