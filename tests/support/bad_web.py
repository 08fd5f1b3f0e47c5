"""A small bad web on the loopback interface: redirects, bombs, endless and slow bodies, and one good picture."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar


@cache
def packed_bomb() -> bytes:
    """100 MB of zeros in 440 kB."""
    return gzip.compress(bytes(100_000_000), compresslevel=1)


@dataclass
class BadWeb:
    """One web server. `answers` maps a path to (status, headers, body); the paths of `_Handler.ODD` misbehave."""

    port: int = 0
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    bytes_sent: int = 0
    connections: int = 0
    at_once: int = 0  # most requests under way at the same time
    delay: float = 0.0  # seconds before each answer
    raw: dict[str, bytes] = field(default_factory=dict)  # a path's whole answer, status line and all
    hooks: dict[str, Callable[[int], tuple[int, dict[str, str], bytes]]] = field(default_factory=dict)
    _under_way: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

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

    def robots(self, text: str | bytes, status: int = 200) -> None:
        body = text if isinstance(text, bytes) else text.encode()
        self.answers["/robots.txt"] = (status, {"Content-Type": "text/plain"}, body)

    def asked(self, path: str) -> int:
        """How often `path` was asked for."""
        return sum(path == asked for asked, _ in self.requests)

    @contextmanager
    def under_way(self) -> Iterator[None]:
        with self._lock:
            self._under_way += 1
            self.at_once = max(self.at_once, self._under_way)
        try:
            time.sleep(self.delay)
            yield
        finally:
            with self._lock:
                self._under_way -= 1


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes
    web: BadWeb

    def setup(self) -> None:
        super().setup()
        self.web.connections += 1

    def do_GET(self) -> None:
        with self.web.under_way():
            self._answer()

    def _answer(self) -> None:
        self.web.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        odd = self.ODD.get(self.path)
        try:
            if odd is not None:
                odd(self)
            elif self.path in self.web.raw:
                self._raw(self.web.raw[self.path])
            elif self.path in self.web.hooks:  # which are told how often they were asked before
                self._send(*self.web.hooks[self.path](self.web.asked(self.path) - 1))
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
        self.wfile.write(packed_bomb())

    def _twice_packed(self) -> None:
        self._start(Content_Type="image/png", Content_Encoding="gzip, gzip")
        self.wfile.write(gzip.compress(packed_bomb()))

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

    def _raw(self, answer: bytes) -> None:
        self.wfile.write(answer)
        self.close_connection = True

    def _header_flood(self) -> None:
        self._raw(b"HTTP/1.1 200 OK\r\n")
        for n in range(40_000):
            self.wfile.write(b"X-%d: flood\r\n" % n)

    def _long_header(self) -> None:
        self._raw(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 300_000)

    def _header_drip(self) -> None:
        self._raw(b"HTTP/1.1 200 OK\r\n")
        for n in range(600):
            self.wfile.write(b"X-%d: drip\r\n" % n)
            self.wfile.flush()
            time.sleep(0.05)

    def _two_lengths(self) -> None:
        self._raw(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 9\r\n\r\n\x89PNG\x89PNG!")

    def _bad_chunks(self) -> None:
        self._raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\nnot a length\r\n")

    def _hidden_tail(self) -> None:
        """Gzip of nothing, and then bytes without end that no gzip reader counts."""
        self._start(Content_Type="image/png", Content_Encoding="gzip")
        self.wfile.write(gzip.compress(b""))
        while True:
            self.wfile.write(bytes(65536))
            self.web.bytes_sent += 65536

    def _packed_often(self) -> None:
        self._start(Content_Type="image/png", Content_Encoding=", ".join(["gzip"] * 50))
        self.wfile.write(gzip.compress(b"x"))

    def _strange_packing(self) -> None:
        self._start(Content_Type="image/png", Content_Encoding="br")
        self.wfile.write(b"\x0b\x02\x80hello\x03")

    def _hang_up(self) -> None:
        self.connection.close()
        self.close_connection = True

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
        "/header-flood": _header_flood,
        "/long-header": _long_header,
        "/header-drip": _header_drip,
        "/two-lengths": _two_lengths,
        "/bad-chunks": _bad_chunks,
        "/hidden-tail": _hidden_tail,
        "/packed-often": _packed_often,
        "/strange-packing": _strange_packing,
        "/hang-up": _hang_up,
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
