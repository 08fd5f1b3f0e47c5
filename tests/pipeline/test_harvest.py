"""Harvests of the small web, through the real client."""

import hashlib
import json
import os
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from fieldmark.artifacts.catalog import Catalog
from fieldmark.artifacts.reading import read_photos
from fieldmark.artifacts.workspace import Workspace
from fieldmark.cli import main
from fieldmark.config import HarvestSettings
from fieldmark.demo.smallweb import SmallWeb, cheap
from fieldmark.errors import QueryError, WorkspaceError, WrongUsage
from fieldmark.pipeline.harvest import harvest
from support.harvesting import POLITE, SHEET, everything, run, set_environment, sheet_in, statuses_by_url

QUERIES = {"coral": "micrurus tener -king", "king": "Lampropeltis elapsoides"}


@pytest.fixture(scope="module")
def web():
    with SmallWeb(per_class=20, paint=cheap) as small:
        yield small


@pytest.fixture
def small_web(web, monkeypatch):
    set_environment(monkeypatch, web.environment())
    web.requests.clear()
    return web


def asked(web, start):
    return [ask.target for ask in web.requests if ask.target.startswith(start)]


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_every_candidate_of_every_provider_ends_as_the_small_web_says_it_should(small_web, tmp_path):
    result = run(tmp_path, provider="all", max=1000)
    for label, query in QUERIES.items():
        ends = statuses_by_url(tmp_path / "snakes", label=label)
        for provider in result.providers():
            for expected in small_web.expected(provider, query):
                status = ends[f"{provider} {expected.url}"]
                allowed = {*expected.ends, *({"duplicate", "conflict"} if "ok" in expected.ends else ())}
                assert status in allowed, (provider, expected.url)
                if expected.both and status in ("ok", "duplicate"):
                    assert not any(
                        e.picture == expected.picture
                        for p in result.providers()
                        for e in small_web.expected(p, QUERIES["king" if label == "coral" else "coral"])
                    )


def test_statuses_sum_to_candidates_and_photos_lie_where_the_catalog_says(small_web, tmp_path):
    result = run(tmp_path)
    document = result.to_dict()
    assert sum(document["statuses"].values()) == document["candidates"] > 60
    assert sum(document["photos"].values()) == document["statuses"]["ok"]
    lying = {path.relative_to(tmp_path / "snakes" / "photos") for path in (tmp_path / "snakes/photos").rglob("*.jpg")}
    with Catalog.open(tmp_path / "snakes" / "catalog.db") as catalog:
        rows = catalog.rows("SELECT label, id, sha256 FROM photos")
    assert lying == {Path(row["label"]) / f"{row['id']}.jpg" for row in rows}
    assert all(row["sha256"].startswith(row["id"]) for row in rows)
    assert (tmp_path / "snakes" / "harvest.html").stat().st_size > 1000
    assert result.ok


def test_a_second_run_fetches_nothing_and_changes_nothing(small_web, tmp_path):
    run(tmp_path)
    before = everything(tmp_path / "snakes")
    fetched = asked(small_web, "/img")
    assert len(fetched) == len(set(fetched))
    small_web.requests.clear()
    run(tmp_path)
    assert small_web.requests == []
    assert everything(tmp_path / "snakes") == before


def test_a_larger_cap_extends_a_harvest_to_what_it_would_have_been(small_web, tmp_path):
    for name, caps in (("grown", (7, 33)), ("at once", (33,))):
        (tmp_path / name).mkdir()
        for cap in caps:
            run(tmp_path / name, max=cap, provider="openverse,bing,commons")
    grown, at_once = (everything(tmp_path / name / "snakes") for name in ("grown", "at once"))
    assert grown == at_once
    assert len(asked(small_web, "/openverse/v1/images")) > 0


def test_more_providers_extend_a_harvest_and_fetch_no_url_twice(small_web, tmp_path):
    run(tmp_path, provider="openverse")
    run(tmp_path, provider="openverse,flickr,gbif")
    fetched = asked(small_web, "/img")
    assert len(fetched) == len(set(fetched))
    (tmp_path / "other").mkdir()
    run(tmp_path / "other", provider="flickr,gbif,openverse")
    assert everything(tmp_path / "snakes") == everything(tmp_path / "other" / "snakes")


def test_the_cap_counts_what_is_wanted_for_each_query_and_provider(small_web, tmp_path):
    run(tmp_path, max=5, provider="bing,openverse")
    with Catalog.open(tmp_path / "snakes" / "catalog.db") as catalog:
        rows = catalog.rows(
            "SELECT provider, query, count(*) AS n FROM candidates WHERE status != 'negative' GROUP BY 1, 2"
        )
    assert {row["n"] for row in rows} == {5} and len(rows) == 4


def test_one_provider_that_fails_leaves_the_others_running(small_web, tmp_path, monkeypatch):
    monkeypatch.setenv("FIELDMARK_FLICKR_BASE", f"{small_web.url}/img/no-such-thing")
    monkeypatch.delenv("SERPAPI_KEY")
    result = run(tmp_path, provider="flickr,google,openverse")
    outcomes = {name: entry["outcome"] for name, entry in result.providers().items()}
    assert outcomes["openverse"] == "ok"
    assert outcomes["google"] == "no key"
    assert outcomes["flickr"] not in ("ok", "nothing found", "no key")
    assert result.photos and not result.ok


def test_nothing_found_is_an_answer_and_no_failure(small_web, tmp_path):
    result = run(tmp_path, sheet_in(tmp_path, "searchterm,class\nunheard of,a\nmicrurus,coral\n"))
    assert result.ok
    with Catalog.open(tmp_path / "snakes" / "catalog.db") as catalog:
        rows = catalog.rows("SELECT provider, outcome, reason FROM searches WHERE label = 'a'")
    assert {row["outcome"] for row in rows} == {"nothing found"}
    assert "unheard of" in next(row["reason"] for row in rows if row["provider"] == "inaturalist")


def test_a_provider_that_was_blocked_is_asked_again_by_the_next_run(small_web, tmp_path, monkeypatch):
    monkeypatch.delenv("FLICKR_API_KEY")
    assert run(tmp_path, provider="flickr").providers()["flickr"] == {"outcome": "no key", "found": 0}
    monkeypatch.setenv("FLICKR_API_KEY", small_web.environment()["FLICKR_API_KEY"])
    assert run(tmp_path, provider="flickr").providers()["flickr"]["outcome"] == "ok"


def test_only_wanted_licences_are_taken_and_a_wider_wish_takes_the_rest(small_web, tmp_path):
    run(tmp_path, licence="cc0,cc-by", provider="openverse,bing")
    with Catalog.open(tmp_path / "snakes" / "catalog.db") as catalog:
        assert {row[0] for row in catalog.rows("SELECT DISTINCT licence FROM photos")} == {"cc0", "cc-by"}
        assert catalog.row("SELECT count(*) FROM candidates WHERE status = 'licence' AND provider = 'bing'")[0] > 10
    run(tmp_path, provider="openverse,bing")
    with Catalog.open(tmp_path / "snakes" / "catalog.db") as catalog:
        assert catalog.row("SELECT count(*) FROM candidates WHERE status = 'licence'")[0] == 0
        assert catalog.row("SELECT count(*) FROM photos WHERE licence = 'unknown'")[0] > 0


def test_a_dry_run_searches_and_fetches_nothing(small_web, tmp_path):
    result = run(tmp_path, dry_run=True)
    assert set(result.to_dict()["statuses"]) <= {"pending", "negative"}
    assert asked(small_web, "/img") == []
    assert run(tmp_path).photos


def test_photos_are_shrunk_upright_jpegs_and_originals_are_the_bytes_as_they_came(small_web, tmp_path):
    run(tmp_path, keep=True, size=200, provider="openverse")
    folder = tmp_path / "snakes"
    photos = sorted((folder / "photos").rglob("*.jpg"))
    for path in photos:
        with Image.open(path) as image:
            assert image.format == "JPEG" and max(image.size) <= 200
        (original,) = (folder / "originals").glob(f"{path.stem}.*")
        assert hashlib.sha256(original.read_bytes()).hexdigest().startswith(path.stem)
    assert len(photos) > 10


def test_pad_lays_photos_on_a_white_square(small_web, tmp_path):
    run(tmp_path, pad=True, size=160, provider="commons")
    for path in (tmp_path / "snakes" / "photos").rglob("*.jpg"):
        with Image.open(path) as image:
            assert image.size == (160, 160)


def test_a_log_per_class_is_what_fastclass_writes_and_we_read_it_back(small_web, tmp_path):
    result = run(tmp_path, log=True, provider="openverse")
    log = tmp_path / "snakes" / "coral.log"
    lines = log.read_text().splitlines()
    assert lines[0] == "image,source" and len(lines) == 1 + result.photos["coral"]
    again = harvest([str(log)], HarvestSettings.of(POLITE), tmp_path / "again")
    assert again.photos == {"coral": result.photos["coral"]}
    assert names(tmp_path / "again/photos/coral") == names(tmp_path / "snakes/photos/coral")


def test_photos_on_disk_come_in_with_their_folders_as_classes(small_web, tmp_path):
    run(tmp_path, provider="openverse")
    result = harvest([str(tmp_path / "snakes" / "photos")], HarvestSettings.of({}), tmp_path / "again")
    assert result.photos == {
        folder.name: len(list(folder.iterdir())) for folder in (tmp_path / "snakes" / "photos").iterdir()
    }
    assert result.providers() == {"folder": {"outcome": "ok", "found": result.candidates}}


def test_a_list_may_name_no_file_of_this_computer(tmp_path):
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(cheap("coral", 1))
    (tmp_path / "coral.txt").write_text(f"{secret.as_uri()}\n")
    result = harvest([str(tmp_path / "coral.txt")], HarvestSettings.of({}), tmp_path / "w")
    assert result.to_dict()["statuses"] == {"refused_address": 1}


def test_a_workspace_is_a_source_and_goes_on_with_its_own_queries(small_web, tmp_path):
    run(tmp_path, max=5, provider="openverse")
    assert (tmp_path / "snakes" / "queries.csv").read_text() == SHEET
    result = harvest([str(tmp_path / "snakes")], HarvestSettings.of({**POLITE, "provider": "openverse"}))
    assert result.folder == tmp_path / "snakes" and result.candidates > 10


def test_a_photo_whose_file_was_lost_in_a_power_failure_is_fetched_again(small_web, tmp_path):
    run(tmp_path, provider="openverse")
    before = everything(tmp_path / "snakes")
    victim = next((tmp_path / "snakes" / "photos").rglob("*.jpg"))
    victim.write_bytes(b"")
    run(tmp_path, provider="openverse")
    assert everything(tmp_path / "snakes") == before


def test_a_photo_that_a_person_deleted_is_not_brought_back(small_web, tmp_path):
    run(tmp_path, provider="openverse")
    victim = next((tmp_path / "snakes" / "photos").rglob("*.jpg"))
    victim.unlink()
    small_web.requests.clear()
    run(tmp_path, provider="openverse")
    assert not victim.exists() and small_web.requests == []


def test_what_gave_up_is_tried_again_when_asked_to(small_web, tmp_path):
    (tmp_path / "coral.txt").write_text("http://127.0.0.1:1/x.jpg\n")
    assert harvest([str(tmp_path / "coral.txt")], HarvestSettings.of({}), tmp_path / "w").to_dict()["statuses"] == {
        "refused_address": 1
    }
    (tmp_path / "king.txt").write_text(f"{small_web.url}/img/gone.jpg\n")
    for retry, times in ((False, 1), (False, 0), (True, 1)):
        small_web.requests.clear()
        harvest([str(tmp_path / "king.txt")], HarvestSettings.of({"retry": retry}), tmp_path / "w2")
        assert len(asked(small_web, "/img/gone.jpg")) == times


def test_training_reads_a_workspace_by_its_ids_and_knows_what_looks_alike(small_web, tmp_path):
    run(tmp_path, provider="all")
    workspace = Workspace.open(tmp_path / "snakes")
    photos = read_photos(workspace)
    assert photos.classes == ("coral", "king")
    assert all(photo.id == Path(photo.path).stem for photo in photos.photos)
    assert workspace.runs == tmp_path / "snakes" / "runs"
    groups = Counter(photo.group for photo in photos.photos if photo.group)
    assert groups and min(groups.values()) >= 2


def test_the_command_prints_one_document_and_its_exit_code_says_whether_all_is_well(small_web, tmp_path, capsys):
    given = ["harvest", sheet_in(tmp_path), "-o", str(tmp_path / "w"), "--json", "--contact", "a@example.org"]
    assert main([*given, "-c", "OpenVerse", "-c", "Commons", "-m", "9"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert set(document) >= {"candidates", "statuses", "photos", "providers"}
    assert set(document["providers"]) == {"openverse", "commons"}
    os.environ.pop("FLICKR_API_KEY")
    assert main([*given, "-c", "flickr"]) == 1


def test_settings_of_the_workspace_hold_unless_a_flag_says_otherwise(small_web, tmp_path, capsys):
    workspace = tmp_path / "w"
    workspace.mkdir()
    (workspace / "fieldmark.toml").write_text('[harvest]\nprovider = ["openverse"]\nmax = 4\ncontact = "a@b.org"\n')
    given = ["harvest", sheet_in(tmp_path), "-o", str(workspace), "--json"]
    assert main(given) == 0
    first = json.loads(capsys.readouterr().out)
    assert first["providers"]["openverse"]["found"] == 8 and list(first["providers"]) == ["openverse"]
    assert main([*given, "-m", "6", "-c", "bing"]) == 0
    assert set(json.loads(capsys.readouterr().out)["providers"]) == {"openverse", "bing"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[harvest]\nmaxx = 3\n", "Did you mean max"),
        ("[harvst]\nmax = 3\n", "Did you mean harvest?"),
        ("harvest = 3\n", "[harvest]"),
        ("[harvest\n", "not TOML"),
        ("[harvest]\nkeep = 3\n", "true or false"),
        ("[harvest]\nmax = true\n", "takes N"),
        ("[harvest]\nmax = 0\n", "--max 0 makes no sense"),
        ("[train]\nbatchsize = 3\n", "no flag --batchsize"),
    ],
    ids=["key", "table", "no table", "syntax", "switch", "number", "value", "other command"],
)
def test_a_mistake_in_the_settings_file_is_named_and_nothing_is_made(tmp_path, capsys, text, says):
    workspace = tmp_path / "w"
    workspace.mkdir()
    (workspace / "fieldmark.toml").write_text(text)
    assert main(["harvest", sheet_in(tmp_path), "-o", str(workspace)]) == 2
    assert says in capsys.readouterr().err
    assert names(workspace) == {"fieldmark.toml"}


def test_an_unknown_provider_names_the_nearest(tmp_path):
    with pytest.raises(WrongUsage, match="Did you mean flickr"):
        run(tmp_path, provider="flicker")
    with pytest.raises(WrongUsage, match="Did you mean openverse"):
        run(tmp_path, sheet_in(tmp_path, "searchterm,provider\nx,openvers\n"))
    assert not (tmp_path / "snakes").exists()


@pytest.mark.parametrize("settings", [{"max": 0}, {"max": "many"}, {"size": -1}, {"max_aspect": 0.5}, {"timeout": 0}])
def test_a_setting_that_makes_no_sense_is_wrong_usage(settings):
    with pytest.raises(WrongUsage, match="makes no sense"):
        HarvestSettings.of(settings)


def test_an_unknown_licence_names_the_nearest(tmp_path):
    with pytest.raises(WrongUsage, match="cc-by-sa"):
        run(tmp_path, licence="cc-bysa")


@pytest.mark.parametrize("text", ["micrurus\n", "searchterm,exclude\n-king,\n"], ids=["no header", "only a negative"])
def test_a_bad_sheet_makes_nothing(tmp_path, text):
    with pytest.raises(QueryError, match="line"):
        run(tmp_path, sheet_in(tmp_path, text))
    assert not (tmp_path / "snakes").exists()


def test_a_source_that_is_not_there_is_named(tmp_path):
    with pytest.raises(QueryError, match=r"no .*nothing\.csv"):
        run(tmp_path, str(tmp_path / "nothing.csv"))


def test_a_workspace_of_a_newer_fieldmark_is_left_as_it_is(small_web, tmp_path):
    run(tmp_path, max=3, provider="openverse")
    with Catalog.open(tmp_path / "snakes" / "catalog.db") as catalog:
        catalog.run("PRAGMA user_version = 99")
    with pytest.raises(WorkspaceError, match="newer Fieldmark"):
        run(tmp_path)
    assert len(list((tmp_path / "snakes" / "photos").rglob("*.jpg"))) > 0


def test_two_harvests_of_one_workspace_do_not_mix(small_web, tmp_path):
    from filelock import FileLock

    run(tmp_path, max=3, provider="openverse")
    with FileLock(tmp_path / "snakes" / ".harvest.lock"), pytest.raises(WorkspaceError, match="Another harvest"):
        run(tmp_path)


def test_a_disk_that_takes_no_photo_ends_the_run_with_a_sentence_and_loses_nothing(small_web, tmp_path, monkeypatch):
    import errno

    from fieldmark.artifacts import store

    calls = []

    def full(self, id_, label, jpeg):
        calls.append(id_)
        if len(calls) > 5:
            raise OSError(errno.ENOSPC, "No space left on device", str(self.path(id_, label)))
        real(self, id_, label, jpeg)

    real = store.PhotoStore.stage
    monkeypatch.setattr(store.PhotoStore, "stage", full)
    assert main(["harvest", sheet_in(tmp_path), "-o", str(tmp_path / "snakes"), "-c", "openverse"]) == 1
    monkeypatch.setattr(store.PhotoStore, "stage", real)
    assert 3 <= len(list((tmp_path / "snakes").rglob("*.jpg"))) <= 5  # one that became a conflict was written twice
    (tmp_path / "whole").mkdir()
    run(tmp_path, provider="openverse")
    run(tmp_path / "whole", provider="openverse")
    assert everything(tmp_path / "snakes") == everything(tmp_path / "whole" / "snakes")


def test_a_folder_that_cannot_be_written_to_is_named(small_web, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(WorkspaceError, match="cannot be made"):
        harvest([sheet_in(tmp_path)], HarvestSettings.of({}), tmp_path / "file" / "w")


def test_hostile_answers_end_with_a_status_write_nothing_and_end_no_run(monkeypatch, tmp_path):
    with SmallWeb(per_class=6, paint=cheap, hostile=True) as web:
        set_environment(monkeypatch, web.environment())
        result = run(tmp_path, provider="openverse,bing", timeout=1.5, max_mb=4, max=1000, keep=True)
        odd, expected = set(), {}
        for label, query in QUERIES.items():
            ends = statuses_by_url(tmp_path / "snakes", label=label)
            for provider in ("openverse", "bing"):
                for listed in web.expected(provider, query):
                    status = ends.get(f"{provider} {listed.url}", "dropped")
                    allowed = {*listed.ends, *({"duplicate", "conflict"} if "ok" in listed.ends else ())}
                    assert status in allowed, (listed.url, status)
                    expected[listed.url] = status
                    if "ok" not in listed.ends and "/img/" not in listed.url:
                        odd.add((listed.url.rsplit("/", 1)[-1], status))
    assert len({name for name, _ in odd}) >= 20
    assert {status for _, status in odd} >= {
        "refused_address", "http_error", "timeout", "too_many_bytes", "too_many_pixels", "not_an_image", "opted_out",
        "robots",
    }  # fmt: skip
    assert result.photos and result.ok
    kept = everything(tmp_path / "snakes")["pictures"]
    with Catalog.open(tmp_path / "snakes" / "catalog.db") as catalog:
        known = {row[0] for row in catalog.rows("SELECT photo_id FROM candidates WHERE status IN ('ok', 'conflict')")}
    assert {Path(name).stem for name in kept} == known


def test_a_url_that_a_later_search_names_ends_in_the_same_run(small_web, tmp_path, monkeypatch):
    """The first search is over, and its photos are fetched, before the second names the same URLs."""
    monkeypatch.delenv("FIELDMARK_NO_WAIT")
    urls = [e.url for e in small_web.expected("openverse", QUERIES["coral"]) if "ok" in e.ends and not e.both][:3]
    sheet = "searchterm,class,max\nmicrurus tener,coral,5\nmicrurus,coral,5\n"
    result = run(tmp_path, sheet_in(tmp_path, sheet), provider="openverse", robots=False)
    assert urls and "pending" not in result.to_dict()["statuses"]
    with Catalog.open(tmp_path / "snakes" / "catalog.db") as catalog:
        rows = catalog.rows("SELECT url, count(*) AS n FROM candidates GROUP BY url HAVING n > 1")
    assert len(rows) >= 3


def test_a_page_address_that_nobody_can_parse_ends_no_run(small_web, tmp_path):
    from fieldmark.artifacts import candidates
    from fieldmark.artifacts.candidates import Candidate

    run(tmp_path, dry_run=True, max=4, provider="openverse")
    with Catalog.open(tmp_path / "snakes" / "catalog.db") as catalog:
        candidates.add(
            catalog, Candidate("coral", "x", "openverse", f"{small_web.url}/img/gone.jpg", 1, page="http://[bad/x")
        )
    assert "pending" not in run(tmp_path, max=4, provider="openverse").to_dict()["statuses"]


def test_a_workspace_does_not_lie_inside_its_source(tmp_path):
    (tmp_path / "photos" / "coral").mkdir(parents=True)
    (tmp_path / "photos" / "coral" / "1.jpg").write_bytes(cheap("coral", 1))
    with pytest.raises(WrongUsage, match="inside its own source"):
        harvest([str(tmp_path / "photos")], HarvestSettings.of({}), tmp_path / "photos" / "w")
    assert names(tmp_path / "photos") == {"coral"}


def test_a_licence_filter_that_is_dropped_takes_no_more_than_the_cap(small_web, tmp_path):
    run(tmp_path, max=5, licence="cc0", provider="openverse")
    run(tmp_path, max=5, provider="openverse")
    with Catalog.open(tmp_path / "snakes" / "catalog.db") as catalog:
        rows = catalog.rows(
            "SELECT count(*) FROM candidates WHERE status NOT IN ('licence', 'negative') GROUP BY query"
        )
    assert [row[0] for row in rows] == [5, 5]


def test_bytes_whose_photo_a_person_deleted_stay_away_under_another_url_too(small_web, tmp_path):
    (tmp_path / "coral.txt").write_text(f"{small_web.url}/img/a.jpg\n")
    photos = tmp_path / "coral"
    photos.mkdir()
    (photos / "1.jpg").write_bytes(cheap("coral", 1))
    harvest([str(photos)], HarvestSettings.of({}), tmp_path / "w")
    (kept,) = (tmp_path / "w" / "photos" / "coral").iterdir()
    kept.unlink()
    (photos / "2.jpg").write_bytes(cheap("coral", 1))
    harvest([str(photos)], HarvestSettings.of({}), tmp_path / "w")
    assert not kept.exists()


def test_a_pipe_in_a_class_folder_is_no_photo_and_holds_up_nobody(tmp_path):
    (tmp_path / "coral").mkdir()
    os.mkfifo(tmp_path / "coral" / "pipe.jpg")
    (tmp_path / "coral" / "1.jpg").write_bytes(cheap("coral", 1))
    result = harvest([str(tmp_path / "coral")], HarvestSettings.of({}), tmp_path / "w")
    assert result.photos == {"coral": 1} and sum(result.to_dict()["statuses"].values()) == result.candidates


def test_what_a_person_gave_and_is_no_photo_is_named_with_its_reason(tmp_path, capsys):
    (tmp_path / "coral").mkdir()
    (tmp_path / "coral" / "page.jpg").write_text("<html><body>Please log in</body></html>")
    (tmp_path / "coral" / "1.jpg").write_bytes(cheap("coral", 1))
    assert main(["harvest", str(tmp_path / "coral"), "-o", str(tmp_path / "w")]) == 0
    assert "coral/page.jpg: an HTML page, not a picture" in capsys.readouterr().out


def test_a_dry_run_that_finds_something_is_a_success(small_web, tmp_path):
    given = ["harvest", sheet_in(tmp_path), "-o", str(tmp_path / "w"), "--contact", "a@example.org"]
    assert main([*given, "--dry-run"]) == 0


def test_what_a_provider_said_in_an_earlier_run_is_no_fault_of_this_one(small_web, tmp_path, monkeypatch):
    monkeypatch.delenv("FLICKR_API_KEY")
    assert not run(tmp_path, provider="flickr").ok
    assert run(tmp_path, provider="openverse").ok


def test_the_settings_of_the_workspace_count_where_it_is_not_named(small_web, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "snakes").mkdir()
    (tmp_path / "snakes" / "fieldmark.toml").write_text("[harvest]\nmaxx = 3\n")
    sheet_in(tmp_path)
    assert main(["harvest", "snakes.csv"]) == 2
    assert "Did you mean max" in capsys.readouterr().err
