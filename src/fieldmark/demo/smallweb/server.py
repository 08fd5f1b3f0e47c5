"""A function from request to answer -> a web server on a loopback port, on a thread of this process.

Our own HTTP/1.1, on asyncio streams, and not a library's: half of what this web serves is answers that no library would
let us give, such as a length that lies. GET and HEAD alone, connections kept alive, as many at once as come.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, unquote

MAX_HEAD = 32 * 1024
"""Longest request line and headers we read, in bytes."""


@dataclass(frozen=True)
class Ask:
    """One request.

    Attributes:
        method: GET or HEAD.
        target: path and query as they stood in the request line, escapes and all.
        headers: names in lower case; of headers that came twice the last.
    """

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """The path alone, escapes resolved."""
        return unquote(self.target.partition("?")[0])

    @cached_property
    def values(self) -> Mapping[str, list[str]]:
        """The query's parameters, decoded, each with all its values."""
        return parse_qs(self.target.partition("?")[2], keep_blank_values=True)

    @cached_property
    def params(self) -> Mapping[str, str]:
        """The query's parameters; of one that is repeated the first value."""
        return {name: values[0] for name, values in self.values.items()}

    def number(self, name: str, default: int) -> int:
        """A parameter as a number of up to 18 digits; `default` where it is missing or none."""
        text = self.params.get(name, "")
        return int(text) if text.isdecimal() and text.isascii() and len(text) <= 18 else default


@dataclass(frozen=True)
class Answer:
    """One proper answer; its Content-Length is the truth."""

    content: bytes = b""
    kind: str = "application/json"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def json(cls, value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
        """A JSON document."""
        return cls(json.dumps(value, ensure_ascii=False).encode(), "application/json", status, headers or {})

    @classmethod
    def html(cls, text: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
        """A web page, whole or a piece of one."""
        return cls(text.encode(), "text/html; charset=utf-8", status, headers or {})


Rude = Callable[[asyncio.StreamWriter], Awaitable[None]]
"""An answer that writes what it likes, after which the connection is closed."""

Answering = Callable[[Ask], Awaitable[Answer | Rude]]


class Server:
    """A web server for as long as a `with` block lasts. `port` is known once the object is there."""

    def __init__(self, answering: Answering, port: int = 0) -> None:
        """Take a port; 0 is any free one. Raises OSError when it is in use."""
        self._answering = answering
        self._connections: set[asyncio.Task[None]] = set()
        self._listener = socket.create_server(("127.0.0.1", port), backlog=512)
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Server:
        """Start, and return once requests are answered."""
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="small-web", daemon=True)
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        """Break off every connection, endless answers too, and return once the port is free."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._converse, sock=self._listener, limit=MAX_HEAD)
        self._ready.set()
        await self._stop.wait()
        server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer what comes over one connection until somebody has enough."""
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        # Asyncio does it only for sockets that were opened as TCP by name. Without it each answer may wait 40 ms.
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while await self._answer_next(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # they left, or sent no HTTP
        except asyncio.CancelledError:
            writer.transport.abort()  # the web is being taken down; closing would wait for them to read
        finally:
            self._connections.discard(task)
            writer.close()

    async def _answer_next(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Read a request and answer it. Returns whether the connection stays open."""
        ask = _read_ask(await reader.readuntil(b"\r\n\r\n"))
        if ask is None:
            writer.write(_head(Answer(status=400), 0))
            return False
        answer = await self._answering(ask)
        if not isinstance(answer, Answer):
            await answer(writer)
            return False
        writer.write(_head(answer, len(answer.content)))
        if ask.method != "HEAD":
            writer.write(answer.content)
        await writer.drain()
        return ask.headers.get("connection", "").lower() != "close"


def _read_ask(head: bytes) -> Ask | None:
    """Read a request's head; None for what is no GET or HEAD."""
    first, *lines = head.decode("latin-1").split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or parts[0] not in ("GET", "HEAD") or not parts[1].startswith("/"):
        return None
    pairs = (line.partition(":") for line in lines if ":" in line)
    return Ask(parts[0], parts[1], {name.strip().lower(): value.strip() for name, _, value in pairs})


def _head(answer: Answer, length: int) -> bytes:
    headers = {"Content-Type": answer.kind, "Content-Length": str(length), **answer.headers}
    lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}", *(f"{k}: {v}" for k, v in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
