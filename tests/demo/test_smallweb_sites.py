"""Each site of the small web, asked directly: does it answer as the real one is documented to?"""

import json
import re
from html import unescape
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldmark.demo.smallweb.pool import Pool
from fieldmark.demo.smallweb.server import Answer, Ask
from fieldmark.demo.smallweb.sites import SITES, keys

ORIGIN = "http://127.0.0.1:1"
BROWSER = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64) test"}
HONEST = {"user-agent": "fieldmark/1.0 (+mailto:ana@example.org)"}
TYPED = 'micrurus tener -king "texas coral snake"'


@pytest.fixture(scope="module")
def pool():
    return Pool(seed=7, per_class=150, origin=ORIGIN)


@pytest.fixture(scope="module")
def huge_pool():
    return Pool(seed=7, per_class=1800, origin=ORIGIN)


def ask(pool, site, path, headers=HONEST, /, **params):
    return SITES[site](Ask("GET", f"{path}?{urlencode(params)}" if params else path, headers), pool)


def said(answer):
    assert answer.status == 200
    return json.loads(answer.content)


def urls(listing):
    return [listed.url for listed in listing]


def titles_with(word, listing):
    return [listed for listed in listing if re.search(rf"\b{word}\b", listed.title)]


@pytest.mark.parametrize("site", SITES)
@settings(max_examples=30, deadline=None)
@given(path=st.text(max_size=40), params=st.dictionaries(st.text(max_size=12), st.text(max_size=40), max_size=5))
def test_a_site_answers_whatever_it_is_asked(pool, site, path, params):
    assert isinstance(ask(pool, site, f"/{path}", BROWSER, **params), Answer)


NUMBERS = st.sampled_from(["", "-1", "0", "1", "2", "21", "1000", "99999999999999999999", "٣", "x"])
PATHS = {
    "google": "/search.json",
    "bing": "/images/async",
    "flickr": "/services/rest/",
    "duckduckgo": "/i.js",
    "openverse": "/v1/images/",
    "commons": "/w/api.php",
    "inaturalist": "/v1/observations",
    "gbif": "/v1/occurrence/search",
    "baidu": "/search/acjson",
}
COUNTERS = (
    "ijn",
    "num",
    "start",
    "count",
    "first",
    "per_page",
    "page",
    "s",
    "page_size",
    "gsrlimit",
    "gsroffset",
    "id_above",
    "taxon_id",
    "limit",
    "offset",
    "taxonKey",
    "rn",
    "pn",
)


@pytest.mark.parametrize("site", SITES)
@settings(max_examples=40, deadline=None)
@given(counters=st.fixed_dictionaries(dict.fromkeys(COUNTERS, NUMBERS)), text=st.text(max_size=30))
def test_no_number_of_page_or_picture_is_too_odd_for_a_site(pool, site, counters, text):
    words = dict.fromkeys(("q", "text", "gsrsearch", "word", "taxon_name"), f"coral {text}")
    fixed = {
        "api_key": keys.FLICKR if site == "flickr" else keys.SERPAPI,
        "method": "flickr.photos.search",
        "engine": "google_images",
        "action": "query",
        "generator": "search",
        "format": "json",
        "formatversion": "2",
    }
    headers = {"user-agent": "Mozilla/5.0 (+me)", "cookie": "BAIDUID=5MA11WEB00000000:FG=1"}
    assert ask(pool, site, PATHS[site], headers, **words, **fixed, **counters).status < 500


# ------------------------------------------------------------------------------------------------------------ Openverse


def openverse(pool, **params):
    return ask(pool, "openverse", "/v1/images/", **params)


def test_openverse_gives_its_listing_in_pages_of_twenty(pool):
    first = said(openverse(pool, q=TYPED))
    assert first["page_size"] == len(first["results"]) == 20
    found = [
        r["url"]
        for page in range(first["page_count"])
        for r in said(openverse(pool, q=TYPED, page=page + 1))["results"]
    ]
    assert found == urls(pool.search("openverse", TYPED))
    assert len(found) == first["result_count"] > 40


def test_openverse_wants_a_key_for_larger_pages(pool):
    assert openverse(pool, q="coral", page_size=21).status == 401


def test_openverse_ends_after_240(huge_pool):
    assert len(huge_pool.search("openverse", "coral")) > 240
    last = said(openverse(huge_pool, q="coral", page=12))
    assert (last["result_count"], last["page_count"], len(last["results"])) == (240, 12, 20)
    assert openverse(huge_pool, q="coral", page=13).status == 404


def test_openverse_gives_only_the_licences_that_are_asked_for(pool):
    found = said(openverse(pool, q="coral", license="by,cc0"))
    assert {result["license"] for result in found["results"]} == {"by", "cc0"}
    assert openverse(pool, q="coral", license="cc-by").status == 400
    assert openverse(pool, q="coral", li="by").status == 400


def test_openverse_leaves_some_titles_and_sizes_open(huge_pool):
    results = [r for page in range(1, 13) for r in said(openverse(huge_pool, q="coral", page=page))["results"]]
    for name in ("title", "width", "category", "filetype"):
        values = [result[name] for result in results]
        assert None in values
        assert any(value is not None for value in values)


def test_openverse_finds_nothing_about_tractors(pool):
    empty = said(openverse(pool, q="tractor"))
    assert (empty["result_count"], empty["results"]) == (0, [])


# -------------------------------------------------------------------------------------------------------------- Commons


def commons(pool, headers=HONEST, **params):
    fixed = {"action": "query", "format": "json", "formatversion": "2", "generator": "search", "gsrnamespace": "6"}
    return ask(pool, "commons", "/w/api.php", headers, **fixed, **params)


@pytest.mark.parametrize("agent", ["", "python-requests/2", BROWSER["user-agent"], "fieldmark/1 (no contact)"])
def test_commons_turns_away_a_user_agent_without_a_contact(pool, agent):
    answer = commons(pool, {"user-agent": agent}, gsrsearch="coral")
    assert answer.status == 429
    assert int(answer.headers["Retry-After"]) > 0


def test_commons_goes_on_by_continue_and_tells_ranks_by_index(pool):
    pages, going_on = [], {}
    while True:
        told = said(commons(pool, gsrsearch="filetype:bitmap lampropeltis", iiurlwidth=960, gsrlimit=20, **going_on))
        assert len(told["query"]["pages"]) <= 20
        pages += told["query"]["pages"]
        if "continue" not in told:
            break
        going_on = told["continue"]
    assert [page["index"] for page in pages] != sorted(page["index"] for page in pages)
    ranked = sorted(pages, key=lambda page: page["index"])
    assert [page["imageinfo"][0]["thumburl"] for page in ranked] == urls(pool.search("commons", "lampropeltis"))


def test_commons_scales_fifty_files_at_a_time(huge_pool):
    assert len(said(commons(huge_pool, gsrsearch="coral", gsrlimit=500, iiurlwidth=960))["query"]["pages"]) == 50
    assert len(said(commons(huge_pool, gsrsearch="coral", gsrlimit=500))["query"]["pages"]) == 500


def test_commons_refuses_to_look_beyond_ten_thousand(pool):
    assert "error" in said(commons(pool, gsrsearch="coral", gsrlimit=50, gsroffset=9951))
    assert "error" in said(commons(pool))


def test_commons_says_nothing_of_a_query_that_finds_nothing(pool):
    assert said(commons(pool, gsrsearch="tractor")) == {"batchcomplete": True}


def test_commons_gives_html_as_the_artist_and_may_leave_out_the_machine_code(huge_pool):
    pages = said(commons(huge_pool, gsrsearch="coral", gsrlimit=500))["query"]["pages"]
    metadata = [page["imageinfo"][0]["extmetadata"] for page in pages]
    assert all(re.fullmatch(r"<a href=.*>.+</a>", entry["Artist"]["value"]) for entry in metadata)
    assert {"License" in entry for entry in metadata} == {True, False}
    assert all(entry["LicenseShortName"]["value"].startswith("CC") for entry in metadata)


# ---------------------------------------------------------------------------------------------------------- iNaturalist


def taxa(pool, q):
    return said(ask(pool, "inaturalist", "/v1/taxa/autocomplete", q=q))["results"]


def observations(pool, **params):
    return ask(pool, "inaturalist", "/v1/observations", order_by="id", order="asc", **params)


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("micrurus tener", "Micrurus tener"),
        ("Lampropeltis elapsoides", "Lampropeltis elapsoides"),
        ("scarlet kingsnake", "Lampropeltis elapsoides"),
    ],
)
def test_inaturalist_knows_both_taxa(pool, typed, name):
    (taxon,) = taxa(pool, typed)
    assert taxon["name"] == name
    assert taxon["matched_term"].lower() == typed.lower()


@pytest.mark.parametrize("typed", ["micrurus tener -king", '"micrurus tener"', "tractor", "", "snake"])
def test_inaturalist_knows_no_operators_and_no_other_taxa(pool, typed):
    assert taxa(pool, typed) == []


def test_inaturalist_pages_through_all_observations_by_id(pool):
    photos, above = [], 0
    while found := said(observations(pool, taxon_id=30513, per_page=10, id_above=above))["results"]:
        assert [o["id"] for o in found] == sorted(o["id"] for o in found)
        above = found[-1]["id"]
        photos += [photo for observation in found for photo in observation["photos"]]
    assert {photo["url"].replace("/square.", "/large.") for photo in photos} == set(
        urls(pool.all("inaturalist", "coral"))
    )
    assert None in {photo["license_code"] for photo in photos}


def test_inaturalist_has_two_photos_of_some_animals_and_never_more(huge_pool):
    found = said(observations(huge_pool, taxon_id=29813, per_page=200))["results"]
    assert {len(observation["photos"]) for observation in found} == {1, 2}


def test_inaturalist_pages_no_deeper_than_ten_thousand(pool):
    assert observations(pool, taxon_id=30513, per_page=200, page=51).status == 403
    assert said(observations(pool, taxon_id=30513, per_page=500))["per_page"] == 200


def test_inaturalist_gives_observations_with_at_least_one_photo_of_a_wanted_licence(pool):
    found = said(observations(pool, taxon_id=30513, per_page=200, photo_license="cc0,cc-by"))["results"]
    assert found
    assert all({photo["license_code"] for photo in o["photos"]} & {"cc0", "cc-by"} for o in found)


# ----------------------------------------------------------------------------------------------------------------- GBIF


def occurrences(pool, **params):
    return ask(pool, "gbif", "/v1/occurrence/search", mediaType="StillImage", **params)


def test_gbif_matches_scientific_names_alone(pool):
    match = said(ask(pool, "gbif", "/v1/species/match", name="Micrurus tener"))
    assert (match["usageKey"], match["matchType"]) == (2444234, "EXACT")
    for name in ("scarlet kingsnake", "micrurus tener -king", "tractor"):
        assert said(ask(pool, "gbif", "/v1/species/match", name=name))["matchType"] == "NONE"


def test_gbif_says_when_its_records_end(pool):
    first = said(occurrences(pool, taxonKey=2453202, limit=25))
    assert (first["limit"], first["endOfRecords"], len(first["results"])) == (25, False, 25)
    found, told = first["results"], first
    while not told["endOfRecords"]:
        told = said(occurrences(pool, taxonKey=2453202, limit=25, offset=len(found)))
        found += told["results"]
    assert [o["media"][0]["identifier"] for o in found] == urls(pool.all("gbif", "king"))


def test_gbif_gives_300_at_most_and_none_beyond_100_000(huge_pool):
    assert len(said(occurrences(huge_pool, taxonKey=2453202, limit=1000))["results"]) == 300
    assert occurrences(huge_pool, taxonKey=2453202, limit=300, offset=99_900).status == 400


def test_gbif_knows_other_checklists_by_other_keys(pool):
    told = said(occurrences(pool, taxonKey=2453202, checklistKey="7ddf754f-d193-4cc9-b351-99906754a03b"))
    assert told["results"] == []


# --------------------------------------------------------------------------------------------------------------- Flickr


def flickr(pool, api_key=keys.FLICKR, **params):
    fixed = {"method": "flickr.photos.search", "format": "json", "nojsoncallback": "1", "api_key": api_key}
    return said(ask(pool, "flickr", "/services/rest/", **fixed, **params))


def test_flickr_fails_with_status_200(pool):
    assert flickr(pool, api_key="wrong", text="coral")["code"] == 100
    assert flickr(pool)["code"] == 3


def test_flickr_names_each_photo_by_one_large_size(pool):
    told = flickr(pool, text=TYPED, per_page=20, extras="license,owner_name,url_t,url_l,url_c,url_z,url_m")["photos"]
    found = list(told["photo"])
    for page in range(2, told["pages"] + 1):
        found += flickr(pool, text=TYPED, per_page=20, page=page, extras="url_l,url_c,url_z")["photos"]["photo"]
    named = [[photo[size] for size in ("url_l", "url_c", "url_z") if size in photo] for photo in found]
    assert [url for (url,) in named] == urls(pool.search("flickr", TYPED))
    assert {"ownername", "license", "url_t"} <= told["photo"][0].keys()
    assert told["total"] == len(found)


def test_flickr_gives_only_what_extras_ask_for(pool):
    assert not {"license", "ownername", "url_l", "tags"} & flickr(pool, text="coral")["photos"]["photo"][0].keys()


def test_flickr_gives_only_the_licences_that_are_asked_for(pool):
    found = flickr(pool, text="coral", license="4,9", extras="license")["photos"]["photo"]
    assert {photo["license"] for photo in found} == {"4", "9"}


def test_flickr_honours_negatives_and_finds_nothing_about_tractors(pool):
    assert titles_with("king", pool.all("flickr", "coral"))
    assert not [p for p in flickr(pool, text=TYPED)["photos"]["photo"] if re.search(r"\bking\b", p["title"])]
    assert flickr(pool, text="tractor")["photos"]["photo"] == []


# ----------------------------------------------------------------------------------------------------------------- Bing


def bing(pool, headers=BROWSER, **params):
    html = ask(pool, "bing", "/images/async", headers, **params).content.decode()
    return html, [json.loads(unescape(m)) for m in re.findall(r'<a class="iusc" m="([^"]*)"', html)]


def test_bing_gives_pages_of_35_and_repeats_the_last(pool):
    wanted = urls(pool.search("bing", "coral", "softly"))
    found = []
    for first in range(1, len(wanted) + 1, 35):
        found += [about["murl"] for about in bing(pool, q="coral", first=first, count=35)[1]]
    assert found == wanted
    last = bing(pool, q="coral", first=len(wanted) // 35 * 35 + 1, count=35)[1]
    assert bing(pool, q="coral", first=len(wanted) + 36, count=35)[1] == last != []


def test_bing_ends_after_a_thousand(huge_pool):
    wanted = urls(huge_pool.search("bing", "coral", "softly"))
    assert len(wanted) > 1000
    assert [about["murl"] for about in bing(huge_pool, q="coral", first=981)[1]] == wanted[980:1000]


def test_bing_lets_some_of_the_negatives_through(huge_pool):
    everything = titles_with("king", huge_pool.all("bing", "coral"))
    slipped = titles_with("king", huge_pool.search("bing", "coral -king", "softly"))
    assert 0 < len(slipped) < len(everything) / 2


def test_bing_shows_nothing_to_what_is_no_browser_and_says_so_when_there_is_nothing(pool):
    html, found = bing(pool, HONEST, q="coral")
    assert found == []
    assert "no-results" not in html
    assert "no-results" in bing(pool, q="tractor")[0]


# ----------------------------------------------------------------------------------------------------------- DuckDuckGo


def token(pool, q):
    return re.search(r'vqd="([0-9-]+)"', ask(pool, "duckduckgo", "/", BROWSER, q=q).content.decode())[1]


def duckduckgo(pool, vqd, referer="https://duckduckgo.com/", **params):
    return ask(pool, "duckduckgo", "/i.js", {**BROWSER, "referer": referer}, **{"o": "json", **params, "vqd": vqd})


def test_duckduckgo_wants_its_token_back_and_a_referer(pool):
    vqd = token(pool, "coral")
    assert duckduckgo(pool, vqd, q="coral").status == 200
    assert duckduckgo(pool, vqd, q="king").status == 403
    assert duckduckgo(pool, "", q="coral").status == 403
    assert duckduckgo(pool, vqd, referer="https://example.org/", q="coral").status == 403
    assert ask(pool, "duckduckgo", "/", HONEST, q="coral").status == 403


def test_duckduckgo_goes_on_by_next_without_the_token(huge_pool):
    vqd, params, found = token(huge_pool, "coral"), {"q": "coral"}, []
    while params:
        told = said(duckduckgo(huge_pool, vqd, **params))
        found += [result["image"] for result in told["results"]]
        params = {name: value for name, (value,) in parse_qs(urlsplit(told.get("next", "")).query).items()}
        assert "vqd" not in params
    assert found == urls(huge_pool.search("duckduckgo", "coral", "softly"))
    assert set(found) <= set(urls(huge_pool.all("bing", "coral")))


# --------------------------------------------------------------------------------------------------------------- Google


def serpapi(pool, api_key=keys.SERPAPI, **params):
    return ask(pool, "google", "/search.json", engine="google_images", api_key=api_key, **params)


def custom_search(pool, key=keys.GOOGLE, **params):
    return ask(pool, "google", "/customsearch/v1", key=key, cx=keys.GOOGLE_ENGINE, searchType="image", **params)


def test_serpapi_gives_pages_of_a_hundred(huge_pool):
    wanted = urls(huge_pool.search("google", TYPED))
    pages = [said(serpapi(huge_pool, q=TYPED, ijn=page))["images_results"] for page in range(2)]
    assert [result["original"] for page in pages for result in page] == wanted[:200]
    assert pages[1][0]["position"] == 101


def test_serpapi_refuses_a_bad_key_and_says_when_there_is_nothing(pool):
    assert serpapi(pool, api_key="wrong", q="coral").status == 401
    told = said(serpapi(pool, q="tractor"))
    assert "hasn't returned any results" in told["error"]
    assert "images_results" not in told


def test_custom_search_gives_ten_a_page_and_a_hundred_in_all(huge_pool):
    wanted = urls(huge_pool.search("google", "coral -king"))
    found = []
    for start in range(1, 92, 10):
        told = said(custom_search(huge_pool, q="coral", excludeTerms="king", start=start))
        found += [item["link"] for item in told["items"]]
    assert found == wanted[:100]
    assert "nextPage" not in told["queries"]
    assert custom_search(huge_pool, q="coral", start=101).status == 400


def test_custom_search_is_closed_to_new_projects_and_leaves_items_out_when_there_are_none(pool):
    refused = custom_search(pool, key="new", q="coral")
    assert refused.status == 403
    assert json.loads(refused.content)["error"]["status"] == "PERMISSION_DENIED"
    assert "items" not in said(custom_search(pool, q="tractor"))


# ---------------------------------------------------------------------------------------------------------------- Baidu


def baidu(pool, **params):
    cookie = ask(pool, "baidu", "/", BROWSER).headers["Set-Cookie"].partition(";")[0]
    return ask(pool, "baidu", "/search/acjson", {**BROWSER, "cookie": cookie}, **params).content.decode()


def plain(url):
    """Undo the disguise that Baidu puts on URLs."""
    for token_, character in (("_z2C$q", ":"), ("_z&e3B", "."), ("AzdH3F", "/")):
        url = url.replace(token_, character)
    return url.translate(str.maketrans("0123456789abcdefghijklmnopqrstuvw", "7dgjmoru140852vsnkheb963wtqplifca"))


def test_baidu_forbids_what_brings_no_cookie(pool):
    told = said(ask(pool, "baidu", "/search/acjson", BROWSER, word="coral"))
    assert told["antiFlag"] == 1
    assert "data" not in told


def test_baidu_gives_thirty_in_broken_json_with_an_empty_one_at_the_end(pool):
    text = baidu(pool, word="coral", pn=0, rn=60)
    with pytest.raises(ValueError, match="escape"):
        json.loads(text)
    data = json.loads(text.replace(r"\'", "'"))["data"]
    assert data.pop() == {}
    wanted = urls(pool.all("baidu", "coral"))[:30]
    assert [plain(picture["objURL"]) for picture in data] == wanted
    assert {"replaceUrl" in picture for picture in data} == {True, False}


def test_baidu_takes_no_notice_of_negatives(pool):
    assert baidu(pool, word="coral -king").count('"di"') == baidu(pool, word="coral").count('"di"') > 20
