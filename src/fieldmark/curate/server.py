"""A folder -> the page of `fieldmark clean`, served on this computer alone until Ctrl-C."""

from __future__ import annotations

import contextlib
import errno
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from starlette.applications import Starlette

from fieldmark import terminal
from fieldmark.artifacts.thumbnails import FOLDER, Thumbnails
from fieldmark.artifacts.workspace import Workspace
from fieldmark.curate.app import create_app
from fieldmark.curate.board import Board
from fieldmark.curate.desk import Desk
from fieldmark.curate.door import keep_token
from fieldmark.curate.thumbs import ThumbnailMaker
from fieldmark.errors import ServeError
from fieldmark.net.quiet import QuietServer

HOST = "127.0.0.1"
PORT = 8010

GRACE = 2
"""Seconds that requests in hand may take to finish after Ctrl-C."""


def serve(workspace: Workspace, port: int | None = None) -> None:
    """Serve the page until Ctrl-C, which returns.

    Args:
        workspace: whose photos are to be decided on.
        port: 0 takes any free one; None takes 8010, or any free one where that is in use. The printed line names it.

    Raises:
        ServeError: the port that was asked for is in use or not ours to take.
        FolderError: there are no photos.
        WorkspaceError: a catalog is damaged.
    """
    with _opened(workspace, port) as (app, listener, desk):
        if workspace.remembers_elsewhere:
            terminal.warn(f"{workspace.root} cannot be written to; what you decide is kept in {workspace.memory}.")
        if desk.reading:
            terminal.warn(desk.reading)
        photos = f"{len(desk.board.tiles)} photos of {workspace.root.name}"
        ready = f"{photos} at {url_of(listener)} (Ctrl-C stops)"
        with contextlib.suppress(KeyboardInterrupt):
            QuietServer(app, lambda: terminal.say(ready), GRACE).run(sockets=[listener])
    terminal.say("Stopped. Everything you decided is kept.")


@contextlib.contextmanager
def serving(workspace: Workspace, port: int | None = 0) -> Iterator[str]:
    """Serve the page on a thread of this process while a `with` block lasts, and yield its address.

    The arguments are those of `serve`, and so is what it raises.
    """
    with _opened(workspace, port) as (app, listener, _):
        ready = threading.Event()
        server = QuietServer(app, ready.set, GRACE)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="fieldmark-clean")
        thread.start()
        try:
            while not ready.wait(0.1):
                if not thread.is_alive():
                    raise ServeError("The server ended before it began. The lines above may say why.")
            yield url_of(listener)
        finally:
            server.should_exit = True
            thread.join()


@contextlib.contextmanager
def _opened(workspace: Workspace, port: int | None) -> Iterator[tuple[Starlette, socket.socket, Desk]]:
    with listen(port) as listener, Desk(workspace, url_of(listener)) as desk:
        thumbnails = Thumbnails(workspace.memory / FOLDER)
        token = keep_token(workspace.memory)
        with ThumbnailMaker(thumbnails, _most_urgent_first(desk.board)) as maker:
            yield create_app(desk, thumbnails, maker, listener.getsockname()[1], token), listener, desk


def _most_urgent_first(board: Board) -> list[tuple[str, Path]]:
    """The doubtful photos before the others: they come first on the page."""
    places = dict.fromkeys([*(place for place, _ in board.findings), *range(len(board.tiles))])
    ids = [board.tiles[place].id for place in places]
    return [(id_, board.files[id_]) for id_ in ids if id_ in board.files]


def listen(port: int | None) -> socket.socket:
    """Take a port of this computer, before anything slow happens; see `serve`. Raises ServeError."""
    if port is None:
        try:
            return listen(PORT)
        except ServeError:
            terminal.say(f"Port {PORT} is in use; taking another one.")
            return listen(0)
    if not 0 <= port <= 65535:
        raise ServeError(f"There is no port {port}; ports go from 1 to 65535. Choose one: --port {PORT}")
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a restart need not wait a minute
        listener.bind((HOST, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise ServeError(_why_not(error, port)) from None
    return listener


def url_of(listener: socket.socket) -> str:
    """Return the page's address."""
    return f"http://{HOST}:{listener.getsockname()[1]}"


def _why_not(error: OSError, port: int) -> str:
    another = f"Choose another: --port {port + 1 if 1024 <= port < 65535 else PORT}, or --port 0 for any free one."
    if error.errno in (errno.EADDRINUSE, getattr(errno, "WSAEADDRINUSE", -1)):
        return f"Port {port} is in use by another program, perhaps another fieldmark clean. {another}"
    if error.errno in (errno.EACCES, getattr(errno, "WSAEACCES", -1)):
        return f"Port {port} is not ours to take; those below 1024 need an administrator. {another}"
    return f"Cannot listen on port {port}: {error.strerror or error}. {another}"
