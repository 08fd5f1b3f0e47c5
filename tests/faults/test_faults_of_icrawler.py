"""Faults of icrawler, and of the search scrapers that broke as it did: for each, a test that we do not have it."""

import json
import time

import pytest

from faults.listed import answer_everything, ends, harvest_lists, photos_of, put_photos
from fieldmark.demo.smallweb import cheap
from fieldmark.errors import Blocked
from fieldmark.pipeline.providers import list_providers
from fieldmark.search.providers import baidu, bing
from fieldmark.search.registry import DEFAULTS
from search.recorded import follow, read, search
from support.harvesting import everything, run, sheet_in, statuses_by_url


def test_a_second_run_keeps_the_first_ones_photos_and_takes_the_rest(small_web, tmp_path):
    """icrawler: skips a file whose next number is taken, whatever its URL, so that a re-run drops other results."""
    (tmp_path / "at once").mkdir()
    run(tmp_path / "at once", provider="bing", max=12)
    run(tmp_path, provider="bing", max=4)
    before = everything(tmp_path / "snakes")["pictures"]
    run(tmp_path, provider="bing", max=12)
    after = everything(tmp_path / "snakes")["pictures"]
    assert before and before.items() < after.items()
    assert after == everything(tmp_path / "at once" / "snakes")["pictures"]


def test_a_harvest_waits_for_the_last_photo_however_late(host, tmp_path):
    """icrawler: `download()` returns nothing, so that `max_idle_time` always thinks that nothing arrived."""

    def late(asked):
        while len(list((tmp_path / "w" / "photos").rglob("*.jpg"))) < 2:
            time.sleep(0.02)
        return 200, {}, cheap("king", 1)

    first, second = put_photos(host, "/first.jpg", "/second.jpg")
    host.hooks["/late.jpg"] = late
    harvest_lists(tmp_path, {"coral": [host.url("/late.jpg"), first, second]})
    assert set(ends(tmp_path / "w").values()) == {"ok"} and len(ends(tmp_path / "w")) == 3


@pytest.mark.parametrize(
    "url",
    ["https://a.example/42.webp", "https://a.example/42.png", "https://a.example/42.jpg?w=1600&sig=a%2Fb.jpg&x=1"],
    ids=["webp", "png", "jpg with more behind it"],
)
def test_bings_addresses_come_whole_whatever_they_end_in(url):
    """icrawler: its Bing parser takes addresses up to their first `.jpg`, and drops those that have none."""
    m = json.dumps({"murl": url}).replace("&", "&amp;").replace('"', "&quot;")
    page = read(bing.PROVIDER, bing.start(search()), f'<a class="iusc" m="{m}">'.encode())
    assert [result.url for result in page.results] == [url]


def test_good_answers_are_taken_and_bad_ones_are_not_even_with_a_picture(host, tmp_path):
    """icrawler, commit f2a326d: an inverted test of the status turns down every good answer."""
    good, gone = put_photos(host, "/good.jpg", "/gone.jpg")
    host.answers["/gone.jpg"] = (404, *host.answers["/gone.jpg"][1:])
    harvest_lists(tmp_path, {"coral": [good, gone]})
    assert ends(tmp_path / "w") == {good: "ok", gone: "http_error"}


def test_signs_in_a_query_reach_bing_as_they_were_typed(small_web, tmp_path):
    """icrawler: writes the query into Bing's address as it is, where `&`, `#` and `+` cut it off."""
    run(tmp_path, sheet_in(tmp_path, "searchterm,class\nking & coral #1 c++ 50% ñ,coral\n"), provider="bing", max=1)
    queries = {ask.params["q"] for ask in small_web.requests if ask.target.startswith("/bing/")}
    assert queries == {"king & coral #1 c++ 50% ñ"}


def test_bing_is_asked_for_pages_that_do_not_overlap():
    """icrawler: steps by 20 from 0 through pages of 35, as bing-image-downloader steps by 1 and never ends."""

    def site(request):
        first, size = int(request.params["first"]), int(request.params["count"])
        items = (json.dumps({"murl": f"https://a.example/{min(first, 71) + n}.jpg"}) for n in range(size))
        return "".join(f"<a class='iusc' m='{item}'>" for item in items).encode()

    asked, found = follow(bing.PROVIDER, search(), site)
    assert [request.params["first"] for request in asked] == ["1", "36", "71", "106"]
    assert [result.url for result in found] == [f"https://a.example/{n}.jpg" for n in range(1, 106)]


def test_a_thousand_pictures_come_where_a_site_lists_so_many():
    """icrawler, issue 38: one cannot get 1,000."""

    def site(request):
        items = (json.dumps({"murl": f"https://a.example/{int(request.params['first']) + n}.jpg"}) for n in range(35))
        return "".join(f"<a class='iusc' m='{item}'>" for item in items).encode()

    _, found = follow(bing.PROVIDER, search(most=1000), site)
    assert len({result.url for result in found}) == 1000


def test_the_same_command_again_asks_for_no_url_again(small_web, tmp_path):
    """icrawler, issue 47: skip URLs already fetched, so that a crawl can be restarted."""
    run(tmp_path, provider="bing,openverse")
    assert any(ask.target.startswith("/img/") for ask in small_web.requests)
    small_web.requests.clear()
    run(tmp_path, provider="bing,openverse")
    assert small_web.requests == []


def test_a_page_of_google_without_pictures_is_an_answer(small_web, tmp_path):
    """icrawler, issue 135: `parse` returns None where Google lists nothing, and iterating over it ends the run."""
    sheet = sheet_in(tmp_path, "searchterm,class\nunheard of,a\nmicrurus tener,coral\n")
    result = run(tmp_path, sheet, provider="google")
    assert [(standing.label, standing.outcome) for standing in result.standings] == [
        ("a", "nothing found"),
        ("coral", "ok"),
    ]
    assert result.photos["coral"] > 0


def test_a_google_that_wants_a_browser_is_no_google_that_found_nothing(small_web, host, tmp_path, monkeypatch):
    """icrawler, issues 65 to 125, and google-images-download, issue 301: "0 is all we got"."""
    monkeypatch.setenv("FIELDMARK_GOOGLE_BASE", host.url(""))
    page = b"<html><noscript>Please enable JavaScript to continue.</noscript></html>"
    answer_everything(host, 200, page)
    result = run(tmp_path, provider="google,openverse")
    assert result.providers()["google"] == {"outcome": "page changed", "found": 0}
    assert result.providers()["openverse"]["outcome"] == "ok" and result.photos and not result.ok


def test_without_a_choice_those_are_asked_that_need_no_key_and_no_scraping(small_web, tmp_path, monkeypatch):
    """icrawler and its like: scraping is what one gets without a choice, and it fails about once a year."""
    for name in ("SERPAPI_KEY", "FLICKR_API_KEY"):
        monkeypatch.delenv(name)
    result = run(tmp_path)
    assert set(result.providers()) == set(DEFAULTS) == {"openverse", "commons", "inaturalist"}
    assert result.ok and min(result.photos.values()) > 5


def test_a_provider_that_stopped_working_is_named_before_a_harvest(small_web, host, monkeypatch):
    """icrawler, fastai's course: that a source broke shows in the first lesson, and nowhere earlier."""
    monkeypatch.setenv("FIELDMARK_BING_BASE", host.url(""))
    answer_everything(host, 403, b"")
    checked = {entry.name: entry for entry in list_providers(check=True, contact="a@example.org") if not entry.local}
    assert checked["bing"].outcome == "blocked" and checked["bing"].failed
    # The small web has no foxes, which is an answer.
    assert {entry.outcome for name, entry in checked.items() if name != "bing"} == {"nothing found"}


def test_baidus_refusal_is_a_block():
    """icrawler, issue 103: `antiFlag` in the place of `data` raises a KeyError."""
    pictures = read(baidu.PROVIDER, baidu.start(search()), "baidu/front.html").next
    with pytest.raises(Blocked, match="Baidu"):
        read(baidu.PROVIDER, pictures, "baidu/blocked.json")


def test_a_search_of_flickr_is_one_request_for_hundreds_of_photos(small_web, tmp_path):
    """icrawler: asks Flickr for the sizes of each photo by itself, which uses up its 3,600 requests an hour."""
    run(tmp_path, provider="flickr", dry_run=True)
    assert len(statuses_by_url(tmp_path / "snakes")) > 10
    assert len([ask for ask in small_web.requests if ask.target.startswith("/flickr/")]) == 2


def test_licence_and_author_stand_beside_each_photo(small_web, tmp_path):
    """icrawler: filters by licence and then forgets it."""
    run(tmp_path, provider="flickr", licence="cc-by,cc-by-sa,cc0")
    listed = {
        each.url: (each.licence, each.author)
        for query in ("micrurus tener -king", "Lampropeltis elapsoides")
        for each in small_web.expected("flickr", query)
    }
    photos = photos_of(tmp_path / "snakes")
    assert photos and all((photo.licence, photo.author) == listed[photo.source] for photo in photos)
    assert {photo.licence for photo in photos} <= {"cc-by", "cc-by-sa", "cc0"} and all(photo.author for photo in photos)


def test_a_robots_txt_is_read_once_and_obeyed(host, tmp_path):
    """icrawler: reads no robots.txt."""
    open_, closed, other = put_photos(host, "/open.jpg", "/closed/a.jpg", "/closed/b.jpg")
    host.robots("User-agent: *\nDisallow: /closed/\n")
    harvest_lists(tmp_path, {"coral": [open_, closed, other]})
    assert ends(tmp_path / "w") == {open_: "ok", closed: "robots", other: "robots"}
    assert host.asked("/robots.txt") == 1 and host.asked("/closed/a.jpg") == 0
    assert len(photos_of(tmp_path / "w")) == 1
