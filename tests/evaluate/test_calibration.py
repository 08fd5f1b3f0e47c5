"""The figures of certainty as a run keeps them, and what is said of them."""

import json

import numpy as np
import pytest
from scipy.special import softmax

from evaluate.certainties import sample
from fieldmark.evaluate.calibration import say_calibration, summarize_calibration
from fieldmark.evaluate.temperature import cross_fitted


def summary(n, temperature, seed=0, **more):
    logits, actual = sample(n, temperature, seed)
    return summarize_calibration(
        logits, cross_fitted(logits, actual, np.arange(n) % 5), actual, fitted_on="out-of-fold predictions", **more
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
    before = summarize_calibration(None, softmax(logits, axis=1), actual)
    assert before["temperature"] is None
    assert before["log_loss_before"] == before["log_loss_after"]
    assert before["ece"] > before["ece_by_chance"]["p95"]
    assert "surer than it should be" in say_calibration(before)
    after = summary(426, 3.0)
    assert after["ece"] < before["ece"] / 2
    assert "no reason to doubt" in say_calibration(after)


def test_too_few_mistakes_leave_the_certainties_as_the_network_has_them():
    logits, actual = np.tile([3.0, 0.0], (80, 1)), np.zeros(80, dtype=np.int64)
    figures = summarize_calibration(logits, np.tile([1.0, 0.0], (80, 1)), actual, fitted_on="anything")
    assert figures["temperature"] == 1.0
    assert figures["fitted_on"] == ""
    assert figures["confidence"] == pytest.approx(softmax([3.0, 0.0])[0])
    assert "wrong about 0 of 80 photos" in figures["refused"]
    assert figures["refused"] in say_calibration(figures)


def test_logits_that_mislead_are_refused_whatever_the_number_of_mistakes():
    logits, actual = np.tile([3.0, 0.0], (80, 1)), (np.arange(80) > 20).astype(np.int64)
    figures = summarize_calibration(logits, softmax(logits, axis=1), actual)
    assert "the logits say nothing" in figures["refused"]


def test_one_photo_is_summarized_without_intervals():
    figures = summarize_calibration(np.array([[1.0, 0.0]]), np.array([[0.7, 0.3]]), np.array([0]))
    assert (figures["ece_ci95"], figures["brier_ci95"], figures["n"]) == (None, None, 1)
    assert "it had 1 photo to be fitted to" in say_calibration(figures)


def test_a_class_without_photos_and_repeats_are_no_obstacle():
    rng = np.random.default_rng(0)
    logits, actual = rng.normal(0, 2, (300, 3)), rng.integers(0, 2, 300)
    photos = np.arange(300) // 3
    figures = summarize_calibration(logits, softmax(logits, axis=1), actual, photos=photos)
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
    assert say_calibration(figures) == (
        "On average the model says it is 95.1 % sure and is right about 94.9 % of 426 photos. Its certainty and how "
        "often it is right lie 2.1 percentage points apart (probably between 0.4 and 3.8); of a model whose "
        "certainties are exactly right, chance alone would make 2.0, and one time in twenty more than 3.0, with as "
        "many photos. So these photos give no reason to doubt its certainty. The network's own certainties were toned "
        "down (temperature 1.43, fitted on 5 x 1 out-of-fold predictions)."
    )
    shy = {**figures, "ece": 0.08, "confidence": 0.87, "ece_ci95": None, "temperature": None}
    assert say_calibration(shy).endswith("That is more than chance explains: it is right more often than it says.")
