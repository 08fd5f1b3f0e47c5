import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.metrics import brier_score_loss
from sklearn.metrics import log_loss as sklearn_log_loss

from fieldmark.evaluate import calibration as c
from fieldmark.evaluate.intervals import wilson


def sure_of(confidence, right=True):
    """Rows of two classes whose top one has these certainties; the truth is class 0."""
    confidence = np.asarray(confidence, dtype=float)
    rows = np.stack([confidence, 1 - confidence], axis=1)
    right = np.broadcast_to(right, confidence.shape)
    return np.where(right[:, None], rows, rows[:, ::-1]), np.zeros(len(rows), dtype=np.int64)


def sample(n, temperature=1.0, seed=0, classes=2, spread=4.0):
    """Logits of a model that is `temperature` times too sure, and a truth drawn as the rightly scaled ones say."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, spread, (n, classes))
    rows = softmax(logits, axis=1).cumsum(axis=1)
    actual = (rng.random((n, 1)) > rows).sum(axis=1).clip(0, classes - 1)
    return logits * temperature, actual.astype(np.int64)


def confident(n, seed=0):
    """Certainties of two classes, a twentieth wrong on average: most photos nearly certain, a few in doubt."""
    rng = np.random.default_rng(seed)
    return sure_of(1 / (1 + np.exp(-np.abs(rng.normal(4, 2, n)))))[0]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.7, 4.0])
@pytest.mark.parametrize("classes", [2, 5])
def test_the_temperature_that_made_logits_too_sure_is_found_again(temperature, classes):
    fitted = c.fit_temperature(*sample(20_000, temperature, classes=classes))
    assert fitted.value == pytest.approx(temperature, rel=0.05)
    assert fitted.log_loss_after <= fitted.log_loss_before


@pytest.mark.parametrize("seed", range(5))
def test_the_loss_is_as_low_as_a_general_search_finds_it(seed):
    logits, actual = sample(120, 1.8, seed, classes=3, spread=2.0)

    def loss(log_t):
        return -log_softmax(logits / math.exp(log_t), axis=1)[np.arange(len(actual)), actual].mean()

    best = minimize_scalar(loss, bounds=(math.log(0.05), math.log(20)), method="bounded", options={"xatol": 1e-10})
    fitted = c.fit_temperature(logits, actual)
    assert fitted.value == pytest.approx(math.exp(best.x), rel=1e-4)
    assert fitted.log_loss_after <= best.fun + 1e-12
    assert fitted.log_loss_before == pytest.approx(loss(0))


@given(st.integers(1, 40), st.integers(2, 4), st.integers(0, 1000), st.floats(-50, 50), st.floats(0.5, 2))
def test_a_temperature_never_harms_and_scales_with_the_logits(n, classes, seed, shift, factor):
    logits, actual = sample(n, 1.5, seed, classes, spread=2.0)
    fitted, moved = c.fit_temperature(logits, actual), c.fit_temperature(logits + shift, actual)
    assert 0.05 <= fitted.value <= 20
    assert fitted.log_loss_after <= fitted.log_loss_before + 1e-12
    assert moved.value == pytest.approx(fitted.value, rel=1e-6)
    scaled = c.fit_temperature(logits * factor, actual)
    if not fitted.at_bound and not scaled.at_bound:
        assert scaled.value == pytest.approx(fitted.value * factor, rel=1e-6)


def test_without_mistakes_the_temperature_runs_to_the_lower_bound_and_without_right_answers_to_the_upper():
    logits = np.tile([2.0, -1.0], (60, 1))
    lowest = c.fit_temperature(logits, np.zeros(60, dtype=np.int64))
    highest = c.fit_temperature(logits, np.ones(60, dtype=np.int64))
    assert (lowest.value, lowest.at_bound) == (pytest.approx(0.05), True)
    assert (highest.value, highest.at_bound) == (pytest.approx(20), True)


def test_logits_that_say_nothing_are_left_alone():
    fitted = c.fit_temperature(np.zeros((4, 2)), np.array([0, 1, 0, 0]))
    assert (fitted.value, fitted.at_bound) == (1.0, False)
    assert fitted.log_loss_before == fitted.log_loss_after == pytest.approx(math.log(2))


def test_huge_logits_are_no_harder_than_others():
    fitted = c.fit_temperature(np.array([[1e6, 0], [1e6, 0], [0, 1e6]]), np.array([0, 0, 0]))
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
        c.fit_temperature(np.asarray(logits), np.asarray(actual, dtype=np.int64))


def says(n, wrong):
    actual = np.zeros(n, dtype=np.int64)
    return actual, (np.arange(n) < wrong).astype(np.int64)


def test_too_few_photos_are_refused_with_their_number():
    assert c.why_not(*says(50, 5)) is None
    assert "it had 49 photos to be fitted to, and it takes 50" in c.why_not(*says(49, 20))


def test_too_few_mistakes_are_refused_and_so_are_too_few_right_answers():
    assert "wrong about 4 of 426 photos, and it takes 5" in c.why_not(*says(426, 4))
    assert "right about 2 of 60 photos" in c.why_not(*says(60, 58))


def test_repeats_of_one_photo_count_once():
    actual, predicted = says(250, 5)
    assert c.why_not(actual, predicted) is None
    assert "wrong about 1 of 50 photos" in c.why_not(actual, predicted, np.arange(250) // 5)
    assert "it had 25 photos" in c.why_not(actual, predicted, np.arange(250) // 10)


def test_a_cross_fitted_temperature_is_that_of_the_other_folds():
    logits, actual = sample(400, 2.0)
    folds = np.arange(400) % 5
    rows = c.cross_fitted(logits, actual, folds)
    others = c.fit_temperature(logits[folds != 3], actual[folds != 3]).value
    assert rows[folds == 3] == pytest.approx(softmax(logits[folds == 3] / others, axis=1))
    assert rows.sum(axis=1) == pytest.approx(1)
    assert c.log_loss(rows, actual) < c.log_loss(softmax(logits, axis=1), actual)


def test_a_row_has_no_part_in_its_own_temperature():
    logits, actual = sample(100, 2.0)
    folds = np.arange(100) % 2
    changed = np.where(folds == 0, 1 - actual, actual)
    before, after = c.cross_fitted(logits, actual, folds), c.cross_fitted(logits, changed, folds)
    assert (before[folds == 0] == after[folds == 0]).all()
    assert (before[folds == 1] != after[folds == 1]).any()


def test_folds_that_leave_no_mistake_to_learn_from_keep_the_temperature_at_one():
    logits = np.tile([2.0, 0.0], (20, 1))
    actual = np.zeros(20, dtype=np.int64)
    actual[:4] = 1  # all mistakes in the first fold
    rows = c.cross_fitted(logits, actual, np.arange(20) // 10)
    assert rows[0] == pytest.approx(softmax([2.0, 0.0]))
    assert rows[-1] != pytest.approx(softmax([2.0, 0.0]))


@pytest.mark.parametrize("folds", [[0, 0, 0], [0, 1]])
def test_one_fold_or_too_few_rows_of_them_are_refused(folds):
    with pytest.raises(ValueError, match="folds"):
        c.cross_fitted(np.eye(3), np.arange(3), np.array(folds))


def test_the_calibration_error_is_that_worked_out_by_hand():
    rows, actual = sure_of([0.95, 0.95, 0.95, 0.95, 0.7, 0.7], [True, True, True, False, True, True])
    # |3/4 - 0.95| for four photos, |2/2 - 0.7| for two
    assert c.expected_calibration_error(rows, actual) == pytest.approx((4 * 0.2 + 2 * 0.3) / 6)


def test_a_certainty_on_an_edge_belongs_to_the_bin_below_it_and_certain_is_in_the_last():
    rows, actual = sure_of([0.75, 0.76, 1.0], [False, True, True])
    assert c.expected_calibration_error(rows, actual, bins=4) == pytest.approx((0.75 + 0.24) / 3)


def test_one_photo_has_a_calibration_error_too():
    assert c.expected_calibration_error(*sure_of([0.8])) == pytest.approx(0.2)


@given(st.lists(st.tuples(st.floats(0.5, 1), st.booleans()), min_size=1, max_size=80), st.integers(1, 30))
def test_the_calibration_error_lies_between_the_overall_gap_and_one(rows, bins):
    probabilities, actual = sure_of([p for p, _ in rows], np.array([r for _, r in rows]))
    error = c.expected_calibration_error(probabilities, actual, bins)
    right = (probabilities.argmax(axis=1) == actual).mean()
    assert abs(right - probabilities.max(axis=1).mean()) - 1e-9 <= error <= 1


def test_chance_alone_makes_the_calibration_error_that_the_number_of_photos_allows():
    rows = confident(426)
    assert 0.03 < 1 - rows.max(axis=1).mean() < 0.07
    mean, p95 = c.chance_ece(rows)
    assert 0.016 < mean < 0.024
    assert 0.027 < p95 < 0.035
    assert 0.036 < c.chance_ece(confident(85))[0] < 0.048


def test_chance_is_what_the_error_of_perfectly_calibrated_predictions_is():
    rows, rng = confident(200), np.random.default_rng(1)
    errors = []
    for _ in range(400):
        right = rng.random(200) < rows.max(axis=1)
        errors.append(c.expected_calibration_error(rows, np.where(right, 0, 1)))
    mean, p95 = c.chance_ece(rows)
    assert mean == pytest.approx(np.mean(errors), rel=0.05)
    assert p95 == pytest.approx(np.quantile(errors, 0.95), rel=0.1)


def test_chance_is_the_same_for_a_seed_and_whatever_the_order(monkeypatch):
    rows = confident(90)
    assert c.chance_ece(rows, seed=3) == c.chance_ece(rows, seed=3) != c.chance_ece(rows, seed=4)
    assert c.chance_ece(rows[::-1]) == pytest.approx(c.chance_ece(rows), rel=0.1)
    before = c.chance_ece(rows, 500)
    monkeypatch.setattr(c, "CELLS_AT_ONCE", 1000)
    assert c.chance_ece(rows, 500) == before


def test_repeats_of_the_same_photos_leave_as_much_to_chance_as_the_photos_alone():
    rows = confident(85)
    five = np.tile(rows, (5, 1))
    photos = np.tile(np.arange(85), 5)
    assert c.chance_ece(five, photos=photos) == pytest.approx(c.chance_ece(rows), rel=1e-9)
    assert c.chance_ece(five)[0] < 0.6 * c.chance_ece(rows)[0]


def test_who_is_certain_leaves_nothing_to_chance():
    assert c.chance_ece(sure_of([1.0, 1.0])[0]) == (0, 0)


def test_brier_and_log_loss_are_those_worked_out_by_hand():
    rows, actual = np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4]]), np.array([0, 1])
    assert c.brier(rows, actual) == pytest.approx(((0.09 + 0.04 + 0.01) + (0.09 + 0.49 + 0.16)) / 2)
    assert c.log_loss(rows, actual) == pytest.approx(-(math.log(0.7) + math.log(0.3)) / 2)
    assert c.brier(*sure_of([1.0], False)) == 2
    assert c.log_loss(*sure_of([1.0], False)) == pytest.approx(-math.log(1e-12))


def test_brier_and_log_loss_agree_with_scikit_learn():
    logits, actual = sample(200)
    rows = softmax(logits, axis=1)
    assert c.brier(rows, actual) == pytest.approx(2 * brier_score_loss(actual, rows[:, 1]))
    assert c.log_loss(rows, actual) == pytest.approx(sklearn_log_loss(actual, rows))


def test_intervals_hold_their_figures_and_the_same_seed_gives_the_same():
    logits, actual = sample(300, 1.5)
    rows = softmax(logits, axis=1)
    found = c.bootstrap(rows, actual)
    assert found == c.bootstrap(rows, actual)
    assert found != c.bootstrap(rows, actual, seed=1)
    for interval, figure in (
        (found.ece, c.expected_calibration_error(rows, actual)),
        (found.brier, c.brier(rows, actual)),
        (found.log_loss, c.log_loss(rows, actual)),
    ):
        assert interval[0] <= figure <= interval[1]


def test_the_interval_of_a_mean_is_as_wide_as_its_standard_error_says():
    logits, actual = sample(400)
    rows = softmax(logits, axis=1)
    low, high = c.bootstrap(rows, actual).brier
    errors = ((rows - np.eye(2)[actual]) ** 2).sum(axis=1)
    assert high - low == pytest.approx(2 * 1.96 * errors.std() / math.sqrt(400), rel=0.08)


def test_copies_that_are_drawn_together_do_not_make_an_interval_narrower():
    logits, actual = sample(100)
    rows, groups = softmax(logits, axis=1), np.arange(100) * 7 - 50
    alone = c.bootstrap(rows, actual)
    copied = np.repeat(rows, 4, axis=0), np.repeat(actual, 4)
    assert c.bootstrap(*copied, np.repeat(groups, 4)).brier == pytest.approx(alone.brier)
    narrow = c.bootstrap(*copied)
    assert narrow.brier[1] - narrow.brier[0] < 0.6 * (alone.brier[1] - alone.brier[0])


def test_the_interval_of_a_calibration_error_that_is_mere_chance_reaches_to_about_zero():
    rows = confident(426)
    right = np.random.default_rng(5).random(426) < rows.max(axis=1)
    assert c.bootstrap(rows, np.where(right, 0, 1)).ece[0] < 0.012


def test_of_a_single_group_there_is_no_interval():
    assert c.bootstrap(*sure_of([0.8])) == c.Intervals(None, None, None)
    assert c.bootstrap(*sure_of([0.8, 0.9]), np.array([3, 3])).ece is None


def test_bins_of_the_plot_are_about_equally_full_and_in_order():
    rows = confident(426)
    bins = c.reliability(rows, np.zeros(426, dtype=np.int64))
    assert len(bins) == 10
    assert sum(one.n for one in bins) == 426
    assert {one.n for one in bins} <= set(range(38, 48))
    assert [one.confidence for one in bins] == sorted(one.confidence for one in bins)
    assert (bins[0].low, bins[0].high) == wilson(bins[0].n, bins[0].n)


def test_equal_certainties_stay_together_and_few_photos_make_few_bins():
    assert [one.n for one in c.reliability(*sure_of([0.9] * 70 + [0.6] * 30))] == [30, 70]
    assert [one.n for one in c.reliability(*sure_of(np.linspace(0.6, 0.9, 45)))] == [20, 25]
    assert [one.n for one in c.reliability(*sure_of([0.8]))] == [1]


@given(
    st.lists(st.sampled_from([0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0]) | st.floats(0.5, 1), min_size=1, max_size=200)
)
def test_no_bin_is_tiny_and_none_is_lost(confidence):
    bins = c.reliability(*sure_of(confidence))
    assert sum(one.n for one in bins) == len(confidence)
    assert 1 <= len(bins) <= 10
    assert min(one.n for one in bins) >= min(len(confidence), c.SMALLEST_BIN)
    assert all(one.low <= one.right <= one.high for one in bins)


def test_repeats_make_the_intervals_of_the_plot_no_narrower():
    rows, actual = sure_of(np.linspace(0.6, 0.9, 40), np.arange(40) % 4 > 0)
    alone = c.reliability(rows, actual)
    five = c.reliability(np.repeat(rows, 5, axis=0), np.repeat(actual, 5), photos=np.repeat(np.arange(40), 5))
    assert [(one.n, one.low, one.high) for one in five] == [(one.n, one.low, one.high) for one in alone]


def test_a_bin_outlives_a_file():
    one = c.Bin(20, 0.9, 0.8, 0.6, 0.95)
    assert c.Bin.from_dict(json.loads(json.dumps(one.to_dict()))) == one


def summary(n, temperature, seed=0, **more):
    logits, actual = sample(n, temperature, seed)
    return c.summarize_calibration(
        logits, c.cross_fitted(logits, actual, np.arange(n) % 5), actual, fitted_on="out-of-fold predictions", **more
    )


def test_the_summary_is_plain_json_with_every_figure():
    figures = summary(426, 2.0)
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures
    assert figures["temperature"] == pytest.approx(2, rel=0.3)
    assert figures["refused"] is None
    assert figures["fitted_on"] == "out-of-fold predictions"
    assert figures["log_loss_after"] < figures["log_loss_before"]
    assert set(figures["ece_by_chance"]) == {"mean", "p95"}
    assert sum(one["n"] for one in figures["bins"]) == 426


def test_a_temperature_mends_what_was_too_sure():
    logits, actual = sample(426, 3.0)
    before = c.summarize_calibration(None, softmax(logits, axis=1), actual)
    assert before["temperature"] is None
    assert before["log_loss_before"] == before["log_loss_after"]
    assert before["ece"] > before["ece_by_chance"]["p95"]
    assert "surer than it should be" in c.say_calibration(before)
    after = summary(426, 3.0)
    assert after["ece"] < before["ece"] / 2
    assert "no reason to doubt" in c.say_calibration(after)


def test_too_few_mistakes_leave_the_certainties_as_the_network_has_them():
    logits, actual = np.tile([3.0, 0.0], (80, 1)), np.zeros(80, dtype=np.int64)
    figures = c.summarize_calibration(logits, np.tile([1.0, 0.0], (80, 1)), actual, fitted_on="anything")
    assert figures["temperature"] == 1.0
    assert figures["fitted_on"] == ""
    assert figures["confidence"] == pytest.approx(softmax([3.0, 0.0])[0])
    assert "wrong about 0 of 80 photos" in figures["refused"]
    assert figures["refused"] in c.say_calibration(figures)


def test_logits_that_mislead_are_refused_whatever_the_number_of_mistakes():
    logits, actual = np.tile([3.0, 0.0], (80, 1)), (np.arange(80) > 20).astype(np.int64)
    figures = c.summarize_calibration(logits, softmax(logits, axis=1), actual)
    assert "the logits say nothing" in figures["refused"]


def test_one_photo_is_summarized_without_intervals():
    figures = c.summarize_calibration(np.array([[1.0, 0.0]]), np.array([[0.7, 0.3]]), np.array([0]))
    assert (figures["ece_ci95"], figures["brier_ci95"], figures["n"]) == (None, None, 1)
    assert "it had 1 photo to be fitted to" in c.say_calibration(figures)


def test_a_class_without_photos_and_repeats_are_no_obstacle():
    rng = np.random.default_rng(0)
    logits, actual = rng.normal(0, 2, (300, 3)), rng.integers(0, 2, 300)
    photos = np.arange(300) // 3
    figures = c.summarize_calibration(logits, softmax(logits, axis=1), actual, photos=photos)
    assert figures["n"] == 100
    assert sum(one["n"] for one in figures["bins"]) == pytest.approx(100, abs=3)


def test_the_sentence_says_how_sure_how_right_and_what_chance_would_do():
    figures = {
        "n": 426,
        "temperature": 1.43,
        "fitted_on": "5 x 1 out-of-fold predictions",
        "ece": 0.021,
        "ece_ci95": [0.004, 0.038],
        "ece_by_chance": {"mean": 0.02, "p95": 0.03},
        "confidence": 0.951,
        "right": 0.949,
        "refused": None,
    }
    assert c.say_calibration(figures) == (
        "On average the model says it is 95.1 % sure and is right about 94.9 % of 426 photos. Its certainty and how "
        "often it is right lie 2.1 percentage points apart (probably between 0.4 and 3.8); of a model whose "
        "certainties are exactly right, chance alone would make 2.0, and one time in twenty more than 3.0, with as "
        "many photos. So these photos give no reason to doubt its certainty. The network's own certainties were toned "
        "down (temperature 1.43, fitted on 5 x 1 out-of-fold predictions)."
    )
    shy = {**figures, "ece": 0.08, "confidence": 0.87, "ece_ci95": None, "temperature": None}
    assert c.say_calibration(shy).endswith("That is more than chance explains: it is right more often than it says.")
