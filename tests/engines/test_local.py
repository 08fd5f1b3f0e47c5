import threading
import time

import pytest

from fieldmark.engines.local import available_processors, map_threads


def test_results_come_in_the_order_of_the_items():
    def slow_first(item):
        time.sleep(0.02 if item == 0 else 0)
        return item * 10

    assert list(map_threads(slow_first, range(50))) == [item * 10 for item in range(50)]


def test_no_items_give_no_results():
    assert list(map_threads(str, [])) == []


def test_items_may_come_from_a_generator():
    assert list(map_threads(str, (i for i in range(3)))) == ["0", "1", "2"]


def test_work_runs_beside_the_caller():
    assert threading.get_ident() not in set(map_threads(lambda _: threading.get_ident(), range(4)))


def test_an_exception_comes_out_where_its_item_stood():
    def fail_at_three(item):
        if item == 3:
            raise ValueError("three")
        return item

    results = map_threads(fail_at_three, range(10))
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(results)


def test_an_exception_of_the_items_themselves_comes_out():
    def items():
        yield 1
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        list(map_threads(str, items()))


def test_only_a_few_items_are_taken_ahead_of_the_results():
    taken = []

    def items():
        for i in range(10_000):
            taken.append(i)
            yield i

    results = map_threads(str, items())
    for _ in range(5):
        next(results)
    bound = 4 * available_processors()
    assert len(taken) <= bound + 5
    results.close()


def test_nothing_is_taken_before_the_first_result_is_asked_for():
    taken = []
    results = map_threads(str, (taken.append(i) for i in range(5)))
    assert taken == []
    results.close()
    assert taken == []


def test_closing_early_stops_the_work_and_its_threads():
    before = threading.active_count()
    done = []

    def work(item):
        time.sleep(0.01)
        done.append(item)

    results = map_threads(work, range(1000))
    next(results)
    results.close()
    finished = len(done)
    time.sleep(0.05)
    assert len(done) == finished < 1000
    assert threading.active_count() == before


def test_a_failure_stops_the_work_and_its_threads():
    before = threading.active_count()
    done = []

    def fail_at_once(item):
        if item == 0:
            raise ValueError
        time.sleep(0.005)
        done.append(item)

    with pytest.raises(ValueError):
        list(map_threads(fail_at_once, range(1000)))
    assert len(done) < 1000
    assert threading.active_count() == before


def test_at_least_one_processor_is_there():
    assert available_processors() >= 1
