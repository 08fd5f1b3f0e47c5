"""Requests -> those that come from our own page. Other sites, other names of this computer and strangers are refused.

A page of another origin can make a browser send us requests, but it can neither set our header nor read our answers. A
name that was pointed at this computer ("DNS rebinding") shows in the `Host` header. Photos are loaded by <img>, which
sends no header of ours, so for them a cookie counts; it is not the token itself, because cookies go to every port.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from http.cookies import CookieError, SimpleCookie
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from fieldmark.net.replies import adding, refusal, security_headers

TOKEN_FILE = "clean.token"
TOKEN_HEADER = "X-Fieldmark-Token"
SECURITY_HEADERS = security_headers()


class Door:
    """Middleware that lets in what our own page asks for, and adds `SECURITY_HEADERS` to every answer."""

    def __init__(self, app: ASGIApp, port: int, token: str) -> None:
        self._app = app
        self._hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}
        if port == 80:  # which browsers leave out
            self._hosts |= {"127.0.0.1", "localhost"}
        self._token = token
        self._cookie = cookie_of(token, port)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let the application answer."""
        refused = self._refusal(scope["path"], Headers(scope=scope))
        await (refused or self._app)(scope, receive, adding(SECURITY_HEADERS, send))

    def _refusal(self, path: str, headers: Headers) -> JSONResponse | None:
        if headers.get("host", "").lower() not in self._hosts:
            return refusal(421, f"This page answers at http://{min(self._hosts)} alone.")
        if not path.startswith(("/api/", "/photo/", "/thumb/")):
            return None  # the page itself and its script: nothing private, and no other site can read or frame them
        origin = headers.get("origin")
        if origin is not None and origin.lower() not in {f"http://{host}" for host in self._hosts}:
            return refusal(403, "Another site asked for this.")
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return refusal(403, "Another site asked for this.")
        if hmac.compare_digest(headers.get(TOKEN_HEADER, "").encode(), self._token.encode()):
            return None
        if not path.startswith("/api/") and self._has_cookie(headers):
            return None
        return refusal(403, "This is for the page of fieldmark clean alone. Load that page anew.")

    def _has_cookie(self, headers: Headers) -> bool:
        name, value = self._cookie
        try:
            found = SimpleCookie(headers.get("cookie", "")).get(name)
        except CookieError:
            return False
        return found is not None and hmac.compare_digest(found.value.encode(), value.encode())


def cookie_of(token: str, port: int) -> tuple[str, str]:
    """Return name and value of the cookie that lets photos be loaded; pages on two ports must not share a name."""
    return f"fieldmark_clean_{port}", hashlib.sha256(f"photos {token}".encode()).hexdigest()


def keep_token(folder: Path) -> str:
    """Return the token of a folder's page, the same after a restart, so that an open tab goes on working.

    Where it cannot be kept it is a new one each time, and an open tab loads itself anew.
    """
    path = folder / TOKEN_FILE
    try:
        kept = path.read_text("ascii").strip()
        if len(kept) >= 32:
            return kept
    except (OSError, UnicodeDecodeError):
        pass
    token = secrets.token_hex(24)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)  # the owner's alone from the beginning
        with os.fdopen(handle, "w") as file:
            file.write(token)
    except OSError:
        return token
    return token
