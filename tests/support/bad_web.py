"""A small bad web on the loopback interface: redirects, bombs, endless and slow bodies, and one good picture."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar


@dataclass
class BadWeb:
    """One web server. `answers` maps a path to (status, headers, body); the paths of `_Handler.ODD` misbehave."""

    port: int = 0
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    bytes_sent: int = 0

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, path: str) -> str:
        return f"http://{self.endpoint}{path}"

    def picture(self, path: str, body: bytes, content_type: str = "image/png") -> str:
        self.answers[path] = (200, {"Content-Type": content_type}, body)
        return self.url(path)

    def redirect(self, path: str, target: str) -> str:
        self.answers[path] = (302, {"Location": target}, b"")
        return self.url(path)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    web: BadWeb

    def do_GET(self) -> None:
        self.web.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        odd = self.ODD.get(self.path)
        try:
            if odd is not None:
                odd(self)
            else:
                self._send(*self.web.answers.get(self.path, (404, {}, b"nothing here")))
        except OSError:
            self.close_connection = True

    def do_HEAD(self) -> None:
        self.do_GET()

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _start(self, **headers: str) -> None:
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True

    def _endless(self) -> None:
        self._start(Content_Type="image/png")
        while True:
            self.wfile.write(b"\x89PNG" * 16384)
            self.web.bytes_sent += 65536

    def _bomb(self) -> None:
        self._start(Content_Type="image/png", Content_Encoding="gzip")
        self.wfile.write(gzip.compress(bytes(200_000_000), compresslevel=1))

    def _twice_packed(self) -> None:
        self._start(Content_Type="image/png", Content_Encoding="gzip, gzip")
        self.wfile.write(gzip.compress(gzip.compress(bytes(200_000_000), compresslevel=1)))

    def _slow(self) -> None:
        self._start(Content_Type="image/png")
        for _ in range(600):
            self.wfile.write(b".")
            self.wfile.flush()
            time.sleep(0.05)

    def _silent(self) -> None:
        time.sleep(3)
        self.close_connection = True

    def _cut_short(self) -> None:
        self._start(Content_Type="image/png", Content_Length="1000")
        self.wfile.write(b"\x89PNG")

    def _liar(self) -> None:
        self._start(Content_Type="image/png", Content_Length=str(10**12))

    def _damaged(self) -> None:
        self._start(Content_Type="image/png", Content_Encoding="gzip")
        self.wfile.write(b"this is not gzip")

    def _no_http(self) -> None:
        self.wfile.write(b"220 mail.example.org ESMTP\r\n")
        self.close_connection = True

    def _around(self) -> None:
        self._send(302, {"Location": "/around"}, b"")

    ODD: ClassVar[dict[str, Callable[[_Handler], None]]] = {
        "/endless": _endless,
        "/bomb": _bomb,
        "/twice-packed": _twice_packed,
        "/slow": _slow,
        "/silent": _silent,
        "/cut-short": _cut_short,
        "/liar": _liar,
        "/damaged": _damaged,
        "/no-http": _no_http,
        "/around": _around,
    }

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def bad_web() -> Iterator[BadWeb]:
    web = BadWeb()
    handler = type("Handler", (_Handler,), {"web": web})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.block_on_close = False
    web.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
