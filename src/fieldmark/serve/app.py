"""A model -> an HTTP application: the original's API, a page, and a sentence for everything that goes wrong."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from fieldmark.artifacts.modelfile import Model
from fieldmark.errors import FetchFailed, NotAPhoto
from fieldmark.net.replies import as_json, security_headers
from fieldmark.serve import pages
from fieldmark.serve.answers import Answers, Gate, Held
from fieldmark.serve.body import File, read_batch, read_upload, read_url
from fieldmark.serve.describe import describe
from fieldmark.serve.door import Door
from fieldmark.serve.journal import ID_HEADER, Journal
from fieldmark.serve.limits import Limits
from fieldmark.serve.log import Log
from fieldmark.serve.metrics import Metrics
from fieldmark.serve.rates import Rates, address_of
from fieldmark.serve.refusals import Refused, refuse, refused_for
from fieldmark.serve.tally import Tally

# Previews are blob:, thumbnails data:; without a script the page sends its form.
SECURITY_HEADERS = security_headers(pictures="'self' blob: data:", forms="'self'", camera="(self)")


@dataclass(frozen=True)
class Terms:
    """What a server has beside its model: who may ask, what is counted where, and what is written down."""

    limits: Limits = field(default_factory=Limits)
    key: str | None = None
    hosts: frozenset[str] | None = None  # see `door.hosts_of`
    origins: tuple[str, ...] = ()  # of other pages whose scripts may ask; `*` for all
    rates: Rates | None = None
    proxies: int = 0
    tally: Tally = field(default_factory=Tally)
    log: Log = field(default_factory=Log)


class Application:
    """An ASGI application, and what its server wants to know of it now and then."""

    def __init__(self, app: ASGIApp, desk: _Desk) -> None:
        self._app = app
        self._desk = desk

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        await self._app(scope, receive, send)

    @property
    def answers(self) -> Answers:
        """Who looks at pictures."""
        return self._desk.answers

    def tell(self, connections: int) -> None:
        """Bring the figures of this process up to date; called once a second."""
        self._desk.count_now(connections)


def create_app(model: Model, terms: Terms | None = None) -> Application:
    """Build the application that answers with `model`.

    Args:
        model: an open model file.
        terms: what it takes on and from whom; by default what suits a laptop, from everybody who can reach it.

    Raises:
        WrongUsage: FIELDMARK_ALLOW_HOSTS is set to something that is no list of addresses.
    """
    _announce_allowed_endpoints()
    terms = terms or Terms()
    desk = _Desk(model, terms)
    app: ASGIApp = Door(_routes_of(desk), terms.key, terms.hosts)
    if terms.origins:
        app = CORSMiddleware(
            app,
            allow_origins=terms.origins,
            allow_methods=("GET", "POST"),
            allow_headers=("Authorization", "Content-Type", ID_HEADER),
            expose_headers=("Retry-After", ID_HEADER),
        )
    return Application(Journal(app, terms.tally, terms.log, SECURITY_HEADERS, frozenset(pages.ASSETS)), desk)


def _announce_allowed_endpoints() -> None:
    """Say on stderr, before the first request, where the guard has a hole."""
    if os.environ.get("FIELDMARK_ALLOW_HOSTS"):
        from fieldmark.net.guard import allowed_endpoints  # with an HTTP client, which most servers need later or never

        allowed_endpoints()


def _routes_of(desk: _Desk) -> Starlette:
    app = Starlette(
        routes=[
            Route("/", desk.page, methods=["GET"]),
            Route("/upload", desk.upload, methods=["POST"]),
            Route("/batch", desk.batch, methods=["POST"]),
            Route("/classify-url", desk.classify_url, methods=["POST"]),
            Route("/healthz", desk.health, methods=["GET"]),
            Route("/metrics", desk.figures, methods=["GET"]),
            Route("/openapi.json", desk.openapi, methods=["GET"]),
            Route("/docs", desk.docs, methods=["GET"]),
            *(Route(path, desk.asset, methods=["GET"]) for path in pages.ASSETS),
        ],
        exception_handlers={
            HTTPException: _refuse_http,
            NotAPhoto: _refuse,
            FetchFailed: _refuse,
            ClientDisconnect: _note_disconnect,
            Exception: _own_fault,
        },
    )
    app.router.redirect_slashes = False  # the redirect would name whatever host the request claimed
    return app


class _Desk:
    """What the routes share: the model, the figures, and who is being served."""

    def __init__(self, model: Model, terms: Terms) -> None:
        self._info = model.info
        self._about_model = model.info.about(model.digest)
        self._terms = terms
        self._limits = terms.limits
        self._tally = terms.tally
        self._metrics = Metrics(terms.tally, model.info, model.digest)
        self.answers = Answers(model, terms.limits, terms.tally)
        self._held = Held(terms.limits.held_bytes)
        self._fetches = Gate(terms.limits.fetches, "fetches", "URLs")
        self._description = describe(
            model, terms.limits, has_key=terms.key is not None, has_rate=terms.rates is not None
        )

    async def upload(self, request: Request) -> Response:
        self._charge(request)
        self.answers.check_room()
        with self._held.holding() as take:
            started = time.perf_counter()
            asked = await read_upload(request, self._limits, take)
            self._tally.observe("read", time.perf_counter() - started)
            return as_json(await self.answers.about(asked.picture, asked.thumbnail))

    async def batch(self, request: Request) -> Response:
        self._charge(request)
        self.answers.check_room()
        with self._held.holding() as take:
            started = time.perf_counter()
            files = await read_batch(request, self._limits, take)
            self._tally.observe("read", time.perf_counter() - started)
            self._charge(request, len(files) - 1)
            few = asyncio.Semaphore(self._limits.threads)  # so that one request does not fill the queue
            answers = await asyncio.gather(*(self._answer_of(file, few) for file in files))
        told = [
            {"index": n, "name": file.name, **answer}
            for n, (file, answer) in enumerate(zip(files, answers, strict=True))
        ]
        return as_json({"answers": told, "threshold": self._info.threshold, "model": self._about_model})

    async def classify_url(self, request: Request) -> Response:
        from fieldmark.net.client import fetch  # 100 ms, so not before it is needed

        self._charge(request)
        asked = await read_url(request, self._limits)
        self.answers.check_room()
        with self._fetches.enter(), self._held.holding() as take:
            started = time.perf_counter()
            found = await fetch(asked.url, max_bytes=self._limits.upload_bytes, timeout=self._limits.fetch_seconds)
            self._tally.observe("read", time.perf_counter() - started)
            take(len(found.content))
            return as_json(await self.answers.about(found.content, asked.thumbnail))

    async def page(self, request: Request) -> Response:
        return pages.front_page(self._info, self._limits)

    async def docs(self, request: Request) -> Response:
        return pages.docs_page(self._description, str(request.base_url))

    async def asset(self, request: Request) -> Response:
        return pages.asset(request.url.path)

    async def openapi(self, request: Request) -> Response:
        return as_json(self._description)

    async def health(self, request: Request) -> Response:
        told: dict[str, Any] = {"status": "ok"}
        if self._terms.key is None:  # who has no key learns no class
            told["model"] = self._about_model
        return as_json(told)

    async def figures(self, request: Request) -> Response:
        return self._metrics.response()

    def count_now(self, connections: int) -> None:
        self._tally.beat()
        self._tally.set("connections", connections)
        self._tally.set("queued", self.answers.waiting)
        self._tally.set("looking", self.answers.looking)
        self._tally.set("fetching", self._fetches.inside)
        self._tally.set("held_bytes", self._held.held)

    def _charge(self, request: Request, pictures: int = 1) -> None:
        """Count pictures against the address that asks about them. Raises Refused when they are too many."""
        if self._terms.rates is None or pictures < 1:
            return
        peer = request.client.host if request.client else None
        address = address_of(peer, request.headers.getlist("x-forwarded-for"), self._terms.proxies)
        if seconds := self._terms.rates.charge(address, pictures, time.monotonic()):
            sentence = f"That is more than one address may ask. Try again in {seconds} seconds."
            raise Refused("rate", sentence, {"Retry-After": str(seconds)})

    async def _answer_of(self, file: File, few: asyncio.Semaphore) -> dict[str, Any]:
        """Answer about one picture of several; one that is refused ends nothing."""
        try:
            if file.too_large:
                raise Refused("too_large", f"The picture is larger than {self._limits.upload_bytes // 2**20} MiB.")
            async with few:
                reply = await self.answers.about(file.content)
        except (NotAPhoto, Refused) as error:
            refused = refused_for(error)
            self._tally.add("refusals", refused.reason)
            return {"error": refused.detail, "status": refused.status_code}
        return {key: value for key, value in reply.items() if key not in ("model", "threshold")}


async def _refuse(request: Request, error: Exception) -> Response:
    return refuse(request.scope, refused_for(error))


async def _refuse_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.NOT_FOUND:
        error = Refused("no_such_path", "There is nothing at this path. GET /docs says what there is.")
    elif error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = (error.headers or {}).get("Allow", "another method")
        sentence = f"This path does not answer {request.method}. It answers {allowed}."
        error = Refused("method", sentence, dict(error.headers or {}))
    return refuse(request.scope, refused_for(error))


async def _note_disconnect(request: Request, error: Exception) -> Response:
    sentence = "The connection was closed before the request was whole."  # for the figures; nobody reads it
    return refuse(request.scope, Refused("left", sentence))


async def _own_fault(request: Request, error: Exception) -> Response:
    sentence = "The server failed at this; that is our mistake and not yours. Its log says more."
    return refuse(request.scope, Refused("fault", sentence))
