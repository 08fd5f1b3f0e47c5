"""A connection -> closed where it is too slow, holds too much, or is one too many: what uvicorn leaves to a proxy.

Uvicorn waits for ever for the head of a request and for a client to take its answer, and drains what is left of a
refused body without end. A protocol of its kind with clocks of its own is looked at twice a second (`sweep`), which
costs less than a timer for each. How long a body may take is for the application, which can say so in an answer.

The parser, httptools, keeps whatever comes of a head or a line, and takes more for HTTP than we do. So both are
measured, hosts are counted, and lines behind a body are passed over. Where a client would rather speak another
protocol, the parser takes the body for the first words of that; we have it read as what it is.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

MOST_HEAD = 64 * 1024
"""Bytes of a request's head, from its method to the empty line, and of any line in it or behind its body."""

MOST_AHEAD = 32
"""Requests that a client may have sent ahead, beside the one that is being answered."""


def _tell_nobody(reason: str) -> None:
    pass


@dataclass(frozen=True)
class Patience:
    """How many connections there may be, and how many seconds each may take.

    `tell` hears of everyone who was sent away: "connections", "slow_head", "slow_reader" or "malformed".
    """

    connections: int = 1000  # past that the one that has waited longest without asking is closed
    head: float = 10.0  # for the head of a request; also for what still comes of a body that was refused
    idle: float = 15.0  # between two requests on a connection
    reading: float = 30.0  # for a client to take an answer
    grace: float = 2.0  # that requests in hand may take once the server is told to stop
    linger: float = 0.5  # that a connection between two requests is kept then, since the next may be on its way
    tell: Callable[[str], None] = _tell_nobody


class Malformed(Exception):
    """Raised while a head is read, and passed on by the parser as an error of its own."""


class PatientProtocol(HttpToolsProtocol):
    """Uvicorn's HTTP/1.1 with an end to its patience."""

    def __init__(self, *args: Any, patience: Patience, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._patience = patience
        self._unread_since: float | None = None  # when an answer was first seen that the client does not take
        self._heading = True  # whether something of a next request is there, or is owed since the connection began
        self.waits_since: float | None = time.monotonic()  # None while a request is in hand
        self._is_resuming = False  # whether the head that is parsed is our own, see `_head_again`
        self._in_head = False  # whether the parser is between a request's first byte and its empty line
        self._head_told = 0  # bytes of it that the parser has told of
        self._untold = 0  # bytes that came since the parser last told of any: of a line, it tells only the whole

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, and close another one or this where there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self._patience.connections:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        """Read on, and note whether that made a request."""
        self._unset_keepalive_if_required()
        self._untold += len(data)
        try:
            self._feed(data)
            _check(self._untold)
        except (httptools.HttpParserError, Malformed):
            self.send_400_response("")
        if self._is_asking():
            self.waits_since = None
        elif not self._heading:
            self._heading, self.waits_since = True, time.monotonic()

    def _feed(self, data: bytes) -> None:
        while data and self.parser is not None:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                data = self._head_again() + data[upgrade.args[0] :]
            else:
                return

    def _head_again(self) -> bytes:
        """Return a head that promises the body of this request and no other protocol; empty where there is no body."""
        body = self._promise_of_body()
        self._is_resuming = bool(body)
        return b"POST / HTTP/1.1\r\n" + body + b"\r\n\r\n" if body else b""

    def _promise_of_body(self) -> bytes:
        lines = [name + b": " + value for name, value in self.headers]
        return next((line for line in lines if line.startswith((b"content-length:", b"transfer-encoding:"))), b"")

    def on_message_begin(self) -> None:
        """Begin to measure."""
        if not self._is_resuming:
            super().on_message_begin()
            self._in_head, self._head_told = True, 0

    def on_url(self, url: bytes) -> None:
        """Take a part of what is asked for."""
        self._untold = 0
        if self._in_head:
            self._head_told += len(url)
            _check(self._head_told)
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a line of the head. Lines behind a body come too late to be heeded."""
        self._untold = 0
        if self._in_head:
            self._head_told += len(name) + len(value) + len(": \r\n")
            _check(self._head_told)
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin to answer, where this is the HTTP that we speak."""
        if self._is_resuming:
            self._is_resuming = False
            return
        self._in_head = False
        hosts = sum(name == b"host" for name, _ in self.headers)
        version = self.parser.get_http_version()
        if (version, hosts) not in (("1.1", 1), ("1.0", 0), ("1.0", 1)) or len(self.pipeline) >= MOST_AHEAD:
            raise Malformed
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._untold = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that the body is whole, unless the parser has yet to be told that there is one."""
        self._untold = 0
        if not (self.parser.should_upgrade() and self._promise_of_body()):
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Go on to the next request, which may be there already."""
        self._heading, self.waits_since = False, time.monotonic()
        super().on_response_complete()
        if self._is_asking():
            self.waits_since = None

    def send_400_response(self, msg: str) -> None:
        """Say in our own way that this is no HTTP."""
        self._patience.tell("malformed")
        self._refuse(400, "This is not HTTP that we can read.")

    def sweep(self, now: float) -> None:
        """Close this connection if its time is over. `now` as `time.monotonic` has it."""
        if self.transport.get_write_buffer_size() == 0:
            self._unread_since = None
        elif self._unread_since is None:
            self._unread_since = now
        elif now - self._unread_since > self._patience.reading:
            self._drop("slow_reader")
        if self._heading and self.waits_since is not None and now - self.waits_since > self._patience.head:
            self._drop("slow_head")

    def _is_asking(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _make_room(self) -> None:
        """Close what has waited longest; a crowd that says nothing must not keep others out."""
        waiting = [
            (other.waits_since, id(other), other)
            for other in self.connections
            if other is not self and isinstance(other, PatientProtocol) and other.waits_since is not None
        ]
        if waiting:
            min(waiting)[2]._drop("connections")
        else:
            self._patience.tell("connections")
            self._refuse(503, "The server has as many connections as it takes. Try again in a few seconds.")

    def _drop(self, reason: str) -> None:
        if not self.transport.is_closing():
            self._patience.tell(reason)
        self.transport.abort()  # `close` would wait for the client to take what it does not take

    def _refuse(self, status: int, sentence: str) -> None:
        body = json.dumps({"error": sentence}).encode()
        lines = [
            b"Content-Type: application/json",
            b"Content-Length: %d" % len(body),
            b"Connection: close",
            *([b"Retry-After: 2"] if status == 503 else []),
        ]
        is_amid_an_answer = self.pipeline or (self._is_asking() and self.cycle.response_started)
        if not is_amid_an_answer:
            self.transport.write(STATUS_LINE[status] + b"\r\n".join([*lines, b"", body]))
        self.transport.close()
        if self._is_asking():  # what the application has yet to say of this request is no longer asked for
            self.cycle.disconnected = True
            self.cycle.message_event.set()


def _check(count: int) -> None:
    if count > MOST_HEAD:
        raise Malformed
