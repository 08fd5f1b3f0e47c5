import json

import pytest

from fieldmark.errors import Blocked, PageChanged, RateLimited, SearchFailed
from fieldmark.search.provider import Request, Result
from fieldmark.search.providers.commons import METADATA, PROVIDER
from search.recorded import TYPED, follow, read, recorded, search

FIRST = PROVIDER.start(search())


def test_the_first_request():
    assert FIRST.url == "https://commons.wikimedia.org/w/api.php"
    assert FIRST.params == {
        "action": "query",
        "format": "json",
        "formatversion": "2",
        "maxlag": "5",
        "generator": "search",
        "gsrnamespace": "6",
        "gsrlimit": "50",
        "gsroffset": "0",
        "gsrsearch": f"filetype:bitmap {TYPED}",
        "prop": "imageinfo",
        "iiprop": "url|size|mime|extmetadata",
        "iiurlwidth": "960",
        "iiextmetadatafilter": METADATA,
    }


def test_a_good_page_is_read_fully_in_the_order_of_its_ranks_without_drawings():
    first, second = read(PROVIDER, FIRST, "commons/good.json").results

    assert first == Result(
        url="https://thumb.wikimedia.org/wikipedia/commons/thumb/a/ab/Micrurus_tener_Texas_01.jpg/960px-Micrurus_tener_Texas_01.jpg",
        id="98765432",
        page="https://commons.wikimedia.org/wiki/File:Micrurus_tener_Texas_01.jpg",
        title="Micrurus tener Texas 01.jpg",
        description="Texas coral snake, Micrurus tener",
        author="Example",
        licence="cc-by-sa",
        licence_version="4.0",
        licence_url="https://creativecommons.org/licenses/by-sa/4.0",
        width=960,
        height=720,
    )
    assert second.url.endswith("Serpiente_coral_%C2%AB%C3%B1and%C3%BA%C2%BB.png")  # no thumbnail, so the original
    assert (second.licence, second.width, second.height, second.author) == ("pdm", 800, 600, "")
    assert second.title == "Serpiente coral «ñandú».png"


def test_every_key_of_the_continuation_is_echoed():
    following = read(PROVIDER, FIRST, "commons/good.json").next

    assert following.params == {**FIRST.params, "gsroffset": "50", "continue": "gsroffset||"}


def test_a_continuation_replaces_the_last_one_and_nothing_of_ours():
    body = json.loads(recorded("commons/good.json"))
    body["continue"] = {"gsroffset": 100, "continue": "x||", "gsrsearch": "king", "action": "login", "format": "xml"}
    request = FIRST.following({"iistart": "2020", "gsroffset": "50", "continue": "y||"})

    following = read(PROVIDER, request, json.dumps(body).encode()).next

    assert following.params == {**FIRST.params, "gsroffset": "100", "continue": "x||"}


def test_a_continuation_that_leads_back_ends_the_search():
    request = FIRST.following({"gsroffset": "50", "continue": "gsroffset||"})

    assert read(PROVIDER, request, "commons/good.json").next is None


@pytest.mark.parametrize("most", [500, 30])
def test_it_is_followed_to_10000(most):
    def site(request: Request) -> bytes:
        offset, size = int(request.params["gsroffset"]), int(request.params["gsrlimit"])
        assert offset + size <= 10_000
        pages = [
            {
                "pageid": offset + n,
                "index": offset + n + 1,
                "imageinfo": [{"mime": "image/jpeg", "url": f"https://a.example/{offset + n}.jpg"}],
            }
            for n in range(size)
        ]
        following = {"gsroffset": offset + size, "continue": "gsroffset||"}
        return json.dumps({"continue": following, "query": {"pages": pages}}).encode()

    _, found = follow(PROVIDER, search(most=most), site)

    assert len(found) == 10_000


def test_pages_keyed_by_their_ids_are_read_too():
    body = json.loads(recorded("commons/page2.json"))
    body["query"]["pages"] = {"98765500": body["query"]["pages"][0]}

    assert len(read(PROVIDER, FIRST, json.dumps(body).encode()).results) == 1


def test_the_last_page_has_no_next():
    page = read(PROVIDER, FIRST, "commons/page2.json")

    assert len(page.results) == 1 and page.next is None


def test_nothing_found_is_an_empty_page():
    page = read(PROVIDER, FIRST, "commons/empty.json")

    assert page.results == () and page.next is None


def test_lagging_replicas_are_rate_limited_with_the_time_they_name():
    with pytest.raises(RateLimited, match=r"6\.2 seconds") as caught:
        read(PROVIDER, FIRST, "commons/rate_limited.json", retry_after="5")

    assert caught.value.retry_after == 5


@pytest.mark.parametrize("status", [200, 403])
def test_a_page_about_robots_is_no_empty_page(status):
    with pytest.raises(SearchFailed):
        read(PROVIDER, FIRST, "commons/blocked.html", status)


def test_a_refused_user_agent_is_blocked():
    with pytest.raises(Blocked):
        read(PROVIDER, FIRST, "commons/blocked.html", 403)


@pytest.mark.parametrize("content", ["commons/drifted.json", b"{}", b'{"query": {"pages": 5}}', b'{"query": {}}'])
def test_another_shape_is_page_changed(content):
    with pytest.raises(PageChanged):
        read(PROVIDER, FIRST, content)
