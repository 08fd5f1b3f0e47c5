"""Requests -> an id for each, figures, a line of log, and the headers that every answer carries.

What is written down: when, method, path, status, milliseconds, who asked, and why a request was refused. Never what a
picture shows, what the answer was, a header of the request, or what stands behind the `?` of a URL.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fieldmark.net.replies import adding
from fieldmark.serve.log import Log
from fieldmark.serve.refusals import NOTE, Refused, refuse
from fieldmark.serve.tally import ROUTES, STATUSES, Tally

ID_HEADER = "X-Request-ID"

_SANE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
_UNLOGGED = ("/healthz", "/metrics", "asset")
"""Routes that something asks for all day; only their failures are worth a line."""


@dataclass
class Note:
    """What is to be written down about one request."""

    id: str
    route: str
    status: int = 500  # unless an answer begins: what raises ends as one
    reason: str = ""
    is_begun: bool = False  # whether an answer is on its way


class Journal:
    """Middleware around everything else, which is where the headers for every answer are added too."""

    def __init__(self, app: ASGIApp, tally: Tally, log: Log, headers: dict[str, str], assets: frozenset[str]) -> None:
        self._app = app
        self._tally = tally
        self._log = log
        self._headers = headers
        self._assets = assets
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and note how it ended."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        note = Note(_id_of(scope), self._route(scope["path"]))
        scope[NOTE] = note
        added = adding({**self._headers, ID_HEADER: note.id}, send)

        async def send_noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                note.status, note.is_begun = message["status"], True
            await added(message)

        started = time.perf_counter()
        self._count_in_flight(1)
        try:
            await self._app(scope, receive, send_noted)
        except asyncio.CancelledError:  # the server stops, and has waited long enough
            note.status, note.reason = 503, "stopped"
            if not note.is_begun:
                refusal = refuse(scope, Refused("stopped", "The server has stopped. Try again."))
                await refusal(scope, receive, send_noted)
            raise
        finally:
            self._count_in_flight(-1)
            self._write_down(scope, note, time.perf_counter() - started)

    def _route(self, path: str) -> str:
        return path if path in ROUTES else "asset" if path in self._assets else "other"

    def _count_in_flight(self, change: int) -> None:
        self._in_flight += change
        self._tally.set("in_flight", self._in_flight)

    def _write_down(self, scope: Scope, note: Note, seconds: float) -> None:
        status = str(note.status)
        self._tally.add("requests", note.route, status if status in STATUSES else "other")
        self._tally.observe(f"request{note.route}", seconds)
        if note.reason:
            self._tally.add("refusals", note.reason)
        if note.route in _UNLOGGED and note.status < 400:
            return
        self._log.request(
            method=scope["method"],
            path=scope["path"],
            status=note.status,
            ms=round(1000 * seconds, 1),
            client=(scope.get("client") or ("unknown",))[0],
            request_id=note.id,
            reason=note.reason,
        )


def _id_of(scope: Scope) -> str:
    """Return the id that the request brought, where it is one, or a new one."""
    given = Headers(scope=scope).get(ID_HEADER, "")
    return given if _SANE_ID.fullmatch(given) else secrets.token_hex(8)
