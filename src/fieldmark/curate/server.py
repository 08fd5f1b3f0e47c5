"""A folder -> the page of `fieldmark clean`, served on this computer alone until Ctrl-C."""

from __future__ import annotations

import contextlib
import socket
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
from fieldmark.net.listener import HOST, listen, url_of
from fieldmark.net.quiet import answer, answering

PORT = 8010


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
        answer(app, listener, lambda: terminal.say(ready))
    terminal.say("Stopped. Everything you decided is kept.")


@contextlib.contextmanager
def serving(workspace: Workspace, port: int | None = 0) -> Iterator[str]:
    """Serve the page on a thread of this process while a `with` block lasts, and yield its address.

    The arguments are those of `serve`, and so is what it raises.
    """
    with _opened(workspace, port) as (app, listener, _), answering(app, listener):
        yield url_of(listener)


@contextlib.contextmanager
def _opened(workspace: Workspace, port: int | None) -> Iterator[tuple[Starlette, socket.socket, Desk]]:
    with take_port(port) as listener, Desk(workspace, url_of(listener)) as desk:
        thumbnails = Thumbnails(workspace.memory / FOLDER)
        token = keep_token(workspace.memory)
        with ThumbnailMaker(thumbnails, _most_urgent_first(desk.board)) as maker:
            yield create_app(desk, thumbnails, maker, listener.getsockname()[1], token), listener, desk


def _most_urgent_first(board: Board) -> list[tuple[str, Path]]:
    """The doubtful photos before the others: they come first on the page."""
    places = dict.fromkeys([*(place for place, _ in board.findings), *range(len(board.tiles))])
    ids = [board.tiles[place].id for place in places]
    return [(id_, board.files[id_]) for id_ in ids if id_ in board.files]


def take_port(port: int | None) -> socket.socket:
    """Take a port of this computer, before anything slow happens; see `serve`. Raises ServeError."""
    if port is not None:
        return listen(HOST, port, PORT)
    try:
        return listen(HOST, PORT, PORT)
    except ServeError:
        terminal.say(f"Port {PORT} is in use; taking another one.")
        return listen(HOST, 0, PORT)
