"""A request -> an answer that no honest site gives: bombs, loops, lies, endless and slow bodies, and refusals to heed.

Each oddity names the statuses that it may end a candidate with. Where two are named, it is for the harvester to choose.
Some end well: a picture with a wrong name, or one that comes at the second attempt, is a good picture.
"""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from fieldmark.demo.smallweb.pictures import png_bomb
from fieldmark.demo.smallweb.server import Answer, Ask, Rude

BROKEN = ("http_error", "gave_up")
"""What may become of a URL that fails each time, whether or not it was tried again."""

CLOSED = "/closed"
ROBOTS = f"User-agent: *\nDisallow: {CLOSED}/\n"

DRIP = 0.05
"""Seconds between two bytes of a body that never ends but always goes on."""

METADATA = "http://169.254.169.254/latest/meta-data/iam/security-credentials/"


@dataclass(frozen=True)
class Visit:
    """One request for an odd URL.

    Attributes:
        ask: the request.
        origin: http://127.0.0.1:PORT.
        photo: the bytes of a painted photo, for answers that end well or nearly so.
        before: how often this URL was asked for before.
    """

    ask: Ask
    origin: str
    photo: bytes
    before: int


Answering = Callable[[Visit], Answer | Rude]


@dataclass(frozen=True)
class Odd:
    """One kind of oddity.

    Attributes:
        ends: the statuses it may end a candidate with; "dropped" is for a listing that need not become a candidate.
        answer: what it says when asked; None where the URL leads elsewhere, or where just a picture lies.
        variant: which alteration of a photo lies there (see `pictures.VARIANTS`); None when no photo of ours does.
        url: where the URL in the listing leads, when not to this web's `/odd`; `{origin}`, `{port}` and `{place}` are
            filled in.
    """

    ends: tuple[str, ...]
    answer: Answering | None = None
    variant: str | None = None
    url: str = "{origin}/odd/{place}.jpg"


def list_odd(origin: str, provider: str, topic: str) -> Iterator[tuple[str, str, str | None, tuple[str, ...]]]:
    """For each oddity: its name, its URL in one listing, the variant of a photo that lies there, and its ends."""
    port = origin.rpartition(":")[2]
    for name, odd in ODD.items():
        place = f"{provider}-{topic}/{name.replace(' ', '-')}"
        yield name, odd.url.format(origin=origin, port=port, place=place), odd.variant, odd.ends


def name_at(path: str) -> str:
    """The name of the oddity at a path below `/odd`; empty for any other path."""
    return path.rpartition("/")[2].removesuffix(".jpg").replace("-", " ") if path.startswith("/odd/") else ""


def answer_oddly(name: str, visit: Visit) -> Answer | Rude:
    """Answer as the oddity of that name does."""
    answer = ODD[name].answer
    return answer(visit) if answer is not None else _picture(visit.photo)


def _picture(content: bytes, **headers: str) -> Answer:
    return Answer(content, "image/jpeg", headers={name.replace("_", "-"): value for name, value in headers.items()})


def _to(target: str) -> Answering:
    return lambda visit: Answer(status=302, headers={"Location": target})


def _itself(visit: Visit) -> Answer:
    return Answer(status=302, headers={"Location": visit.ask.target})


def _hundred(visit: Visit) -> Answer:
    hop = visit.ask.number("hop", 0)
    if hop >= 100:
        return _picture(visit.photo)
    return Answer(status=302, headers={"Location": f"{visit.ask.target.partition('?')[0]}?hop={hop + 1}"})


def _second_time(visit: Visit) -> Answer:
    return _picture(visit.photo) if visit.before else Answer(status=429, headers={"Retry-After": "0"})


def _written(head: str, *parts: bytes) -> Answering:
    """An answer as it goes over the wire; the connection ends with it."""
    start = "\r\n".join(["HTTP/1.1 200 OK", "Content-Type: image/jpeg", "Connection: close", head]).strip() + "\r\n\r\n"

    async def write(writer: asyncio.StreamWriter) -> None:
        for part in (start.encode(), *parts):
            writer.write(part)
            await writer.drain()

    return lambda visit: write


def _endless(visit: Visit) -> Rude:
    async def write(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nConnection: close\r\n\r\n\xff\xd8\xff")
        while True:
            writer.write(bytes(2**16))
            await writer.drain()

    return write


def _drip(visit: Visit) -> Rude:
    async def write(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: 100000\r\n\r\n\xff\xd8\xff")
        while True:
            await asyncio.sleep(DRIP)
            writer.write(b".")
            await writer.drain()

    return write


def _silent(visit: Visit) -> Rude:
    async def write(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(3600)

    return write


def _no_http(visit: Visit) -> Rude:
    async def write(writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.org ESMTP\r\n")
        await writer.drain()

    return write


@cache
def _packed_nothing() -> bytes:
    """64 MiB of zeros, packed to 64 KiB."""
    return gzip.compress(bytes(64 * 2**20), compresslevel=6)


def _gzip_bomb(visit: Visit) -> Answer:
    return _picture(_packed_nothing(), Content_Encoding="gzip")


def _gzip_twice(visit: Visit) -> Answer:
    return _picture(gzip.compress(_packed_nothing()), Content_Encoding="gzip, gzip")


ODD: dict[str, Odd] = {
    # Where a URL must not lead
    "metadata": Odd(("refused_address",), _to(METADATA)),
    "file": Odd(("refused_address",), _to("file:///etc/passwd")),
    "loopback name": Odd(("refused_address",), url="http://localhost:9/{place}.jpg"),
    "loopback number": Odd(("refused_address",), url="http://2130706433:9/{place}.jpg"),
    "mapped loopback": Odd(("refused_address",), url="http://[::ffff:127.0.0.1]:9/{place}.jpg"),
    "private network": Odd(("refused_address",), url="http://10.0.0.1/{place}.jpg"),
    "password": Odd(("refused_address",), url="http://me:secret@127.0.0.1:{port}/odd/{place}.jpg"),
    "script": Odd(("dropped", "refused_address"), url="javascript:alert('{place}.jpg')"),
    "local file": Odd(("dropped", "refused_address"), url="file:///etc/{place}.jpg"),
    "loop": Odd(("http_error",), _itself),
    "hundred": Odd(("http_error",), _hundred, variant=""),
    # What must not be read to its end
    "endless": Odd(("too_many_bytes",), _endless),
    "drip": Odd(("timeout", "gave_up"), _drip),
    "silent": Odd(("timeout", "gave_up"), _silent),
    "gzip bomb": Odd(("too_many_bytes",), _gzip_bomb),
    "gzip twice": Odd(("too_many_bytes", "http_error", "gave_up"), _gzip_twice),
    "a terabyte": Odd(("too_many_bytes",), _written("Content-Length: 1000000000000")),
    "pixel bomb": Odd(("too_many_pixels",), lambda visit: _picture(png_bomb())),
    # What is broken
    "breaks off": Odd(BROKEN, _written("Content-Length: 100000", b"\xff\xd8\xff" + bytes(500))),
    "bad gzip": Odd(BROKEN, _written("Content-Encoding: gzip", b"this is not gzip")),
    "no http": Odd(BROKEN, _no_http),
    "flood": Odd(BROKEN, _written("\r\n".join(f"X-Flood-{i}: {'x' * 1000}" for i in range(2000)))),
    "for ever 503": Odd(BROKEN, lambda visit: Answer(status=503)),
    "cut short": Odd(("not_an_image",), variant="cut short"),
    "empty": Odd(("not_an_image",), lambda visit: _picture(b"")),
    "bad deflate": Odd(("not_an_image",), lambda visit: _picture(zlib.compress(b"not a picture"))),
    # Who does not want to be learned from
    "noai": Odd(("opted_out",), lambda visit: _picture(visit.photo, X_Robots_Tag="noindex, NoAI"), variant=""),
    "tdm": Odd(("opted_out",), lambda visit: _picture(visit.photo, tdm_reservation="1"), variant=""),
    "closed": Odd(("robots",), variant="", url="{origin}" + CLOSED + "/{place}.jpg"),
    # What looks odd and is a good photo
    "otherbot": Odd(("ok",), lambda visit: _picture(visit.photo, X_Robots_Tag="otherbot: noai"), variant=""),
    "second time": Odd(("ok",), _second_time, variant=""),
    "png": Odd(("ok",), variant="png"),
    "lying down": Odd(("ok",), variant="lying down"),
    "display p3": Odd(("ok",), variant="display p3"),
}
"""Every oddity by name, as listed by the sites of `pool.HOSTILE_SITES` when the web is hostile."""
