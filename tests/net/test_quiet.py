import asyncio
import contextlib
import signal
import socket
import sys
import threading
import urllib.request

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from fieldmark.net.listener import listen, url_of
from fieldmark.net.patience import Patience
from fieldmark.net.quiet import QuietServer, allow_open_files, answer, answering
from support.until import until_true


@pytest.fixture
def app():
    return Starlette(routes=[Route("/", lambda request: PlainTextResponse("hello"))])


def read(url):
    with urllib.request.urlopen(url, timeout=10) as reply:
        return reply.read()


def test_it_answers_while_the_block_lasts_and_then_the_port_is_free(app):
    listener = listen("127.0.0.1", 0, 8009)
    url = url_of(listener)
    with answering(app, listener):
        assert read(url) == b"hello"
    with listen("127.0.0.1", int(url.rsplit(":", 1)[1]), 8009):
        pass


def test_in_a_notebook_whose_loop_runs_already_it_answers_until_ctrl_c_too(app):
    got = []

    def visit_and_interrupt(url):
        got.append(read(url))
        signal.raise_signal(signal.SIGINT)

    async def cell():
        with listen("127.0.0.1", 0, 8009) as listener:
            visitor = threading.Thread(target=visit_and_interrupt, args=(url_of(listener),))
            answer(app, listener, visitor.start)
            visitor.join()

    loop = asyncio.new_event_loop()  # not `asyncio.run`, which takes Ctrl-C for itself; a notebook does not
    try:
        loop.run_until_complete(cell())
    finally:
        loop.close()
    assert got == [b"hello"]


class Site:
    """A page that answers when it may."""

    def __init__(self):
        self.entered, self.may_answer = threading.Semaphore(0), threading.Event()

    async def slow(self, request):
        self.entered.release()
        while not self.may_answer.is_set():
            await asyncio.sleep(0.002)
        return PlainTextResponse("at last")

    async def quick(self, request):
        return PlainTextResponse("hello")


@contextlib.contextmanager
def stopping(site, **patience):
    """Serve on a thread; yield the address, and a function that begins to stop and returns the thread to wait for."""
    app = Starlette(routes=[Route("/slow", site.slow), Route("/", site.quick)])
    ready, listener = threading.Event(), listen("127.0.0.1", 0, 8009)
    server = QuietServer(app, ready.set, Patience(**patience))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    address = listener.getsockname()
    thread.start()
    assert ready.wait(20)

    def stop():
        server.should_exit = True

    try:
        yield address, stop, thread
    finally:
        site.may_answer.set()
        stop()
        thread.join()


def answer_to(caller, path):
    caller.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return caller


def read_answer(caller):
    answer = b""
    while not answer.endswith((b"at last", b"hello")):
        part = caller.recv(65536)
        assert part, f"the connection ended after {answer!r}"
        answer += part
    return answer


def test_a_request_in_hand_is_finished_and_says_that_the_connection_ends():
    site = Site()
    with (
        stopping(site, grace=20.0, linger=0.05) as (address, stop, thread),
        socket.create_connection(address) as caller,
    ):
        answer_to(caller, "/slow")
        assert site.entered.acquire(timeout=20)
        stop()
        until_true(lambda: _is_closed(address))
        assert thread.is_alive()
        site.may_answer.set()
        answer = read_answer(caller)
        assert b"connection: close" in answer.lower()
        assert caller.recv(1) == b""


def test_a_caller_whom_the_system_has_taken_for_us_is_answered_too():
    site = Site()
    with stopping(site, grace=20.0) as (address, stop, _), contextlib.ExitStack() as callers:
        calls = []
        for _ in range(20):
            caller = callers.enter_context(socket.create_connection(address, timeout=20))
            calls.append(answer_to(caller, "/"))
        stop()
        assert all(b"hello" in read_answer(caller) for caller in calls)


def test_a_request_that_was_on_its_way_is_answered():
    site = Site()
    with (
        stopping(site, grace=20.0, linger=20.0) as (address, stop, thread),
        socket.create_connection(address) as caller,
    ):
        assert b"connection: close" not in read_answer(answer_to(caller, "/")).lower()
        stop()
        until_true(lambda: _is_closed(address))
        assert b"connection: close" in read_answer(answer_to(caller, "/")).lower()
        thread.join(20)
        assert not thread.is_alive()  # the connection has ended, so there is nothing to wait for


def test_a_request_that_does_not_end_is_given_up_after_the_grace():
    site = Site()
    with stopping(site, grace=0.1, linger=0.05) as (address, stop, thread), socket.create_connection(address) as caller:
        answer_to(caller, "/slow")
        assert site.entered.acquire(timeout=20)
        stop()
        thread.join(20)
        assert not thread.is_alive()
        assert not site.may_answer.is_set()


def test_a_second_is_told_while_it_answers():
    beats = threading.Semaphore(0)
    app, listener = Starlette(), listen("127.0.0.1", 0, 8009)
    server = QuietServer(app, lambda: None, each_second=beats.release)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    assert beats.acquire(timeout=20) and beats.acquire(timeout=20)
    server.should_exit = True
    thread.join()


def _is_closed(address):
    try:
        socket.create_connection(address, timeout=20).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit there")
def test_files_may_be_open_as_far_as_the_system_lets_us():
    import resource

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, before[1]))
        assert allow_open_files(300) >= 300
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= 300
        assert allow_open_files(100) >= 100
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= 300  # never less than it was
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
