import json

import pytest

from fieldmark.errors import NoKey, PageChanged, RateLimited, SearchFailed
from fieldmark.search.provider import Request, Result
from fieldmark.search.providers.google import PROVIDER
from search.recorded import TYPED, follow, read, recorded, search

SERPAPI = PROVIDER.start(search())
CUSTOM = PROVIDER.start(search(keys={"GOOGLE_API_KEY": "g", "GOOGLE_CSE_ID": "c"}))


def test_serpapi_is_asked_for_the_query_as_typed():
    assert SERPAPI.url == "https://serpapi.com/search.json"
    assert SERPAPI.with_keys({"SERPAPI_KEY": "s3cret"}) == {
        "engine": "google_images",
        "q": TYPED,
        "ijn": "0",
        "safe": "active",
        "api_key": "s3cret",
    }


def test_custom_search_is_asked_with_phrase_and_negative_in_parameters_of_their_own():
    assert CUSTOM.url == "https://www.googleapis.com/customsearch/v1"
    assert CUSTOM.with_keys({"GOOGLE_API_KEY": "g", "GOOGLE_CSE_ID": "c"}) == {
        "q": "micrurus tener",
        "exactTerms": "texas coral snake",
        "excludeTerms": "king",
        "searchType": "image",
        "num": "10",
        "start": "1",
        "safe": "active",
        "key": "g",
        "cx": "c",
    }


@pytest.mark.parametrize(
    ("query", "q"),
    [
        ('"coral snake"', '"coral snake"'),
        ('"coral snake" "milk snake" tener', 'tener "coral snake" "milk snake"'),
        ("tener -king -milk", "tener -king -milk"),
        ('"coral snake" -king', '"coral snake"'),
    ],
)
def test_what_does_not_fit_into_the_one_phrase_and_one_negative_stays_in_q(query, q):
    request = PROVIDER.start(search(query, keys={"GOOGLE_API_KEY": "g", "GOOGLE_CSE_ID": "c"}))

    assert request.params["q"] == q


@pytest.mark.parametrize("keys", [{}, {"GOOGLE_API_KEY": "g"}, {"GOOGLE_CSE_ID": "c"}])
def test_without_a_whole_key_it_says_that_google_has_no_keyless_interface(keys):
    with pytest.raises(NoKey) as caught:
        PROVIDER.start(search(keys=keys))

    assert "no interface without a key" in str(caught.value)
    assert all(word in str(caught.value) for word in ("openverse", "commons", "inaturalist", "2027-01-01"))


def test_a_page_of_serpapi_is_read_fully():
    page = read(PROVIDER, SERPAPI, "google/serpapi/good.json")

    assert page.results == (
        Result(
            url="https://www.example.org/img/texas%20coral.jpg",
            page="https://www.example.org/snakes/texas-coral",
            title="Texas Coral Snake",
            width=1200,
            height=800,
        ),
    )
    assert page.next is not None and page.next.params == {**SERPAPI.params, "ijn": "1"}


def test_null_title_page_and_size_of_serpapi_become_empty():
    (result,) = read(PROVIDER, SERPAPI, "google/serpapi/page2.json").results

    assert result == Result(url="https://cdn.example.net/p/42.webp", height=800)


def test_serpapi_is_followed_for_ten_pages():
    asked, found = follow(PROVIDER, search(), lambda request: recorded("google/serpapi/good.json"))

    assert [request.params["ijn"] for request in asked] == [str(n) for n in range(10)]
    assert len(found) == 10


def test_serpapi_finding_nothing_is_an_empty_page():
    page = read(PROVIDER, SERPAPI, "google/serpapi/empty.json")

    assert page.results == () and page.next is None


def test_serpapi_refusing_the_key_is_no_key():
    with pytest.raises(NoKey, match="SERPAPI_KEY"):
        read(PROVIDER, SERPAPI, "google/serpapi/bad_key.json", 401)


def test_serpapi_out_of_credit_is_rate_limited():
    with pytest.raises(RateLimited, match="run out of searches"):
        read(PROVIDER, SERPAPI, "google/serpapi/rate_limited.json", 429)


def test_another_error_of_serpapi_is_passed_on_in_its_words():
    with pytest.raises(SearchFailed, match="the moon") as caught:
        read(PROVIDER, SERPAPI, b'{"error": "Could not reach the moon."}')

    assert type(caught.value) is SearchFailed


@pytest.mark.parametrize("name", ["google/serpapi/drifted.json", "google/custom_search/drifted.json"])
def test_another_shape_is_page_changed(name):
    with pytest.raises(PageChanged):
        read(PROVIDER, SERPAPI if "serpapi" in name else CUSTOM, name)


def test_a_page_of_custom_search_is_read_fully():
    page = read(PROVIDER, CUSTOM, "google/custom_search/good.json")

    assert page.results == (
        Result(
            url="https://www.example.org/img/texas-coral.jpg",
            page="https://www.example.org/snakes/texas-coral",
            title="Texas Coral Snake",
            description="Texas Coral Snake (Micrurus tener)",
            width=1200,
            height=800,
        ),
    )
    assert page.next is not None and page.next.params["start"] == "11"


def test_the_last_page_of_custom_search_has_no_next_and_keeps_signed_urls():
    page = read(PROVIDER, CUSTOM, "google/custom_search/page2.json")

    assert page.next is None
    assert page.results[0].url == "https://cdn.example.net/p/42.webp?sig=a%2Fb%3D"
    assert page.results[0].title == "Coral snake 'tener'"
    assert page.results[0].width is None


def test_custom_search_is_followed_to_100():
    def site(request: Request) -> bytes:
        page = json.loads(recorded("google/custom_search/good.json"))
        page["items"] = [
            {**page["items"][0], "link": f"https://a.example/{request.params['start']}-{n}.jpg"} for n in range(10)
        ]
        return json.dumps(page).encode()

    asked, found = follow(PROVIDER, search(keys={"GOOGLE_API_KEY": "g", "GOOGLE_CSE_ID": "c"}), site)

    assert [request.params["start"] for request in asked] == [str(n) for n in range(1, 100, 10)]
    assert len(found) == len({result.url for result in found}) == 100


def test_a_400_on_a_later_page_is_the_end_and_on_the_first_a_change():
    later = CUSTOM.following({"start": "91"})

    assert read(PROVIDER, later, b"{}", 400).next is None
    with pytest.raises(PageChanged):
        read(PROVIDER, CUSTOM, b"{}", 400)


def test_custom_search_finding_nothing_is_an_empty_page():
    page = read(PROVIDER, CUSTOM, "google/custom_search/empty.json")

    assert page.results == () and page.next is None


@pytest.mark.parametrize(("name", "status"), [("closed", 403), ("bad_key", 400)])
def test_custom_search_refusing_the_key_is_no_key_and_names_the_other_way(name, status):
    with pytest.raises(NoKey, match="SERPAPI_KEY"):
        read(PROVIDER, CUSTOM, f"google/custom_search/{name}.json", status)


def test_a_used_up_quota_is_rate_limited():
    with pytest.raises(RateLimited):
        read(PROVIDER, CUSTOM, "google/custom_search/rate_limited.json", 429)
