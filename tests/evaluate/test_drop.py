"""How much a smaller graph lost, on answers worked out by hand."""

import numpy as np
import pytest

from fieldmark.artifacts.predictions import Predictions
from fieldmark.evaluate.drop import Drop, measure_drop, sentences


def judged(n: int, groups: tuple[str, ...] = ()) -> Predictions:
    """n photos, all of the first of two classes."""
    names = tuple(f"{i}.jpg" for i in range(n))
    even = np.full((n, 2), 0.5)
    return Predictions(("coral", "king"), names, names, np.zeros(n, np.int64), even, np.zeros(n, bool), groups=groups)


def told(n: int, wrong: list[int]) -> np.ndarray:
    top = np.zeros(n, np.int64)
    top[wrong] = 1
    return top


def drop_of(n: int, small: list[int], exact: list[int], max_drop: float = 0.5, groups: tuple[str, ...] = ()) -> Drop:
    return measure_drop(told(n, small), told(n, exact), judged(n, groups), max_drop)


def test_what_is_lost_is_net_of_what_is_won():
    drop = drop_of(400, small=[1, 2, 3, 4], exact=[4, 5])

    assert (drop.lost, drop.differ, drop.allowed) == (2, 4, 2)
    assert drop.p == pytest.approx(5 / 16)  # of 4 coins three heads or more
    assert drop.refused is None


@pytest.mark.parametrize(
    ("n", "points", "photos"), [(426, 0.5, 3), (400, 0.5, 2), (1000, 0.7, 7), (85, 0, 0), (1, 0.5, 1)]
)
def test_points_are_rounded_up_to_a_whole_photo(n, points, photos):
    assert drop_of(n, [], [], points).allowed == photos


def test_a_loss_that_luck_may_have_made_is_not_refused():
    drop = drop_of(200, small=[1, 2, 3, 4], exact=[])

    assert drop.lost == 4 > drop.allowed and drop.p == pytest.approx(1 / 16)
    assert drop.refused is None


def test_a_loss_that_luck_does_not_make_is_refused_with_its_size():
    drop = drop_of(300, small=[1, 2, 3, 4, 5], exact=[])

    assert drop.p == pytest.approx(1 / 32)
    assert "5 more of 300 photos wrong, where 2 may be lost" in drop.refused and "p = 0.031" in drop.refused


def test_a_loss_that_may_be_is_not_refused_however_sure():
    assert drop_of(300, small=[1, 2, 3, 4, 5], exact=[], max_drop=2).refused is None


def test_copies_of_a_photo_are_one_witness():
    groups = ("a",) * 6 + tuple(map(str, range(294)))

    drop = drop_of(300, small=[0, 1, 2, 3, 4, 5], exact=[], groups=groups)

    assert drop.lost == 6 and drop.p == pytest.approx(1 / 2) and drop.refused is None


def test_other_answers_on_more_than_three_in_a_hundred_are_refused_even_if_they_are_better():
    assert drop_of(100, small=[], exact=[1, 2, 3]).refused is None

    drop = drop_of(100, small=[], exact=[1, 2, 3, 4])
    assert drop.lost == -4 and drop.p == 1
    assert "another class for 4 of 100 photos, which is more than 3.0 %" in drop.refused


def test_the_figures_are_plain_numbers():
    figures = drop_of(200, small=[1, 2, 3], exact=[1]).to_dict()

    assert figures["wrong"] == 3 and figures["wrong_float32"] == 1 and figures["lost"] == 2
    assert figures["more_error"] == pytest.approx(0.01)
    low, high = figures["more_error_ci95"]
    assert low < 0.01 < high and figures["allowed"] == 1 and figures["differ"] == 2


FOUND = {
    **drop_of(200, small=[1, 2, 3], exact=[1]).to_dict(),
    "judged": "out-of-fold",
    "layers": 49,
    "layers_in_float32": 0,
    "calibrated_on": 64,
    "unknown": None,
    "log_loss": 0.1234,
    "log_loss_float32": 0.12,
}


def test_the_figures_are_said_in_words():
    calibrated, lost = sentences("int8", FOUND)

    assert calibrated == "Calibrated on 64 photos; all 49 layers are so."
    assert lost.startswith("Of 200 photos out of fold 3 are wrong in int8 and 1 in float32: 2 more, +1.0 points (95 % ")
    assert lost.endswith("1 may be lost. 2 get another class, right or wrong. Log loss 0.1234, in float32 0.1200.")


def test_fewer_mistakes_and_layers_left_alone_are_said_too():
    better = {
        **FOUND,
        **drop_of(200, small=[1], exact=[1, 2]).to_dict(),
        "layers_in_float32": 4,
        "judged": "validation",
    }

    calibrated, lost = sentences("int8", better)

    assert "4 of 49 layers stay in float32" in calibrated
    assert "kept aside" in lost and "1 fewer, -0.5 points" in lost


def test_a_threshold_that_was_set_anew_is_told_beside_the_old_one():
    unknown = {
        "threshold": 0.31,
        "threshold_float32": 0.3,
        "refused": {"share": 0.05},
        "refused_float32": {"share": 0.04},
    }

    *_, said = sentences("int8", {**FOUND, "unknown": unknown})

    assert "0.3100 in place of 0.3000" in said and "5.0 %" in said and "4.0 %" in said
