"""An application -> a server that is quiet, on a socket of ours, and says when it is ready."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable

import uvicorn
from starlette.applications import Starlette


class QuietServer(uvicorn.Server):
    """Uvicorn, quiet, on our own socket, that says when it is ready."""

    def __init__(self, app: Starlette, when_ready: Callable[[], None], grace: int) -> None:
        """Prepare; `grace` is how many seconds requests in hand may take to finish after Ctrl-C."""
        super().__init__(
            uvicorn.Config(
                app,
                lifespan="off",
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=grace,
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
