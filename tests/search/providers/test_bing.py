import html
import json

import pytest

from fieldmark.errors import Blocked, PageChanged
from fieldmark.search.provider import Request, Result
from fieldmark.search.providers.bing import PROVIDER
from search.recorded import TYPED, follow, read, search

FIRST = PROVIDER.start(search())


def fragment(*urls: str) -> bytes:
    items = "".join(f'<li><a class="iusc" m="{html.escape(json.dumps({"murl": url}))}"></a></li>' for url in urls)
    return f'<ul class="dgControl_list">{items}</ul>'.encode()


def test_the_first_request():
    assert FIRST.url == "https://www.bing.com/images/async"
    assert FIRST.params == {"q": TYPED, "async": "1", "first": "1", "count": "35", "adlt": "moderate"}


def test_ten_terms_are_sent_at_most_and_wanted_words_go_before_negatives():
    request = PROVIDER.start(search(" ".join("abcdefghi") + ' "two words" -x -y'))

    assert request.params["q"] == 'a b c d e f g h i "two words"'


def test_a_good_page_is_read_fully():
    page = read(PROVIDER, FIRST, "bing/good.html")

    assert page.results == (
        Result(
            url="https://www.example.org/img/texas-coral.jpg?w=1600&q=80",
            id="0123456789ABCDEF0123456789ABCDEF01234567",
            page="https://www.example.org/snakes/texas-coral",
            title="Texas Coral Snake",
            description="Micrurus tener in leaf litter",
            width=1600,
            height=1200,
        ),
        Result(
            url="https://cdn.example.net/p/42.webp",
            id="89ABCDEF0123456789ABCDEF0123456789ABCDEF",
            page="https://herps.example.net/42",
            title="Coral snake 'tener'",
            width=1024,
            height=768,
        ),
    )
    assert page.next is not None and page.next.params == {**FIRST.params, "first": "36"}


def test_entities_in_a_url_are_unescaped_once_and_percent_escapes_kept():
    m = json.dumps({"murl": "https://a.example/b%20c%2Fd.jpg?a=1&copy=2&amp;x=%C3%A9"})

    (result,) = read(PROVIDER, FIRST, f'<a class="x iusc y" m="{html.escape(m)}">'.encode()).results

    assert result.url == "https://a.example/b%20c%2Fd.jpg?a=1&copy=2&amp;x=%C3%A9"


def test_a_tag_in_a_title_is_removed_also_with_a_raw_bracket_in_the_attribute():
    m = json.dumps({"murl": "https://a.example/b.jpg", "t": "coral > <b>king</b> &#39;x&#39;"}).replace('"', "&quot;")

    (result,) = read(PROVIDER, FIRST, f'<a class="iusc" m="{m}">'.encode()).results

    assert result.title == "coral > king 'x'"


def test_the_last_page_over_again_ends_the_search():
    def site(request: Request) -> bytes:
        first = min(int(request.params["first"]), 71)  # three pages; past the end the last one, for ever
        return fragment(*(f"https://a.example/{first + n}.jpg" for n in range(35)))

    asked, found = follow(PROVIDER, search(), site)

    assert [request.params["first"] for request in asked] == ["1", "36", "71", "106"]
    assert len(found) == len({result.url for result in found}) == 105


def test_an_endless_list_is_followed_to_1000():
    def site(request: Request) -> bytes:
        return fragment(*(f"https://a.example/{int(request.params['first']) + n}.jpg" for n in range(35)))

    asked, found = follow(PROVIDER, search(), site)

    assert len(found) == len({result.url for result in found}) == 1000
    assert asked[-1].params["first"] == "981"


@pytest.mark.parametrize("name", ["bing/empty.html", "bing/empty_list.html"])
def test_an_empty_page_is_asked_for_once_more_and_then_counts_as_blocked(name):
    page = read(PROVIDER, FIRST, name)

    assert page.results == () and page.next is not None and page.next.params == FIRST.params
    with pytest.raises(Blocked, match="both alike"):
        read(PROVIDER, page.next, name)


def test_an_empty_page_that_is_full_when_asked_again_loses_nothing():
    again = read(PROVIDER, FIRST, "bing/empty.html").next
    page = read(PROVIDER, again, "bing/good.html")

    assert len(page.results) == 2
    assert page.next is not None and read(PROVIDER, page.next, "bing/empty.html").next is not None


def test_a_page_that_says_that_there_is_nothing_is_believed():
    page = read(PROVIDER, FIRST, "bing/nothing.html")

    assert page.results == () and page.next is None


def test_a_challenge_is_blocked():
    with pytest.raises(Blocked, match="robot"):
        read(PROVIDER, FIRST, "bing/blocked.html")


@pytest.mark.parametrize(
    "content", ["bing/drifted.html", b'<a class="iusc" data-m="{}"></a>', b'<a class="iusc" m="{">']
)
def test_pictures_in_another_markup_are_page_changed(content):
    with pytest.raises(PageChanged):
        read(PROVIDER, FIRST, content)


def test_one_bad_picture_does_not_lose_the_others():
    content = fragment("javascript:alert(1)", "https://a.example/b.jpg") + b'<a class="iusc" m="[1">'

    assert [result.url for result in read(PROVIDER, FIRST, content).results] == ["https://a.example/b.jpg"]
