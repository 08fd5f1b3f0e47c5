import asyncio
import json
import socket
import threading
from contextlib import closing, contextmanager

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from fieldmark.net.listener import listen
from fieldmark.net.patience import Patience
from fieldmark.net.quiet import answering

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

    async def slow(self, request: Request) -> Response:
        self.entered.release()
        while not self.may_answer.is_set():
            await asyncio.sleep(0.005)
        return PlainTextResponse("at last")

    async def refuse(self, request: Request) -> Response:
        return PlainTextResponse("no", 413)

    @contextmanager
    def open(self, **patience):
        routes = [
            *(Route("/", self.hello), Route("/large", self.large), Route("/slow", self.slow)),
            Route("/refuse", self.refuse, methods=["POST"]),
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
        with pytest.raises(ConnectionError):
            for _ in range(100_000):
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
