import pytest
from rich.cells import cell_len

from fieldmark.artifacts import candidates
from fieldmark.artifacts.candidates import STATUSES, Claim, Tally
from fieldmark.artifacts.searches import Standing
from fieldmark.yields.ending import LISTED, WIDTH, conflicts, failed_searches, final_table, next_steps, yield_table
from fieldmark.yields.table import merge, read_yields


def told(sample, capsys, page=None):
    final_table(sample.catalog, sample.workspace, page)
    return capsys.readouterr().out


def test_the_table_has_a_line_for_each_query_and_provider():
    rows = merge(
        [
            Tally("coral", "coral snake", "bing", "ok", 10),
            Tally("coral", "coral snake", "bing", "duplicate", 4),
            Tally("coral", "coral snake", "commons", "too_small", 3),
            Tally("king", "king snake", "bing", "http_error", 2),
        ],
        only_here={("coral", "coral snake", "bing"): 7},
    )
    assert yield_table(rows) == [
        "                              only  dupli-    too",
        "              found  fetched  here    cate  small  refused  failed",
        "coral: 10 photos",
        "  coral snake",
        "    bing         14       10     7       4      0        0       0",
        "    commons       3        0     0       0      3        0       0",
        "king: 0 photos",
        "  king snake",
        "    bing          2        0     0       0      0        0       2",
        "all searches     19       10     7       4      3        0       2",
        "",
    ]


@pytest.mark.parametrize("name", ["coral", "x" * 300, "熊" * 90], ids=["short", "long", "wide"])
@pytest.mark.parametrize("n", [1, 10_000, 100_000])
def test_no_line_is_longer_than_a_hundred_columns(name, n):
    rows = merge(
        [Tally(name, name, name, status, n) for status in STATUSES],
        [
            Standing(name, name, "bing", "blocked", "a reason " * 60),
            Standing(name, name, "gbif", "nothing found", name),
        ],
    )
    claims = [
        Claim(f"{i:016x}", label, name, "bing", "", "", "", "", "", "") for i in range(3) for label in (name, "b")
    ]
    lines = [*yield_table(rows), *failed_searches(rows), *conflicts(claims)]
    assert max(map(cell_len, lines)) <= WIDTH


def test_a_harvest_of_nothing_says_so(sample, capsys, aloud):
    assert told(sample, capsys) == "0 photos, from 0 candidates.\n"


def test_a_failed_search_is_named_with_its_reason_and_what_to_do(sample, capsys, aloud):
    sample.photo(b"one")
    sample.search("blocked", "It wants a puzzle solved.", provider="bing")
    text = told(sample, capsys)
    assert "1 search failed:\n  bing, texas coral snake (coral): blocked. It wants a puzzle solved.\n" in text
    assert "The same command again tries the failed searches once more" in text


def test_nothing_found_is_told_apart_from_failure(sample, capsys, aloud):
    sample.search("nothing found", "'scarlet king snake' names no taxon", provider="gbif")
    text = told(sample, capsys)
    assert "gbif, texas coral snake (coral): nothing found. 'scarlet king snake' names no taxon" in text
    assert "failed:" not in text


def test_a_conflict_is_named_by_its_file_and_its_classes(sample, capsys, aloud, jpeg):
    sample.photo(b"both", jpeg, label="king")
    id_ = sample.photo(b"both", jpeg, label="coral")
    text = told(sample, capsys)
    assert (
        f"1 photo claimed by several classes, and kept out until you decide:\n  conflicts/{id_}.jpg: coral and king"
        in text
    )
    assert (sample.workspace.root / "conflicts" / f"{id_}.jpg").exists()


def test_long_lists_end_in_how_many_more_there_are():
    claims = [Claim(f"{i:016x}", label, "q", "bing", "", "", "", "", "", "") for i in range(50) for label in "ab"]
    assert conflicts(claims)[-2] == f"  … and {50 - LISTED} more in conflicts/."
    failed = failed_searches(merge([], [Standing("a", f"q{i:02}", "bing", "blocked") for i in range(50)]))
    assert failed[-2] == f"  … and {50 - LISTED} more, all of them in harvest.html."


def test_what_waits_sends_the_person_back_to_the_same_command(sample):
    sample.end("pending")
    page = sample.workspace.root / "harvest.html"
    steps = next_steps(read_yields(sample.catalog), sample.workspace, page)
    assert steps[0] == "1 candidate not fetched yet: run the same command again to go on."


def test_what_a_dry_run_found_is_fetched_without_its_flag(sample):
    sample.end("pending")
    steps = next_steps(read_yields(sample.catalog), sample.workspace, None)
    assert steps == ["1 candidate found and none fetched: run the same command without --dry-run."]


@pytest.mark.parametrize("status", candidates.MAY_PASS)
def test_failures_that_may_pass_name_the_flag_that_tries_again(sample, status):
    sample.end(status)
    steps = next_steps(read_yields(sample.catalog), sample.workspace, None)
    assert steps == ["1 candidate failed for a reason that may pass: add --retry to try again."]


def test_training_is_next_only_with_two_classes(sample, monkeypatch):
    monkeypatch.chdir(sample.workspace.root.parent)
    sample.photo(b"one", label="coral")
    assert next_steps(read_yields(sample.catalog), sample.workspace, None) == [
        "Who took the photos: fieldmark credits snakes"
    ]
    sample.photo(b"two", label="king")
    page = sample.workspace.root / "harvest.html"
    assert next_steps(read_yields(sample.catalog), sample.workspace, page) == [
        "To look at it: snakes/harvest.html",
        "Next: fieldmark train snakes",
        "Who took the photos: fieldmark credits snakes",
    ]


def test_a_reason_cannot_paint_the_terminal(sample, capsys, aloud):
    sample.search("blocked", "\x1b[31mred\x1b]0;title\x07", provider="bing")
    assert "\x1b" not in told(sample, capsys)
