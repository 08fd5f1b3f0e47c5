import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fieldmark.evaluate.intervals import (
    _student,
    effective_n,
    judged,
    photos_needed,
    repeated_folds,
    upper_bound,
    wilson,
)

counts = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@st.composite
def judgements(draw):
    """Wrong [repeats, n] and groups [n]."""
    n, repeats = draw(st.integers(1, 60)), draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return rng.random((repeats, n)) < draw(st.floats(0, 1)), rng.integers(0, draw(st.integers(1, n)), n)


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


@pytest.mark.parametrize(
    ("successes", "n", "bound"), [(0, 45, 0.0644), (0, 299, 0.00997), (0, 1, 0.95), (45, 45, 1.0), (0, 0, 1.0)]
)
def test_upper_bound_gives_the_values_worked_out_by_hand(successes, n, bound):
    assert upper_bound(successes, n) == pytest.approx(bound, abs=0.0001)


@given(counts, st.sampled_from([0.8, 0.95, 0.99]))
def test_upper_bound_is_that_of_clopper_and_pearson(pair, confidence):
    successes, n = pair
    expected = 1.0 if successes == n else stats.beta.ppf(confidence, successes + 1, n - successes)
    assert upper_bound(successes, n, confidence) == pytest.approx(expected, rel=1e-9)


def test_upper_bound_of_many_photos_does_not_run_out_of_numbers():
    assert upper_bound(700, 20_000) == pytest.approx(stats.beta.ppf(0.95, 701, 19_300), rel=1e-9)


@given(counts)
def test_one_more_wrong_raises_the_upper_bound(pair):
    successes, n = pair
    assert successes / n <= upper_bound(successes, n) <= upper_bound(successes + 1, n + 1) or successes == n


@pytest.mark.parametrize(("bound", "n"), [(0.01, 299), (0.05, 59), (0.5, 5), (0.999, 1)])
def test_photos_needed_gives_the_values_worked_out_by_hand(bound, n):
    assert photos_needed(bound) == n


@given(st.floats(0.001, 0.9))
def test_photos_needed_are_just_enough(bound):
    n = photos_needed(bound)
    assert upper_bound(0, n) <= bound * (1 + 1e-9)
    assert n == 1 or upper_bound(0, n - 1) > bound


@pytest.mark.parametrize(("bound", "confidence"), [(0, 0.95), (1, 0.95), (0.1, 1.0), (0.1, 0.0)])
def test_photos_needed_refuses_what_cannot_be_reached(bound, confidence):
    with pytest.raises(ValueError):
        photos_needed(bound, confidence)


@given(judgements())
def test_repeated_folds_hold_the_share_and_stay_between_0_and_1(drawn):
    wrong, groups = drawn
    low, high = repeated_folds(wrong, groups)
    assert 0 <= low <= wrong.mean() + 1e-12
    assert wrong.mean() - 1e-12 <= high <= 1
    assert low < high


@given(judgements())
def test_what_is_right_mirrors_what_is_wrong_when_no_photo_has_a_fellow(drawn):
    wrong, _ = drawn
    low, high = repeated_folds(wrong)
    assert repeated_folds(~wrong) == pytest.approx((1 - high, 1 - low))


@given(judgements())
def test_more_confidence_widens_repeated_folds(drawn):
    wrong, groups = drawn
    low, high = repeated_folds(wrong, groups, confidence=0.9)
    wider_low, wider_high = repeated_folds(wrong, groups, confidence=0.99)
    assert wider_low <= low < high <= wider_high


@given(judgements())
def test_the_photos_are_worth_no_more_than_there_are(drawn):
    seen = judged(*drawn)
    assert 1 - 1e-9 <= seen.alike <= seen.n + 1e-9
    assert 0 < effective_n(seen) <= seen.n + 1e-9


@given(judgements(), st.randoms(use_true_random=False))
def test_neither_the_order_of_photos_nor_the_names_of_groups_matter(drawn, random):
    wrong, groups = drawn
    order = list(range(len(groups)))
    random.shuffle(order)
    assert repeated_folds(wrong[:, order], 7 - 3 * groups[order]) == pytest.approx(repeated_folds(wrong, groups))


def test_repeated_folds_of_single_photos_judged_once_are_nearly_wilsons():
    wrong = np.arange(426) < 20
    assert repeated_folds(wrong) == pytest.approx(wilson(20, 426), abs=0.0005)
    low, high = repeated_folds(wrong)
    assert low < wilson(20, 426)[0] < wilson(20, 426)[1] < high


def test_repeats_that_agree_do_not_narrow_the_interval():
    wrong = np.arange(85) < 6
    assert repeated_folds([wrong] * 3) == pytest.approx(repeated_folds([wrong]))


def test_photos_that_stand_and_fall_together_widen_the_interval():
    wrong, pairs = np.arange(200) < 20, np.arange(200) // 2
    alone, together = repeated_folds(wrong), repeated_folds(wrong, pairs)
    assert together[0] < alone[0] < alone[1] < together[1]
    assert judged(wrong, pairs).alike == pytest.approx(100)
    assert effective_n(judged(wrong, pairs)) == pytest.approx(100, rel=0.01)


def test_none_wrong_says_nothing_of_the_likeness_so_the_worst_is_assumed():
    assert effective_n(judged(np.zeros(90), np.arange(90) // 3)) == pytest.approx(30)


def test_a_large_group_gone_wrong_is_worth_less_than_many_photos_gone_wrong():
    groups = np.concatenate([np.zeros(12, dtype=int), np.arange(1, 89)])
    one, many = np.arange(100) < 12, np.arange(100) >= 88
    assert effective_n(judged(one, groups)) < effective_n(judged(many, groups))
    assert repeated_folds(one, groups)[0] < repeated_folds(many, groups)[0]


def test_repeated_folds_of_nothing_and_of_a_single_group():
    assert repeated_folds(np.zeros((1, 0))) == (0.0, 1.0)
    low, high = repeated_folds(np.arange(40) < 4, np.zeros(40, dtype=int))
    assert high - low > 0.8
    assert repeated_folds([1, 1, 1, 1])[1] == 1.0


@pytest.mark.parametrize(
    ("wrong", "groups", "confidence"),
    [
        ([0, 2], [0, 1], 0.95),
        ([0, 1], [0, 1, 2], 0.95),
        (np.zeros((0, 4)), [0, 1, 2, 3], 0.95),
        (np.zeros((1, 1, 4)), [0, 1, 2, 3], 0.95),
        ([0, 1], [0, 1], 1.0),
    ],
)
def test_repeated_folds_refuse_what_are_no_judgements(wrong, groups, confidence):
    with pytest.raises(ValueError):
        repeated_folds(wrong, groups, confidence)


@pytest.mark.parametrize("freedom", [3, 4.5, 10, 84, 1000])
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_the_quantile_of_student_is_near_enough(freedom, confidence):
    tail = (1 + confidence) / 2
    assert _student(stats.norm.ppf(tail), freedom) == pytest.approx(stats.t.ppf(tail, freedom), rel=0.03)


def covered(size, error, repeats=300):
    """How often the interval holds the truth when photos of a group are all right or all wrong."""
    rng = np.random.default_rng(20261123)
    groups = np.repeat(np.arange(240 // size), size)
    made = [(rng.random(240 // size) < error)[groups] for _ in range(repeats)]
    return np.mean([low <= error <= high for low, high in (repeated_folds(wrong, groups) for wrong in made)])


@pytest.mark.parametrize("size", [1, 2, 4])
def test_about_95_of_100_intervals_hold_the_truth(size):
    assert 0.91 <= covered(size, 0.15) <= 0.985


def test_intervals_that_ignore_the_groups_hold_it_far_less_often():
    rng = np.random.default_rng(20261123)
    made = [4 * int((rng.random(60) < 0.15).sum()) for _ in range(300)]
    assert np.mean([low <= 0.15 <= high for low, high in (wilson(wrong, 240) for wrong in made)]) < 0.8
