"""Which photos a report shows first."""

import numpy as np

from fieldmark.artifacts.predictions import Predictions
from fieldmark.evaluate.hardest import HARDEST, hardest


def judged(photos, of_own_class):
    right = np.array(of_own_class, dtype=np.float64)
    return Predictions(
        classes=("coral", "king"),
        photos=tuple(photos),
        ids=tuple(photos),
        actual=np.zeros(len(right), np.int64),
        probabilities=np.stack([right, 1 - right], axis=1),
        unknown=np.zeros(len(right), np.bool_),
    )


def test_the_greatest_loss_is_first():
    assert hardest(judged("abc", [0.9, 0.2, 0.5])) == [1, 2, 0]


def test_a_photo_judged_several_times_is_shown_once_at_its_worst():
    assert hardest(judged("abab", [0.9, 0.6, 0.3, 0.2])) == [3, 2]


def test_no_more_are_shown_than_fit():
    photos = [f"{i}.jpg" for i in range(40)]
    assert len(hardest(judged(photos, np.linspace(0.9, 0.1, 40)))) == HARDEST
