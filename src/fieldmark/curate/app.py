"""A desk -> the HTTP application behind the page of `fieldmark clean`."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from fieldmark.artifacts.thumbnails import Thumbnails
from fieldmark.curate.acts import read_act
from fieldmark.curate.desk import Desk, ReadingOnly
from fieldmark.curate.door import SECURITY_HEADERS, Door, cookie_of
from fieldmark.curate.thumbs import ThumbnailMaker
from fieldmark.errors import FolderError, NotAPhoto, WorkspaceError
from fieldmark.imaging.decode import read_bytes
from fieldmark.imaging.thumbnail import thumbnail_of
from fieldmark.net.replies import as_json, own_fault, refusal
from fieldmark.paper import favicon

ASSETS = {
    "page.css": "text/css",
    "page.js": "text/javascript",
    "crop.js": "text/javascript",
    "grid.js": "text/javascript",
    "order.js": "text/javascript",
    "server.js": "text/javascript",
    "favicon.svg": "image/svg+xml",
}

FULL = 1600
"""Pixels of the longer side of a photo shown large: enough for a screen, and every format becomes one it can show."""

_FRESH = {"Cache-Control": "no-cache"}
# Names are hashes of the bytes, so a picture hardly ever changes; an hour later it is asked for again all the same.
_STEADY = {"Cache-Control": "private, max-age=3600"}


def create_app(desk: Desk, thumbnails: Thumbnails, maker: ThumbnailMaker, port: int, token: str) -> Starlette:
    """Build the application.

    Args:
        desk: an open desk.
        thumbnails: where small pictures come from.
        maker: whose progress the page shows.
        port: on which it is served; requests for another are refused.
        token: what the page proves itself with.
    """
    page = _Page(desk, thumbnails, maker, port, token)
    app = Starlette(
        routes=[
            Route("/", page.index, methods=["GET"]),
            *(Route(f"/{name}", page.asset, methods=["GET"]) for name in ASSETS),
            Route("/api/board", page.board, methods=["GET"]),
            Route("/api/changes", page.changes, methods=["GET"]),
            Route("/api/origin/{id}", page.origin, methods=["GET"]),
            Route("/api/acts", page.act, methods=["POST"]),
            Route("/api/undo", page.undo, methods=["POST"]),
            Route("/api/redo", page.redo, methods=["POST"]),
            Route("/photo/{id}", page.photo, methods=["GET"]),
            Route("/thumb/{id}", page.thumb, methods=["GET"]),
        ],
        middleware=[Middleware(Door, port=port, token=token)],
        exception_handlers={
            HTTPException: _refuse_http,
            ReadingOnly: _refuse(409),
            WorkspaceError: _refuse(503),
            FolderError: _refuse(503),
            NotAPhoto: _refuse(415),
            ClientDisconnect: _refuse(400),
            Exception: own_fault(SECURITY_HEADERS),
        },
    )
    app.router.redirect_slashes = False
    return app


class _Page:
    """What the routes share."""

    def __init__(self, desk: Desk, thumbnails: Thumbnails, maker: ThumbnailMaker, port: int, token: str) -> None:
        self._desk = desk
        self._thumbnails = thumbnails
        self._maker = maker
        self._token = token
        self._cookie = cookie_of(token, port)
        self._boot = secrets.token_hex(4)  # tells an open tab that the server is another one than before

    async def index(self, request: Request) -> Response:
        text = _file("index.html").read_text("utf-8").replace("TOKEN", self._token)
        response = Response(text, media_type="text/html", headers={"Cache-Control": "no-store"})
        response.set_cookie(*self._cookie, httponly=True, samesite="strict")
        return response

    async def asset(self, request: Request) -> Response:
        name = request.url.path[1:]
        content = favicon() if name == "favicon.svg" else _file(name).read_bytes()
        return Response(content, media_type=ASSETS[name], headers=_FRESH)

    async def board(self, request: Request) -> Response:
        return self._answer(await run_in_threadpool(self._desk.look_again))

    async def changes(self, request: Request) -> Response:
        after = request.query_params.get("after", "0")
        if not (after.isascii() and after.isdigit() and len(after) < 16):
            raise HTTPException(422, "`after` is the number of a row.")
        return self._answer(await run_in_threadpool(self._desk.changes, int(after)))

    async def act(self, request: Request) -> Response:
        asked = await read_act(request, self._desk.board)
        return self._answer(await run_in_threadpool(self._desk.act, asked.act, asked.verdicts, asked.after))

    async def undo(self, request: Request) -> Response:
        asked = await read_act(request, self._desk.board, with_verdicts=False)
        return self._answer(await run_in_threadpool(self._desk.undo, asked.act, asked.after))

    async def redo(self, request: Request) -> Response:
        asked = await read_act(request, self._desk.board, with_verdicts=False)
        return self._answer(await run_in_threadpool(self._desk.redo, asked.act, asked.after))

    async def origin(self, request: Request) -> Response:
        found = self._desk.board.origins.get(request.path_params["id"])
        return self._answer({"origin": asdict(found) if found else None})

    async def thumb(self, request: Request) -> Response:
        return await self._picture(request, self._thumbnails.get)

    async def photo(self, request: Request) -> Response:
        return await self._picture(request, lambda _, file: thumbnail_of(read_bytes(file), FULL, quality=90))

    async def _picture(self, request: Request, make: Callable[[str, Path], bytes]) -> Response:
        id_ = request.path_params["id"]
        file = self._desk.board.files.get(id_)  # looked up, so that no text of a request ever becomes a path
        if file is None:
            raise HTTPException(404, "There is no such photo in this folder.")
        try:
            jpeg = await run_in_threadpool(make, id_, file)
        except OSError:
            raise HTTPException(404, "This photo is no longer where it was.") from None
        return Response(jpeg, media_type="image/jpeg", headers=_STEADY)

    def _answer(self, found: dict[str, Any]) -> Response:
        made = {"boot": self._boot, "thumbnails": [self._maker.done, self._maker.total]}
        return as_json({**found, **made})


def _file(name: str) -> Any:
    return resources.files("fieldmark.curate").joinpath("page", name)


def _refuse(status: int) -> Callable[[Request, Exception], Any]:
    async def handler(request: Request, error: Exception) -> Response:
        return refusal(status, str(error))

    return handler


async def _refuse_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    sentence = error.detail
    if sentence == "Not Found":
        sentence = "There is nothing at this path."
    elif error.status_code == 405:
        sentence = f"This path does not answer {request.method}."
    return refusal(error.status_code, sentence, dict(error.headers or {}))
