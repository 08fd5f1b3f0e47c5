"""What our servers say beside their pages: headers that shut out what a page needs not, and refusals as JSON."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ExceptionHandler, Message, Send


def security_headers(pictures: str = "'self'", forms: str = "'none'", camera: str = "()") -> dict[str, str]:
    """Return headers under which a page loads scripts and styles of ours, asks us, and nothing else.

    Args:
        pictures: from where it may show pictures, as Content-Security-Policy names it.
        forms: to where it may send forms.
        camera: who may ask for the camera, as Permissions-Policy names it.
    """
    return {
        "Content-Security-Policy": f"default-src 'none'; script-src 'self'; style-src 'self'; img-src {pictures}; "
        f"connect-src 'self'; form-action {forms}; base-uri 'none'; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": f"camera={camera}, microphone=(), geolocation=()",
    }


def adding(headers: dict[str, str], send: Send) -> Send:
    """Return a `send` that adds headers to every answer that passes through it."""
    added = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), *added]}
        await send(message)

    return send_with_headers


def as_json(value: object, status: int = 200, headers: dict[str, str] | None = None) -> JSONResponse:
    """Answer with JSON, which nobody keeps."""
    return JSONResponse(value, status, headers={"Cache-Control": "no-store", **(headers or {})})


def refusal(status: int, sentence: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Say in one sentence why a request gets no other answer."""
    return as_json({"error": sentence}, status, headers)


def own_fault(headers: dict[str, str]) -> ExceptionHandler:
    """Return what answers where the server failed; `headers` because no middleware adds any to this answer."""

    async def handler(request: Request, error: Exception) -> Response:
        sentence = "The server failed at this; that is our mistake and not yours. Its log says more."
        return refusal(500, sentence, headers)

    return handler
