import json
import math

import numpy as np
import pytest
from evaluate_samples import tell

from fieldmark.errors import FolderError, TrainingFailed
from fieldmark.evaluate.metrics import balanced_accuracy, confusion, majority_baseline, summarize

# Four coral snakes, one taken for a king; two kings, one taken for a coral.
ACTUAL = [0, 0, 0, 0, 1, 1]
ROWS = [(0.8, 0.2), (0.8, 0.2), (0.8, 0.2), (0.4, 0.6), (0.4, 0.6), (0.6, 0.4)]


@pytest.fixture
def figures():
    return summarize(tell(["coral", "king"], ACTUAL, ROWS, unknown=[False] * 3 + [True] * 3))


def test_confusion_has_actual_classes_in_rows_and_predicted_ones_in_columns():
    table = confusion(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 0]), 3)
    assert table.tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]


def test_the_figures_are_those_worked_out_by_hand(figures):
    assert figures["classes"] == ["coral", "king"]
    assert figures["wrong"] == 2
    assert figures["error_rate"] == pytest.approx(2 / 6)
    assert figures["accuracy"] == pytest.approx(4 / 6)
    assert figures["accuracy_ci95"] == pytest.approx([0.3000, 0.9032], abs=1e-4)
    assert figures["balanced_accuracy"] == pytest.approx((3 / 4 + 1 / 2) / 2)
    assert figures["log_loss"] == pytest.approx(0.50214, abs=1e-5)  # -(3 ln 0.8 + 2 ln 0.4 + ln 0.6) / 6
    assert figures["confusion"] == [[3, 1], [1, 1]]


def test_a_photo_called_unknown_is_counted_and_still_judged(figures):
    assert figures["unknown_share"] == 0.5
    assert sum(map(sum, figures["confusion"])) == 6


def test_each_class_has_recall_and_precision_with_their_counts(figures):
    coral = figures["per_class"]["coral"]
    assert (coral["n"], coral["predicted"], coral["right"]) == (4, 4, 3)
    assert coral["recall"] == coral["precision"] == 0.75
    assert coral["recall_ci95"] == pytest.approx([0.3006, 0.9544], abs=1e-4)
    king = figures["per_class"]["king"]
    assert (king["n"], king["predicted"], king["right"], king["recall"]) == (2, 2, 1, 0.5)


def test_the_baseline_is_the_commonest_class(figures):
    assert figures["baseline"] == {"majority_class": "coral", "error_rate": pytest.approx(2 / 6)}


def test_of_equally_common_classes_the_baseline_is_the_first():
    assert majority_baseline(np.array([1, 0]), ["coral", "king"])["majority_class"] == "coral"


def test_a_class_without_photos_has_no_recall_and_one_never_named_no_precision():
    figures = summarize(tell(["coral", "king", "milk"], [0, 0], [(0.9, 0.1, 0), (0.2, 0.8, 0)]))
    king, milk = figures["per_class"]["king"], figures["per_class"]["milk"]
    assert (king["recall"], king["recall_ci95"], king["precision"]) == (None, None, 0.0)
    assert (milk["recall"], milk["precision"], milk["precision_ci95"]) == (None, None, None)
    assert figures["balanced_accuracy"] == 0.5


def test_balanced_accuracy_counts_a_rare_class_as_much_as_a_common_one():
    assert balanced_accuracy(np.array([[98, 0], [2, 0]])) == 0.5


def test_the_figures_are_plain_json_even_when_the_truth_was_given_no_probability():
    figures = summarize(tell(["coral", "king"], [0], [(0.0, 1.0)]))
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures
    assert figures["log_loss"] == pytest.approx(-math.log(1e-12))


def test_no_photo_is_a_failure_with_a_sentence():
    with pytest.raises(FolderError, match="no readable photo"):
        summarize(tell(["coral", "king"], [], []))


def test_answers_that_are_no_numbers_are_refused_by_the_name_of_the_first_photo():
    with pytest.raises(TrainingFailed, match=r"1 of 2 photos, first for king/001\.jpg"):
        summarize(tell(["coral", "king"], [0, 1], [(0.5, 0.5), (math.nan, math.nan)]))
