"""The temperature: found again where one was put in, and refused where too little could carry it."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from evaluate.certainties import sample
from fieldmark.evaluate.reliability import log_loss
from fieldmark.evaluate.temperature import cross_fitted, fit_temperature, why_not


@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.7, 4.0])
@pytest.mark.parametrize("classes", [2, 5])
def test_the_temperature_that_made_logits_too_sure_is_found_again(temperature, classes):
    fitted = fit_temperature(*sample(20_000, temperature, classes=classes))
    assert fitted.value == pytest.approx(temperature, rel=0.05)
    assert fitted.log_loss_after <= fitted.log_loss_before


@pytest.mark.parametrize("seed", range(5))
def test_the_loss_is_as_low_as_a_general_search_finds_it(seed):
    logits, actual = sample(120, 1.8, seed, classes=3, spread=2.0)

    def loss(log_t):
        return -log_softmax(logits / math.exp(log_t), axis=1)[np.arange(len(actual)), actual].mean()

    best = minimize_scalar(loss, bounds=(math.log(0.05), math.log(20)), method="bounded", options={"xatol": 1e-10})
    fitted = fit_temperature(logits, actual)
    assert fitted.value == pytest.approx(math.exp(best.x), rel=1e-4)
    assert fitted.log_loss_after <= best.fun + 1e-12
    assert fitted.log_loss_before == pytest.approx(loss(0))


@given(st.integers(1, 40), st.integers(2, 4), st.integers(0, 1000), st.floats(-50, 50), st.floats(0.5, 2))
def test_a_temperature_never_harms_and_scales_with_the_logits(n, classes, seed, shift, factor):
    logits, actual = sample(n, 1.5, seed, classes, spread=2.0)
    fitted, moved = fit_temperature(logits, actual), fit_temperature(logits + shift, actual)
    assert 0.05 <= fitted.value <= 20
    assert fitted.log_loss_after <= fitted.log_loss_before + 1e-12
    assert moved.value == pytest.approx(fitted.value, rel=1e-6)
    scaled = fit_temperature(logits * factor, actual)
    if not fitted.at_bound and not scaled.at_bound:
        assert scaled.value == pytest.approx(fitted.value * factor, rel=1e-6)


def test_without_mistakes_the_temperature_runs_to_the_lower_bound_and_without_right_answers_to_the_upper():
    logits = np.tile([2.0, -1.0], (60, 1))
    lowest = fit_temperature(logits, np.zeros(60, dtype=np.int64))
    highest = fit_temperature(logits, np.ones(60, dtype=np.int64))
    assert (lowest.value, lowest.at_bound) == (pytest.approx(0.05), True)
    assert (highest.value, highest.at_bound) == (pytest.approx(20), True)


def test_logits_that_say_nothing_are_left_alone():
    fitted = fit_temperature(np.zeros((4, 2)), np.array([0, 1, 0, 0]))
    assert (fitted.value, fitted.at_bound) == (1.0, False)
    assert fitted.log_loss_before == fitted.log_loss_after == pytest.approx(math.log(2))


def test_huge_logits_are_no_harder_than_others():
    fitted = fit_temperature(np.array([[1e6, 0], [1e6, 0], [0, 1e6]]), np.array([0, 0, 0]))
    assert math.isfinite(fitted.log_loss_after)


@pytest.mark.parametrize(
    ("logits", "actual"),
    [
        (np.empty((0, 2)), []),
        ([[1.0, 2.0]], [0, 1]),
        ([[1.0, math.nan]], [0]),
        ([[1.0, 2.0]], [2]),
        ([[1.0, 2.0]], [-1]),
        ([1.0, 2.0], [0, 1]),
    ],
)
def test_what_does_not_fit_together_is_refused(logits, actual):
    with pytest.raises(ValueError, match=r"figure|class outside"):
        fit_temperature(np.asarray(logits), np.asarray(actual, dtype=np.int64))


def says(n, wrong):
    actual = np.zeros(n, dtype=np.int64)
    return actual, (np.arange(n) < wrong).astype(np.int64)


def test_too_few_photos_are_refused_with_their_number():
    assert why_not(*says(50, 5)) is None
    assert "it had 49 photos to be fitted to, and it takes 50" in why_not(*says(49, 20))


def test_too_few_mistakes_are_refused_and_so_are_too_few_right_answers():
    assert "wrong about 4 of 426 photos, and it takes 5" in why_not(*says(426, 4))
    assert "right about 2 of 60 photos" in why_not(*says(60, 58))


def test_repeats_of_one_photo_count_once():
    actual, predicted = says(250, 5)
    assert why_not(actual, predicted) is None
    assert "wrong about 1 of 50 photos" in why_not(actual, predicted, np.arange(250) // 5)
    assert "it had 25 photos" in why_not(actual, predicted, np.arange(250) // 10)


def test_a_cross_fitted_temperature_is_that_of_the_other_folds():
    logits, actual = sample(400, 2.0)
    folds = np.arange(400) % 5
    rows = cross_fitted(logits, actual, folds)
    others = fit_temperature(logits[folds != 3], actual[folds != 3]).value
    assert rows[folds == 3] == pytest.approx(softmax(logits[folds == 3] / others, axis=1))
    assert rows.sum(axis=1) == pytest.approx(1)
    assert log_loss(rows, actual) < log_loss(softmax(logits, axis=1), actual)


def test_a_row_has_no_part_in_its_own_temperature():
    logits, actual = sample(100, 2.0)
    folds = np.arange(100) % 2
    changed = np.where(folds == 0, 1 - actual, actual)
    before, after = cross_fitted(logits, actual, folds), cross_fitted(logits, changed, folds)
    assert (before[folds == 0] == after[folds == 0]).all()
    assert (before[folds == 1] != after[folds == 1]).any()


def test_folds_that_leave_no_mistake_to_learn_from_keep_the_temperature_at_one():
    logits = np.tile([2.0, 0.0], (20, 1))
    actual = np.zeros(20, dtype=np.int64)
    actual[:4] = 1  # all mistakes in the first fold
    rows = cross_fitted(logits, actual, np.arange(20) // 10)
    assert rows[0] == pytest.approx(softmax([2.0, 0.0]))
    assert rows[-1] != pytest.approx(softmax([2.0, 0.0]))


@pytest.mark.parametrize("folds", [[0, 0, 0], [0, 1]])
def test_one_fold_or_too_few_rows_of_them_are_refused(folds):
    with pytest.raises(ValueError, match="folds"):
        cross_fitted(np.eye(3), np.arange(3), np.array(folds))
