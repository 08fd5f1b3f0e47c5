import anyio
import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldmark.errors import OptedOut, RefusedAddress, RobotsRefuse, TimedOut, Unreachable
from fieldmark.net.client import Answer
from fieldmark.net.robots import MAX_ROBOTS, Robots, read_rules

SITE = "https://example.org"


class Site:
    """A site that answers for its robots.txt with `status` and `body`, or raises."""

    def __init__(self, body=b"", status=200, error=None):
        self.body, self.status, self.error = body, status, error
        self.asked = []

    async def __call__(self, url):
        self.asked.append(url)
        await anyio.lowlevel.checkpoint()
        if self.error is not None:
            raise self.error
        return Answer(self.status, {}, self.body, url)


def check(site, *paths, opt_outs=True):
    async def go():
        robots = Robots(site, opt_outs=opt_outs)
        async with anyio.create_task_group() as group:
            for path in paths:
                group.start_soon(one, robots, path)

    ends = {}

    async def one(robots, path):
        try:
            await robots.check(httpx2.URL(SITE + path if path.startswith("/") else path))
            ends[path] = None
        except Exception as error:
            ends[path] = error

    anyio.run(go)
    return ends


def allowed(text, path="/photos/a.jpg"):
    return read_rules(text.encode()).allows(SITE + path)


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("", "/a.jpg", True),
        ("User-agent: *\nDisallow:", "/a.jpg", True),
        ("User-agent: *\nDisallow: /", "/a.jpg", False),
        ("user-agent: *\ndisallow: /private", "/a.jpg", True),
        ("User-agent: *\nDisallow: /private # ours", "/private/a.jpg", False),
        ("User-agent: *\nDisallow: /\nAllow: /photos/", "/photos/a.jpg", True),
        ("User-agent: *\nDisallow: /*.jpg$", "/x/a.jpg", False),
        ("User-agent: *\nDisallow: /*.jpg$", "/x/a.jpg?size=l", True),
        ("User-agent: *\nDisallow: /\n\nUser-agent: fieldmark\nAllow: /", "/a.jpg", True),
        ("User-agent: Fieldmark/2\nDisallow: /\n\nUser-agent: *\nAllow: /", "/a.jpg", False),
        ("User-agent: otherbot\nDisallow: /", "/a.jpg", True),
        ("User-agent: otherbot\nUser-agent: fieldmark\nDisallow: /", "/a.jpg", False),
        ("User-agent: fieldmarket\nDisallow: /", "/a.jpg", True),
        ("User-agent: *\nSitemap: x\nUser-agent: otherbot\nDisallow: /", "/a.jpg", False),
        ("User-agent: *\nDisallow: /a\n\nUser-agent: x\nDisallow: /\n\nUser-agent: *\nDisallow: /b", "/b.jpg", False),
        ("\ufeffUser-agent: *\r\nDisallow: /\r\n", "/a.jpg", False),
        ("Disallow: /", "/a.jpg", True),
        ("<html><body>Not found</body></html>", "/a.jpg", True),
        ("User-agent: *\nDisallow: /fo%C3%B6", "/foö.jpg", False),
    ],
)
def test_the_rules_of_our_group_decide(text, path, expected):
    assert allowed(text, path) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("User-agent: *\nContent-Signal: search=yes, ai-train=no\nAllow: /", True),
        ("User-agent: *\ncontent-signal: search=yes,AI-train=no", True),
        ("User-agent: *\nContent-Signal: ai-train=yes, search=no", False),
        ("User-agent: *\nContent-Signal: ai-input=no", False),
        ("User-agent: otherbot\nContent-Signal: ai-train=no", False),
        ("User-agent: *\nContent-Signal: ai-train=no\n\nUser-agent: fieldmark\nAllow: /", False),
        ("User-agent: fieldmark\nContent-Signal: ai-train=no", True),
        ("# Content-Signal: ai-train=no\nUser-agent: *\nAllow: /", False),
    ],
)
def test_a_content_signal_counts_in_the_group_that_applies_to_us(text, expected):
    assert read_rules(text.encode()).no_training is expected


def test_a_site_is_asked_once_however_many_urls_it_has():
    site = Site(b"User-agent: *\nDisallow: /private")
    ends = check(site, *(f"/{n}.jpg" for n in range(50)), "/private/x.jpg")
    assert site.asked == ["https://example.org/robots.txt"]
    assert isinstance(ends.pop("/private/x.jpg"), RobotsRefuse)
    assert set(ends.values()) == {None}


def test_ports_and_schemes_are_sites_of_their_own():
    site = Site(b"")
    check(site, "/a", "http://example.org/a", "https://example.org:8443/a")
    assert sorted(site.asked) == [
        "http://example.org/robots.txt",
        "https://example.org/robots.txt",
        "https://example.org:8443/robots.txt",
    ]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451])
def test_no_robots_txt_allows_everything(status):
    assert check(Site(b"User-agent: *\nDisallow: /", status), "/a.jpg") == {"/a.jpg": None}


@pytest.mark.parametrize("status", [429, 500, 503, 599])
def test_a_robots_txt_that_cannot_be_had_now_keeps_us_away_and_says_so(status):
    error = check(Site(status=status), "/a.jpg")["/a.jpg"]
    assert isinstance(error, Unreachable) and error.final  # not a refusal in words: another day it may pass
    assert f"its robots.txt answered {status}" in str(error)


@pytest.mark.parametrize("error", [Unreachable("nobody there."), RefusedAddress("a private network.")])
def test_a_site_that_is_not_there_is_no_matter_of_robots(error):
    ends = check(Site(error=error), "/a.jpg", "/b.jpg")
    assert [type(end) for end in ends.values()] == [type(error)] * 2
    assert all(str(end) == str(error) and end.final for end in ends.values())
    assert ends["/a.jpg"] is not ends["/b.jpg"]


def test_a_slow_robots_txt_keeps_us_away_with_the_reason():
    error = check(Site(error=TimedOut("It took too long.")), "/a.jpg")["/a.jpg"]
    assert isinstance(error, Unreachable) and error.final  # not a refusal in words: another day it may pass
    assert "It took too long" in str(error)


def test_a_site_that_reserves_its_content_is_opted_out_unless_told_otherwise():
    site = Site(b"User-agent: *\nContent-Signal: ai-train=no\nAllow: /")
    assert isinstance(check(site, "/a.jpg")["/a.jpg"], OptedOut)
    assert check(site, "/a.jpg", opt_outs=False) == {"/a.jpg": None}


def test_a_fetch_that_is_cancelled_lets_the_next_one_ask():
    site = Site(b"User-agent: *\nDisallow: /")

    async def go():
        robots = Robots(site)
        with anyio.CancelScope() as scope:
            scope.cancel()
            await robots.check(httpx2.URL(SITE + "/a.jpg"))
        with pytest.raises(RobotsRefuse):
            await robots.check(httpx2.URL(SITE + "/a.jpg"))

    anyio.run(go)


@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_read_without_an_error(content):
    read_rules(b"User-agent: *\n" + content).allows(SITE + "/photos/a.jpg")


WORDS = st.sampled_from(
    [b"User-agent", b"Disallow", b"Allow", b":", b" ", b"\n", b"*", b"$", b"/", b"%", b"%zz", b"\0"]
)


@given(st.lists(WORDS, max_size=60))
def test_arbitrary_rules_are_read_without_an_error(words):
    read_rules(b"User-agent: *\n" + b"".join(words)).allows(SITE + "/photos/%zz?a$*")


@pytest.mark.timeout(60)  # several minutes, were the groups left to the library
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"".join(b"User-agent: a%d\n" % n for n in range(15_000)) + b"Disallow: /\n" * 20_000, True),
        (b"User-agent: *\nDisallow: /" + b"*a" * 200_000, True),
        (b"User-agent: *\nDisallow: /" + b"*a" * 1_000, False),
        (b"User-agent: *\nDisallow: /" + b"x" * 600_000, True),
        (b"\0" * 600_000, True),
    ],
    ids=["many agents", "wildcards beyond the url", "wildcards", "long", "zeros"],
)
def test_a_hostile_robots_txt_is_read_like_any_other(text, expected):
    rules = read_rules(text)
    assert {rules.allows(SITE + "/" + "a" * 2000) for _ in range(20)} == {expected}


def test_what_follows_the_limit_is_passed_over():
    assert read_rules(b"#" * MAX_ROBOTS + b"\nUser-agent: *\nDisallow: /").allows(SITE + "/a.jpg")
