"""An application -> a quiet server on a socket of ours, until Ctrl-C or for as long as a block lasts."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from fieldmark.errors import ServeError
from fieldmark.net.loops import loop_runs
from fieldmark.net.patience import Patience, PatientProtocol
from fieldmark.net.replies import adding

BACKLOG = 1024
"""Connections that may wait in the system until we take them."""

_SPARE_FILES = 64
"""Open files that are no connection: the model, pipes, URLs being fetched."""


def answer(app: ASGIApp, listener: socket.socket, when_ready: Callable[[], None]) -> None:
    """Answer until Ctrl-C, which returns; `when_ready` is called once requests are answered."""
    with contextlib.suppress(KeyboardInterrupt):
        if not loop_runs():
            QuietServer(app, when_ready).run(sockets=[listener])
            return
        # A notebook runs a loop of its own here, and two do not go together.
        with answering(app, listener), _listening_for_ctrl_c() as pressed:
            when_ready()
            while not pressed:
                time.sleep(0.2)


@contextlib.contextmanager
def _listening_for_ctrl_c() -> Iterator[list[int]]:
    """Yield a list that is no longer empty once Ctrl-C was pressed.

    As an exception it may be raised where nobody hears of it, such as while rubbish is collected, and be lost. On other
    threads than the main one no Ctrl-C arrives at all.
    """
    pressed: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield pressed
        return
    before = signal.signal(signal.SIGINT, lambda number, _: pressed.append(number))
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before or signal.default_int_handler)


@contextlib.contextmanager
def answering(app: ASGIApp, listener: socket.socket, patience: Patience | None = None) -> Iterator[None]:
    """Answer on a thread of this process while a `with` block lasts; then the port is free again.

    Raises:
        ServeError: the server ended before it began.
    """
    with listener:
        ready = threading.Event()
        server = QuietServer(app, ready.set, patience)
        thread = threading.Thread(
            target=server.run, kwargs={"sockets": [listener]}, name="fieldmark-server", daemon=True
        )
        thread.start()
        try:
            while not ready.wait(0.1):
                if not thread.is_alive():
                    raise ServeError("The server ended before it began. The lines above may say why.")
            yield
        finally:
            server.should_exit = True
            thread.join()


class QuietServer(uvicorn.Server):
    """Uvicorn, quiet, on our own socket, that says when it is ready and finishes what it took before it stops."""

    def __init__(
        self,
        app: ASGIApp,
        when_ready: Callable[[], None],
        patience: Patience | None = None,
        takes_signals: bool = True,
        each_second: Callable[[], None] | None = None,
    ) -> None:
        """Prepare.

        Args:
            app: what answers.
            when_ready: called once requests are answered.
            patience: with slow connections, and with many.
            takes_signals: whether Ctrl-C and SIGTERM stop it; else only `should_exit` does.
            each_second: called about once a second while it answers.
        """
        self._patience = patience or Patience()
        self._draining = False
        self._takes_signals = takes_signals
        self._when_ready = when_ready
        self._each_second = each_second
        super().__init__(
            uvicorn.Config(
                self._closing_when_draining(app),
                http=cast(Any, functools.partial(PatientProtocol, patience=self._patience)),
                lifespan="off",
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                backlog=1,  # connections taken at a time; more, and one of several processes would take them all
                timeout_keep_alive=cast(int, self._patience.idle),
                timeout_graceful_shutdown=cast(int, self._patience.grace),
            )
        )
        logging.getLogger("uvicorn.error").addFilter(_is_news)

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self.server_state.connections)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer, and say so."""
        allow_open_files(self._patience.connections + _SPARE_FILES)
        await super().startup(sockets)
        for listener in sockets or []:
            listener.listen(BACKLOG)  # `backlog` above was meant for the loop alone
        self._when_ready()

    async def on_tick(self, counter: int) -> bool:
        """Look after slow connections twice a second."""
        if counter % 5 == 0:
            now = time.monotonic()
            for connection in list(self.server_state.connections):
                cast(PatientProtocol, connection).sweep(now)
        if counter % 10 == 0 and self._each_second is not None:
            self._each_second()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take what the system has taken for us, finish what is in hand, and stop.

        Answers now say `Connection: close`. A connection between two requests is kept for a moment, because its next
        request may be on its way.
        """
        self._draining = True
        until = time.monotonic() + 1.0  # callers who come back again and again must not keep us
        while any(_has_caller(listener) for listener in sockets or []) and time.monotonic() < until:
            await asyncio.sleep(0)  # in which the loop takes one
        for server in self.servers:
            server.close()
        until = time.monotonic() + self._patience.linger
        while self.server_state.connections and time.monotonic() < until and not self.force_exit:
            await asyncio.sleep(0.02)
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Listen for signals, where they are ours to listen for."""
        if self._takes_signals:
            with super().capture_signals():
                yield
        else:
            yield

    def _closing_when_draining(self, app: ASGIApp) -> ASGIApp:
        closing = {"Connection": "close"}

        async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
            async def send_and_close(message: Any) -> None:
                await (adding(closing, send) if self._draining else send)(message)

            await app(scope, receive, send_and_close)

        return wrapped


def allow_open_files(wanted: int) -> int:
    """Raise this process's limit on open files to `wanted` as far as the system lets us; return what it is then."""
    if sys.platform == "win32":
        return wanted
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def _has_caller(listener: socket.socket) -> bool:
    try:
        return bool(select.select([listener], [], [], 0)[0])
    except (OSError, ValueError):  # closed, or a number that `select` cannot take
        return False


_NO_NEWS = ("Invalid HTTP request", "Unsupported upgrade", "No supported WebSocket", "Cancel %s running")


def _is_news(record: logging.LogRecord) -> bool:
    """Drop what a person who stops the server, or sends it nonsense, need not read; keep what is a fault of ours."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, asyncio.CancelledError):
        return False
    return not str(record.msg).startswith(_NO_NEWS)
