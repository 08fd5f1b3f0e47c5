"""Faults of img2dataset, and what its users ask for in vain: for each, a test that we do not have it."""

import pytest

from faults.listed import ends, harvest_lists, photos_of, put_photos
from fieldmark.cli import main
from fieldmark.config import HarvestSettings
from fieldmark.pipeline.harvest import harvest
from support.harvesting import POLITE, run, statuses_by_url


def test_a_picture_that_robots_txt_closes_is_never_asked_for(host, tmp_path):
    """img2dataset, issue 48: robots.txt is not respected."""
    closed, deeper, open_ = put_photos(host, "/closed/a.jpg", "/closed/deeper/b.jpg", "/open.jpg")
    host.robots("User-agent: somebody else\nDisallow: /\n\nUser-agent: *\nDisallow: /closed/\n")
    harvest_lists(tmp_path, {"coral": [closed, deeper, open_]})
    assert ends(tmp_path / "w") == {closed: "robots", deeper: "robots", open_: "ok"}
    assert sorted(path for path, _ in host.requests) == ["/open.jpg", "/robots.txt"]


def test_an_owner_who_says_noai_is_obeyed_without_any_flag(host, tmp_path):
    """img2dataset, issue 293: owners want to be asked first. What they say is obeyed unless a person says otherwise."""
    mine, free = put_photos(host, "/mine.jpg", "/free.jpg")
    host.answers["/mine.jpg"][1]["X-Robots-Tag"] = "noai"
    harvest_lists(tmp_path, {"coral": [mine, free]})
    assert ends(tmp_path / "w") == {mine: "opted_out", free: "ok"}
    (tmp_path / "own").mkdir()
    harvest_lists(tmp_path / "own", {"coral": [mine, free]}, opt_out=False)
    assert ends(tmp_path / "own" / "w") == {mine: "ok", free: "ok"}


@pytest.mark.parametrize(
    ("header", "value"),
    [("tdm-reservation", "1"), ("X-Robots-Tag", "noimageai"), ("X-Robots-Tag", "fieldmark: noai")],
    ids=["tdm-reservation", "noimageai", "by our name"],
)
def test_other_ways_to_opt_out_are_heard_too(host, tmp_path, header, value):
    """img2dataset, pull request 312: a wider opt-out, open since 2023."""
    (mine,) = put_photos(host, "/mine.jpg")
    host.answers["/mine.jpg"][1][header] = value
    harvest_lists(tmp_path, {"coral": [mine]})
    assert ends(tmp_path / "w") == {mine: "opted_out"}


def test_a_site_that_reserves_itself_from_training_is_left_alone(host, tmp_path):
    """img2dataset, pull request 312: a wider opt-out, here that of a whole site in its robots.txt."""
    (mine,) = put_photos(host, "/mine.jpg")
    host.robots("User-agent: *\nContent-Signal: search=yes, ai-train=no\nAllow: /\n")
    harvest_lists(tmp_path, {"coral": [mine]})
    assert ends(tmp_path / "w") == {mine: "opted_out"} and host.asked("/mine.jpg") == 0


def test_the_licence_of_a_list_is_recorded_and_credited(host, tmp_path, capsys):
    """img2dataset, issue 294: recording licences, "not aware of any working method"."""
    free, closed = put_photos(host, "/free.jpg", "/closed.jpg")
    by = "https://creativecommons.org/licenses/by-sa/4.0/"
    rows = ["url,class,license,author", f"{free},coral,{by},Ana Field", f"{closed},coral,All rights reserved,Bo Marsh"]
    (tmp_path / "list.csv").write_text("\n".join(rows))
    harvest([str(tmp_path / "list.csv")], HarvestSettings.of(POLITE), tmp_path / "w")
    recorded = {
        photo.source: (photo.licence, photo.licence_version, photo.author) for photo in photos_of(tmp_path / "w")
    }
    assert recorded == {free: ("cc-by-sa", "4.0", "Ana Field"), closed: ("arr", "", "Bo Marsh")}
    assert main(["credits", str(tmp_path / "w")]) == 0
    assert "by Ana Field, CC BY-SA 4.0" in capsys.readouterr().out


def test_the_licence_of_every_search_result_is_recorded(small_web, tmp_path):
    """img2dataset, issue 294: a list of URLs carries no licence; ours begins with the search, which knows."""
    run(tmp_path, provider="openverse,commons,inaturalist")
    known = {
        each.url: each.licence
        for provider in ("openverse", "commons", "inaturalist")
        for query in ("micrurus tener -king", "Lampropeltis elapsoides")
        for each in small_web.expected(provider, query)
    }
    photos = photos_of(tmp_path / "snakes")
    assert photos and all(photo.licence == known[photo.source] != "unknown" for photo in photos)


def test_a_longer_list_costs_only_the_urls_that_are_new(host, tmp_path):
    """img2dataset, issue 71: avoid re-downloading."""
    urls = put_photos(host, "/0.jpg", "/1.jpg", "/2.jpg")
    harvest_lists(tmp_path, {"coral": urls[:2]})
    before = {photo.id for photo in photos_of(tmp_path / "w")}
    harvest_lists(tmp_path, {"coral": urls})
    assert [host.asked(f"/{n}.jpg") for n in range(3)] == [1, 1, 1]
    assert before < {photo.id for photo in photos_of(tmp_path / "w")}


def test_a_url_that_stands_in_two_lists_is_fetched_once(host, tmp_path):
    """img2dataset, issue 71: avoid re-downloading, also within one run."""
    both, other = put_photos(host, "/both.jpg", "/other.jpg")
    (tmp_path / "more.csv").write_text(f"url,class\n{both},coral\n{both},coral\n{other},coral\n")
    (tmp_path / "coral.txt").write_text(f"{both}\n{both}\n")
    lists = [str(tmp_path / "coral.txt"), str(tmp_path / "more.csv")]
    result = harvest(lists, HarvestSettings.of(POLITE), tmp_path / "w")
    assert result.photos == {"coral": 2}
    assert host.asked("/both.jpg") == host.asked("/other.jpg") == 1


def test_equal_photos_at_several_addresses_are_kept_once(small_web, tmp_path):
    """img2dataset: no search for duplicates."""
    result = run(tmp_path, provider="google,bing,flickr,openverse,commons")
    photos = photos_of(tmp_path / "snakes")
    assert len({photo.sha256 for photo in photos}) == len(photos) == sum(result.photos.values())
    assert list(statuses_by_url(tmp_path / "snakes").values()).count("duplicate") > 3


def test_a_host_is_called_over_two_connections_at_most(host, tmp_path, monkeypatch):
    """img2dataset: 256 threads, and no limit for one host."""
    monkeypatch.delenv("FIELDMARK_NO_WAIT")
    urls = put_photos(host, *(f"/{n}.jpg" for n in range(5)))
    host.delay = 0.4
    assert harvest_lists(tmp_path, {"coral": urls}).photos == {"coral": 5}
    assert host.at_once <= 2


def test_hosts_hear_who_we_are_and_how_to_reach_us(host, tmp_path):
    """img2dataset: calls itself Firefox 72."""
    harvest_lists(tmp_path, {"coral": put_photos(host, "/photo.jpg")}, contact="ana@example.org")
    agents = {headers["user-agent"] for _, headers in host.requests}
    (agent,) = agents
    assert agent.startswith("fieldmark/") and "ana@example.org" in agent and "Mozilla" not in agent


def test_a_host_that_is_busy_is_asked_again(host, tmp_path):
    """img2dataset: no second try, unless one asks for it."""
    (photo,) = put_photos(host, "/photo.jpg")
    good = host.answers["/photo.jpg"]
    host.hooks["/photo.jpg"] = lambda asked: good if asked else (503, {"Retry-After": "0"}, b"")
    harvest_lists(tmp_path, {"coral": [photo]})
    assert ends(tmp_path / "w") == {photo: "ok"} and host.asked("/photo.jpg") == 2
