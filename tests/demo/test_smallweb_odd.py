"""The small web's hostile side: what goes over the wire, and what a visitor makes of it."""

import gzip
import http.client
import re
import socket
import struct

import anyio
import pytest

from fieldmark import errors
from fieldmark.demo.smallweb import SmallWeb, cheap
from fieldmark.demo.smallweb.odd import BROKEN, METADATA, ODD
from fieldmark.demo.smallweb.pool import HOSTILE_SITES
from fieldmark.imaging.decode import decode
from fieldmark.net.client import Client
from fieldmark.net.visitor import Visitor

SLOW = ("drip", "silent")

# The statuses that failures end with in a catalog.
STATUS_OF = {
    errors.RobotsRefuse: "robots",
    errors.OptedOut: "opted_out",
    errors.RefusedAddress: "refused_address",
    errors.TimedOut: "timeout",
    errors.TooManyBytes: "too_many_bytes",
    errors.TooManyPixels: "too_many_pixels",
    errors.FetchFailed: "http_error",
    errors.NotAPhoto: "not_an_image",
}


@pytest.fixture
def web(monkeypatch):
    with SmallWeb(seed=5, per_class=10, paint=cheap, hostile=True) as hostile_web:
        for name, value in hostile_web.environment().items():
            monkeypatch.setenv(name, value)
        yield hostile_web


def path(name):
    return f"/odd/bing-king/{name.replace(' ', '-')}.jpg"


def get(web, name):
    """Status, headers and body, by a client that checks nothing."""
    connection = http.client.HTTPConnection(web.endpoint, timeout=30)
    connection.request("GET", path(name))
    response = connection.getresponse()
    told = response.status, dict(response.getheaders()), response.read()
    connection.close()
    return told


def first_bytes(web, name, n):
    """The first bytes that come over the wire; fewer where there are no more."""
    with socket.create_connection(("127.0.0.1", int(web.endpoint.rpartition(":")[2])), timeout=30) as connection:
        connection.sendall(f"GET {path(name)} HTTP/1.1\r\nHost: small\r\n\r\n".encode())
        received = b""
        while len(received) < n and (part := connection.recv(2**16)):
            received += part
    return received


def odd_urls(web, provider="openverse", query="micrurus tener"):
    """What the site's listing holds of each oddity, by name."""
    listed = {e.url: e.ends for e in web.expected(provider, query)}
    named = {name: [url for url in listed if f"/{name.replace(' ', '-')}." in url] for name in ODD}
    assert all(len(urls) == 1 for urls in named.values())
    return {name: (urls[0], listed[urls[0]]) for name, urls in named.items()}


def test_both_hostile_sites_list_every_oddity_and_no_other_does(web):
    for provider in HOSTILE_SITES:
        for query in ("micrurus tener", "lampropeltis elapsoides"):
            assert {name: ends for name, (_, ends) in odd_urls(web, provider, query).items()} == {
                name: odd.ends for name, odd in ODD.items()
            }
    for provider in ("duckduckgo", "commons", "google"):
        assert not [e.url for e in web.expected(provider, "coral") if re.search("/odd/|/closed/|script|file:", e.url)]


def test_a_web_that_is_not_hostile_lists_and_answers_nothing_odd():
    with SmallWeb(seed=5, per_class=10, paint=cheap) as web:
        assert not [e.url for e in web.expected("bing", "coral") if "/odd/" in e.url]
        assert get(web, "noai")[0] == 404


def test_oddities_can_be_chosen_by_name():
    with SmallWeb(seed=5, per_class=10, paint=cheap, hostile=("noai", "closed")) as web:
        ends = [
            ends for e in web.expected("bing", "coral") for ends in e.ends if ends in ("opted_out", "robots", "timeout")
        ]
        assert sorted(ends) == ["opted_out", "robots"]


def visit(urls, seconds):
    """The status that each URL ends with in the hands of a visitor who gives it so many seconds."""
    ends = {}

    async def end(visitor, name, url):
        try:
            decode((await visitor.fetch(url, timeout=seconds)).content)
            ends[name] = "ok"
        except (errors.FetchFailed, errors.NotAPhoto) as error:
            ends[name] = next(status for kind, status in STATUS_OF.items() if isinstance(error, kind))

    async def all_of_them():
        async with Client() as client, anyio.create_task_group() as group:
            visitor = Visitor(client, attempts=2)
            for name, url in urls.items():
                group.start_soon(end, visitor, name, url)

    anyio.run(all_of_them)
    return ends


def test_every_oddity_ends_with_one_of_its_statuses(web):
    odd = odd_urls(web)
    ends = visit({name: url for name, (url, _) in odd.items() if name not in SLOW}, 60)
    ends |= visit({name: url for name, (url, _) in odd.items() if name in SLOW}, 0.3)
    assert {name: status for name, status in ends.items() if status not in ODD[name].ends} == {}
    assert ends.keys() == ODD.keys()


def test_the_metadata_address_is_where_a_redirect_leads(web):
    status, headers, _ = get(web, "metadata")
    assert (status, headers["Location"]) == (302, METADATA)


def test_a_hundred_redirects_end_at_a_picture(web):
    connection = http.client.HTTPConnection(web.endpoint, timeout=30)
    target, hops = path("hundred"), 0
    while True:
        connection.request("GET", target)
        response = connection.getresponse()
        body = response.read()
        if response.status == 200:
            break
        target, hops = response.headers["Location"], hops + 1
    connection.close()
    assert hops == 100
    assert decode(body).shape[2] == 3


def test_a_gzip_bomb_is_64_mib_in_less_than_a_hundredth(web):
    _, headers, body = get(web, "gzip bomb")
    assert headers["Content-Encoding"] == "gzip"
    assert len(gzip.decompress(body)) == 64 * 2**20 > 100 * len(body)


def test_a_pixel_bomb_promises_60_000_by_60_000(web):
    body = get(web, "pixel bomb")[2]
    assert struct.unpack(">II", body[16:24]) == (60_000, 60_000)
    assert len(body) < 1000


def test_endless_bodies_go_on(web):
    assert len(first_bytes(web, "endless", 5_000_000)) >= 5_000_000
    assert re.search(rb"\xff\xd8\xff\.{3,}$", first_bytes(web, "drip", 85))


def test_a_body_that_breaks_off_is_shorter_than_it_says(web):
    with pytest.raises(http.client.IncompleteRead):
        get(web, "breaks off")


def test_the_second_request_for_the_second_time_gets_the_picture(web):
    first, second = get(web, "second time"), get(web, "second time")
    assert (first[0], first[1]["Retry-After"]) == (429, "0")
    assert second[0] == 200
    assert decode(second[2]).shape[2] == 3


def test_503_is_for_ever(web):
    assert {get(web, "for ever 503")[0] for _ in range(5)} == {503}
    assert ODD["for ever 503"].ends == BROKEN


def test_robots_txt_closes_the_place_of_the_closed_picture(web):
    connection = http.client.HTTPConnection(web.endpoint, timeout=30)
    connection.request("GET", "/robots.txt")
    disallowed = re.findall(r"(?m)^Disallow: (.+)$", connection.getresponse().read().decode())
    connection.close()
    url, ends = odd_urls(web)["closed"]
    assert url.removeprefix(web.url).startswith(tuple(disallowed))
    assert ends == ("robots",)
