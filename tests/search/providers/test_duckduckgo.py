import json

import pytest

from fieldmark.errors import Blocked, PageChanged
from fieldmark.search.provider import Request, Result
from fieldmark.search.providers.duckduckgo import PROVIDER
from search.recorded import TYPED, follow, read, recorded, search

FIRST = PROVIDER.start(search())
TOKEN = "4-123456789012345678901234567890123456789"
PICTURES = read(PROVIDER, FIRST, "duckduckgo/token.html").next


def test_the_first_request_asks_for_the_token():
    assert FIRST.url == "https://duckduckgo.com/"
    assert FIRST.params == {"q": TYPED, "iar": "images", "t": "h_"}


def test_the_second_request_carries_token_query_and_referer():
    assert PICTURES.url == "https://duckduckgo.com/i.js"
    assert PICTURES.params == {"o": "json", "q": TYPED, "vqd": TOKEN, "l": "wt-wt", "p": "1", "f": ",,,,,"}
    assert PICTURES.headers["Referer"] == "https://duckduckgo.com/"
    assert PICTURES.headers["Sec-Fetch-Site"] == "same-origin"


@pytest.mark.parametrize("written", ['vqd="4-12"', "vqd='4-12'", "x?vqd=4-12&y"])
def test_the_token_is_found_in_each_of_its_spellings(written):
    assert read(PROVIDER, FIRST, written.encode()).next.params["vqd"] == "4-12"


def test_a_long_query_is_cut_at_a_term():
    request = PROVIDER.start(search(" ".join(["coral"] * 200) + " -king"))

    assert len(request.params["q"]) <= 499 and request.params["q"].endswith("coral")


def test_a_good_page_is_read_fully():
    page = read(PROVIDER, PICTURES, "duckduckgo/good.json")

    assert page.results[0] == Result(
        url="https://www.example.org/img/texas%20coral.jpg?w=1600&q=80",
        page="https://www.example.org/snakes/texas-coral",
        title="Texas Coral Snake - Micrurus tener",
        width=1600,
        height=1200,
    )
    assert len(page.results) == 2


def test_the_next_request_gets_the_token_again_and_keeps_our_query():
    following = read(PROVIDER, PICTURES, "duckduckgo/good.json").next

    assert following.url == PICTURES.url
    assert following.params == {**PICTURES.params, "s": "100", "u": "bing", "l": "us-en"}
    assert following.headers == PICTURES.headers


@pytest.mark.parametrize("given", ["https://evil.example/i.js?s=100", "//evil.example/?s=100&vqd=1&q=x"])
def test_a_next_that_leads_elsewhere_is_followed_on_the_site_itself(given):
    body = {**json.loads(recorded("duckduckgo/good.json")), "next": given}
    following = read(PROVIDER, PICTURES, json.dumps(body).encode()).next

    assert following.url == "https://duckduckgo.com/i.js"
    assert following.params["vqd"] == TOKEN and following.params["q"] == TYPED


def test_the_last_page_has_no_next_and_escapes_survive():
    page = read(PROVIDER, PICTURES, "duckduckgo/page2.json")

    assert page.next is None
    assert page.results[0].url == "https://cdn.example.net/p/c%2Fd%C3%A9.jpg?x=1%262"
    assert page.results[0].title == ""


def test_paging_ends_when_next_is_gone():
    def site(request: Request) -> bytes:
        if request.memo.get("step") == "token":
            return recorded("duckduckgo/token.html")
        offset = int(request.params.get("s", "0"))
        body = {"results": [{"image": f"https://a.example/{offset + n}.jpg"} for n in range(100)]}
        if offset < 500:
            body["next"] = f"i.js?q=x&o=json&p=1&s={offset + 100}&f=,,,,,"
        return json.dumps(body).encode()

    asked, found = follow(PROVIDER, search(), site)

    assert len(asked) == 7 and len(found) == 600


@pytest.mark.parametrize("offset", ["0", "50", "x", ""])
def test_a_next_that_does_not_go_on_ends_the_search(offset):
    body = {"results": [{"image": "https://a.example/b.jpg"}], "next": f"i.js?s={offset}"}

    assert read(PROVIDER, PICTURES.following({"s": "50"}), json.dumps(body).encode()).next is None


def test_no_results_are_an_empty_page():
    page = read(PROVIDER, PICTURES, "duckduckgo/empty.json")

    assert page.results == () and page.next is None


@pytest.mark.parametrize("name", ["duckduckgo/blocked.html", "duckduckgo/blocked.json"])
def test_html_or_json_without_results_is_blocked(name):
    with pytest.raises(Blocked):
        read(PROVIDER, PICTURES, name)


def test_a_challenge_in_place_of_the_token_is_blocked():
    with pytest.raises(Blocked):
        read(PROVIDER, FIRST, "duckduckgo/blocked.html")


def test_a_page_without_the_token_and_pictures_under_other_names_are_page_changed():
    with pytest.raises(PageChanged):
        read(PROVIDER, FIRST, "duckduckgo/drifted.html")
    with pytest.raises(PageChanged):
        read(PROVIDER, PICTURES, "duckduckgo/drifted.json")


def test_a_search_cannot_be_gone_on_with_another_day():
    assert not PROVIDER.resumable and PROVIDER.browser
