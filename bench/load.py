"""A URL and bodies to post -> how long answers took, from any number of clients at once. Not a bench by itself.

Clients are closed loops: each sends its next request as soon as it was answered, on a connection that it keeps. They
speak bare HTTP/1.1, so that they cost little of the processor that they share with the server.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

BOUNDARY = "fieldmark-load"


@dataclass
class Outcome:
    """What clients were given."""

    seconds: list[float] = field(default_factory=list)  # of every answer
    statuses: Counter[int] = field(default_factory=Counter)
    lost: int = 0  # requests that were sent whole and got no whole answer
    refused: int = 0  # connections that nobody took
    obeyed: int = 0  # times that a client came back later because it was told to; not among `statuses`
    wall: float = 0.0

    @property
    def unserved(self) -> int:
        """Requests that were not answered with 200."""
        return self.lost + self.refused + sum(self.statuses.values()) - self.statuses[200]

    @property
    def rate(self) -> float:
        """Answers with 200 a second."""
        return self.statuses[200] / self.wall if self.wall else 0.0

    def quantile(self, share: float) -> float:
        """Seconds within which this share of the answers came."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def upload_of(picture: bytes, url: str, path: str = "/upload", headers: dict[str, str] | None = None) -> bytes:
    """Return the bytes of a request that uploads one picture."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="photo.jpg"\r\n'
    body = head.encode() + b"Content-Type: image/jpeg\r\n\r\n" + picture + f"\r\n--{BOUNDARY}--\r\n".encode()
    kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    return request_of("POST", url, path, {**kind, **(headers or {})}, body)


def request_of(method: str, url: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """Return the bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {urlsplit(url).netloc}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def answer_of(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    """Read one answer. Raises IncompleteReadError when the connection ends before it does."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return int(head[0].split()[1]), headers, body


class Unreachable(Exception):
    """Nobody takes connections."""


class Connection:
    """One client's connection to a server, made when it is first needed and again where it ended."""

    def __init__(self, url: str) -> None:
        self._host, self._port = urlsplit(url).hostname, urlsplit(url).port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self, request: bytes) -> tuple[int, dict[str, str]]:
        """Send a request, and return the status and the headers of its answer.

        Raises Unreachable, or OSError or IncompleteReadError when the connection ends before the answer does.
        """
        if self._writer is None:
            try:
                self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
            except OSError as error:
                raise Unreachable from error
        try:
            self._writer.write(request)
            await self._writer.drain()
            status, headers, _ = await answer_of(self._reader)
        except (OSError, asyncio.IncompleteReadError):
            self.close()
            raise
        if headers.get("connection") == "close":
            self.close()
        return status, headers

    def close(self) -> None:
        """End it."""
        if self._writer is not None:
            self._writer.close()
        self._writer = None


async def client(url: str, requests: Iterable[bytes], outcome: Outcome, until: float, obeys: bool = False) -> None:
    """Send one request after the other until the clock says `until` or the server is gone.

    Who `obeys` comes back with the same request after the seconds that a refusal names.
    """
    connection = Connection(url)
    for request in requests:
        if time.monotonic() >= until:
            break
        started = time.perf_counter()
        try:
            status, headers = await connection.ask(request)
            while obeys and status == 503 and "retry-after" in headers:
                outcome.obeyed += 1
                await asyncio.sleep(float(headers["retry-after"]))
                status, headers = await connection.ask(request)
        except Unreachable:
            outcome.refused += 1
            return
        except (OSError, asyncio.IncompleteReadError):
            outcome.lost += 1
            continue
        outcome.seconds.append(time.perf_counter() - started)
        outcome.statuses[status] += 1
    connection.close()


async def load(url: str, requests: Sequence[bytes], clients: int, seconds: float, obeys: bool = False) -> Outcome:
    """Let `clients` go through `requests` again and again, each from another one on, for so many seconds."""
    outcome, started = Outcome(), time.monotonic()
    turns = [itertools.islice(itertools.cycle(requests), n * 7 % len(requests), None) for n in range(clients)]
    await asyncio.gather(*(client(url, turn, outcome, started + seconds, obeys) for turn in turns))
    outcome.wall = time.monotonic() - started
    return outcome


def pictures_in(folder: Path, most: int = 200) -> list[bytes]:
    """Read the pictures of a folder, in the order of their names."""
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    return [path.read_bytes() for path in files[:most]]
