"""Answers of a hostile web, each with what a fetch and a decode of it end in."""

import socket
import struct
import zlib

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fieldmark.errors import (
    BadShape,
    BadStatus,
    BadURL,
    BrokenOff,
    FetchFailed,
    NotAPhoto,
    RefusedAddress,
    TimedOut,
    TooManyBytes,
    TooManyPixels,
    TooSmall,
    Unreachable,
)
from fieldmark.imaging.shrink import shrink
from fieldmark.net import guard
from fieldmark.net.client import Client
from fieldmark.net.visitor import Visitor
from support.bad_web import bad_web


@pytest.fixture
def web(monkeypatch):
    monkeypatch.setenv("FIELDMARK_NO_WAIT", "1")
    with bad_web() as web:
        monkeypatch.setenv("FIELDMARK_ALLOW_HOSTS", web.endpoint)
        yield web


def harvest(url, timeout=10.0):
    async def go():
        async with Client() as client:
            return await Visitor(client, attempts=1).fetch(url, max_bytes=2**20, timeout=timeout)

    return shrink(anyio.run(go).content, 500)


def png(width, height, raw):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


REDIRECTS = {
    "a cloud's metadata": ("http://169.254.169.254/latest/meta-data/", RefusedAddress),
    "a private network": ("http://192.168.0.1/a.jpg", RefusedAddress),
    "loopback in an old spelling": ("http://0x7f000001/a.jpg", RefusedAddress),
    "loopback as one number": ("http://2130706433/a.jpg", RefusedAddress),
    "an IPv4-mapped address": ("http://[::ffff:127.0.0.1]/a.jpg", RefusedAddress),
    "IPv6 loopback": ("http://[::1]/a.jpg", RefusedAddress),
    "a file": ("file:///etc/passwd", RefusedAddress),
    "gopher": ("gopher://127.0.0.1:6379/_FLUSHALL", RefusedAddress),
    "data": ("data:image/png;base64,iVBORw0KGgo=", RefusedAddress),
    "a password": ("http://user:secret@example.org/a.jpg", RefusedAddress),
    "no URL": ("http://[", BadURL),
    "a URL without end": ("http://example.org/" + "a" * 5000, BadURL),
}


@pytest.mark.parametrize("kind", REDIRECTS)
def test_a_redirect_to_where_we_do_not_go_is_not_followed(web, kind):
    target, ends_in = REDIRECTS[kind]
    with pytest.raises(ends_in):
        harvest(web.redirect("/photo.jpg", target))
    assert [path for path, _ in web.requests] == ["/robots.txt", "/photo.jpg"]


ODD = {
    "/endless": TooManyBytes,
    "/liar": TooManyBytes,
    "/bomb": TooManyBytes,
    "/twice-packed": TooManyBytes,
    "/hidden-tail": TooManyBytes,
    "/packed-often": BrokenOff,
    "/strange-packing": BrokenOff,
    "/damaged": BrokenOff,
    "/cut-short": BrokenOff,
    "/no-http": BrokenOff,
    "/hang-up": BrokenOff,
    "/header-flood": BrokenOff,
    "/long-header": BrokenOff,
    "/two-lengths": BrokenOff,
    "/bad-chunks": BrokenOff,
    "/slow": TimedOut,
    "/silent": TimedOut,
    "/header-drip": TimedOut,
    "/around": BadStatus,
}


@pytest.mark.parametrize("path", ODD)
def test_an_answer_that_is_out_of_bounds_has_an_end(web, path):
    with pytest.raises(ODD[path]) as failure:
        harvest(web.url(path), timeout=0.3 if ODD[path] is TimedOut else 10.0)
    assert type(failure.value) is ODD[path]
    assert str(failure.value).isprintable()


def test_a_hundred_redirects_are_too_many(web):
    for n in range(100):
        web.redirect(f"/{n}", f"/{n + 1}")
    web.picture("/100", png(200, 200, bytes(200 * 601)))
    with pytest.raises(BadStatus, match="more than 5 times"):
        harvest(web.url("/0"))
    assert len(web.requests) == 7


BODIES = {
    "nothing": (b"", NotAPhoto),
    "a page called photo.jpg": (b"<!doctype html><html><body>Not found</body></html>", NotAPhoto),
    "a script": (b"#!/bin/sh\nrm -rf /\n", NotAPhoto),
    "a drawing with a script": (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", NotAPhoto),
    "a JPEG's first bytes": (b"\xff\xd8\xff\xe0", NotAPhoto),
    "a PNG cut short": (png(200, 200, bytes(200 * 601))[:60], NotAPhoto),
    "a decompression bomb": (png(30_000, 30_000, bytes(10_000)), TooManyPixels),
    "a picture of no size": (png(0, 0, b""), NotAPhoto),
    "a counting pixel": (png(1, 1, bytes(4)), TooSmall),
    "a banner": (png(2000, 200, bytes(200 * 6001)), BadShape),
}


@pytest.mark.parametrize("kind", BODIES)
def test_a_body_that_is_no_photo_of_ours_is_refused_by_its_bytes(web, kind):
    body, ends_in = BODIES[kind]
    with pytest.raises(ends_in) as failure:
        harvest(web.picture("/photo.jpg", body, "image/jpeg"))
    assert type(failure.value) is ends_in


def test_a_wrong_extension_and_a_wrong_type_do_no_harm(web):
    shrunk = harvest(web.picture("/photo.txt", png(200, 150, bytes(150 * 601)), "text/html"))
    assert (shrunk.width, shrunk.height) == (200, 150)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1"])
def test_a_name_that_resolves_to_an_inner_address_is_refused(web, monkeypatch, address):
    async def resolve(host, port, **_):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(guard.anyio, "getaddrinfo", resolve)
    with pytest.raises(RefusedAddress):
        harvest(f"http://pictures.example:{web.port + 1}/photo.jpg")
    assert web.requests == []


LINES = st.one_of(
    st.binary(max_size=40),
    st.builds(
        b"%s: %s".__mod__,
        st.tuples(
            st.sampled_from(
                [
                    b"Location",
                    b"Content-Type",
                    b"Content-Length",
                    b"Content-Encoding",
                    b"Transfer-Encoding",
                    b"X-Robots-Tag",
                ]
            ),
            st.one_of(
                st.binary(max_size=40),
                st.sampled_from([b"//", b"http:", b"/%ff", b"gzip", b"chunked", b"5", b"-1", b"9" * 30, b"\xff\xfe"]),
            ),
        ),
    ),
)


@settings(max_examples=150, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([b"200 OK", b"302 Found", b"429 \xff", b"999", b""]), st.lists(LINES, max_size=4), st.binary())
def test_any_bytes_in_answer_are_a_picture_or_a_failure_with_a_sentence(web, status, lines, body):
    web.raw["/photo.jpg"] = b"HTTP/1.1 " + b"\r\n".join([status, *lines]) + b"\r\n\r\n" + body
    try:
        harvest(web.url("/photo.jpg"), timeout=2.0)
    except (FetchFailed, NotAPhoto) as error:
        assert str(error)


def test_a_name_that_does_not_exist_is_unreachable():
    with pytest.raises(Unreachable):
        harvest("http://nowhere.invalid/photo.jpg")
