"""A model -> an HTTP application: the original's API, a page, and a sentence for everything that goes wrong."""

from __future__ import annotations

from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from fieldmark.artifacts.modelfile import Model
from fieldmark.errors import FetchFailed, NotAPhoto, TooManyPixels
from fieldmark.net.client import fetch
from fieldmark.net.guard import allowed_endpoints
from fieldmark.net.replies import adding, as_json, own_fault, refusal, security_headers
from fieldmark.serve import pages
from fieldmark.serve.answers import Answers, Gate, describe_model
from fieldmark.serve.body import read_upload, read_url
from fieldmark.serve.describe import describe
from fieldmark.serve.limits import Limits
from fieldmark.serve.metrics import CountRequests, Metrics

# Previews are blob:, thumbnails data:; without a script the page sends its form.
SECURITY_HEADERS = security_headers(pictures="'self' blob: data:", forms="'self'", camera="(self)")


def create_app(model: Model, limits: Limits | None = None) -> Starlette:
    """Build the application that answers with `model`.

    Args:
        model: an open model file.
        limits: what to take on; by default what suits a laptop.

    Raises:
        WrongUsage: FIELDMARK_ALLOW_HOSTS is set to something that is no list of addresses.
    """
    allowed_endpoints()  # says on stderr, before the first request, that the guard has a hole
    desk = _Desk(model, limits or Limits())
    routes = [
        Route("/", desk.page, methods=["GET"]),
        Route("/upload", desk.upload, methods=["POST"]),
        Route("/classify-url", desk.classify_url, methods=["POST"]),
        Route("/healthz", desk.health, methods=["GET"]),
        Route("/metrics", desk.figures, methods=["GET"]),
        Route("/openapi.json", desk.openapi, methods=["GET"]),
        Route("/docs", desk.docs, methods=["GET"]),
        *(Route(path, desk.asset, methods=["GET"]) for path in pages.ASSETS),
    ]
    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(CountRequests, metrics=desk.metrics, routes=[route.path for route in routes]),
            Middleware(_SecurityHeaders),
        ],
        exception_handlers={
            HTTPException: _refuse_http,
            TooManyPixels: _refuse_pixels,
            NotAPhoto: _refuse_photo,
            FetchFailed: _refuse_url,
            ClientDisconnect: _note_disconnect,
            Exception: own_fault(SECURITY_HEADERS),
        },
    )
    app.router.redirect_slashes = False  # the redirect would name whatever host the request claimed
    return app


class _Desk:
    """What the routes share: the model, the figures, and who is being served."""

    def __init__(self, model: Model, limits: Limits) -> None:
        self.metrics = Metrics()
        self._info = model.info
        self._limits = limits
        self._answers = Answers(model, limits.workers)
        self._uploads = Gate(limits.uploads, retry_after=2)
        self._fetches = Gate(limits.fetches, retry_after=5)
        self._description = describe(model.info, limits)

    async def upload(self, request: Request) -> Response:
        with self._uploads.enter():
            asked = await read_upload(request, self._limits)
            return as_json(await self._answers.about(asked.picture, asked.thumbnail))

    async def classify_url(self, request: Request) -> Response:
        asked = await read_url(request, self._limits)
        with self._fetches.enter():
            found = await fetch(asked.url, max_bytes=self._limits.upload_bytes, timeout=self._limits.fetch_seconds)
            return as_json(await self._answers.about(found.content, asked.thumbnail))

    async def page(self, request: Request) -> Response:
        return pages.front_page(self._info, self._limits)

    async def docs(self, request: Request) -> Response:
        return pages.docs_page(self._description, str(request.base_url))

    async def asset(self, request: Request) -> Response:
        return pages.asset(request.url.path)

    async def openapi(self, request: Request) -> Response:
        return as_json(self._description)

    async def health(self, request: Request) -> Response:
        return as_json({"status": "ok", "model": describe_model(self._info)})

    async def figures(self, request: Request) -> Response:
        return self.metrics.response()


class _SecurityHeaders:
    """Middleware that adds `SECURITY_HEADERS` to every answer; none of CORS, so other sites cannot read answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, adding(SECURITY_HEADERS, send))


async def _refuse_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    sentence = error.detail
    if error.status_code == HTTPStatus.NOT_FOUND:
        sentence = "There is nothing at this path. GET /docs says what there is."
    elif error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = (error.headers or {}).get("Allow", "another method")
        sentence = f"This path does not answer {request.method}. It answers {allowed}."
    return refusal(error.status_code, sentence, dict(error.headers or {}))


async def _refuse_pixels(request: Request, error: Exception) -> Response:
    return refusal(413, f"The picture is too large: {error}. Send a smaller one.")


async def _refuse_photo(request: Request, error: Exception) -> Response:
    return refusal(400, f"That cannot be read as a picture: {error}.")


async def _refuse_url(request: Request, error: Exception) -> Response:
    return refusal(422, str(error))


async def _note_disconnect(request: Request, error: Exception) -> Response:
    return refusal(400, "The connection was closed before the request was whole.")  # for the figures; nobody reads it
