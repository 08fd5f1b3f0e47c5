import json

import pytest

from fieldmark.errors import PageChanged, RateLimited
from fieldmark.search.provider import Request, Result
from fieldmark.search.providers.inaturalist import PROVIDER
from search.recorded import follow, read, recorded, search

FIRST = PROVIDER.start(search())
OBSERVATIONS = read(PROVIDER, FIRST, "inaturalist/taxa.json").next


def test_the_first_request_asks_for_the_words_alone():
    assert FIRST.url == "https://api.inaturalist.org/v1/taxa/autocomplete"
    assert FIRST.params == {"q": "micrurus tener"}


@pytest.mark.parametrize(
    "query",
    ["micrurus tener -king", 'micrurus tener -"scarlet king"', '"micrurus tener" -king', "micrurus tener –king"],
)
def test_a_negative_never_reaches_it(query):
    assert PROVIDER.start(search(query)).params == {"q": "micrurus tener"}
    assert "king" not in str(PROVIDER.start(search(query)))


def test_the_second_request_asks_for_the_taxon():
    assert OBSERVATIONS.url == "https://api.inaturalist.org/v1/observations"
    assert OBSERVATIONS.params == {
        "taxon_id": "30513",
        "photos": "true",
        "quality_grade": "research",
        "order_by": "id",
        "order": "asc",
        "id_above": "0",
        "per_page": "200",
    }


def test_wanted_licences_and_a_small_number_are_asked_for():
    first = PROVIDER.start(search(most=25, licences=("cc0", "cc-by-nc", "pdm")))
    second = read(PROVIDER, first, "inaturalist/taxa.json").next

    assert second.params["photo_license"] == "cc0,cc-by-nc"
    assert second.params["per_page"] == "25"


def test_no_licence_is_asked_for_where_reserved_rights_are_welcome():
    first = PROVIDER.start(search(licences=("cc0", "arr")))

    assert "photo_license" not in read(PROVIDER, first, "inaturalist/taxa.json").next.params


@pytest.mark.parametrize(
    "query", ["scarlet kingsnake", "Scarlet King-Snake", "SCARLET king snake", "lampropeltis elapsoides"]
)
def test_a_common_or_scientific_name_is_accepted_whatever_its_case_spaces_and_hyphens(query):
    page = read(PROVIDER, PROVIDER.start(search(query)), "inaturalist/common_name.json")

    assert page.next is not None and page.next.params["taxon_id"] == "73887"


@pytest.mark.parametrize("name", ["inaturalist/no_taxon.json", "inaturalist/common_name.json"])
def test_words_that_name_no_taxon_give_an_empty_page_with_a_note(name):
    page = read(PROVIDER, FIRST, name)

    assert page.results == () and page.next is None
    assert "'micrurus tener' names no taxon" in page.note


def test_a_good_page_is_read_fully_and_a_null_licence_means_all_rights_reserved():
    first, second = read(PROVIDER, OBSERVATIONS, "inaturalist/good.json").results

    assert first == Result(
        url="https://inaturalist-open-data.s3.amazonaws.com/photos/412345678/large.jpeg",
        id="412345678",
        page="https://www.inaturalist.org/observations/234567890",
        title="Texas Coralsnake",
        tags="Micrurus tener",
        author="Ana Field",
        licence="cc-by-nc",
        attribution="(c) Ana Field, some rights reserved (CC BY-NC)",
        width=1024,
        height=768,
    )
    assert (second.licence, second.width, second.height) == ("arr", 768, 1024)
    assert second.url == "https://static.inaturalist.org/photos/412345679/large.jpg"


def test_two_photos_an_observation_are_taken_and_what_follows_a_url_is_kept():
    first, second = read(PROVIDER, OBSERVATIONS, "inaturalist/page2.json").results

    assert first.url == "https://static.inaturalist.org/photos/500/large.jpg?1536150664"
    assert (first.width, second.width, second.height) == (None, 640, 480)
    assert (first.author, first.licence, first.description) == ("bo", "cc0", "By the creek & road")


def test_it_is_followed_by_ids_without_a_cap():
    def site(request: Request) -> bytes:
        if request.memo.get("step") == "taxon":
            return recorded("inaturalist/taxa.json")
        above, total = int(request.params["id_above"]), 12_050
        ids = range(above + 1, min(above + 200, total) + 1)
        photos = [{"id": n, "photos": [{"id": n, "url": f"https://a.example/{n}/square.jpg"}]} for n in ids]
        return json.dumps({"total_results": total - above, "per_page": 200, "results": photos}).encode()

    asked, found = follow(PROVIDER, search(), site)

    assert len(found) == len({result.url for result in found}) == 12_050
    assert len(asked) == 62


def test_ids_that_do_not_grow_end_the_search():
    request = OBSERVATIONS.following({"id_above": "999999999"})

    assert read(PROVIDER, request, "inaturalist/good.json").next is None


def test_one_bad_observation_neither_loses_the_others_nor_ends_the_search():
    body = json.loads(recorded("inaturalist/good.json"))
    body |= {"per_page": 3, "results": [7, {"id": [], "photos": [{"url": 5}, "x"]}, *body["results"]]}
    page = read(PROVIDER, OBSERVATIONS, json.dumps(body).encode())

    assert len(page.results) == 2 and page.next is not None


def test_nothing_found_is_an_empty_page():
    page = read(PROVIDER, OBSERVATIONS, "inaturalist/empty.json")

    assert page.results == () and page.next is None


def test_too_many_requests_are_rate_limited():
    with pytest.raises(RateLimited):
        read(PROVIDER, OBSERVATIONS, "inaturalist/rate_limited.json", 429)


def test_another_shape_is_page_changed():
    with pytest.raises(PageChanged):
        read(PROVIDER, OBSERVATIONS, "inaturalist/drifted.json")
