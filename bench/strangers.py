"""A URL of a server -> requests that no honest client sends, and among honest ones those that it may get all day."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Iterator

import load
from mutants import bombs, mutants
from PIL import Image


def fuzzed(url: str, count: int) -> Iterator[bytes]:
    """Yield damaged pictures as uploads; of twenty requests one form and one JSON document are damaged themselves."""
    chance = random.Random(7)
    for n, picture in zip(range(count), mutants(7), strict=False):
        whole = load.upload_of(picture, url)
        if n % 20 == 10:
            head, _, body = whole.partition(b"\r\n\r\n")
            damaged = bytearray(body)
            for _ in range(chance.randint(1, 30)):
                damaged[chance.randrange(min(len(damaged), 300))] = chance.randrange(256)
            yield head + b"\r\n\r\n" + bytes(damaged)
        elif n % 20 == 11:
            text = json.dumps({"url": f"http://127.0.0.1:{n}/{chance.random()}", "thumbnail": True}).encode()
            damaged = bytearray(text)
            for _ in range(chance.randint(0, 8)):
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
            yield load.request_of("POST", url, "/classify-url", {"Content-Type": "application/json"}, bytes(damaged))
        else:
            yield whole


def excess(url: str) -> Iterator[tuple[str, bytes]]:
    """Yield bombs, lies and excess, each with what it is."""
    for name, picture in bombs().items():
        yield name, load.upload_of(picture, url)
    form = {"Content-Type": "multipart/form-data; boundary=b"}
    part = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n'
    as_json = {"Content-Type": "application/json"}
    yield "10,000 parts", load.request_of("POST", url, "/upload", form, part * 10_000 + b"--b--\r\n")
    yield "no boundary", load.request_of("POST", url, "/upload", {"Content-Type": "multipart/form-data"}, part)
    yield "20 MB", load.upload_of(bytes(20_000_000), url)
    yield (
        "5 MB of JSON",
        load.request_of("POST", url, "/classify-url", as_json, json.dumps({"url": "x" * 5_000_000}).encode()),
    )
    long = json.dumps({"url": "https://example.org/" + "x" * 20_000}).encode()
    yield "a URL of 20,000 characters", load.request_of("POST", url, "/classify-url", as_json, long)
    yield "JSON 60,000 deep", load.request_of("POST", url, "/classify-url", as_json, b"[" * 60_000)
    yield "a path of 20,000 characters", load.request_of("GET", url, "/" + "x" * 20_000, {})
    whole = load.upload_of(b"no picture", url)
    yield "a length that is too short", whole.replace(b"Content-Length: ", b"Content-Length: 5\r\nX-Was: ", 1)


def damaged_http(count: int) -> Iterator[bytes]:
    """Yield so many openings of a connection that are no HTTP, or two readings of it at once."""
    chance = random.Random(13)
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nx\r\n--b--\r\n'
    for n in range(count):
        if n < len(_NO_HTTP):
            yield _NO_HTTP[n]
            continue
        head = bytearray(
            b"POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n"
            b"Content-Length: %d\r\nX-Request-ID: abc\r\n\r\n" % len(body)
        )
        for _ in range(chance.randint(1, 6)):
            place = chance.randrange(len(head))
            damage = chance.choice((b"\x00", b"\r", b"\n", b"\r\n", b":", b" ", b"\xff", chance.randbytes(1)))
            head[place : place + chance.randint(0, 2)] = damage
        yield bytes(head) + body[: chance.randint(0, len(body))]


_POST = b"POST /upload HTTP/1.1\r\nHost: localhost\r\n"
_NO_HTTP = (
    b"",
    b"\r\n" * 1000,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),  # the greeting of TLS
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
    b"GET /\r\n",
    b"GET http://example.org/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",  # no Host
    b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X-A: b\r\n" * 20_000 + b"\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: " + b"b" * 500_000,
    b"GET /%00%ff%0d%0a HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: a\r\n b: folded\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    _POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    _POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n",
    _POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    _POST + b"Transfer-Encoding: xchunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    _POST + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffffffff\r\nhello",
    _POST + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
    _POST + b"Transfer-Encoding: chunked\r\n\r\n5;" + b"x" * 100_000 + b"\r\nhello\r\n0\r\n\r\n",
    _POST + b"Content-Length: 99999999999999999999999999\r\n\r\nhello",
    _POST + b"Content-Length: +5\r\n\r\nhello",
    _POST + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" * 500,  # sent ahead, and honest
)


def mixture(url: str, pictures: list[bytes], web: str) -> list[bytes]:
    """Return what a server gets in a day, shuffled: photos, damaged ones, URLs, batches, large ones, pages."""
    chance, damaged, requests = random.Random(11), mutants(11), []
    large = _enlarged(pictures[0], 3000)
    for n in range(400):
        picture = pictures[n % len(pictures)]
        requests.append(load.upload_of(picture, url))
        if n % 2 == 0:
            requests.append(load.upload_of(next(damaged), url))
        if n % 5 == 0:
            asked = json.dumps({"url": f"{web}/{n % 7}.jpg", "thumbnail": n % 2 == 0}).encode()
            requests.append(load.request_of("POST", url, "/classify-url", {"Content-Type": "application/json"}, asked))
        if n % 8 == 0:
            requests.append(_batch_of(url, [pictures[(n + k) % len(pictures)] for k in range(4)]))
        if n % 40 == 0:
            requests.append(load.upload_of(large, url))
        if n % 10 == 0:
            path = chance.choice(("/", "/docs", "/healthz", "/metrics", "/openapi.json", "/page.js", "/nothing"))
            requests.append(load.request_of("GET", url, path, {}))
    chance.shuffle(requests)
    return requests


def _batch_of(url: str, pictures: list[bytes]) -> bytes:
    parts = b"".join(
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + picture + b"\r\n"
        for picture in pictures
    )
    return load.request_of(
        "POST", url, "/batch", {"Content-Type": "multipart/form-data; boundary=b"}, parts + b"--b--\r\n"
    )


def _enlarged(picture: bytes, side: int) -> bytes:
    buffer = io.BytesIO()
    Image.open(io.BytesIO(picture)).convert("RGB").resize((side, side)).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
