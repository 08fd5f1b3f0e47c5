"""Calibration error, Brier score and log loss against hand, chance and scikit-learn; intervals; bins to draw."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax
from sklearn.metrics import brier_score_loss
from sklearn.metrics import log_loss as sklearn_log_loss

from evaluate.certainties import confident, sample, sure_of
from fieldmark.evaluate.intervals import wilson
from fieldmark.evaluate.reliability import (
    SMALLEST_BIN,
    Bin,
    Intervals,
    bootstrap,
    brier,
    chance_ece,
    expected_calibration_error,
    log_loss,
    reliability,
)


def test_the_calibration_error_is_that_worked_out_by_hand():
    rows, actual = sure_of([0.95, 0.95, 0.95, 0.95, 0.7, 0.7], [True, True, True, False, True, True])
    # |3/4 - 0.95| for four photos, |2/2 - 0.7| for two
    assert expected_calibration_error(rows, actual) == pytest.approx((4 * 0.2 + 2 * 0.3) / 6)


def test_a_certainty_on_an_edge_belongs_to_the_bin_below_it_and_certain_is_in_the_last():
    rows, actual = sure_of([0.75, 0.76, 1.0], [False, True, True])
    assert expected_calibration_error(rows, actual, bins=4) == pytest.approx((0.75 + 0.24) / 3)


def test_one_photo_has_a_calibration_error_too():
    assert expected_calibration_error(*sure_of([0.8])) == pytest.approx(0.2)


@given(st.lists(st.tuples(st.floats(0.5, 1), st.booleans()), min_size=1, max_size=80), st.integers(1, 30))
def test_the_calibration_error_lies_between_the_overall_gap_and_one(rows, bins):
    probabilities, actual = sure_of([p for p, _ in rows], np.array([r for _, r in rows]))
    error = expected_calibration_error(probabilities, actual, bins)
    right = (probabilities.argmax(axis=1) == actual).mean()
    assert abs(right - probabilities.max(axis=1).mean()) - 1e-9 <= error <= 1


def test_chance_alone_makes_the_calibration_error_that_the_number_of_photos_allows():
    rows = confident(426)
    assert 0.03 < 1 - rows.max(axis=1).mean() < 0.07
    mean, p95 = chance_ece(rows)
    assert 0.016 < mean < 0.024
    assert 0.027 < p95 < 0.035
    assert 0.036 < chance_ece(confident(85))[0] < 0.048


def test_chance_is_what_the_error_of_perfectly_calibrated_predictions_is():
    rows, rng = confident(200), np.random.default_rng(1)
    errors = []
    for _ in range(400):
        right = rng.random(200) < rows.max(axis=1)
        errors.append(expected_calibration_error(rows, np.where(right, 0, 1)))
    mean, p95 = chance_ece(rows)
    assert mean == pytest.approx(np.mean(errors), rel=0.05)
    assert p95 == pytest.approx(np.quantile(errors, 0.95), rel=0.1)


def test_chance_is_the_same_for_a_seed_and_whatever_the_order(monkeypatch):
    rows = confident(90)
    assert chance_ece(rows, seed=3) == chance_ece(rows, seed=3) != chance_ece(rows, seed=4)
    assert chance_ece(rows[::-1]) == pytest.approx(chance_ece(rows), rel=0.1)
    before = chance_ece(rows, 500)
    monkeypatch.setattr("fieldmark.evaluate.reliability.CELLS_AT_ONCE", 1000)
    assert chance_ece(rows, 500) == before


def test_repeats_of_the_same_photos_leave_as_much_to_chance_as_the_photos_alone():
    rows = confident(85)
    five = np.tile(rows, (5, 1))
    photos = np.tile(np.arange(85), 5)
    assert chance_ece(five, photos=photos) == pytest.approx(chance_ece(rows), rel=1e-9)
    assert chance_ece(five)[0] < 0.6 * chance_ece(rows)[0]


def test_who_is_certain_leaves_nothing_to_chance():
    assert chance_ece(sure_of([1.0, 1.0])[0]) == (0, 0)


def test_brier_and_log_loss_are_those_worked_out_by_hand():
    rows, actual = np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4]]), np.array([0, 1])
    assert brier(rows, actual) == pytest.approx(((0.09 + 0.04 + 0.01) + (0.09 + 0.49 + 0.16)) / 2)
    assert log_loss(rows, actual) == pytest.approx(-(math.log(0.7) + math.log(0.3)) / 2)
    assert brier(*sure_of([1.0], False)) == 2
    assert log_loss(*sure_of([1.0], False)) == pytest.approx(-math.log(1e-12))


def test_brier_and_log_loss_agree_with_scikit_learn():
    logits, actual = sample(200)
    rows = softmax(logits, axis=1)
    assert brier(rows, actual) == pytest.approx(2 * brier_score_loss(actual, rows[:, 1]))
    assert log_loss(rows, actual) == pytest.approx(sklearn_log_loss(actual, rows))


def test_intervals_hold_their_figures_and_the_same_seed_gives_the_same():
    logits, actual = sample(300, 1.5)
    rows = softmax(logits, axis=1)
    found = bootstrap(rows, actual)
    assert found == bootstrap(rows, actual)
    assert found != bootstrap(rows, actual, seed=1)
    for interval, figure in (
        (found.ece, expected_calibration_error(rows, actual)),
        (found.brier, brier(rows, actual)),
        (found.log_loss, log_loss(rows, actual)),
    ):
        assert interval[0] <= figure <= interval[1]


def test_the_interval_of_a_mean_is_as_wide_as_its_standard_error_says():
    logits, actual = sample(400)
    rows = softmax(logits, axis=1)
    low, high = bootstrap(rows, actual).brier
    errors = ((rows - np.eye(2)[actual]) ** 2).sum(axis=1)
    assert high - low == pytest.approx(2 * 1.96 * errors.std() / math.sqrt(400), rel=0.08)


def test_copies_that_are_drawn_together_do_not_make_an_interval_narrower():
    logits, actual = sample(100)
    rows, groups = softmax(logits, axis=1), np.arange(100) * 7 - 50
    alone = bootstrap(rows, actual)
    copied = np.repeat(rows, 4, axis=0), np.repeat(actual, 4)
    assert bootstrap(*copied, np.repeat(groups, 4)).brier == pytest.approx(alone.brier)
    narrow = bootstrap(*copied)
    assert narrow.brier[1] - narrow.brier[0] < 0.6 * (alone.brier[1] - alone.brier[0])


def test_the_interval_of_a_calibration_error_that_is_mere_chance_reaches_to_about_zero():
    rows = confident(426)
    right = np.random.default_rng(5).random(426) < rows.max(axis=1)
    assert bootstrap(rows, np.where(right, 0, 1)).ece[0] < 0.012


def test_of_a_single_group_there_is_no_interval():
    assert bootstrap(*sure_of([0.8])) == Intervals(None, None, None)
    assert bootstrap(*sure_of([0.8, 0.9]), np.array([3, 3])).ece is None


def test_bins_of_the_plot_are_about_equally_full_and_in_order():
    rows = confident(426)
    bins = reliability(rows, np.zeros(426, dtype=np.int64))
    assert len(bins) == 10
    assert sum(one.n for one in bins) == 426
    assert {one.n for one in bins} <= set(range(38, 48))
    assert [one.confidence for one in bins] == sorted(one.confidence for one in bins)
    assert (bins[0].low, bins[0].high) == wilson(bins[0].n, bins[0].n)


def test_equal_certainties_stay_together_and_few_photos_make_few_bins():
    assert [one.n for one in reliability(*sure_of([0.9] * 70 + [0.6] * 30))] == [30, 70]
    assert [one.n for one in reliability(*sure_of(np.linspace(0.6, 0.9, 45)))] == [20, 25]
    assert [one.n for one in reliability(*sure_of([0.8]))] == [1]


@given(
    st.lists(st.sampled_from([0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0]) | st.floats(0.5, 1), min_size=1, max_size=200)
)
def test_no_bin_is_tiny_and_none_is_lost(confidence):
    bins = reliability(*sure_of(confidence))
    assert sum(one.n for one in bins) == len(confidence)
    assert 1 <= len(bins) <= 10
    assert min(one.n for one in bins) >= min(len(confidence), SMALLEST_BIN)
    assert all(one.low <= one.right <= one.high for one in bins)


def test_repeats_make_the_intervals_of_the_plot_no_narrower():
    rows, actual = sure_of(np.linspace(0.6, 0.9, 40), np.arange(40) % 4 > 0)
    alone = reliability(rows, actual)
    five = reliability(np.repeat(rows, 5, axis=0), np.repeat(actual, 5), photos=np.repeat(np.arange(40), 5))
    assert [(one.n, one.low, one.high) for one in five] == [(one.n, one.low, one.high) for one in alone]


def test_a_bin_outlives_a_file():
    one = Bin(20, 0.9, 0.8, 0.6, 0.95)
    assert Bin.from_dict(json.loads(json.dumps(one.to_dict()))) == one
