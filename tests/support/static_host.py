"""A folder -> a host of files on loopback, below a path, as simple as they come."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class Host:
    """Where it is, and what it was asked for.

    Attributes:
        url: of the folder, with a slash at its end.
        asked: the paths below the folder that were asked for, in order.
        folder: what lies there; may be changed while the host runs.
        encodes: whether it says of what ends in .gz that it is encoded for the journey, as some hosts do.
    """

    def __init__(self, folder: Path, below: str, encodes: bool) -> None:
        self.folder = folder
        self.asked: list[str] = []
        self.encodes = encodes
        self.below = below
        self.url = ""


@contextmanager
def host(folder: Path, below: str = "/some/where/", encodes: bool = False) -> Iterator[Host]:
    """Serve a folder until the block ends; then nobody answers any more."""
    serving = Host(folder, below, encodes)

    class Handler(SimpleHTTPRequestHandler):
        def translate_path(self, path: str) -> str:
            name = path.partition("?")[0].removeprefix(serving.below)
            serving.asked.append(name)
            return str(serving.folder / name) if path.startswith(serving.below) else "/nothing"

        def end_headers(self) -> None:
            if serving.encodes and self.path.endswith(".gz"):
                self.send_header("Content-Encoding", "gzip")
            super().end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        serving.url = f"http://127.0.0.1:{server.server_port}{below}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield serving
        finally:
            server.shutdown()
