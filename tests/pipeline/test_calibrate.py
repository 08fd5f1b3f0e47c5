import numpy as np
import pytest

from fieldmark.artifacts.predictions import Predictions
from fieldmark.errors import FolderError, TrainingFailed
from fieldmark.evaluate.metrics import summarize
from fieldmark.evaluate.reliability import log_loss
from fieldmark.evaluate.temperature import fit_temperature, probabilities_at
from fieldmark.pipeline.calibrate import calibrate, calibration_of


def judged(n, seed=0, sharpness=3.0, repeats=1, groups=None):
    """Predictions of a network whose logits are `sharpness` times as large as they should be, and those logits."""
    draw = np.random.default_rng(seed)
    honest = draw.normal(0, 2, (n * repeats, 2))
    actual_of = np.tile(draw.integers(0, 2, n), repeats)
    honest[np.arange(len(honest)), actual_of] += 1.5
    logits = (honest * sharpness).astype(np.float32)
    names = tuple(f"{i:05}" for i in range(n)) * repeats
    predictions = Predictions(
        classes=("a", "b"),
        photos=names,
        ids=names,
        actual=actual_of,
        probabilities=probabilities_at(logits.astype(np.float64), 1.0),
        unknown=np.zeros(len(names), dtype=np.bool_),
        folds=tuple(f"{r + 1}.{i % 5 + 1}" for r in range(repeats) for i in range(n)) if repeats > 1 else (),
        groups=tuple(groups) * repeats if groups is not None else names,
    )
    return predictions, logits


def test_the_temperature_is_that_of_all_photos_and_the_answers_are_not_judged_at_their_own():
    predictions, logits = judged(400)
    found = calibrate(predictions, logits)
    own = fit_temperature(logits.astype(np.float64), predictions.actual)
    assert found.temperature == pytest.approx(own.value)
    assert found.temperature > 1.5
    at_own = log_loss(probabilities_at(logits.astype(np.float64), own.value), predictions.actual)
    after = log_loss(found.predictions.probabilities, predictions.actual)
    assert at_own < after < log_loss(predictions.probabilities, predictions.actual)
    assert found.figures["log_loss_after"] == pytest.approx(after)
    assert summarize(found.predictions)["log_loss"] == pytest.approx(after)


def test_no_answer_changes_only_how_sure_it_is():
    predictions, logits = judged(200)
    found = calibrate(predictions, logits)
    assert (found.predictions.predicted == predictions.predicted).all()
    assert (found.predictions.probabilities != predictions.probabilities).any()


def test_repeats_of_a_photo_and_copies_have_one_temperature():
    predictions, logits = judged(120, repeats=3, groups=[f"{i // 2:05}" for i in range(120)])
    found = calibrate(predictions, logits)
    ratio = np.log(found.predictions.probabilities[:, 0] / found.predictions.probabilities[:, 1])
    used = (logits[:, 0] - logits[:, 1]) / ratio
    by_group = {}
    for group, temperature in zip(predictions.groups, used, strict=True):
        by_group.setdefault(group, set()).add(round(float(temperature), 3))
    assert all(len(temperatures) == 1 for temperatures in by_group.values())
    assert len(set().union(*by_group.values())) == 5
    assert "3 times over" in found.figures["fitted_on"]


@pytest.mark.parametrize("n", [1, 3, 30])
def test_of_too_few_photos_no_temperature_is_fitted_and_it_says_so(n):
    predictions, logits = judged(n)
    found = calibrate(predictions, logits)
    assert found.temperature == 1.0
    assert "No temperature was fitted" in found.figures["refused"]
    assert found.predictions is predictions


def test_copies_of_one_photo_are_no_two_parts():
    predictions, logits = judged(60, groups=["one"] * 60)
    assert calibrate(predictions, logits).figures["ece"] >= 0


def test_answers_that_are_no_numbers_and_no_photos_are_refused():
    predictions, logits = judged(60)
    predictions.probabilities[7] = np.nan
    with pytest.raises(TrainingFailed, match="00007"):
        calibrate(predictions, logits)
    with pytest.raises(TrainingFailed, match="00007"):
        calibration_of(predictions)
    none, no_logits = judged(0)
    with pytest.raises(FolderError, match="no readable photo"):
        calibrate(none, no_logits)


def test_a_finished_model_is_judged_as_it_is():
    predictions, _ = judged(100)
    figures = calibration_of(predictions)
    assert figures["temperature"] is None
    assert figures["log_loss_before"] == figures["log_loss_after"]
