import sqlite3

import pytest

from fieldmark.artifacts import candidates, contents, forgotten, searches
from fieldmark.artifacts.candidates import STATUSES, Candidate
from fieldmark.artifacts.catalog import Catalog
from fieldmark.artifacts.contents import Content
from fieldmark.artifacts.migrations import MIGRATIONS
from fieldmark.artifacts.searches import Standing
from fieldmark.errors import WorkspaceError


@pytest.fixture
def catalog(tmp_path):
    with Catalog.open(tmp_path / "catalog.db") as opened:
        yield opened


def named(catalog, url, label="coral", provider="bing", rank=1, **more):
    candidates.add(catalog, Candidate(label, f"{label} snake", provider, url, rank, **more))


def fetched(catalog, url, id_):
    contents.add(catalog, Content(id_, id_ * 4, "0" * 16, b"", 500, 400, 1000))
    candidates.attach(catalog, url, id_)
    return candidates.settle(catalog, id_)


def status_of(catalog):
    return {row["url"]: row["status"] for row in catalog.rows("SELECT url, status FROM candidates")}


A, B = "a" * 16, "b" * 16


def test_a_catalog_of_this_version_opens_again_with_what_it_held(tmp_path):
    with Catalog.open(tmp_path / "catalog.db") as catalog:
        named(catalog, "u")
    with Catalog.open(tmp_path / "catalog.db") as catalog:
        assert status_of(catalog) == {"u": "pending"}
        assert catalog.row("PRAGMA user_version")[0] == len(MIGRATIONS)


def test_an_empty_file_becomes_a_catalog(tmp_path):
    (tmp_path / "catalog.db").touch()
    with Catalog.open(tmp_path / "catalog.db") as catalog:
        assert contents.photos(catalog) == []


def test_a_catalog_of_a_newer_fieldmark_says_so(tmp_path):
    Catalog.open(tmp_path / "catalog.db").close()
    with sqlite3.connect(tmp_path / "catalog.db") as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(WorkspaceError, match=r"newer Fieldmark.*pip install --upgrade"):
        Catalog.open(tmp_path / "catalog.db")


def test_another_programs_database_is_left_alone(tmp_path):
    with sqlite3.connect(tmp_path / "catalog.db") as connection:
        connection.execute("CREATE TABLE birds (name TEXT)")
    with pytest.raises(WorkspaceError, match="another program"):
        Catalog.open(tmp_path / "catalog.db")


def test_a_damaged_catalog_says_so(tmp_path):
    (tmp_path / "catalog.db").write_bytes(b"no database at all" * 500)
    with pytest.raises(WorkspaceError, match="damaged or no catalog"):
        Catalog.open(tmp_path / "catalog.db")


def test_the_database_itself_refuses_a_status_that_is_not_on_the_list(catalog):
    for status in STATUSES:
        candidates.add(catalog, Candidate("coral", "q", "bing", status, 1), status)
    with pytest.raises(sqlite3.IntegrityError):
        candidates.add(catalog, Candidate("coral", "q", "bing", "odd", 1), "lost")


def test_a_transaction_that_fails_leaves_nothing(catalog):
    with pytest.raises(RuntimeError), catalog.writing():
        named(catalog, "u")
        raise RuntimeError
    assert status_of(catalog) == {}


def test_of_equal_bytes_the_best_ranked_source_is_the_photo_whichever_came_first(tmp_path):
    ends = []
    for order in (["far", "near"], ["near", "far"]):
        with Catalog.open(tmp_path / f"{order[0]}.db") as catalog:
            named(catalog, "far", rank=9)
            named(catalog, "near", rank=2, provider="openverse")
            for url in order:
                fetched(catalog, url, A)
            ends.append((status_of(catalog), [photo.source for photo in contents.photos(catalog)]))
    assert ends[0] == ends[1] == ({"far": "duplicate", "near": "ok"}, ["near"])


def test_of_equal_ranks_a_known_licence_is_kept(catalog):
    named(catalog, "unknown", provider="bing")
    named(catalog, "known", provider="openverse", licence="cc-by")
    fetched(catalog, "unknown", A)
    fetched(catalog, "known", A)
    assert contents.photos(catalog)[0].licence == "cc-by"


def test_a_duplicate_says_of_what(catalog):
    named(catalog, "one", rank=1)
    named(catalog, "two", rank=2)
    fetched(catalog, "one", A)
    fetched(catalog, "two", A)
    assert catalog.row("SELECT reason FROM candidates WHERE url = 'two'")[0] == "the same photo as one"


def test_a_photo_that_two_classes_claim_is_a_conflict_and_no_photo(catalog):
    named(catalog, "one")
    named(catalog, "two", label="king")
    assert fetched(catalog, "one", A) == ("photo", "coral")
    assert fetched(catalog, "two", A) == ("conflict", None)
    assert set(status_of(catalog).values()) == {"conflict"}
    assert contents.photos(catalog) == []
    assert contents.places(catalog) == {A: None}


def test_a_url_of_two_searches_is_fetched_once_and_ends_alike_in_both(catalog):
    named(catalog, "u")
    candidates.fail(catalog, "u", "http_error", "it answered 404")
    named(catalog, "u", label="king")
    assert candidates.has_ended(catalog, "u")
    assert candidates.same_as_before(catalog, "u") is None
    assert {row["reason"] for row in catalog.rows("SELECT reason FROM candidates")} == {"it answered 404"}


def test_a_url_that_gave_a_photo_is_settled_with_its_second_search(catalog):
    named(catalog, "u")
    fetched(catalog, "u", A)
    named(catalog, "u", label="king")
    assert candidates.same_as_before(catalog, "u") == A
    assert candidates.settle(catalog, A) == ("conflict", None)


def test_what_was_refused_for_its_words_says_nothing_of_the_url_elsewhere(catalog):
    candidates.add(catalog, Candidate("coral", "q -king", "bing", "u", 1), "negative", "its text holds 'king'")
    named(catalog, "u", label="king")
    assert not candidates.has_ended(catalog, "u")


def test_forgotten_bytes_do_not_come_back_under_another_url(catalog):
    forgotten.remember(catalog, "url", "https://x.org/a.jpg", [A])
    named(catalog, "elsewhere")
    assert fetched(catalog, "elsewhere", A) == ("forgotten", None)
    assert status_of(catalog) == {"elsewhere": "forgotten"}


@pytest.mark.parametrize(
    ("url", "page", "author", "covered"),
    [
        ("https://x.org/a.jpg", "", "", True),
        ("https://cdn.x.org/b.jpg", "https://x.org/a.jpg", "", True),
        ("https://img.evil.example/1.jpg", "", "", True),
        ("https://notevil.example/1.jpg", "", "", False),
        ("https://y.org/1.jpg", "https://evil.example/", "", True),
        ("https://y.org/1.jpg", "", "ANA  field", True),
        ("https://y.org/1.jpg", "", "Ana Fielding", False),
        ("not a url [", "", "", False),
    ],
)
def test_owners_are_recognised_by_url_host_and_name(catalog, url, page, author, covered):
    forgotten.remember(catalog, "url", "https://x.org/a.jpg", [])
    forgotten.remember(catalog, "host", "evil.example", [])
    forgotten.remember(catalog, "author", forgotten.fold("Ana Field"), [])
    assert bool(forgotten.read(catalog).covers(url, page, author)) is covered


def test_only_what_may_pass_is_tried_again(catalog):
    for status in STATUSES:
        candidates.add(catalog, Candidate("coral", "q", "bing", status, 1), status)
    candidates.reopen(catalog)
    assert {url for url, status in status_of(catalog).items() if status == "pending"} == {
        "pending",
        "gave_up",
        "http_error",
        "timeout",
    }


def test_pending_urls_come_best_ranked_first_and_once(catalog):
    named(catalog, "second", rank=2)
    named(catalog, "first", rank=7)
    named(catalog, "first", label="king", rank=1)
    assert candidates.pending_urls(catalog) == ["first", "second"]


def test_counts_add_up(catalog):
    for i in range(5):
        named(catalog, f"u{i}", rank=i)
    fetched(catalog, "u0", A)
    fetched(catalog, "u1", A)
    fetched(catalog, "u2", B)
    candidates.fail(catalog, "u3", "timeout", "")
    tallies = candidates.tally(catalog)
    assert candidates.statuses(tallies) == {"pending": 1, "ok": 2, "duplicate": 1, "timeout": 1}
    assert contents.photo_counts(catalog) == {"coral": 2}


def test_where_a_search_stands_survives(catalog):
    standing = Standing("coral", "coral snake", "bing", "blocked", "It says no.", {"url": "x", "memo": {"é": "1"}}, 70)
    searches.write(catalog, standing)
    assert searches.read(catalog, "coral", "coral snake", "bing") == standing
    assert searches.read_all(catalog) == [standing]
    assert searches.read(catalog, "king", "x", "bing") == Standing("king", "x", "bing")


def test_groups_are_replaced_and_their_best_copy_is_marked(catalog):
    for url, id_ in (("a", A), ("b", B)):
        named(catalog, url)
        fetched(catalog, url, id_)
    contents.write_groups(catalog, [(B, [A, B])])
    assert [(photo.group_id, photo.best) for photo in contents.photos(catalog)] == [(B, 0), (B, 1)]
    contents.write_groups(catalog, [])
    assert [photo.group_id for photo in contents.photos(catalog)] == [None, None]
