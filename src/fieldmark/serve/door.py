"""Requests -> those that may come in: under a name that is ours, and with the key where there is one.

A page of another site whose name was pointed at this computer ("DNS rebinding") shows in the `Host` header. It matters
where only this computer can reach the server: there the address is the fence, and a browser stands inside of it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import os
import stat
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from fieldmark import terminal
from fieldmark.errors import WrongUsage
from fieldmark.serve.refusals import Refused, refuse

KEY_VARIABLE = "FIELDMARK_KEY"

SHORTEST_KEY = 16
"""Characters; what is shorter can be guessed by trying."""

_OPEN = ("/healthz",)
"""Paths that need no key: whoever starts and stops servers asks them, and they tell nothing but that it is up."""

# A script brings it as Bearer. A browser cannot, but asks its person for a name and a password; the name may be any.
_CHALLENGE = {"WWW-Authenticate": 'Bearer, Basic realm="Fieldmark, any name, the key as password", charset="UTF-8"'}


class Door:
    """Middleware that refuses other names of this computer, and requests without the key."""

    def __init__(self, app: ASGIApp, key: str | None, hosts: frozenset[str] | None) -> None:
        """Guard an application.

        Args:
            app: what answers those who may come in.
            key: which they must bring; None lets everybody in.
            hosts: lower-case names, without ports, under which they may ask beside addresses; None is any name.
        """
        self._app = app
        self._key = None if key is None else hashlib.sha256(key.encode()).digest()
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or let the application answer."""
        if scope["type"] == "http":
            try:
                self._check(scope["path"], Headers(scope=scope))
            except Refused as refused:
                await refuse(scope, refused)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _check(self, path: str, headers: Headers) -> None:
        if path in _OPEN:
            return
        name = _name_of(headers.get("host", ""))
        if self._hosts is not None and name not in self._hosts and not _is_address(name):
            shown = "".join(c for c in name[:60] if c.isprintable())
            raise Refused("host", f"This server is not called {shown!r}. If it is: --allow-host {shown or 'NAME'}.")
        if self._key is not None and not self._is_key(headers.get("authorization", "")):
            raise Refused("key", "This server needs a key: send the header `Authorization: Bearer KEY`.", _CHALLENGE)

    def _is_key(self, authorization: str) -> bool:
        scheme, _, given = authorization.partition(" ")
        given = given.strip()
        if scheme.lower() == "basic":
            given = _password_of(given)
        elif scheme.lower() != "bearer":
            return False
        # Hashes, so that not even the length of the key shows in the time that comparing takes.
        digest = hashlib.sha256(given.encode("utf-8", errors="surrogatepass")).digest()
        return self._key is not None and hmac.compare_digest(digest, self._key)


def hosts_of(allowed: Iterable[str], only_this_computer: bool, proxies: int) -> frozenset[str] | None:
    """Return under which names a server may be asked; None is any.

    Where names are given, those. Else any, but for a server that only this computer can reach and that stands behind no
    proxy: that one is called `localhost`.
    """
    names = {name.lower() for name in allowed}
    if names or (only_this_computer and not proxies):
        return frozenset(names | {"localhost"})
    return None


def read_key(file: str | None, environ: Mapping[str, str] = os.environ) -> str | None:
    """Read the key that requests must bring, from a file or else from `FIELDMARK_KEY`; None where there is neither.

    Raises:
        WrongUsage: the file cannot be read, is empty or holds more than one line, or the key no header can bring.
    """
    if file is None:
        if KEY_VARIABLE not in environ:
            return None
        source, text = f"${KEY_VARIABLE}", environ[KEY_VARIABLE]
    else:
        source, text = f"The key file {file}", _read_file(Path(file))
    key = text.strip()
    if not key:
        raise WrongUsage(
            f"{source} is empty. Put a key there: python -c 'import secrets; print(secrets.token_hex(24))'"
        )
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise WrongUsage(f"{source} must hold one key, in one line, of ASCII letters, digits and signs.")
    if len(key) < SHORTEST_KEY:
        terminal.warn(
            f"{source} holds a key of {len(key)} characters, which can be guessed; {SHORTEST_KEY} or more are safe."
        )
    return key


def _read_file(path: Path) -> str:
    try:
        text = path.read_text("utf-8")
        mode = path.stat().st_mode
    except OSError as error:
        raise WrongUsage(f"The key file {path} cannot be read: {error.strerror or error}.") from None
    except UnicodeDecodeError:
        raise WrongUsage(f"The key file {path} is not text. Put a key there, in one line.") from None
    if sys.platform != "win32" and mode & (stat.S_IRGRP | stat.S_IROTH):
        terminal.warn(f"other users of this computer can read the key file {path}. Run: chmod 600 {path}")
    return text


def _name_of(host: str) -> str:
    """Return the name in a `Host` header, lower case, without a port and the dot of the root."""
    host = host.strip().lower()
    if host.startswith("["):
        return host.partition("]")[0][1:]
    return host.partition(":")[0].removesuffix(".")


def _is_address(name: str) -> bool:
    """Whether a name is an IP address: nobody can point one of those elsewhere."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _password_of(credentials: str) -> str:
    try:
        return base64.b64decode(credentials, validate=True).decode("utf-8").partition(":")[2]
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""
