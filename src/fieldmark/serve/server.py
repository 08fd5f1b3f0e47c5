"""A model file -> a server on a port, until Ctrl-C or until the block ends."""

from __future__ import annotations

import os
from contextlib import ExitStack
from types import TracebackType

import numpy as np

from fieldmark import terminal
from fieldmark.artifacts.modelfile import Model
from fieldmark.net.listener import HOST, is_loopback, listen, url_of
from fieldmark.net.quiet import answer, answering
from fieldmark.serve.app import create_app
from fieldmark.serve.limits import Limits

PORT = 8009


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
    with listen(host, port, PORT) as listener:
        model = open_model(model_path)
        if not is_loopback(listener):
            terminal.warn(
                f"listening on {host}: anyone who can reach this computer may ask. --host {HOST} keeps it to yourself."
            )
        ready = f"Serving {name_classes(model.classes)} at {url_of(listener)} (Ctrl-C stops)"
        answer(create_app(model, limits), listener, lambda: terminal.say(ready))
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
        self._running = ExitStack()
        self.url = ""  # known once inside the block

    def __enter__(self) -> BackgroundServer:
        """Start, and return once requests are answered. Raises ServeError when the port cannot be had."""
        app = create_app(self._model, self._limits)
        listener = listen(self._host, self._port, PORT)
        self.url = url_of(listener)
        self._running.enter_context(answering(app, listener))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, and return once the port is free again."""
        self._running.close()


def open_model(path: str | os.PathLike[str]) -> Model:
    """Open a model file for serving and let it answer once, so that the first visitor does not wait for it.

    One thread a photo: several visitors share the processors better than the threads of one photo do.

    Raises:
        ModelFileError: the file is missing, not ONNX, or not one of ours.
    """
    model = Model(path, threads=1)
    model.run(np.zeros((64, 64, 3), dtype=np.uint8))
    return model


def name_classes(classes: tuple[str, ...], most: int = 5) -> str:
    """List the classes for one line: the first `most`, and how many more there are."""
    more = f" and {len(classes) - most} more" if len(classes) > most else ""
    return ", ".join(classes[:most]) + more
