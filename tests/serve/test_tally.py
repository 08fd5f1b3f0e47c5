from multiprocessing.sharedctypes import RawArray

import pytest

from fieldmark.serve.tally import BUCKETS, COLUMNS, MOST_CLASSES, WIDTH, Tally, clear_gauges, row_of


def test_the_rows_of_all_processes_add_up():
    numbers = RawArray("d", 3 * WIDTH)
    first, second = Tally(numbers, 0), Tally(numbers, 1)
    first.add("requests", "/upload", "200")
    second.add("requests", "/upload", "200", by=2)
    first.set("in_flight", 3)
    second.set("in_flight", 4)
    for tally in (first, second):
        assert tally.total("requests", "/upload", "200") == 3
        assert tally.total("gauge", "in_flight") == 7


def test_what_a_dead_process_counted_stays_and_what_was_true_of_it_goes():
    numbers = RawArray("d", WIDTH)
    tally = Tally(numbers, 0)
    tally.add("requests", "/", "200")
    tally.set("in_flight", 5)
    clear_gauges(row_of(numbers, 0))
    assert (tally.total("requests", "/", "200"), tally.total("gauge", "in_flight")) == (1, 0)
    tally.set("in_flight", 5)
    assert Tally(numbers, 0).total("gauge", "in_flight") == 0  # one that takes its place begins anew
    assert tally.total("requests", "/", "200") == 1


def test_an_observation_falls_into_the_first_bucket_that_holds_it():
    tally = Tally()
    for seconds in (0.0, 0.005, 0.0051, 30.0, 31.0):
        tally.observe("look", seconds)
    assert tally.total("look", "0.005") == 2
    assert tally.total("look", "0.01") == 1
    assert tally.total("look", str(BUCKETS[-1])) == 1
    assert tally.total("look", "+Inf") == 1
    assert tally.total("look", "sum") == pytest.approx(61.0101)


def test_classes_past_the_hundredth_share_a_column():
    tally = Tally()
    for place in (0, MOST_CLASSES - 1, MOST_CLASSES, 5000):
        tally.answered(place, unknown=place == 0)
    assert tally.total("classes", "0") == tally.total("classes", str(MOST_CLASSES - 1)) == 1
    assert tally.total("classes", str(MOST_CLASSES)) == 2
    assert tally.total("unknown") == 1


def test_no_column_can_be_made_by_asking():
    with pytest.raises(KeyError):
        Tally().add("requests", "/wp-login.php", "200")
    assert len(COLUMNS) == WIDTH
