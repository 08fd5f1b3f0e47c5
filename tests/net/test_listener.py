import os
import socket

import pytest

from fieldmark.errors import ServeError
from fieldmark.net.listener import is_loopback, listen, url_of


def test_a_port_in_use_is_named_with_the_way_to_another():
    with listen("127.0.0.1", 0, 8009) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServeError, match=rf"Port {port} on 127\.0\.0\.1 is in use.*--port \d+.*--port 0"):
            listen("127.0.0.1", port, 8009)


@pytest.mark.parametrize(
    ("host", "port", "sentence"),
    [
        ("nowhere.invalid", 0, "no host 'nowhere.invalid' to listen on.*--host 127.0.0.1"),
        ("192.0.2.1", 0, "192.0.2.1 is not an address of this computer"),
        ("127.0.0.1", 70_000, "no port 70000"),
        ("127.0.0.1", -1, "no port -1"),
    ],
)
def test_a_host_or_port_that_cannot_be_had_gets_a_sentence(host, port, sentence):
    with pytest.raises(ServeError, match=sentence):
        listen(host, port, 8009)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="an administrator may take any port")
def test_a_port_for_administrators_gets_a_sentence():
    with pytest.raises(ServeError, match="Port 80 is not ours to take"):
        listen("127.0.0.1", 80, 8009)


def test_a_port_that_is_denied_gets_a_sentence(monkeypatch):
    def deny(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", deny)
    with pytest.raises(ServeError, match=r"Port 80 is not ours to take.*--port 8009"):
        listen("127.0.0.1", 80, 8009)


def test_a_server_on_every_interface_is_named_by_a_url_that_works_here():
    with listen("0.0.0.0", 0, 8009) as listener:
        assert url_of(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert not is_loopback(listener)
