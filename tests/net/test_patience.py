import asyncio
import contextlib
import json
import random
import socket
import threading
import time
from collections.abc import AsyncIterator
from contextlib import closing, contextmanager

import pytest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from fieldmark.net.listener import listen
from fieldmark.net.patience import Patience
from fieldmark.net.quiet import answering
from support.pictures import damage

HELLO = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class Site:
    """Small pages, a large one, and one that waits until it may answer."""

    def __init__(self):
        self.may_answer = threading.Event()
        self.entered = threading.Semaphore(0)
        self.reasons = []
        self.told = threading.Semaphore(0)

    def tell(self, reason):
        self.reasons.append(reason)
        self.told.release()

    async def hello(self, request: Request) -> Response:
        return PlainTextResponse("hello")

    async def large(self, request: Request) -> Response:
        return Response(bytes(32 * 2**20))

    async def halves(self, request: Request) -> Response:
        async def both() -> AsyncIterator[bytes]:
            yield b"one half"
            while not self.may_answer.is_set():
                await asyncio.sleep(0.005)
            yield b", the other"

        return StreamingResponse(both())

    async def slow(self, request: Request) -> Response:
        self.entered.release()
        while not self.may_answer.is_set():
            await asyncio.sleep(0.005)
        return PlainTextResponse("at last")

    async def refuse(self, request: Request) -> Response:
        return PlainTextResponse("no", 413)

    async def echo(self, request: Request) -> Response:
        try:
            body = await request.body()
        except ClientDisconnect:
            return PlainTextResponse("nobody reads this")
        return PlainTextResponse(f"{len(body)} bytes, x-late is {request.headers.get('x-late')}")

    @contextmanager
    def open(self, **patience):
        routes = [
            *(Route("/", self.hello), Route("/large", self.large), Route("/slow", self.slow)),
            Route("/halves", self.halves),
            Route("/refuse", self.refuse, methods=["POST"]),
            Route("/echo", self.echo, methods=["POST"]),
        ]
        listener = listen("127.0.0.1", 0, 1)
        self.address = listener.getsockname()
        with answering(Starlette(routes=routes), listener, Patience(tell=self.tell, **patience)):
            yield self

    def call(self):
        return closing(socket.create_connection(self.address, timeout=20))


@pytest.fixture
def site():
    return Site()


def read_all(caller):
    """Read until the other side is done, however it ends the connection."""
    parts = []
    try:
        while part := caller.recv(65536):
            parts.append(part)
    except ConnectionError:
        pass
    return b"".join(parts)


def says(caller, ending):
    """Whether an answer ends so; it may come in pieces."""
    answer = b""
    while not answer.endswith(ending):
        part = caller.recv(65536)
        if not part:
            return False
        answer += part
    return True


def is_greeted(caller):
    caller.sendall(HELLO)
    return says(caller, b"hello")


@pytest.mark.parametrize("said", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "])
def test_who_sends_no_whole_head_is_sent_away(site, said):
    with site.open(head=0.2), site.call() as caller:
        caller.sendall(said)
        assert read_all(caller) == b""
        assert site.reasons == ["slow_head"]
        with site.call() as other:
            assert is_greeted(other)


def test_a_head_that_comes_in_a_trickle_gains_no_time(site):
    with site.open(head=0.3), site.call() as caller:
        sent = 0
        try:
            for byte in b"GET / HTTP/1.1\r\n" + b"X-Slow: 1\r\n" * 10_000:
                caller.sendall(bytes([byte]))
                sent += 1
                assert not site.told.acquire(timeout=0.005)
        except (ConnectionError, AssertionError):
            pass
        assert sent < 100_000
        assert site.reasons == ["slow_head"]


def test_a_kept_connection_is_closed_when_nothing_more_comes(site):
    with site.open(idle=0.2), site.call() as caller:
        assert is_greeted(caller)
        assert read_all(caller) == b""
        assert site.reasons == []  # nobody was waiting for anything


def test_a_second_request_that_stays_half_is_given_up(site):
    with site.open(head=0.2, idle=30.0), site.call() as caller:
        assert is_greeted(caller)
        caller.sendall(b"GET /")
        assert read_all(caller) == b""
        assert site.reasons == ["slow_head"]


def test_who_does_not_take_the_answer_is_given_up(site):
    with site.open(reading=0.3), site.call() as caller:
        caller.sendall(HELLO.replace(b"/ ", b"/large "))
        assert site.told.acquire(timeout=20)
        assert site.reasons == ["slow_reader"]
        assert 0 < len(read_all(caller)) < 32 * 2**20


def test_who_takes_a_large_answer_gets_it_whole(site):
    with site.open(reading=5.0), site.call() as caller:
        caller.sendall(HELLO.replace(b"/ ", b"/large ").replace(b"Host", b"Connection: close\r\nHost"))
        assert len(read_all(caller)) > 32 * 2**20


def test_an_endless_body_after_a_refusal_is_cut_off(site):
    with site.open(head=0.3), site.call() as caller:
        caller.sendall(b"POST /refuse HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        until = time.monotonic() + 20
        with pytest.raises(ConnectionError):
            while time.monotonic() < until:
                caller.sendall(b"1000\r\n" + bytes(4096) + b"\r\n")
        assert site.reasons == ["slow_head"]


def test_nonsense_behind_a_head_is_refused_once_and_what_the_application_says_is_dropped(site, caplog):
    with site.open(), site.call() as caller:
        caller.sendall(b"POST /refuse HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n")
        answer = read_all(caller)
    assert answer.startswith(b"HTTP/1.1 400 ") and answer.count(b"HTTP/1.1") == 1
    assert site.reasons == ["malformed"]
    assert not caplog.records


def test_a_wish_to_speak_in_web_sockets_is_passed_over_without_a_word(site, caplog):
    with site.open(), site.call() as caller:
        caller.sendall(HELLO.replace(b"Host", b"Connection: Upgrade\r\nUpgrade: websocket\r\nHost"))
        assert says(caller, b"hello")
    assert not caplog.records


def test_a_request_that_is_being_answered_may_take_its_time(site):
    with site.open(head=0.1, idle=0.1, reading=0.1), site.call() as caller, site.call() as silent:
        caller.sendall(HELLO.replace(b"/ ", b"/slow "))
        assert site.entered.acquire(timeout=20)
        assert read_all(silent) == b""  # so much time has passed
        site.may_answer.set()
        assert says(caller, b"at last")


def test_where_there_are_too_many_the_one_that_waited_longest_makes_room(site):
    with site.open(connections=2), site.call() as first, site.call() as second:
        assert is_greeted(first)
        assert is_greeted(second)
        with site.call() as third:
            assert is_greeted(third)
            assert read_all(first) == b""
            assert is_greeted(second)
        assert site.reasons == ["connections"]


def test_where_all_are_being_answered_the_next_is_told_to_come_back(site):
    with site.open(connections=1), site.call() as busy:
        busy.sendall(HELLO.replace(b"/ ", b"/slow "))
        assert site.entered.acquire(timeout=20)
        with site.call() as other:
            answer = read_all(other)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"Retry-After" in answer
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"].endswith("Try again in a few seconds.")
        site.may_answer.set()
        assert says(busy, b"at last")


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"hello\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        b"GET / HTTP/0.9\r\nHost: x\r\n\r\n",
        b"GET / HTTP/2.0\r\nHost: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n",
        b"GET /\xc3\xa4 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX : spaced\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: 1\r\n folded\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\nhello",
        b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
        b"X" * 100_000,
    ],
)
def test_what_is_no_http_is_told_so_as_json(site, nonsense):
    with site.open(), site.call() as caller:
        caller.sendall(nonsense)
        answer = read_all(caller)
        if nonsense[:1] != b"X":  # of so much the answer may be lost
            assert answer.startswith(b"HTTP/1.1 400 ")
            assert json.loads(answer.partition(b"\r\n\r\n")[2]) == {"error": "This is not HTTP that we can read."}
        assert site.reasons == ["malformed"]


def test_requests_sent_ahead_are_answered_in_turn(site):
    with site.open(head=0.3), site.call() as caller:
        caller.sendall(HELLO * 3 + HELLO.replace(b"Host", b"Connection: close\r\nHost"))
        assert read_all(caller).count(b"hello") == 4
        assert site.reasons == []


def test_http_1_0_needs_no_host(site):
    with site.open(), site.call() as caller:
        caller.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert read_all(caller).endswith(b"hello")


LARGE_HEADS = {
    "in one line": lambda size: b"X-Large: " + b"x" * size + b"\r\n",
    "in many": lambda size: b"X: 12\r\n" * (size // 7),
}


@pytest.mark.parametrize("head", LARGE_HEADS.values(), ids=LARGE_HEADS)
@pytest.mark.parametrize("piece", [1460, 1_000_000])
def test_a_head_may_have_64_kib(site, head, piece):
    with site.open(), site.call() as caller:
        asked = HELLO[:-2] + head(60_000) + b"\r\n"
        for at in range(0, len(asked), piece):
            caller.sendall(asked[at : at + piece])
        assert says(caller, b"hello")
        assert is_greeted(caller)  # the next begins to count anew
    assert site.reasons == []


@pytest.mark.parametrize("head", [*LARGE_HEADS.values(), lambda size: b"X" * size], ids=[*LARGE_HEADS, "in a name"])
@pytest.mark.parametrize("piece", [1460, 1_000_000])
@pytest.mark.parametrize("ends", [True, False])
def test_a_larger_head_is_refused_whether_it_ends_or_not(site, head, piece, ends):
    with site.open(), site.call() as caller:
        asked = HELLO[:-2] + head(700_000) + (b"\r\n" if ends else b"")
        with contextlib.suppress(ConnectionError):
            for at in range(0, len(asked), piece):
                caller.sendall(asked[at : at + piece])
        assert b"hello" not in read_all(caller)
        assert site.told.acquire(timeout=20)
        assert site.reasons == ["malformed"]


def test_an_address_without_end_is_refused(site):
    with site.open(), site.call() as caller:
        with contextlib.suppress(ConnectionError):
            caller.sendall(b"GET /" + b"a" * 700_000)
        read_all(caller)
        assert site.told.acquire(timeout=20)
        assert site.reasons == ["malformed"]


def test_lines_behind_a_body_are_not_heeded(site):
    with site.open(), site.call() as caller:
        head = b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTrailer: x-late\r\n\r\n"
        caller.sendall(head + b"5\r\nhello\r\n0\r\nX-Late: yes\r\n\r\n")
        assert says(caller, b"5 bytes, x-late is None")
        assert is_greeted(caller)


@pytest.mark.parametrize("piece", [1460, 100_000])
def test_a_line_without_end_behind_a_body_is_refused(site, piece):
    with site.open(), site.call() as caller:
        with contextlib.suppress(ConnectionError):
            caller.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Late: ")
            for _ in range(0, 700_000, piece):
                caller.sendall(b"x" * piece)
        assert b"200 OK" not in read_all(caller)
        assert site.told.acquire(timeout=20)
        assert site.reasons == ["malformed"]


def test_a_long_body_is_no_long_line(site):
    with site.open(), site.call() as caller:
        caller.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n" + bytes(3_000_000))
        assert says(caller, b"3000000 bytes, x-late is None")
    assert site.reasons == []


@pytest.mark.parametrize("together", [True, False])
def test_what_follows_a_wish_for_another_protocol_is_answered(site, together):
    wish = HELLO.replace(b"Host", b"Connection: Upgrade\r\nUpgrade: h2c\r\nHost")
    upload = b"POST /echo HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 5\r\n\r\nhello"
    with site.open(), site.call() as caller:
        for part in [wish + upload + wish] if together else [wish, upload, wish]:
            caller.sendall(part)
        caller.sendall(HELLO.replace(b"Host", b"Connection: close\r\nHost"))
        answer = read_all(caller)
    assert answer.count(b"HTTP/1.1 200") == 4 and b"5 bytes" in answer


def test_of_requests_sent_ahead_only_so_many_are_kept(site):
    with site.open(), site.call() as caller:
        caller.sendall(HELLO.replace(b"/ ", b"/slow ") + HELLO * 5000)
        assert read_all(caller).count(b"HTTP/1.1") <= 1
        assert site.reasons == ["malformed"]
        site.may_answer.set()
        with site.call() as other:
            assert is_greeted(other)


def test_nonsense_behind_a_request_is_not_written_into_the_answer_to_it(site):
    with site.open(), site.call() as caller:
        caller.sendall(HELLO.replace(b"/ ", b"/halves "))
        assert says(caller, b"one half\r\n")
        caller.sendall(b"\x00nonsense\r\n\r\n")
        assert read_all(caller) == b""
        assert site.reasons == ["malformed"]
        site.may_answer.set()


@pytest.mark.parametrize("pieces", [1, 7, 100])
def test_a_body_is_read_where_another_protocol_was_wished_for(site, pieces):
    head = b"POST /echo HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    plain = head + b"Content-Length: 1000\r\n\r\n" + bytes(1000)
    chunked = head + b"Transfer-Encoding: chunked\r\n\r\n" + (b"64\r\n" + bytes(100) + b"\r\n") * 7 + b"0\r\n\r\n"
    with site.open(), site.call() as caller:
        for asked, size in ((plain, 1000), (chunked, 700), (plain, 1000)):
            for at in range(0, len(asked), len(asked) // pieces):
                caller.sendall(asked[at : at + len(asked) // pieces])
                time.sleep(0.001)
            assert says(caller, b"%d bytes, x-late is None" % size)
        assert is_greeted(caller)
    assert site.reasons == []


def test_damaged_requests_are_answered_or_refused_and_never_a_fault(site, caplog):
    whole = b"".join(
        (
            HELLO.replace(b"Host", b"Connection: Upgrade\r\nUpgrade: h2c\r\nHost"),
            b"POST /echo HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\nContent-Length: 4\r\n\r\nbody",
            b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Late: y\r\n\r\n",
            b"HEAD / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n",
        )
    )
    rng = random.Random(7)
    with site.open(idle=0.5, head=0.5) as open_site:
        for _ in range(300):
            data = damage(whole, rng)
            cut = rng.randrange(len(data))
            with open_site.call() as caller, contextlib.suppress(OSError):
                caller.sendall(data[:cut])
                caller.sendall(data[cut:])
                caller.shutdown(socket.SHUT_WR)
                read_all(caller)
        with open_site.call() as caller:
            assert is_greeted(caller)
    assert set(site.reasons) <= {"malformed", "slow_head"} and "malformed" in site.reasons
    assert not caplog.records
