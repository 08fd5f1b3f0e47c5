import json

import pytest

from fieldmark.errors import Blocked, NoKey, PageChanged, RateLimited
from fieldmark.search.provider import Request, Result
from fieldmark.search.providers.openverse import PROVIDER
from search.recorded import TYPED, follow, read, search

FIRST = PROVIDER.start(search())


def test_the_first_request():
    assert FIRST.url == "https://api.openverse.org/v1/images/"
    assert FIRST.params == {"q": TYPED, "page": "1", "page_size": "20"}


def test_wanted_licences_are_asked_for_under_its_names():
    assert PROVIDER.start(search(licences=("cc0", "cc-by-sa", "arr"))).params["license"] == "by-sa,cc0"
    assert "license" not in PROVIDER.start(search(licences=("arr",))).params


def test_a_long_query_is_cut_at_a_term():
    request = PROVIDER.start(search(" ".join(["micrurus"] * 30) + ' "texas coral snake"'))

    assert len(request.params["q"]) <= 200 and request.params["q"].endswith("micrurus")


def test_a_good_page_is_read_fully():
    page = read(PROVIDER, FIRST, "openverse/good.json")

    assert page.results == (
        Result(
            url="https://live.staticflickr.com/65535/53912345678_a1b2c3d4e5_b.jpg",
            id="4bc43a04-ef46-4544-a0c1-63c63f56e276",
            page="https://www.flickr.com/photos/12345678@N02/53912345678",
            title="Texas Coral Snake",
            tags="micrurus",
            author="Ana Field",
            licence="cc-by",
            licence_version="2.0",
            licence_url="https://creativecommons.org/licenses/by/2.0/",
            attribution='"Texas Coral Snake" by Ana Field is licensed under CC BY 2.0. To view a copy of this license, '
            "visit https://creativecommons.org/licenses/by/2.0/.",
            width=1024,
            height=768,
        ),
    )
    assert page.next is not None and page.next.params == {**FIRST.params, "page": "2"}


def test_null_title_creator_and_size_become_empty_and_escapes_are_kept():
    (result,) = read(PROVIDER, FIRST.following({"page": "2"}), "openverse/page2.json").results

    assert result.url == "https://upload.wikimedia.org/wikipedia/commons/a/ab/Coral%20snake_%28Texas%29.jpg"
    assert (result.title, result.author, result.tags, result.width, result.height) == ("", "", "", None, None)
    assert (result.licence, result.licence_version) == ("cc-by-nc-nd", "4.0")


@pytest.mark.parametrize(("most", "requests"), [(500, 12), (15, 16)])
def test_it_is_followed_to_240(most, requests):
    def site(request: Request) -> bytes:
        size, page = int(request.params["page_size"]), int(request.params["page"])
        results = [{"url": f"https://a.example/{page}-{n}.jpg", "license": "by"} for n in range(size)]
        return json.dumps({"result_count": 240, "page_count": 99, "page": page, "results": results}).encode()

    asked, found = follow(PROVIDER, search(most=most), site)

    assert len(asked) == requests and len(found) == 240


def test_the_last_page_has_no_next():
    assert read(PROVIDER, FIRST.following({"page": "3"}), "openverse/page2.json").next is None


def test_nothing_found_is_an_empty_page():
    page = read(PROVIDER, FIRST, "openverse/empty.json")

    assert page.results == () and page.next is None


def test_401_is_explained_as_a_wish_for_a_key():
    with pytest.raises(NoKey, match="at most 20"):
        read(PROVIDER, FIRST, "openverse/unauthorised.json", 401)


def test_a_throttled_request_says_when_to_come_back():
    with pytest.raises(RateLimited) as caught:
        read(PROVIDER, FIRST, "openverse/rate_limited.json", 429, retry_after="35")

    assert caught.value.retry_after == 35


def test_a_refused_network_is_blocked():
    with pytest.raises(Blocked):
        read(PROVIDER, FIRST, "openverse/blocked.html", 403)


def test_a_parameter_it_no_longer_knows_is_page_changed_in_its_words():
    with pytest.raises(PageChanged, match="License 'X' does not exist"):
        read(PROVIDER, FIRST, "openverse/bad_input.json", 400)


def test_another_shape_is_page_changed():
    with pytest.raises(PageChanged):
        read(PROVIDER, FIRST, "openverse/drifted.json")
