import asyncio
import signal
import threading
import urllib.request

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from fieldmark.net.listener import listen, url_of
from fieldmark.net.quiet import answer, answering


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
