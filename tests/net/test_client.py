import time
from functools import partial

import anyio
import pytest

from fieldmark.errors import FetchFailed, RefusedAddress
from fieldmark.net import client
from support.bad_web import bad_web

BYTES = b"\x89PNG\r\n\x1a\n and so on"


@pytest.fixture
def web(monkeypatch):
    with bad_web() as web:
        monkeypatch.setenv("FIELDMARK_ALLOW_HOSTS", web.endpoint)
        yield web


def fetch(url, **limits):
    return anyio.run(partial(client.fetch, url, **limits))


def test_the_bytes_come_with_their_url_and_what_the_host_calls_them(web):
    found = fetch(web.picture("/a.png", BYTES, "image/PNG; charset=binary"))
    assert found == client.Fetched(BYTES, web.url("/a.png"), "image/png")


def test_we_say_who_we_are_and_ask_for_pictures(web):
    fetch(web.picture("/a.png", BYTES))
    _, headers = web.requests[0]
    assert headers["user-agent"].startswith("fieldmark/")
    assert headers["accept"] == "image/*"
    assert headers["host"] == web.endpoint


def test_redirects_are_followed_and_the_last_url_is_kept(web):
    web.picture("/a.png", BYTES)
    web.redirect("/one", "/two")
    web.redirect("/two", web.url("/a.png"))
    assert fetch(web.url("/one")).url == web.url("/a.png")


def test_five_redirects_are_followed_and_six_are_not(web):
    web.picture("/0", BYTES)
    for n in range(1, 7):
        web.redirect(f"/{n}", f"/{n - 1}")
    assert fetch(web.url("/5")).content == BYTES
    with pytest.raises(FetchFailed, match="more than 5 times"):
        fetch(web.url("/6"))


def test_a_circle_of_redirects_ends(web):
    with pytest.raises(FetchFailed, match="redirects more than 5 times"):
        fetch(web.url("/around"))
    assert len(web.requests) == 6


def test_a_redirect_to_a_private_address_is_refused_and_never_asked(web):
    with bad_web() as inside:
        web.redirect("/in", inside.picture("/secret", BYTES))
        with pytest.raises(RefusedAddress, match=r"leads to this computer itself.*redirects there"):
            fetch(web.url("/in"))
        assert inside.requests == []


@pytest.mark.parametrize("target", ["file:///etc/passwd", "http://169.254.169.254/latest", "//10.0.0.1/", "ftp://x/"])
def test_a_redirect_off_the_public_web_is_refused(web, target):
    with pytest.raises(RefusedAddress):
        fetch(web.redirect("/in", target))


@pytest.mark.parametrize("target", ["http://[", "http://exa\\mple.org/", "http://example.org:99999/"])
def test_a_redirect_to_no_url_fails_with_a_sentence(web, target):
    with pytest.raises(FetchFailed, match=r"URL|port|no proper host"):
        fetch(web.redirect("/in", target))


def test_an_address_that_is_not_exempt_is_never_asked(monkeypatch):
    with bad_web() as inside:
        monkeypatch.setenv("FIELDMARK_ALLOW_HOSTS", "127.0.0.1:1")
        with pytest.raises(RefusedAddress):
            fetch(inside.picture("/a.png", BYTES))
        assert inside.requests == []


def test_a_proxy_setting_does_not_lead_around_the_guard(web, monkeypatch):
    with bad_web() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://{proxy.endpoint}")
        assert fetch(web.picture("/a.png", BYTES)).content == BYTES
        with pytest.raises(RefusedAddress):
            fetch("http://10.0.0.1/")
        assert proxy.requests == []


def test_an_endless_body_is_cut_at_the_limit(web):
    with pytest.raises(FetchFailed, match="more than the 1 MiB we read"):
        fetch(web.url("/endless"), max_bytes=2**20)
    assert web.bytes_sent < 32 * 2**20


def test_exactly_the_limit_is_read_and_one_byte_more_is_not(web):
    url = web.picture("/a.png", BYTES)
    assert fetch(url, max_bytes=len(BYTES)).content == BYTES
    with pytest.raises(FetchFailed, match="more than"):
        fetch(url, max_bytes=len(BYTES) - 1)


def test_a_body_that_promises_too_much_is_not_read_at_all(web):
    started = time.monotonic()
    with pytest.raises(FetchFailed, match="more than the 16 MiB"):
        fetch(web.url("/liar"))
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("path", ["/bomb", "/twice-packed"])
def test_a_gzip_bomb_is_cut_at_the_limit_after_decompression(web, path):
    with pytest.raises(FetchFailed, match="more than the 1 MiB"):
        fetch(web.url(path), max_bytes=2**20)


def test_the_time_limit_holds_for_everything_together(web):
    for path in ("/slow", "/silent"):
        started = time.monotonic()
        with pytest.raises(FetchFailed, match=r"took longer than 0\.3 seconds"):
            fetch(web.url(path), timeout=0.3)
        assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/missing", "answered 404 Not Found and gave no picture"),
        ("/cut-short", "the connection broke off or spoke no proper HTTP"),
        ("/damaged", "its compressed answer is damaged"),
        ("/no-http", "the connection broke off or spoke no proper HTTP"),
    ],
)
def test_a_bad_answer_becomes_a_sentence(web, path, sentence):
    with pytest.raises(FetchFailed, match=sentence):
        fetch(web.url(path))


def test_a_port_where_nobody_listens_becomes_a_sentence(web, monkeypatch):
    with bad_web() as gone:
        monkeypatch.setenv("FIELDMARK_ALLOW_HOSTS", gone.endpoint)
    with pytest.raises(FetchFailed, match="nobody answers there"):
        fetch(gone.url("/a.png"))


@pytest.mark.parametrize("host", ["nowhere.invalid", "a" * 70 + ".example", "..", "xn--.example"])
def test_a_host_that_does_not_resolve_becomes_a_sentence(host):
    with pytest.raises(FetchFailed, match=r"no host|not a URL"):
        fetch(f"http://{host}/a.jpg")


def test_one_client_fetches_many_urls_over_one_connection(web):
    web.picture("/a.png", BYTES)

    async def twice():
        async with client.Client() as shared:
            first = await shared.fetch(web.url("/a.png"))
            with pytest.raises(FetchFailed):
                await shared.fetch(web.url("/missing"))
            return first, await shared.fetch(web.url("/a.png"))

    first, second = anyio.run(twice)
    assert first == second
