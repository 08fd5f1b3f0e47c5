"""The small web as a whole: what it serves, that it is the same each time, and what it says harvests should find."""

import http.client
import io
import re
import socket
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fieldmark.demo.smallweb import SmallWeb, cheap
from fieldmark.demo.smallweb.pictures import VARIANTS, Picture
from fieldmark.demo.smallweb.server import Ask, _read_ask
from fieldmark.demo.smallweb.sites import SITES
from fieldmark.demo.smallweb.words import Words
from fieldmark.errors import NotAPhoto
from fieldmark.imaging.decode import decode

QUERIES = {"coral": "micrurus tener", "king": "lampropeltis elapsoides"}
THREE = ("openverse", "commons", "inaturalist")


@pytest.fixture(scope="module")
def web():
    with SmallWeb(seed=5, per_class=30, paint=cheap) as small_web:
        yield small_web


def fetch(url):
    """Status, headers and body of a URL, whatever the status."""
    host, _, target = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=30)
    try:
        connection.request("GET", f"/{target}")
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()
    finally:
        connection.close()


def listings(web, providers=tuple(SITES)):
    return [expected for name in providers for query in QUERIES.values() for expected in web.expected(name, query)]


def size_of(data):
    return Image.open(io.BytesIO(data)).size


# ------------------------------------------------------------------------------------------------------------ the words


@pytest.mark.parametrize(
    ("typed", "topic"),
    [
        ('micrurus tener -king "texas coral snake"', "coral"),
        ("Scarlet Kingsnake -coral", "king"),
        ('"lampropeltis elapsoides"', "king"),
        ("red-backed salamander", None),
        ("-coral", None),
        ("", None),
    ],
)
def test_positive_words_decide_the_topic(typed, topic):
    assert Words.read(typed).topic == topic


@given(st.text())
def test_any_text_can_be_typed(typed):
    words = Words.read(typed)
    assert words.topic in ("coral", "king", None)
    assert words.refuse(typed) in (True, False)


# ----------------------------------------------------------------------------------------------------------- the server


@given(st.binary(max_size=300))
def test_any_bytes_are_a_request_or_none(head):
    assert isinstance(_read_ask(head), Ask | None)


def test_many_requests_go_over_one_connection(web):
    connection = http.client.HTTPConnection(web.endpoint, timeout=30)
    connection.connect()
    opened = connection.sock
    for _ in range(5):
        connection.request("GET", "/openverse/v1/images/?q=coral")
        assert connection.getresponse().read().startswith(b"{")
    assert connection.sock is opened
    connection.close()


def test_32_connections_are_answered_at_once(web):
    urls = [expected.url for expected in web.expected("commons", "coral") if expected.ends == ("ok",)]
    together = threading.Barrier(32)

    def visit(number):
        connection = http.client.HTTPConnection(web.endpoint, timeout=30)
        connection.connect()
        together.wait(30)
        connection.request("GET", urls[number % len(urls)].removeprefix(web.url))
        status = connection.getresponse().status
        connection.close()
        return status

    with ThreadPoolExecutor(32) as visitors:
        assert set(visitors.map(visit, range(32))) == {200}


def test_head_gives_the_length_and_no_body(web):
    target = web.expected("commons", "coral")[0].url.removeprefix(web.url)
    connection = http.client.HTTPConnection(web.endpoint, timeout=30)
    connection.request("HEAD", target)
    response = connection.getresponse()
    assert (response.status, response.read()) == (200, b"")
    assert int(response.headers["Content-Length"]) > 1000
    connection.close()


@pytest.mark.parametrize(
    "request_", [b"POST / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\r\n\r\n", b"GET http://x/ HTTP/1.1\r\n\r\n"]
)
def test_what_is_no_request_of_ours_gets_400_and_the_door(web, request_):
    with socket.create_connection(("127.0.0.1", int(web.endpoint.rpartition(":")[2])), timeout=30) as connection:
        connection.sendall(request_)
        answer = b""
        while part := connection.recv(4096):
            answer += part
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_what_is_asked_is_written_down_in_order(web):
    before = len(web.requests)
    urllib.request.urlopen(
        urllib.request.Request(f"{web.url}/gbif/v1/species/match?name=x", headers={"User-Agent": "me"})
    )
    fetch(f"{web.url}/nothing%20here")
    asked = web.requests[before:]
    assert [ask.target for ask in asked] == ["/gbif/v1/species/match?name=x", "/nothing%20here"]
    assert asked[0].headers["user-agent"] == "me"


def test_a_stopped_web_breaks_off_what_is_under_way_and_frees_its_port():
    with SmallWeb(per_class=3, paint=cheap, hostile=True) as web:
        port = int(web.endpoint.rpartition(":")[2])
        waiting = socket.create_connection(("127.0.0.1", port), timeout=30)
        waiting.sendall(b"GET /odd/openverse-coral/silent.jpg HTTP/1.1\r\n\r\n")
        endless = socket.create_connection(("127.0.0.1", port), timeout=30)
        endless.sendall(b"GET /odd/openverse-coral/endless.jpg HTTP/1.1\r\n\r\n")
        assert endless.recv(100).startswith(b"HTTP/1.1 200")
    with waiting, endless, pytest.raises(ConnectionError):
        socket.create_connection(("127.0.0.1", port), timeout=30)
    with SmallWeb(per_class=3, paint=cheap, port=port) as again:
        assert again.url == f"http://127.0.0.1:{port}"


def test_its_environment_moves_every_provider_here_and_gives_keys(web):
    environment = web.environment()
    for name in SITES:
        assert environment[f"FIELDMARK_{name.upper()}_BASE"] == f"{web.url}/{name}"
    assert environment["FIELDMARK_ALLOW_HOSTS"] == web.endpoint == web.url.removeprefix("http://")
    assert environment["FIELDMARK_NO_WAIT"] == "1"
    assert environment["FLICKR_API_KEY"]
    assert environment["SERPAPI_KEY"]


# --------------------------------------------------------------------------------------------------- the same web twice


def test_equal_seeds_give_equal_listings_and_bytes_in_whatever_order_they_are_asked(web):
    with SmallWeb(seed=5, per_class=30, paint=cheap) as other:
        ours, theirs = listings(web), listings(other)
        assert [(e.url.removeprefix(web.url), e.ends, e.picture, e.author) for e in ours] == [
            (e.url.removeprefix(other.url), e.ends, e.picture, e.author) for e in theirs
        ]
        backwards = {e.url.removeprefix(other.url): fetch(e.url) for e in reversed(theirs[::5])}
        forwards = {e.url.removeprefix(web.url): fetch(e.url) for e in ours[::5]}
        assert forwards == backwards
        path = "/google/search.json?engine=google_images&q=coral&api_key=" + other.environment()["SERPAPI_KEY"]
        assert fetch(other.url + path)[2].replace(other.url.encode(), b"") == fetch(web.url + path)[2].replace(
            web.url.encode(), b""
        )


def test_other_seeds_give_other_listings(web):
    with SmallWeb(seed=6, per_class=30, paint=cheap) as other:
        assert {e.url.removeprefix(other.url) for e in listings(other)} != {
            e.url.removeprefix(web.url) for e in listings(web)
        }


# ----------------------------------------------------------------------------------------------------- what is expected


def test_every_listed_url_gives_what_is_expected_of_it(web):
    expected = {e.url: e for e in listings(web)}
    by_picture = {}
    for url, told in expected.items():
        status, headers, body = fetch(url)
        if told.picture:
            by_picture.setdefault(told.picture, set()).add(body)
        match told.ends:
            case ("http_error",):
                assert status == 404
            case ("not_an_image",):
                with pytest.raises(NotAPhoto):
                    decode(body)
            case ("too_small",):
                assert min(size_of(body)) < 128
            case ("bad_shape",):
                assert max(size_of(body)) > 5 * min(size_of(body))
            case ends:
                assert ends == ("ok",)
                assert (status, headers["Content-Type"]) == (200, "image/jpeg")
                assert min(decode(body).shape[:2]) >= 128
    assert all(len(bodies) == 1 for bodies in by_picture.values())
    bodies = [body for bodies in by_picture.values() for body in bodies]
    assert len(set(bodies)) == len(bodies)


def test_the_three_default_providers_together_list_every_photo(web):
    for topic, query in QUERIES.items():
        good = [e for name in THREE for e in web.expected(name, query) if e.ends == ("ok",)]
        own = {e.original for e in good if not e.both}
        assert own == {f"{topic}/{number}" for number in range(1, 31)}


def test_the_three_list_some_photos_twice_and_some_in_a_copy_that_looks_alike(web):
    good = [e for e in listings(web, THREE) if e.ends == ("ok",)]
    assert len(good) > len({e.picture for e in good}) > len({e.original for e in good})


def test_a_few_photos_are_claimed_by_both_classes(web):
    coral, king = ({e.picture: e.url for e in web.expected("commons", query)} for query in QUERIES.values())
    both = {e.picture for e in web.expected("commons", QUERIES["king"]) if e.both}
    assert both == coral.keys() & king.keys()
    assert {coral[picture] == king[picture] for picture in both} == {True, False}  # one URL for both, or two


def test_copies_altered_on_the_way_are_listed_too(web):
    variants = {e.picture.split("/")[2] for e in listings(web) if e.picture.count("/") == 2 and e.ends == ("ok",)}
    assert variants == {"recompressed", "resized", "mirrored", "brighter"}


def test_what_negatives_let_through_is_expected_to_end_as_negative():
    with SmallWeb(seed=5, per_class=200, paint=cheap) as web:
        for name in ("bing", "duckduckgo", "baidu"):
            assert ("negative",) in {e.ends for e in web.expected(name, "coral -king")}
        for name in ("openverse", "commons", "flickr", "google"):
            honoured, everything = web.expected(name, "coral -king"), web.expected(name, "coral")
            assert ("negative",) not in {e.ends for e in honoured}
            assert 0 < len(honoured) < len(everything)


def test_nothing_is_expected_of_a_query_about_neither_snake(web):
    assert [web.expected(name, "tractor -coral") for name in SITES] == [[]] * len(SITES)
    assert web.expected("inaturalist", "coral") == []  # no name of a taxon


def test_the_file_behind_a_scaled_copy_is_twice_as_large(web):
    thumb = next(e.url for e in web.expected("commons", "coral") if "/thumb/" in e.url and e.picture.count("/") == 1)
    full = re.sub(r"/thumb(/.*)/[^/]*$", r"\1", thumb)
    assert size_of(fetch(full)[2]) == tuple(2 * side for side in size_of(fetch(thumb)[2]))


# --------------------------------------------------------------------------------------------------------- the pictures


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_alteration_gives_the_same_bytes_each_time(variant):
    alter = VARIANTS[variant]
    assert alter(cheap("coral", 1)) == alter(cheap("coral", 1)) != cheap("coral", 1)


def test_a_picture_lying_down_is_turned_upright_by_its_exif():
    data = cheap("coral", 1)
    upright = decode(data)
    lying = VARIANTS["lying down"](data)
    assert size_of(lying) == upright.shape[:2]
    assert decode(lying).shape == upright.shape
    assert abs(decode(lying).astype(int) - upright).mean() < 3


def test_display_p3_is_more_colourful_than_the_same_numbers_in_srgb():
    data = cheap("king", 2)
    plain, wide = decode(data).astype(int), decode(VARIANTS["display p3"](data)).astype(int)
    assert abs(plain - wide).max() > 20
    assert (wide.max(axis=2) - wide.min(axis=2)).mean() > (plain.max(axis=2) - plain.min(axis=2)).mean()


def test_by_default_snakes_are_painted_large_enough_to_be_shrunk():
    with SmallWeb(per_class=1) as web:
        url = next(e.url for name in THREE for e in web.expected(name, QUERIES["coral"]) if e.picture == "coral/1")
        assert 576 <= max(size_of(fetch(url)[2])) <= 801


def test_what_was_painted_is_kept_in_the_cache(tmp_path):
    painted = []

    def paint(kind, number):
        painted.append(Picture(kind, number))
        return cheap(kind, number)

    def visit():
        with SmallWeb(per_class=4, paint=paint, cache=tmp_path / "cache") as web:
            return [fetch(e.url)[2] for e in listings(web, THREE)]

    first, n = visit(), len(painted)
    assert len(set(painted)) == n > 8
    assert visit() == first
    assert len(painted) == n
    assert len(list((tmp_path / "cache").iterdir())) == n


def test_other_processes_paint_the_same_pictures_ahead(tmp_path, web):
    with SmallWeb(seed=5, per_class=30, paint=cheap, painters=1, cache=tmp_path) as ahead:
        for ours, theirs in zip(
            web.expected("openverse", "coral")[:5], ahead.expected("openverse", "coral"), strict=False
        ):
            assert fetch(ours.url)[2] == fetch(theirs.url)[2]
