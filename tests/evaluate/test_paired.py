import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fieldmark.evaluate.intervals import wilson
from fieldmark.evaluate.paired import ABSURD, compare_counts, compare_pair, holm, sign_flip, verdict


def pair(both, only_a, only_b, n):
    """Judgements of n photos of which so many were wrong."""
    a, b = np.zeros(n, dtype=int), np.zeros(n, dtype=int)
    a[: both + only_a] = 1
    b[:both] = b[both + only_a : both + only_a + only_b] = 1
    return a, b


@st.composite
def duels(draw):
    """Wrong of a and b [repeats, n], and groups [n]."""
    n, repeats = draw(st.integers(1, 50)), draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    a, b = (rng.random((repeats, n)) < draw(st.floats(0, 1)) for _ in range(2))
    return a, b, rng.integers(0, draw(st.integers(1, n)), n)


tables = st.tuples(*[st.integers(0, 60)] * 4).filter(lambda cells: cells[0] + cells[1] and cells[2] + cells[3])


@given(st.integers(0, 80), st.integers(0, 80), st.integers(0, 30))
def test_for_single_photos_it_is_the_exact_test_of_mcnemar(only_a, only_b, both):
    found = compare_pair(*pair(both, only_a, only_b, 200))
    expected = stats.binomtest(only_a, only_a + only_b).pvalue if only_a + only_b else 1.0
    assert found.p == pytest.approx(expected, rel=1e-9)
    assert (found.only_a_wrong, found.only_b_wrong) == (only_a, only_b)
    assert (found.wrong_a, found.wrong_b) == (both + only_a, both + only_b)


@given(st.lists(st.integers(-7, 7), max_size=10))
def test_the_p_counts_every_pattern_of_signs(differences):
    values = np.array(differences, dtype=np.int64)
    patterns = itertools.product((-1, 1), repeat=len(values))
    far = [abs(int(np.dot(signs, values))) >= abs(int(values.sum())) for signs in patterns]
    assert sign_flip(values) == pytest.approx(np.mean(far))


@given(duels())
def test_it_does_not_matter_which_is_called_a(drawn):
    a, b, groups = drawn
    one, other = compare_pair(a, b, groups), compare_pair(b, a, groups)
    assert one.p == pytest.approx(other.p)
    assert one.difference == pytest.approx(-other.difference)
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))
    assert one.more_photos() == pytest.approx(other.more_photos())


@given(duels())
def test_p_and_the_interval_keep_their_bounds(drawn):
    found = compare_pair(*drawn)
    assert 0 < found.p <= 1
    assert -1 <= found.low <= found.difference + 1e-12
    assert found.difference - 1e-12 <= found.high <= 1
    assert found.more_photos() >= 1
    assert verdict("squish", "pad", found)


def test_p_of_thousands_of_one_mind_is_small_but_not_0():
    found = compare_pair(*pair(0, 5000, 0, 6000))
    assert 0 < found.p < 1e-300
    assert verdict("squish", "pad", found) == "pad beats squish: 0 % against 83.3 % wrong of 6,000, p < 0.001."


def test_a_group_counts_as_one_voice():
    a, b = pair(0, 12, 0, 100)
    groups = np.concatenate([np.repeat([0, 1, 2], 4), np.arange(3, 91)])
    assert compare_pair(a, b).p == pytest.approx(2**-11)
    grouped = compare_pair(a, b, groups)
    assert grouped.p == pytest.approx(0.25)
    assert grouped.low < compare_pair(a, b).low


def test_repeats_that_agree_change_nothing():
    a, b = pair(10, 8, 3, 200)
    once, thrice = compare_pair(a, b), compare_pair([a] * 3, [b] * 3)
    for name in ("n", "wrong_a", "only_b_wrong", "p", "difference", "low", "high", "spread"):
        assert getattr(once, name) == pytest.approx(getattr(thrice, name))


def test_the_interval_is_near_the_worked_example_of_newcombe():
    # Newcombe 1998, table III, row 36, 12, 2, 0 of 50: his method 10 gives 0.0569 to 0.3404, with a correction of phi.
    found = compare_pair(*pair(36, 12, 2, 50))
    assert found.difference == pytest.approx(0.2)
    assert (found.low, found.high) == pytest.approx((0.0569, 0.3404), abs=0.02)


def test_connors_number_of_photos():
    # 24 of 426 discordant, 16 against 8: psi 0.0563, delta 0.0188 ask for 1,248 photos in all.
    found = compare_pair(*pair(12, 8, 16, 426))
    psi, delta = 24 / 426, 8 / 426
    total = (1.959964 * psi**0.5 + 0.841621 * (psi - delta**2) ** 0.5) ** 2 / delta**2
    assert found.more_photos() == pytest.approx(total - 426, rel=1e-5)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ((15, 22, 5, 426), "squish beats pad-white: 4.7 % against 8.7 % wrong of 426, p = 0.002."),
        (
            (12, 8, 16, 426),
            "Cannot tell pad-white from squish: 4.7 % against 6.6 % wrong of 426, p = 0.15; "
            "about 830 more photos would.",
        ),
        ((20, 0, 0, 426), "Cannot tell pad-white from squish: both got the same 4.7 % of 426 wrong."),
        ((0, 0, 0, 426), "Cannot tell pad-white from squish: neither got any of 426 wrong."),
        (
            (10, 5, 5, 426),
            "Cannot tell pad-white from squish: both got 3.5 % of 426 wrong. "
            "They are level, so nothing says how many more photos would.",
        ),
        (
            (0, 50, 51, 2000),
            "Cannot tell pad-white from squish: 2.5 % against 2.5 % wrong of 2,000, p = 1; "
            "no number of photos one could gather would.",
        ),
        ((0, 0, 0, 0), "Cannot tell pad-white from squish: there is no photo to judge on."),
    ],
)
def test_the_verdict_in_words(cells, expected):
    assert verdict("pad-white", "squish", compare_pair(*pair(*cells))) == expected


def test_a_correction_for_several_arms_may_take_a_verdict_back_and_asks_for_more_photos():
    found = compare_pair(*pair(20, 12, 3, 426))
    assert found.p == pytest.approx(0.0352, abs=0.0001)
    assert verdict("pad", "squish", found).startswith("squish beats pad")
    corrected = verdict("pad", "squish", found, p=3 * found.p)
    assert corrected.startswith("Cannot tell pad from squish: 7.5 % against 5.4 % wrong of 426, p = 0.11; about ")
    assert found.more_photos(0.05 / 3) > found.more_photos()


def test_p_is_not_rounded_across_the_level():
    found = compare_pair(*pair(0, 2, 20, 426))
    assert "p = 0.0499" in verdict("a", "b", found, p=0.0499)
    assert "p = 0.0501" in verdict("a", "b", found, p=0.0501)
    assert "p = 0.06;" in verdict("a", "b", found, p=0.0551)


@given(tables)
def test_counts_are_compared_by_fishers_exact_test(cells):
    right_a, wrong_a, right_b, wrong_b = cells
    found = compare_counts(right_a, right_a + wrong_a, right_b, right_b + wrong_b)
    expected = stats.fisher_exact([[right_a, wrong_a], [right_b, wrong_b]]).pvalue
    assert found.p == pytest.approx(expected, rel=1e-6)
    assert -1 <= found.low <= found.difference + 1e-12 <= found.high + 2e-12 <= 1 + 2e-12
    assert verdict("a", "b", found)


def test_the_stored_pair_cannot_be_told_apart():
    found = compare_counts(79, 85, 81, 85)
    assert verdict("squish", "pad-white", found) == (
        "Cannot tell squish from pad-white: 7.1 % against 4.7 % wrong of 85 each, p = 0.75; "
        "about 1,600 more photos each would."
    )


def test_the_interval_of_counts_is_that_of_newcombe():
    # Newcombe 1998, table II, 56/70 against 48/80: method 10 gives 0.0524 to 0.3339.
    found = compare_counts(14, 70, 32, 80)
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=0.0001)


def test_counts_of_different_numbers_name_both():
    assert (
        verdict("a", "b", compare_counts(50, 100, 190, 200))
        == "b beats a: 5.0 % of 200 against 50.0 % of 100 wrong, p < 0.001."
    )
    assert verdict("a", "b", compare_counts(0, 0, 5, 9)) == "Cannot tell a from b: there is no photo to judge on."


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []
    with pytest.raises(ValueError):
        holm([0.5, 1.5])


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_only_raises_and_keeps_the_order(ps):
    corrected = holm(ps)
    assert all(p <= q <= 1 for p, q in zip(ps, corrected, strict=True))
    ranked = [q for _, q in sorted(zip(ps, corrected, strict=True))]
    assert ranked == sorted(ranked)


@pytest.mark.parametrize(
    ("a", "b", "groups"), [([0, 1], [0, 1, 1], None), ([[0, 1]], [[0, 1]] * 2, None), ([0, 1], [1, 0], [1])]
)
def test_judgements_that_do_not_belong_together_are_refused(a, b, groups):
    with pytest.raises(ValueError):
        compare_pair(a, b, groups)


def test_counts_beyond_all_photos_are_refused():
    with pytest.raises(ValueError):
        compare_counts(86, 85, 80, 85)


def test_equal_recipes_are_seldom_told_apart_and_the_interval_mostly_holds_0():
    rng = np.random.default_rng(20261123)
    groups = np.repeat(np.arange(120), 2)
    alarms = held = 0
    for _ in range(300):
        both, a, b = (rng.random(120) < share for share in (0.08, 0.08, 0.08))
        found = compare_pair((both | a)[groups], (both | b)[groups], groups)
        alarms += found.p < 0.05
        held += found.low <= 0 <= found.high
    assert alarms <= 0.075 * 300
    assert held >= 0.92 * 300


def test_the_promised_photos_tell_the_difference_four_times_of_five():
    rng = np.random.default_rng(20261123)
    first = compare_pair(*pair(12, 8, 16, 426))
    n = round(426 + first.more_photos())
    told = 0
    for _ in range(300):
        kind = rng.choice(3, n, p=[402 / 426, 8 / 426, 16 / 426])
        told += compare_pair(kind == 1, kind == 2).p < 0.05
    assert 0.72 <= told / 300 <= 0.88


def test_no_count_is_named_beyond_what_one_could_gather():
    found = compare_pair(*pair(0, 500, 501, 20_000))
    assert found.more_photos() > ABSURD
    assert wilson(500, 20_000)[0] < 0.025
