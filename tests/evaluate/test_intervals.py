import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldmark.evaluate.intervals import wilson


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(81, 85, 0.885, 0.982), (79, 85, 0.854, 0.967), (3, 4, 0.3006, 0.9544), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1)],
)
def test_wilson_gives_the_values_worked_out_by_hand(successes, n, low, high):
    assert wilson(successes, n) == pytest.approx((low, high), abs=0.0006)


def test_wilson_of_nothing_is_everything():
    assert wilson(0, 0) == (0.0, 1.0)


def test_more_confidence_takes_a_wider_interval():
    low, high = wilson(81, 85, confidence=0.95)
    wider_low, wider_high = wilson(81, 85, confidence=0.99)
    assert wider_low < low < high < wider_high


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share_and_stays_between_0_and_1(pair):
    successes, n = pair
    low, high = wilson(successes, n)
    assert 0 <= low <= successes / n <= high <= 1
    assert low < high


@given(st.integers(1, 1000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_of_the_failures_mirrors_that_of_the_successes(pair):
    successes, n = pair
    low, high = wilson(successes, n)
    assert wilson(n - successes, n) == pytest.approx((1 - high, 1 - low))


@pytest.mark.parametrize(("successes", "n", "confidence"), [(5, 4, 0.95), (-1, 4, 0.95), (1, 4, 1.0), (1, 4, 0.0)])
def test_wilson_refuses_what_is_no_count_or_no_confidence(successes, n, confidence):
    with pytest.raises(ValueError):
        wilson(successes, n, confidence)
