"""A connection -> closed where it is too slow, or where there are too many: what uvicorn leaves to a proxy.

Uvicorn waits for ever for the head of a request and for a client to take its answer, and drains what is left of a
refused body without end. A protocol of its kind with clocks of its own is looked at twice a second (`sweep`), which
costs less than a timer for each. How long a body may take is for the application, which can say so in an answer.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


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


class PatientProtocol(H11Protocol):
    """Uvicorn's HTTP/1.1 with an end to its patience."""

    def __init__(self, *args: Any, patience: Patience, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._patience = patience
        self._unread_since: float | None = None  # when an answer was first seen that the client does not take
        self._heading = True  # whether something of a next request is there, or is owed since the connection began
        self.waits_since: float | None = time.monotonic()  # None while a request is in hand

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, and close another one or this where there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self._patience.connections:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        """Read on, and note whether that made a request."""
        super().data_received(data)
        if self._is_asking():
            self.waits_since = None
        elif not self._heading:
            self._heading, self.waits_since = True, time.monotonic()

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
        headers = [
            (b"Content-Type", b"application/json"),
            (b"Content-Length", str(len(body)).encode()),
            (b"Connection", b"close"),
            *([(b"Retry-After", b"2")] if status == 503 else []),
        ]
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.write(self.conn.send(h11.Response(status_code=status, headers=headers)))
            self.transport.write(self.conn.send(h11.Data(data=body)))
            self.transport.write(self.conn.send(h11.EndOfMessage()))
        self.transport.close()
        if self._is_asking():  # what the application has yet to say of this request is no longer asked for
            self.cycle.disconnected = True
            self.cycle.message_event.set()
