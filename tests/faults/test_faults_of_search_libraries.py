"""Faults of ddgs and of other search libraries (PROVIDERS, section 13): for each, a test that we do not have it."""

import json

import pytest

from faults.listed import answer_everything
from fieldmark.artifacts.catalog import NAME, Catalog
from fieldmark.demo.smallweb import SmallWeb, cheap
from fieldmark.errors import NoKey
from fieldmark.search.providers import bing, duckduckgo, flickr, google
from search.recorded import TYPED, follow, read, search
from support.harvesting import run, set_environment, sheet_in, statuses_by_url

ONE_QUERY = "searchterm,class\nmicrurus tener,coral\n"
NEGATIVE = "searchterm,class\nmicrurus tener -king,coral\n"


@pytest.mark.parametrize(
    "url",
    [
        "https://a.example/a%20b/c%2Fd%C3%A9.jpg?x=1%262",
        "https://a.example/p.jpg?sig=a%3D%3D&exp=1+1",
        "http://a.example/x",
    ],
    ids=["escapes", "signed", "no ending"],
)
def test_an_address_is_left_as_the_site_wrote_it(url):
    """ddgs: rewrites addresses (`%20` to `+`, `%2F` to `/`), which breaks those that are escaped or signed."""
    pictures = read(duckduckgo.PROVIDER, duckduckgo.start(search()), "duckduckgo/token.html").next
    body = json.dumps({"results": [{"image": url, "url": "https://a.example/", "title": ""}]})
    page = read(duckduckgo.PROVIDER, pictures, body.encode())
    assert [result.url for result in page.results] == [url]


def test_an_escaped_address_is_asked_for_as_it_was_written(small_web, tmp_path):
    """ddgs, and fastai's `download_images`, which cuts addresses at `?`: what is asked for is not what was listed."""
    run(tmp_path, sheet_in(tmp_path, ONE_QUERY), provider="duckduckgo")
    listed = {each.url.removeprefix(small_web.url) for each in small_web.expected("duckduckgo", "micrurus tener")}
    asked = {ask.target for ask in small_web.requests if ask.target.startswith("/img/")}
    assert asked == listed
    assert any("%20" in target for target in asked) and any("%2F" in target and "?" in target for target in asked)


def test_as_many_as_wanted_are_asked_for_page_after_page(tmp_path, monkeypatch):
    """ddgs: `max_results` does not page, so that who wants 500 gets one page."""
    with SmallWeb(per_class=250, paint=cheap) as web:
        set_environment(monkeypatch, web.environment())
        run(tmp_path, sheet_in(tmp_path, ONE_QUERY), provider="bing,duckduckgo", dry_run=True)
        for provider in ("bing", "duckduckgo"):
            named = {key.partition(" ")[2] for key in statuses_by_url(tmp_path / "snakes", provider=provider)}
            assert named == {listed.url for listed in web.expected(provider, "micrurus tener")} and len(named) > 100


def test_results_keep_the_order_of_their_site_and_a_negative_takes_out(tmp_path, monkeypatch):
    """ddgs: re-ranks results by the words of the query, where `-king` counts as a wish for kings."""
    with SmallWeb(per_class=120, paint=cheap) as web:
        set_environment(monkeypatch, web.environment())
        run(tmp_path, sheet_in(tmp_path, NEGATIVE), provider="duckduckgo", dry_run=True)
        listed = web.expected("duckduckgo", "micrurus tener -king")
    with Catalog.open(tmp_path / "snakes" / NAME) as catalog:
        rows = catalog.rows("SELECT url, status FROM candidates ORDER BY rank")
    assert [row["url"] for row in rows] == [each.url for each in listed]
    refused = {each.url for each in listed if each.ends == ("negative",)}
    assert refused and {row["url"] for row in rows if row["status"] == "negative"} == refused


def test_blocked_and_nothing_found_are_two_outcomes(small_web, host, tmp_path, monkeypatch):
    """ddgs, issues 136 and 410: "No results found." for both."""
    sheet = sheet_in(tmp_path, "searchterm,class\nunheard of,a\n")
    result = run(tmp_path, sheet, provider="duckduckgo")
    assert result.providers()["duckduckgo"]["outcome"] == "nothing found"
    monkeypatch.setenv("FIELDMARK_DUCKDUCKGO_BASE", host.url(""))
    answer_everything(host, 403, b"<html>If this error persists, please let us know.</html>")
    (tmp_path / "again").mkdir()
    result = run(tmp_path / "again", sheet, provider="duckduckgo")
    assert result.providers()["duckduckgo"]["outcome"] == "blocked" and not result.ok


def test_whoever_asks_for_bing_and_duckduckgo_gets_both(small_web, tmp_path):
    """ddgs: takes the two for one provider, of which it asks one."""
    result = run(tmp_path, sheet_in(tmp_path, ONE_QUERY), provider="bing,duckduckgo")
    assert all(entry["outcome"] == "ok" and entry["found"] > 5 for entry in result.providers().values())
    assert set(result.providers()) == {"bing", "duckduckgo"}
    fetched = [ask.target for ask in small_web.requests if ask.target.startswith("/img/")]
    assert len(fetched) == len(set(fetched))  # they list the same addresses


def test_safe_search_is_on_for_bing_and_for_duckduckgo():
    """ddgs: `safesearch` does nothing for Bing, which has brought explicit pictures for queries with operators."""
    assert bing.start(search()).params["adlt"] in ("moderate", "strict")
    pictures = read(duckduckgo.PROVIDER, duckduckgo.start(search()), "duckduckgo/token.html").next
    assert pictures.params["p"] == "1"


def test_a_search_whose_site_repeats_its_last_page_ends():
    """bing-image-downloader, issues 3 and 44: it goes on for ever, as Bing never gives an empty page."""
    item = json.dumps({"murl": "https://a.example/only.jpg"})
    asked, found = follow(bing.PROVIDER, search(), lambda request: f"<a class='iusc' m='{item}'>".encode())
    assert len(asked) == 2 and [result.url for result in found] == ["https://a.example/only.jpg"]


def test_a_query_is_sent_whole_and_once(small_web, tmp_path):
    """simple_image_download: takes the query apart and searches for each of its words."""
    run(tmp_path, sheet_in(tmp_path, f"searchterm,class\n{TYPED},coral\n"), provider="google,openverse", dry_run=True)
    sent = {ask.params["q"] for ask in small_web.requests}
    assert sent == {TYPED}


@pytest.mark.parametrize("provider", [google, flickr], ids=["google", "flickr"])
def test_no_key_is_built_in(provider):
    """imagedl: ships keys of its own, which stop working for everybody at once."""
    with pytest.raises(NoKey, match="KEY"):
        provider.PROVIDER.start(search(keys={}))
