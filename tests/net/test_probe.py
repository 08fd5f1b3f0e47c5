import time

import pytest

from fieldmark.net import probe
from support.bad_web import bad_web


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("path", ["/a.png", "/missing", "/around"])
def test_any_http_answer_counts_as_reachable(path):
    with bad_web() as web:
        web.picture("/a.png", b"x")
        assert probe.reachable(web.url(path))


def test_nobody_listening_is_not_reachable():
    with bad_web() as gone:
        pass
    assert not probe.reachable(gone.url("/"))


def test_a_server_that_stays_silent_is_given_up_in_time():
    with bad_web() as web:
        started = time.monotonic()
        assert not probe.reachable(web.url("/silent"), timeout=0.3)
        assert time.monotonic() - started < 1.5


def test_a_name_whose_resolution_hangs_is_given_up_in_time(monkeypatch):
    import socket

    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(2) or [])
    started = time.monotonic()
    assert not probe.reachable("http://hub.example/", timeout=0.3)
    assert time.monotonic() - started < 1.5


def test_proxy_settings_are_honoured(monkeypatch):
    with bad_web() as proxy:
        monkeypatch.setenv("http_proxy", f"http://{proxy.endpoint}")
        assert probe.reachable("http://hub.example/models")
        assert [path for path, _ in proxy.requests] == ["http://hub.example/models"]


@pytest.mark.parametrize("url", ["", "hub", "http://[", "ftp://hub.example/", "http://nowhere.invalid/"])
def test_what_cannot_be_asked_is_not_reachable(url):
    assert not probe.reachable(url)


def test_a_proxy_setting_that_means_nothing_is_not_reachable(monkeypatch):
    monkeypatch.setenv("http_proxy", "snail://10.0.0.1:1")
    assert not probe.reachable("http://hub.example/", timeout=2)
