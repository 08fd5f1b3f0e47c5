"""A model file -> a server on a port, until Ctrl-C or until the block ends."""

from __future__ import annotations

import os
import secrets
import socket
import threading
from contextlib import ExitStack
from types import TracebackType

from fieldmark import terminal
from fieldmark.artifacts.modelfile import Model
from fieldmark.config import ServeSettings
from fieldmark.net.listener import HOST, is_loopback, listen, url_of
from fieldmark.net.loops import loop_runs
from fieldmark.net.patience import Patience
from fieldmark.net.quiet import answer, answering
from fieldmark.serve.answers import open_model
from fieldmark.serve.app import Terms, create_app
from fieldmark.serve.door import hosts_of, read_key
from fieldmark.serve.supervisor import Supervisor, shared_tables
from fieldmark.serve.worker import Order, terms_of

PORT = 8009


def serve(
    model_path: str | os.PathLike[str], host: str = HOST, port: int = PORT, settings: ServeSettings | None = None
) -> None:
    """Answer over HTTP with a model file until Ctrl-C or SIGTERM, which returns once what was in hand is answered.

    Args:
        model_path: a model file, as `fieldmark export` writes it.
        host: name or address to listen on; anything but a loopback address is warned about.
        port: 0 takes any free one. The line that is printed names it.
        settings: what to take on, and from whom; by default what suits a laptop.

    Raises:
        ServeError: the port is in use or not ours to take, or the host is not this computer's.
        ModelFileError: the file is missing, not ONNX, or not one of ours.
        WrongUsage: the key is none, or its file cannot be read.
        KeyboardInterrupt: a second Ctrl-C, which waits for nobody.
    """
    settings = settings or ServeSettings()
    key = read_key(settings.key_file)
    with listen(host, port, PORT) as listener:
        hosts = hosts_of(settings.allow_host, is_loopback(listener), settings.trust_proxy)
        if not is_loopback(listener):
            terminal.warn(
                f"listening on {host}: anyone who can reach this computer may ask. --host {HOST} keeps it to yourself."
            )
        url = url_of(listener)
        if loop_runs() or threading.current_thread() is not threading.main_thread():
            # In a notebook or on a thread there are no signals for us to hear, and what runs here is not ours to fork.
            model = open_model(model_path)
            app = create_app(model, terms_of(settings, key, hosts))
            answer(app, listener, lambda: terminal.say(_ready(model.classes, url)))
        else:
            _supervise(model_path, listener, settings, key, hosts, url)
    terminal.say("Stopped.")


def _supervise(
    model_path: str | os.PathLike[str],
    listener: socket.socket,
    settings: ServeSettings,
    key: str | None,
    hosts: frozenset[str] | None,
    url: str,
) -> None:
    figures, rates = shared_tables(settings)
    order = Order(os.fspath(model_path), settings, key, hosts, figures, rates, secrets.token_bytes(16))
    Supervisor(order, listener).run(lambda classes: terminal.say(_ready(classes, url)))


def _ready(classes: tuple[str, ...], url: str) -> str:
    return f"Serving {name_classes(classes)} at {url} (Ctrl-C stops)"


class BackgroundServer:
    """A server on a thread of this process, for as long as a `with` block lasts.

    >>> with BackgroundServer(model) as server:         # doctest: +SKIP
    ...     print(server.url)
    http://127.0.0.1:40213
    """

    def __init__(
        self,
        model: Model,
        host: str = HOST,
        port: int = 0,
        terms: Terms | None = None,
        patience: Patience | None = None,
    ) -> None:
        """Prepare; `host` and `port` are as for `serve`, and port 0 is any free one.

        Args:
            model: what answers.
            host: name or address to listen on.
            port: 0 takes any free one.
            terms: what to take on, and from whom.
            patience: with connections.
        """
        self._model = model
        self._host = host
        self._port = port
        self._terms = terms
        self._patience = patience
        self._running = ExitStack()
        self.url = ""  # known once inside the block

    def __enter__(self) -> BackgroundServer:
        """Start, and return once requests are answered. Raises ServeError when the port cannot be had."""
        app = create_app(self._model, self._terms)
        listener = listen(self._host, self._port, PORT)
        self.url = url_of(listener)
        self._running.enter_context(answering(app, listener, self._patience))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, and return once the port is free again."""
        self._running.close()


def name_classes(classes: tuple[str, ...], most: int = 5) -> str:
    """List the classes for one line: the first `most`, and how many more there are."""
    more = f" and {len(classes) - most} more" if len(classes) > most else ""
    return ", ".join(classes[:most]) + more
