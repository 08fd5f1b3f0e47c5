"""An application -> a quiet server on a socket of ours, until Ctrl-C or for as long as a block lasts."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator

import uvicorn
from starlette.applications import Starlette

from fieldmark.errors import ServeError
from fieldmark.net.loops import loop_runs

GRACE = 2
"""Seconds that requests in hand may take to finish once a server is told to stop."""


def answer(app: Starlette, listener: socket.socket, when_ready: Callable[[], None]) -> None:
    """Answer until Ctrl-C, which returns; `when_ready` is called once requests are answered."""
    with contextlib.suppress(KeyboardInterrupt):
        if not loop_runs():
            _QuietServer(app, when_ready).run(sockets=[listener])
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
def answering(app: Starlette, listener: socket.socket) -> Iterator[None]:
    """Answer on a thread of this process while a `with` block lasts; then the port is free again.

    Raises:
        ServeError: the server ended before it began.
    """
    with listener:
        ready = threading.Event()
        server = _QuietServer(app, ready.set)
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


class _QuietServer(uvicorn.Server):
    """Uvicorn, quiet, on our own socket, that says when it is ready."""

    def __init__(self, app: Starlette, when_ready: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                lifespan="off",
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=GRACE,
            )
        )
        self._when_ready = when_ready
        logging.getLogger("uvicorn.error").addFilter(_is_news)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer, and say so."""
        await super().startup(sockets)
        self._when_ready()


def _is_news(record: logging.LogRecord) -> bool:
    """Drop what a person who stops the server, or sends it nonsense, need not read; keep what is a fault of ours."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, asyncio.CancelledError):
        return False
    return not str(record.msg).startswith(("Invalid HTTP request", "Unsupported upgrade", "Cancel %s running"))
