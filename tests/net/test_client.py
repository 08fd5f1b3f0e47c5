import gzip
import time
from contextlib import suppress
from functools import partial

import anyio
import pytest

from fieldmark.errors import (
    BadStatus,
    BrokenOff,
    FetchFailed,
    RefusedAddress,
    TimedOut,
    TooManyBytes,
    Unreachable,
)
from fieldmark.net import client, guard
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
    assert (found.content, found.url, found.content_type) == (BYTES, web.url("/a.png"), "image/png")
    assert found.headers["content-type"] == "image/PNG; charset=binary"


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
    assert first.content == second.content == BYTES
    assert web.connections == 1


# ---------------------------------------------------------------------------------------------- what fetch ends in


@pytest.mark.parametrize(
    ("path", "ends_in"),
    [
        ("/missing", BadStatus),
        ("/around", BadStatus),
        ("/endless", TooManyBytes),
        ("/liar", TooManyBytes),
        ("/slow", TimedOut),
        ("/silent", TimedOut),
        ("/header-drip", TimedOut),
        ("/cut-short", BrokenOff),
        ("/no-http", BrokenOff),
        ("/damaged", BrokenOff),
        ("/hang-up", BrokenOff),
    ],
)
def test_every_end_has_its_own_exception(web, path, ends_in):
    with pytest.raises(FetchFailed) as failure:
        fetch(web.url(path), timeout=0.3)
    assert type(failure.value) is ends_in


def test_nobody_there_is_not_the_same_as_a_connection_that_broke(monkeypatch):
    with bad_web() as gone:
        monkeypatch.setenv("FIELDMARK_ALLOW_HOSTS", gone.endpoint)
    with pytest.raises(Unreachable) as failure:
        fetch(gone.url("/a.png"))
    assert type(failure.value) is Unreachable


def test_a_name_that_takes_too_long_to_resolve_is_unreachable(monkeypatch):
    async def never(*_, **__):
        await anyio.sleep(60)

    monkeypatch.setattr(guard.anyio, "getaddrinfo", never)
    with pytest.raises(Unreachable, match=r"slow\.example cannot be resolved now"):
        fetch("http://slow.example/a.jpg", timeout=0.1)


def test_a_bad_status_carries_its_code_and_how_long_to_wait(web):
    web.answers["/busy"] = (429, {"Retry-After": "17"}, b"")
    with pytest.raises(BadStatus) as failure:
        fetch(web.url("/busy"))
    assert (failure.value.code, failure.value.retry_after) == (429, 17.0)


def test_the_reason_of_a_redirect_keeps_its_class_and_its_facts(web):
    web.answers["/busy"] = (503, {"Retry-After": "5"}, b"")
    with pytest.raises(BadStatus, match=r"503.*/from redirects there") as failure:
        fetch(web.redirect("/from", "/busy"))
    assert (failure.value.code, failure.value.retry_after) == (503, 5.0)


def test_headers_come_in_lower_case_and_repeated_ones_on_lines_of_their_own(web):
    web.answers["/a.png"] = (200, {"X-Robots-Tag": "noarchive", "x-robots-tag": "otherbot: noai"}, BYTES)
    assert fetch(web.url("/a.png")).headers["x-robots-tag"] == "noarchive\notherbot: noai"


@pytest.mark.parametrize("path", ["/hidden-tail", "/packed-often", "/strange-packing"])
def test_packing_tricks_end_within_the_limits(web, path):
    with pytest.raises((TooManyBytes, BrokenOff)):
        fetch(web.url(path), max_bytes=2**20)
    assert web.bytes_sent < 32 * 2**20


def test_a_packed_body_is_unpacked_and_counted_unpacked(web):
    web.answers["/a.png"] = (200, {"Content-Encoding": "gzip"}, gzip.compress(bytes(5000)))
    assert fetch(web.url("/a.png"), max_bytes=5000).content == bytes(5000)
    with pytest.raises(TooManyBytes, match="more than the 4,999 bytes"):
        fetch(web.url("/a.png"), max_bytes=4999)


def test_a_short_error_page_does_not_cost_the_connection(web):
    web.picture("/a.png", BYTES)

    async def three():
        async with client.Client() as shared:
            for path in ("/missing", "/missing", "/a.png"):
                with suppress(BadStatus):
                    await shared.fetch(web.url(path))

    anyio.run(three)
    assert web.connections == 1


def test_a_caller_may_add_headers_and_they_survive_strange_characters(web):
    web.picture("/a.png", BYTES)

    async def go(headers):
        async with client.Client(user_agent="me/1") as shared:
            return await shared.fetch(web.url("/a.png"), headers=headers)

    anyio.run(go, {"Referer": "https://example.org/ü"})
    assert web.requests[0][1]["user-agent"] == "me/1"
    assert web.requests[0][1]["referer"].startswith("https://example.org/")
    with pytest.raises(FetchFailed):
        anyio.run(go, {"Referer": "x\r\nHost: elsewhere"})
    assert len(web.requests) == 1


# -------------------------------------------------------------------------------------------------------------- ask


def ask(url, *, cookies=False, **options):
    async def go():
        async with client.Client(cookies=cookies) as shared:
            return await shared.ask(url, **options)

    return anyio.run(go)


@pytest.mark.parametrize("status", [200, 204, 400, 403, 404, 429, 500, 503, 599])
def test_every_status_is_an_answer(web, status):
    web.answers["/api"] = (status, {"Content-Type": "application/json"}, b"" if status == 204 else b"{}")
    answer = ask(web.url("/api"))
    assert (answer.status, answer.url) == (status, web.url("/api"))
    assert answer.headers["content-type"] == "application/json"


def test_parameters_are_added_to_those_of_the_url(web):
    answer = ask(web.url("/api?a=1"), params={"q": "coral snake & ü", "page": "2"})
    assert answer.url == web.url("/api?a=1&q=coral+snake+%26+%C3%BC&page=2")


def test_an_answer_is_asked_for_as_anything_and_headers_may_be_overridden(web):
    ask(web.url("/api"))
    ask(web.url("/api"), headers={"Accept": "application/json", "User-Agent": "Mozilla/5.0"})
    assert web.requests[0][1]["accept"] == "*/*"
    assert web.requests[0][1]["user-agent"].startswith("fieldmark/")
    assert web.requests[1][1]["accept"] == "application/json"
    assert web.requests[1][1]["user-agent"] == "Mozilla/5.0"


def test_a_packed_answer_is_unpacked(web):
    web.answers["/api"] = (200, {"Content-Encoding": "gzip"}, gzip.compress(b'{"a": 1}'))
    assert ask(web.url("/api")).content == b'{"a": 1}'
    assert web.requests[0][1]["accept-encoding"] == "gzip"


def test_answers_are_limited_and_guarded_like_pictures(web):
    with pytest.raises(TooManyBytes):
        ask(web.url("/endless"), max_bytes=2**20)
    with pytest.raises(TimedOut):
        ask(web.url("/silent"), timeout=0.2)
    with pytest.raises(RefusedAddress):
        ask(web.redirect("/in", "http://169.254.169.254/latest"))
    with pytest.raises(RefusedAddress):
        ask("http://10.0.0.1/")
    with pytest.raises(BadStatus, match="redirects more than 5 times"):
        ask(web.url("/around"))


def test_a_cut_answer_keeps_its_beginning(web):
    assert len(ask(web.url("/endless"), max_bytes=1000, cut=True).content) == 1000


def test_keys_in_headers_are_not_shown_to_another_host(web, monkeypatch):
    with bad_web() as other:
        monkeypatch.setenv("FIELDMARK_ALLOW_HOSTS", f"{web.endpoint},{other.endpoint}")
        web.redirect("/api", "/api2")
        web.redirect("/api2", other.url("/there"))
        ask(web.url("/api"), headers={"Authorization": "Bearer secret", "X-Key": "secret", "Accept-Language": "de"})
        assert web.requests[1][1]["authorization"] == "Bearer secret"
        assert "secret" not in str(other.requests)
        assert other.requests[0][1]["accept-language"] == "de"


def test_cookies_are_sent_back_to_their_site_only_when_they_are_kept(web):
    web.answers["/"] = (200, {"Set-Cookie": "BAIDUID=abc; Path=/"}, b"hello")

    async def visit(keep):
        async with client.Client(cookies=keep) as shared:
            await shared.ask(web.url("/"))
            await shared.ask(web.url("/search"))
            return web.requests[-1][1].get("cookie")

    assert anyio.run(visit, True) == "BAIDUID=abc"
    assert anyio.run(visit, False) is None
