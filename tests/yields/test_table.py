from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from fieldmark import errors
from fieldmark.artifacts.candidates import STATUSES, Tally
from fieldmark.artifacts.searches import NO_FAILURE, Standing
from fieldmark.yields.table import (
    COLUMNS,
    MEANINGS,
    OUTCOMES,
    Counts,
    by_class,
    by_provider,
    columns_used,
    cut,
    merge,
    read_yields,
    total,
)


def test_every_status_is_in_exactly_one_column():
    assert Counter(status for column in COLUMNS.values() for status in column) == Counter(STATUSES)


def test_every_status_has_a_meaning():
    assert tuple(MEANINGS) == STATUSES


def test_every_failure_of_a_search_has_a_meaning_and_counts_as_one():
    failures = {kind.outcome for kind in errors.SearchFailed.__subclasses__()}
    assert failures <= set(OUTCOMES)
    assert not failures & set(NO_FAILURE)


@given(st.dictionaries(st.sampled_from(STATUSES), st.integers(0, 1000)))
def test_the_columns_add_up_to_what_was_found(by_status):
    counts = Counts(by_status)
    assert sum(counts[column] for column in COLUMNS) == counts["found"] == sum(by_status.values())


def test_counts_and_outcome_of_one_search_become_one_row():
    tallies = [Tally("coral", "q", "bing", "ok", 3), Tally("coral", "q", "bing", "robots", 2)]
    (row,) = merge(tallies, [Standing("coral", "q", "bing", "ok")])
    assert (row.counts["found"], row.counts["fetched"], row.counts["refused"], row.outcome) == (5, 3, 2, "ok")


def test_a_search_that_named_nothing_has_a_row_with_its_reason():
    (row,) = merge([], [Standing("coral", "q", "bing", "blocked", "it wants a puzzle solved")])
    assert row.failed
    assert (row.counts["found"], row.reason) == (0, "it wants a puzzle solved")


def test_nothing_found_and_not_finished_are_no_failures():
    rows = merge([], [Standing("coral", "q", "gbif", "nothing found"), Standing("coral", "q", "bing")])
    assert [row.failed for row in rows] == [False, False]


def test_totals_per_class_and_per_provider_add_up_alike():
    tallies = [
        Tally("coral", "q", "bing", "ok", 1),
        Tally("coral", "r", "commons", "ok", 2),
        Tally("king", "s", "bing", "timeout", 4),
    ]
    rows = merge(tallies)
    assert {label: total(some)["found"] for label, some in by_class(rows).items()} == {"coral": 3, "king": 4}
    assert {name: total(some)["found"] for name, some in by_provider(rows).items()} == {"bing": 5, "commons": 2}
    assert total(rows).by_status == {"ok": 3, "timeout": 4}


def test_a_photo_that_two_providers_name_is_only_at_neither(sample):
    sample.photo(b"shared", provider="bing")
    sample.photo(b"shared", provider="commons")
    sample.photo(b"alone", provider="commons", n=2)
    only_here = {row.provider: row.only_here for row in read_yields(sample.catalog)}
    assert only_here == {"bing": 0, "commons": 1}


def test_a_photo_that_one_provider_names_for_two_queries_is_still_only_there(sample):
    sample.photo(b"same", query="a")
    sample.photo(b"same", query="b", n=2)
    assert sum(row.only_here for row in read_yields(sample.catalog)) == 1


def test_what_is_turned_away_before_fetching_is_left_out_of_the_pace():
    counts = Counts({"ok": 3, "negative": 5, "licence": 2, "forgotten": 1, "robots": 4})
    assert counts.undecided_at_search == 7


def test_conflicts_and_waiting_have_a_column_only_where_there_are_any():
    assert columns_used(Counts({"ok": 1})) == ["found", "fetched", "duplicate", "too small", "refused", "failed"]
    assert {"conflict", "waiting"} <= set(columns_used(Counts({"conflict": 2, "pending": 1})))


def test_wide_characters_count_as_two_columns():
    assert cut("熊熊熊熊", 8) == "熊熊熊熊"
    assert cut("熊熊熊熊", 7) == "熊熊熊…"
