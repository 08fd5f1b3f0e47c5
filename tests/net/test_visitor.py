from collections import Counter

import anyio
import pytest

from fieldmark.errors import (
    BadStatus,
    BrokenOff,
    FetchFailed,
    OptedOut,
    RefusedAddress,
    RobotsRefuse,
    TimedOut,
    Unreachable,
)
from fieldmark.net.client import Client
from fieldmark.net.manners import Manners, Pace
from fieldmark.net.visitor import Visitor, browser_agent, user_agent
from fieldmark.version import __version__
from support.bad_web import bad_web
from support.slow_clock import SlowClock

BYTES = b"\x89PNG\r\n\x1a\n and so on"
BUSY = (503, {}, b"")


@pytest.fixture
def web(monkeypatch):
    monkeypatch.setenv("FIELDMARK_NO_WAIT", "1")
    with bad_web() as web:
        monkeypatch.setenv("FIELDMARK_ALLOW_HOSTS", web.endpoint)
        yield web


@pytest.fixture
def other(web, monkeypatch):
    with bad_web() as other:
        monkeypatch.setenv("FIELDMARK_ALLOW_HOSTS", f"{web.endpoint},{other.endpoint}")
        yield other


def visit(*urls, manners=None, fetch=None, **options):
    """Fetch all URLs at the same time with one visitor; return bytes or exceptions in their order."""

    async def go():
        async with Client() as client:
            visitor = Visitor(client, manners=manners, **options)
            ends = [None] * len(urls)

            async def one(n, url):
                try:
                    ends[n] = (await visitor.fetch(url, **(fetch or {}))).content
                except FetchFailed as error:
                    ends[n] = error

            async with anyio.create_task_group() as group:
                for n, url in enumerate(urls):
                    group.start_soon(one, n, url)
            return ends

    return anyio.run(go)


def after(failures, status=503, headers=None):
    """An answer that fails so often and then is good."""
    return lambda asked: (status, headers or {}, b"") if asked < failures else (200, {}, BYTES)


# ----------------------------------------------------------------------------------------------------- robots.txt


def test_robots_txt_is_asked_once_and_before_anything_else(web):
    urls = [web.picture(f"/{n}.png", BYTES) for n in range(50)]
    assert visit(*urls) == [BYTES] * 50
    assert web.requests[0][0] == "/robots.txt"
    assert web.asked("/robots.txt") == 1


def test_a_url_that_robots_txt_forbids_is_never_asked(web):
    web.robots("User-agent: *\nDisallow: /private")
    (end,) = visit(web.picture("/private/a.png", BYTES))
    assert isinstance(end, RobotsRefuse)
    assert web.asked("/private/a.png") == 0
    assert visit(web.url("/private/a.png"), robots=False) == [BYTES]


def test_the_robots_txt_of_where_a_redirect_leads_counts_too(web, other):
    other.robots("User-agent: *\nDisallow: /")
    (end,) = visit(web.redirect("/a.png", other.picture("/b.png", BYTES)))
    assert isinstance(end, RobotsRefuse)
    assert "redirects there" in str(end)
    assert other.asked("/b.png") == 0


def test_a_robots_txt_that_fails_for_a_moment_is_asked_again(web):
    web.hooks["/robots.txt"] = lambda asked: BUSY if asked < 2 else (200, {}, b"User-agent: *\nAllow: /")
    assert visit(web.picture("/a.png", BYTES)) == [BYTES]
    assert web.asked("/robots.txt") == 3


def test_a_robots_txt_that_keeps_failing_keeps_us_away(web):
    web.robots("", status=500)
    ends = visit(*(web.picture(f"/{n}.png", BYTES) for n in range(5)))
    assert {type(end) for end in ends} == {Unreachable}
    assert "500" in str(ends[0])
    assert web.asked("/robots.txt") == 3
    assert len(web.requests) == 3


def test_an_endless_robots_txt_is_read_up_to_its_limit(web):
    web.redirect("/robots.txt", "/endless")
    assert visit(web.picture("/a.png", BYTES)) == [BYTES]
    assert web.bytes_sent < 32 * 2**20


@pytest.mark.parametrize("text", [b"\xff\xfe\x00\x00" * 1000, b"<html>no</html>", b"User-agent: *\nDisallow: \x00"])
def test_a_robots_txt_of_nonsense_allows_everything(web, text):
    web.robots(text)
    assert visit(web.picture("/a.png", BYTES)) == [BYTES]


# -------------------------------------------------------------------------------------------------------- opt-outs


def test_an_owner_who_opted_out_is_heard_unless_told_otherwise(web):
    web.answers["/a.png"] = (200, {"X-Robots-Tag": "noai"}, BYTES)
    (end,) = visit(web.url("/a.png"))
    assert isinstance(end, OptedOut)
    assert "X-Robots-Tag: noai" in str(end)
    assert web.asked("/a.png") == 1
    assert visit(web.url("/a.png"), opt_outs=False) == [BYTES]


def test_a_site_that_opted_out_in_robots_txt_is_not_asked_for_pictures(web):
    web.robots("User-agent: *\nContent-Signal: search=yes,ai-train=no\nAllow: /")
    (end,) = visit(web.picture("/a.png", BYTES))
    assert isinstance(end, OptedOut)
    assert web.asked("/a.png") == 0
    assert visit(web.url("/a.png"), opt_outs=False) == [BYTES]


# --------------------------------------------------------------------------------------------------------- retries


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again(web, status):
    web.hooks["/a.png"] = after(2, status)
    assert visit(web.url("/a.png")) == [BYTES]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451, 501])
def test_what_will_not_pass_is_asked_once(web, status):
    web.answers["/a.png"] = (status, {}, b"")
    (end,) = visit(web.url("/a.png"))
    assert isinstance(end, BadStatus)
    assert end.code == status
    assert web.asked("/a.png") == 1


def test_the_number_of_tries_is_the_callers(web):
    for attempts in (1, 2, 5):
        web.requests.clear()
        web.answers["/a.png"] = BUSY
        (end,) = visit(web.url("/a.png"), attempts=attempts)
        assert end.code == 503
        assert web.asked("/a.png") == attempts


@pytest.mark.parametrize(
    ("path", "ends_in"),
    [("/hang-up", BrokenOff), ("/cut-short", BrokenOff), ("/slow", TimedOut), ("/silent", TimedOut)],
)
def test_broken_connections_and_slow_answers_are_tried_again(web, path, ends_in):
    (end,) = visit(web.url(path), robots=False, attempts=2, fetch={"timeout": 0.15})
    assert type(end) is ends_in
    assert web.asked(path) == 2


def test_a_refused_address_is_tried_once(web):
    (end,) = visit(web.redirect("/a.png", "http://10.0.0.1/"), robots=False)
    assert isinstance(end, RefusedAddress)
    assert web.asked("/a.png") == 1


def test_the_time_limit_is_for_all_redirects_of_a_try_together(web):
    web.delay = 0.12
    web.redirect("/1", "/2")
    web.redirect("/2", "/3")
    web.picture("/3", BYTES)
    (end,) = visit(web.url("/1"), robots=False, attempts=1, fetch={"timeout": 0.25})
    assert isinstance(end, TimedOut)
    assert "took longer than 0.25 seconds" in str(end)


def test_a_referer_is_sent_when_it_is_one(web):
    url = web.picture("/a.png", BYTES)
    visit(url, robots=False, fetch={"referer": "https://example.org/page"})
    visit(url, robots=False, fetch={"referer": "x\r\nHost: elsewhere"})
    assert [headers.get("referer") for _, headers in web.requests] == ["https://example.org/page", None]


# --------------------------------------------------------------------------------------------- hosts that are slow


def patient(**paces):
    """Manners on a clock of their own, so that pauses can be seen and take no time."""
    clock = SlowClock()

    async def sleep(seconds):
        clock.slept.append(seconds)
        clock.time += seconds
        await anyio.lowlevel.checkpoint()

    return clock, Manners(paces=paces, now=clock.now, sleep=sleep, chance=lambda: 0.0)


def test_retry_after_is_honoured_before_the_next_try(web, monkeypatch):
    monkeypatch.delenv("FIELDMARK_NO_WAIT")
    clock, manners = patient()
    web.hooks["/a.png"] = after(1, 429, {"Retry-After": "40"})
    assert visit(web.url("/a.png"), robots=False, manners=manners) == [BYTES]
    assert sum(clock.slept) == pytest.approx(40, abs=0.5)


def test_beyond_the_longest_wait_the_rest_of_a_host_is_given_up_at_once(web, monkeypatch):
    monkeypatch.delenv("FIELDMARK_NO_WAIT")
    clock, manners = patient()
    web.answers["/0.png"] = (429, {"Retry-After": "86400"}, b"")
    urls = [web.url("/0.png"), *(web.picture(f"/{n}.png", BYTES) for n in range(1, 30))]

    async def in_turn():
        async with Client() as client:
            visitor, ends = Visitor(client, robots=False, manners=manners), []
            for url in urls:
                with pytest.raises(BadStatus, match="wants no call for 24 hours") as failure:
                    await visitor.fetch(url)
                ends.append(failure.value.code)
            return ends

    assert anyio.run(in_turn) == [429] * 30
    assert len(web.requests) == 1
    assert clock.slept == []


def test_a_host_that_is_not_there_is_asked_twice_and_not_for_each_url(monkeypatch):
    with bad_web() as gone:
        monkeypatch.setenv("FIELDMARK_ALLOW_HOSTS", gone.endpoint)
    asked = Counter()
    connect = Client._send

    async def count(self, url, *args, **options):
        asked[url.netloc] += 1
        return await connect(self, url, *args, **options)

    monkeypatch.setattr(Client, "_send", count)
    for robots in (True, False):
        asked.clear()
        _, manners = patient()
        ends = visit(*(gone.url(f"/{n}.png") for n in range(50)), manners=manners, robots=robots)
        assert {type(end) for end in ends} == {Unreachable}
        assert 2 <= asked.total() <= 3  # the third was under way on the second connection when the second failed
        assert all("nobody answers there" in str(end) for end in ends)


def test_at_most_two_connections_go_to_one_host(web, monkeypatch):
    monkeypatch.delenv("FIELDMARK_NO_WAIT")
    web.delay = 0.1
    manners = Manners(paces={"127.0.0.1": Pace(interval=0.0)})
    assert visit(*(web.picture(f"/{n}.png", BYTES) for n in range(12)), manners=manners) == [BYTES] * 12
    assert web.at_once == 2


def test_without_waiting_the_cap_a_host_is_lifted_and_the_cap_of_all_stays(web):
    web.delay = 0.1
    urls = [web.picture(f"/{n}.png", BYTES) for n in range(12)]
    visit(*urls, connections=4)
    assert 2 < web.at_once <= 4


def test_a_slow_host_does_not_hold_the_connections_of_others(web, other, monkeypatch):
    monkeypatch.delenv("FIELDMARK_NO_WAIT")
    slow = [web.picture(f"/{n}.png", BYTES) for n in range(5)]
    quick = other.picture("/quick.png", BYTES)
    order = []

    async def work():
        served, clock = anyio.Event(), SlowClock()

        async def sleep(seconds):  # turns at the slow host come only once the quick one has been served
            with anyio.fail_after(20):
                await served.wait()
            clock.time += seconds

        async with Client() as client:
            manners = Manners(now=clock.now, sleep=sleep, chance=lambda: 0.0)
            visitor = Visitor(client, robots=False, connections=2, manners=manners)

            async def one(url):
                await visitor.fetch(url)
                order.append(url)
                if url == quick:
                    served.set()

            async with anyio.create_task_group() as group:
                for url in (*slow, quick):
                    group.start_soon(one, url)

    anyio.run(work)
    assert quick in order[:2]  # it did not wait until those of the slow host had all had their turn
    assert sorted(order) == sorted([*slow, quick])


# ------------------------------------------------------------------------------------------------------ who we are


def test_a_user_agent_names_us_our_version_and_the_contact():
    assert user_agent("mail@example.org") == f"fieldmark/{__version__} (+mail@example.org)"
    assert user_agent("https://example.org/bot") == f"fieldmark/{__version__} (+https://example.org/bot)"


def test_without_a_contact_the_user_agent_says_so():
    assert user_agent() == user_agent("  ") == user_agent("ü")
    assert "no contact" in user_agent()
    assert "+" not in user_agent()


@pytest.mark.parametrize("contact", ["a\r\nHost: b", "a)(b", "ü\x00a", "x" * 5000])
def test_a_contact_cannot_break_the_header(web, contact):
    agent = user_agent(contact)
    assert agent.isprintable() and agent.isascii() and len(agent) < 300
    assert agent.count("(") == agent.count(")") == 1

    async def go():
        async with Client(user_agent=agent) as client:
            await client.fetch(web.picture("/a.png", BYTES))

    anyio.run(go)
    assert web.requests[-1][1]["user-agent"] == agent


def test_the_browser_like_agent_still_says_who_we_are():
    assert browser_agent().startswith("Mozilla/5.0 (")
    assert browser_agent().endswith(f"fieldmark/{__version__}")
