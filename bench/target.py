"""A model file -> a `fieldmark serve` to be mistreated, whose memory can be read; and a small web that it may call."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import load
from PIL import Image
from processes import family, pss

# Before it serves, the process may be told to resolve names as a hostile resolver does.
PROGRAM = """
import itertools, socket, sys
from fieldmark.cli import main
if sys.argv[1] == "rebind":
    real, turns = socket.getaddrinfo, itertools.count()
    def getaddrinfo(host, port, *args, **kwargs):
        if str(host).endswith(".rebind.example"):
            first = "93.184.216.34" if host.startswith("late") and next(turns) % 2 == 0 else "127.0.0.1"
            found = [first] if host.startswith("late") else ["93.184.216.34", "127.0.0.1"]
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]
        return real(host, port, *args, **kwargs)
    socket.getaddrinfo = getaddrinfo
if __name__ == "__main__":
    sys.exit(main(sys.argv[2:]))
"""


class Server:
    """A `fieldmark serve` of its own."""

    def __init__(self, model: Path, *flags: str, rebind: bool = False, env: dict[str, str] | None = None) -> None:
        self._home = tempfile.TemporaryDirectory()
        program = Path(self._home.name) / "program.py"
        program.write_text(PROGRAM)
        words = ["rebind" if rebind else "-", "serve", str(model), "--port", "0", "--log", "none", *flags]
        self._complaints = Path(self._home.name) / "stderr"
        with self._complaints.open("w") as complaints:
            self.process = subprocess.Popen(
                [sys.executable, str(program), *words],
                stdout=subprocess.PIPE,
                stderr=complaints,
                text=True,
                env={**os.environ, **(env or {})},
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if " at http" not in line:
            sys.exit(f"The server did not begin. {self.complaints()}")
        self.url = line.split(" at ")[1].split()[0]
        self.host, self.port = self.url.removeprefix("http://").rsplit(":", 1)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self._home.cleanup()

    def complaints(self) -> str:
        """Return what it has written to stderr so far."""
        return self._complaints.read_text()

    def workers(self) -> list[int]:
        """Return the process ids of the workers."""
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def mib(self) -> float:
        """Return the memory of all processes, in MiB, a page that several share counted once."""
        return sum(map(pss, family(self.process.pid)))

    def is_well(self, photo: bytes) -> bool:
        """Whether it answers about a photo."""
        outcome = load.Outcome()
        asyncio.run(load.client(self.url, [load.upload_of(photo, self.url)], outcome, time.monotonic() + 60))
        return outcome.statuses[200] == 1


@contextlib.contextmanager
def small_web(pictures: list[bytes]) -> Iterator[str]:
    """Serve a few photos, and redirects to wherever one asks for."""

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/redirect?"):
                self.send_response(302)
                self.send_header("Location", self.path.partition("?")[2])
                self.end_headers()
                return
            body = pictures[sum(self.path.encode()) % len(pictures)]
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as site:
        threading.Thread(target=site.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{site.server_port}"
        site.shutdown()


def painted(count: int = 24) -> list[bytes]:
    """Paint photos, where none are given."""
    chance, pictures = random.Random(5), []
    for _ in range(count):
        noise = Image.frombytes("RGB", (12, 9), chance.randbytes(12 * 9 * 3))
        buffer = io.BytesIO()
        noise.resize((500, 375), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=85)
        pictures.append(buffer.getvalue())
    return pictures
