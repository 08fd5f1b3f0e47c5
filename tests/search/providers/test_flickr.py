import json

import pytest

from fieldmark.errors import NoKey, PageChanged, RateLimited, SearchFailed
from fieldmark.search.provider import Request, Result
from fieldmark.search.providers.flickr import PROVIDER
from search.recorded import TYPED, follow, read, recorded, search

FIRST = PROVIDER.start(search())


def test_the_first_request():
    assert FIRST.url == "https://api.flickr.com/services/rest/"
    assert FIRST.with_keys({"FLICKR_API_KEY": "fl1ckr"}) == {
        "method": "flickr.photos.search",
        "format": "json",
        "nojsoncallback": "1",
        "api_key": "fl1ckr",
        "text": TYPED,
        "sort": "relevance",
        "media": "photos",
        "content_type": "1",
        "safe_search": "1",
        "per_page": "500",
        "page": "1",
        "extras": "description,license,owner_name,tags,url_l,url_c,url_z,url_m",
    }


def test_wanted_licences_are_asked_for_by_their_ids():
    request = PROVIDER.start(search(licences=("cc0", "cc-by", "unknown")))

    assert request.params["license"] == "4,9,11"
    assert "license" not in PROVIDER.start(search(licences=("unknown",))).params


def test_a_page_is_no_larger_than_what_is_wanted():
    assert PROVIDER.start(search(most=40)).params["per_page"] == "40"


def test_without_a_key_it_says_who_gets_one():
    with pytest.raises(NoKey, match="FLICKR_API_KEY"):
        PROVIDER.start(search(keys={}))


def test_a_good_page_is_read_fully():
    page = read(PROVIDER, FIRST, "flickr/good.json")

    assert page.results == (
        Result(
            url="https://live.staticflickr.com/65535/53912345678_a1b2c3d4e5_b.jpg",
            id="53912345678",
            page="https://www.flickr.com/photos/12345678@N02/53912345678",
            title="Texas Coral Snake",
            description="Found under a log, Bastrop TX",
            tags="micrurus tener snake texas",
            author="Ana Field",
            licence="cc-by",
            licence_version="2.0",
            licence_url="https://creativecommons.org/licenses/by/2.0/",
            width=1024,
            height=768,
        ),
    )
    assert page.next is not None and page.next.params["page"] == "2"


def test_a_missing_size_gives_the_next_smaller_one_and_none_gives_no_result():
    repeated, small = read(PROVIDER, FIRST, "flickr/page2.json").results

    assert repeated.id == "53912345678"  # again, as happens between pages; the caller keeps it once
    assert (small.url, small.width, small.height) == (
        "https://live.staticflickr.com/65535/53900000001_ffff_.jpg",
        500,
        375,
    )
    assert small.licence == "arr"


@pytest.mark.parametrize(("most", "requests"), [(500, 8), (300, 14)])
def test_it_is_followed_to_4000(most, requests):
    def site(request: Request) -> bytes:
        size, page = int(request.params["per_page"]), int(request.params["page"])
        photos = [
            {"id": str(size * page + n), "url_m": f"https://a.example/{size * page + n}.jpg"} for n in range(size)
        ]
        return json.dumps(
            {"stat": "ok", "photos": {"page": page, "pages": 99, "total": "49500", "photo": photos}}
        ).encode()

    asked, found = follow(PROVIDER, search(most=most), site)

    assert len(asked) == requests and len(found) == 4000


def test_the_last_page_has_no_next():
    assert read(PROVIDER, FIRST.following({"page": "3"}), "flickr/page2.json").next is None


@pytest.mark.parametrize("name", ["flickr/empty.json", "flickr/too_deep.json"])
def test_nothing_found_and_too_deep_are_empty_pages(name):
    page = read(PROVIDER, FIRST, name)

    assert page.results == () and page.next is None


def test_a_bad_key_with_status_200_is_no_key():
    with pytest.raises(NoKey, match="invalid format"):
        read(PROVIDER, FIRST, "flickr/bad_key.json")


def test_a_search_out_of_service_is_rate_limited():
    with pytest.raises(RateLimited):
        read(PROVIDER, FIRST, "flickr/unavailable.json")


def test_another_failure_is_passed_on_in_its_words():
    with pytest.raises(SearchFailed, match=r"code 3.*Parameterless"):
        read(PROVIDER, FIRST, b'{"stat":"fail","code":3,"message":"Parameterless searches have been disabled"}')


def test_another_shape_is_page_changed():
    with pytest.raises(PageChanged):
        read(PROVIDER, FIRST, "flickr/drifted.json")


def test_a_photo_of_the_wrong_type_does_not_lose_the_others():
    body = json.loads(recorded("flickr/good.json"))
    body["photos"]["photo"] += [7, None, {"id": {}, "url_l": ["x"], "width_l": "wide", "description": "text"}]

    assert len(read(PROVIDER, FIRST, json.dumps(body).encode()).results) == 1
