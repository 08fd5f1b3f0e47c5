import json

import pytest

from fieldmark.errors import Blocked, PageChanged
from fieldmark.search.provider import Request, Result
from fieldmark.search.providers.gbif import PROVIDER
from search.recorded import follow, read, recorded, search

BACKBONE = "d7dddbf4-2cf0-4f39-9b2a-bb099caae36c"
FIRST = PROVIDER.start(search())
OCCURRENCES = read(PROVIDER, FIRST, "gbif/match.json").next


def test_the_first_request_matches_the_words_alone():
    assert FIRST.url == "https://api.gbif.org/v1/species/match"
    assert FIRST.params == {"name": "micrurus tener", "checklistKey": BACKBONE}


def test_the_second_request_names_the_same_checklist():
    assert OCCURRENCES.url == "https://api.gbif.org/v1/occurrence/search"
    assert OCCURRENCES.params == {
        "taxonKey": "2444234",
        "checklistKey": BACKBONE,
        "mediaType": "StillImage",
        "basisOfRecord": "HUMAN_OBSERVATION",
        "limit": "300",
        "offset": "0",
    }


def test_licences_that_records_have_are_asked_for_each_by_a_parameter():
    first = PROVIDER.start(search(licences=("cc0", "cc-by")))
    assert read(PROVIDER, first, "gbif/match.json").next.url.endswith("?license=CC0_1_0&license=CC_BY_4_0")

    first = PROVIDER.start(search(licences=("cc0", "cc-by-sa")))
    assert read(PROVIDER, first, "gbif/match.json").next.url == OCCURRENCES.url


@pytest.mark.parametrize("name", ["gbif/no_match.json", "gbif/higher_rank.json"])
def test_words_that_name_no_taxon_give_an_empty_page_with_a_note(name):
    page = read(PROVIDER, FIRST, name)

    assert page.results == () and page.next is None and "names no taxon" in page.note


def test_a_name_spelt_slightly_wrong_is_accepted_when_the_match_is_sure():
    unsure = {**json.loads(recorded("gbif/fuzzy.json")), "confidence": 80}

    assert read(PROVIDER, FIRST, "gbif/fuzzy.json").next is not None
    assert read(PROVIDER, FIRST, json.dumps(unsure).encode()).next is None


def test_a_good_page_is_read_fully_under_the_url_that_inaturalist_gives_too():
    page = read(PROVIDER, OCCURRENCES, "gbif/good.json")

    assert page.results == (
        Result(
            url="https://inaturalist-open-data.s3.amazonaws.com/photos/412345678/large.jpeg",
            id="4507654321",
            page="https://www.inaturalist.org/photos/412345678",
            title="Micrurus tener",
            tags="Micrurus tener (Baird & Girard, 1853)",
            author="Ana Field",
            licence="cc-by-nc",
            licence_version="4.0",
            licence_url="https://creativecommons.org/licenses/by-nc/4.0/",
        ),
    )
    assert page.next is not None and page.next.params == {**OCCURRENCES.params, "offset": "300"}


def test_the_last_page_has_no_next_and_the_record_speaks_where_the_photo_is_silent():
    page = read(PROVIDER, OCCURRENCES, "gbif/page2.json")

    assert page.next is None
    assert [(result.url, result.licence, result.title) for result in page.results] == [
        ("https://photos.example.org/a%20b/original.jpeg", "cc-by-nc", "Coral snake"),
    ]


@pytest.mark.parametrize(("said", "code"), [("© A. Field, all rights reserved", "arr"), ("ask me", "unknown")])
def test_a_photo_with_a_licence_of_its_own_does_not_get_the_records(said, code):
    body = json.loads(recorded("gbif/good.json"))
    body["results"][0]["media"][0]["license"] = said

    assert read(PROVIDER, OCCURRENCES, json.dumps(body).encode()).results[0].licence == code


@pytest.mark.parametrize("most", [500, 270])
def test_it_is_followed_to_100000(most):
    def site(request: Request) -> bytes:
        if request.memo.get("step") == "taxon":
            return recorded("gbif/match.json")
        offset, size = int(request.params["offset"]), int(request.params["limit"])
        assert offset + size <= 100_000
        results = [
            {"key": n, "media": [{"identifier": f"https://a.example/{n}"}]} for n in range(offset, offset + size)
        ]
        return json.dumps({"endOfRecords": False, "results": results}).encode()

    _, found = follow(PROVIDER, search(most=most), site)

    assert len(found) == 100_000


def test_nothing_found_is_an_empty_page():
    page = read(PROVIDER, OCCURRENCES, "gbif/empty.json")

    assert page.results == () and page.next is None


def test_a_refusal_is_blocked():
    with pytest.raises(Blocked):
        read(PROVIDER, OCCURRENCES, "gbif/blocked.html", 403)


def test_another_shape_is_page_changed():
    with pytest.raises(PageChanged):
        read(PROVIDER, OCCURRENCES, "gbif/drifted.json")
    with pytest.raises(PageChanged):
        read(PROVIDER, FIRST, b'{"match": {}}')
