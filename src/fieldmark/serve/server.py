"""A model file -> a server on a port, until Ctrl-C or until the block ends."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import socket
import sys
import threading
from types import TracebackType

import numpy as np

from fieldmark import terminal
from fieldmark.artifacts.modelfile import Model
from fieldmark.errors import ServeError
from fieldmark.net.quiet import QuietServer
from fieldmark.serve.app import create_app
from fieldmark.serve.limits import Limits

HOST = "127.0.0.1"
PORT = 8009

GRACE = 2
"""Seconds that requests in hand may take to finish after Ctrl-C."""


def serve(model_path: str | os.PathLike[str], host: str = HOST, port: int = PORT, limits: Limits | None = None) -> None:
    """Answer over HTTP with a model file until Ctrl-C, which returns.

    Args:
        model_path: a model file, as `fieldmark export` writes it.
        host: name or address to listen on; anything but a loopback address is warned about.
        port: 0 takes any free one. The line that is printed names it.
        limits: what to take on; by default what suits a laptop.

    Raises:
        ServeError: the port is in use or not ours to take, or the host is not this computer's.
        ModelFileError: the file is missing, not ONNX, or not one of ours.
    """
    with listen(host, port) as listener:
        model = open_model(model_path)
        if not _is_loopback(listener):
            terminal.warn(
                f"listening on {host}: anyone who can reach this computer may ask. --host {HOST} keeps it to yourself."
            )
        ready = f"Serving {name_classes(model.classes)} at {url_of(listener)} (Ctrl-C stops)"
        server = QuietServer(create_app(model, limits), lambda: terminal.say(ready), GRACE)
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[listener])
    terminal.say("Stopped.")


class BackgroundServer:
    """A server on a thread of this process, for as long as a `with` block lasts.

    >>> with BackgroundServer(model) as server:         # doctest: +SKIP
    ...     print(server.url)
    http://127.0.0.1:40213
    """

    def __init__(self, model: Model, host: str = HOST, port: int = 0, limits: Limits | None = None) -> None:
        """Prepare; `host`, `port` and `limits` are as for `serve`, and port 0 is any free one."""
        self._model = model
        self._host = host
        self._port = port
        self._limits = limits
        self.url = ""  # known once inside the block

    def __enter__(self) -> BackgroundServer:
        """Start, and return once requests are answered. Raises ServeError when the port cannot be had."""
        listener = listen(self._host, self._port)
        self.url = url_of(listener)
        ready = threading.Event()
        self._server = QuietServer(create_app(self._model, self._limits), ready.set, GRACE)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listener]}, name="fieldmark-serve", daemon=True
        )
        self._thread.start()
        while not ready.wait(0.1):
            if not self._thread.is_alive():
                listener.close()
                raise ServeError(f"The server at {self.url} ended before it began. The lines above may say why.")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, and return once the port is free again."""
        self._server.should_exit = True
        self._thread.join()


def listen(host: str, port: int) -> socket.socket:
    """Take a port before anything slow happens, so that a port in use is found out at once.

    Raises:
        ServeError: the port is in use or not ours to take, or the host is not this computer's.
    """
    if not 0 <= port <= 65535:
        raise ServeError(f"There is no port {port}; ports go from 1 to 65535. Choose one: --port {PORT}")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError):
        raise ServeError(f"There is no host {host!r} to listen on. Choose one: --host {HOST}") from None
    listener = socket.socket(family, kind, protocol)
    try:
        if sys.platform == "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a restart need not wait a minute
        listener.bind(address)
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise ServeError(_why_not(error, host, port)) from None
    return listener


def open_model(path: str | os.PathLike[str]) -> Model:
    """Open a model file for serving and let it answer once, so that the first visitor does not wait for it.

    One thread a photo: several visitors share the processors better than the threads of one photo do.

    Raises:
        ModelFileError: the file is missing, not ONNX, or not one of ours.
    """
    model = Model(path, threads=1)
    model.run(np.zeros((64, 64, 3), dtype=np.uint8))
    return model


def url_of(listener: socket.socket) -> str:
    """Return a URL under which a browser on this computer finds the socket."""
    address, port = listener.getsockname()[:2]
    if ipaddress.ip_address(address).is_unspecified:
        address = "::1" if listener.family == socket.AF_INET6 else HOST
    return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"


def name_classes(classes: tuple[str, ...], most: int = 5) -> str:
    """List the classes for one line: the first `most`, and how many more there are."""
    more = f" and {len(classes) - most} more" if len(classes) > most else ""
    return ", ".join(classes[:most]) + more


def _why_not(error: OSError, host: str, port: int) -> str:
    another = f"Choose another: --port {port + 1 if 1024 <= port < 65535 else PORT}, or --port 0 for any free one."
    if error.errno in (errno.EADDRINUSE, getattr(errno, "WSAEADDRINUSE", -1)):
        return f"Port {port} on {host} is in use by another program. {another}"
    if error.errno in (errno.EACCES, getattr(errno, "WSAEACCES", -1)):
        return f"Port {port} is not ours to take; those below 1024 need an administrator. {another}"
    if error.errno in (errno.EADDRNOTAVAIL, getattr(errno, "WSAEADDRNOTAVAIL", -1)):
        return f"{host} is not an address of this computer. Choose one: --host {HOST}"
    return f"Cannot listen on port {port} of {host}: {error.strerror or error}. {another}"


def _is_loopback(listener: socket.socket) -> bool:
    return ipaddress.ip_address(listener.getsockname()[0]).is_loopback
