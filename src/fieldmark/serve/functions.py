"""A model file -> what functions hosts call, `app` or `handler(event, context)`, which answer as the server does."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from mangum import Mangum
from mangum.types import ASGI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fieldmark.serve.answers import open_model
from fieldmark.serve.app import create_app

Handler = Callable[[Any, Any], dict[str, Any]]

NOT_HTTP = (
    "This function answers HTTP requests, as a function URL, API Gateway (payload 1.0 or 2.0) or a load balancer "
    "passes them on. This event is none, or not a whole one."
)


def open_app(path: str | os.PathLike[str]) -> ASGI:
    """Open a model file, let it answer once, and return the server's application.

    It also takes a picture as it is, as the body of POST /upload with its own content type: gateways that take no forms
    send pictures so.

    Raises:
        ModelFileError: the file is missing, not ONNX, or not one of ours.
    """
    return _PicturesAsForms(create_app(open_model(path)))


def as_handler(app: ASGI) -> Handler:
    """Return the function to which a host hands events; what is no HTTP request gets a sentence and status 400."""
    adapter = Mangum(app)

    def handler(event: Any, context: Any) -> dict[str, Any]:
        try:
            return adapter(event, context)
        except (AttributeError, KeyError, RuntimeError, TypeError, ValueError):  # whatever the adapter finds missing
            return {
                "statusCode": 400,
                "headers": {"content-type": "application/json"},
                "body": json.dumps({"error": NOT_HTTP}),
                "isBase64Encoded": False,
            }

    return handler


class _PicturesAsForms:
    """Middleware that puts a bare picture into the form that POST /upload takes: there is one way to read it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/upload" and _is_bare_picture(scope):
            boundary = secrets.token_hex(16).encode()  # no picture holds it
            scope, receive = _renamed(scope, b"multipart/form-data; boundary=" + boundary), _enclosed(receive, boundary)
        await self._app(scope, receive, send)


def _is_bare_picture(scope: Scope) -> bool:
    kind: bytes = dict(scope["headers"]).get(b"content-type", b"").lower()
    return kind.startswith((b"image/", b"application/octet-stream"))


def _renamed(scope: Scope, kind: bytes) -> Scope:
    """Return the request's head with another content type, and no length: the form is longer than the picture."""
    kept = [(name, value) for name, value in scope["headers"] if name not in (b"content-type", b"content-length")]
    return {**scope, "headers": [*kept, (b"content-type", kind)]}


def _enclosed(receive: Receive, boundary: bytes) -> Receive:
    """Return what receives the same body with the head of a form's part before it and the form's end after it."""
    head = b'--%b\r\ncontent-disposition: form-data; name="file"; filename="picture"\r\n\r\n' % boundary
    end = b"\r\n--%b--\r\n" % boundary

    async def receive_form() -> Message:
        nonlocal head
        message: Mapping[str, Any] = await receive()
        if message["type"] != "http.request":
            return dict(message)
        body = head + message.get("body", b"") + (b"" if message.get("more_body") else end)
        head = b""
        return {**message, "body": body}

    return receive_form
