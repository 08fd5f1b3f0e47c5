import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve

from fieldmark.evaluate.curves import risk_coverage, roc, roc_by_class

# Two photos of the class above and one below one of the others: 5 of 6 pairs in order.
SCORES, POSITIVE = np.array([0.9, 0.8, 0.7, 0.6, 0.1]), np.array([True, True, False, True, False])


def two_classes(confidence, right):
    """Rows of two classes whose top one has the given confidence; the truth is class 0."""
    confidence = np.array(confidence, dtype=float)
    rows = np.stack([confidence, 1 - confidence], axis=1)
    return np.where(np.array(right)[:, None], rows, rows[:, ::-1]), np.zeros(len(rows), dtype=np.int64)


def test_risk_rises_as_less_sure_photos_are_answered():
    curve = risk_coverage(*two_classes([0.6, 0.9, 0.8, 0.7], [False, True, True, False]))
    assert curve.coverage.tolist() == [0.25, 0.5, 0.75, 1]
    assert curve.risk == pytest.approx([0, 0, 1 / 3, 1 / 2])
    assert curve.area == pytest.approx((1 / 3 + 1 / 2) / 4)


def test_photos_that_are_equally_sure_share_their_errors_in_whatever_order():
    for right in ([True, False], [False, True]):
        assert risk_coverage(*two_classes([0.8, 0.8], right)).risk.tolist() == [0.5, 0.5]


@pytest.mark.parametrize(("right", "risk"), [(True, 0), (False, 1)])
def test_one_photo_is_a_curve_of_one_point(right, risk):
    curve = risk_coverage(*two_classes([0.8], [right]))
    assert (curve.coverage.tolist(), curve.risk.tolist(), curve.area) == ([1], [risk], risk)


def test_no_photo_is_no_curve():
    with pytest.raises(ValueError, match="for 0 photos"):
        risk_coverage(np.empty((0, 2)), np.empty(0, dtype=np.int64))


photos = st.lists(st.tuples(st.integers(51, 99), st.booleans()), min_size=1, max_size=60)


@given(photos)
def test_at_full_coverage_the_risk_is_the_error_rate(rows):
    right = [r for _, r in rows]
    curve = risk_coverage(*two_classes([c / 100 for c, _ in rows], right))
    assert curve.risk[-1] == pytest.approx(1 - np.mean(right))
    assert ((curve.risk >= 0) & (curve.risk <= 1)).all()
    assert 0 <= curve.area <= 1


@given(photos, st.randoms(use_true_random=False))
def test_the_order_of_the_photos_does_not_matter(rows, random):
    again = list(rows)
    random.shuffle(again)
    curves = [risk_coverage(*two_classes([c / 100 for c, _ in some], [r for _, r in some])) for some in (rows, again)]
    assert curves[0].risk == pytest.approx(curves[1].risk)


def test_the_area_under_a_curve_is_the_share_of_pairs_in_order():
    curve = roc(SCORES, POSITIVE)
    assert curve.auc == pytest.approx(5 / 6)
    assert curve.fpr == pytest.approx([0, 0, 0, 0.5, 0.5, 1])
    assert curve.tpr == pytest.approx([0, 1 / 3, 2 / 3, 2 / 3, 1, 1])


def test_scores_that_tell_everything_nothing_or_the_opposite():
    positive = np.array([True, True, False])
    assert roc(np.array([3.0, 2.0, 1.0]), positive).auc == 1
    assert roc(np.array([5.0, 5.0, 5.0]), positive).auc == 0.5
    assert roc(np.array([1.0, 2.0, 3.0]), positive).auc == 0


@pytest.mark.parametrize("positive", [[True, True], [False, False], []])
def test_a_curve_needs_both_kinds_of_photo(positive):
    with pytest.raises(ValueError, match="a curve needs both"):
        roc(np.linspace(0, 1, len(positive)), np.array(positive, dtype=bool))


@given(
    st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=2, max_size=80).filter(
        lambda rows: len({p for _, p in rows}) == 2
    )
)
def test_curve_and_area_agree_with_scikit_learn(rows):
    scores, positive = np.array([s / 9 for s, _ in rows]), np.array([p for _, p in rows])
    curve = roc(scores, positive)
    fpr, tpr, _ = roc_curve(positive, scores, drop_intermediate=False)
    assert curve.auc == pytest.approx(roc_auc_score(positive, scores))
    assert curve.fpr == pytest.approx(fpr)
    assert curve.tpr == pytest.approx(tpr)


def test_each_class_that_can_be_told_from_others_has_a_curve():
    rows = np.array([(0.7, 0.2, 0.1), (0.2, 0.7, 0.1), (0.6, 0.3, 0.1)])
    curves = roc_by_class(rows, np.array([0, 1, 1]), ["coral", "king", "milk"])
    assert list(curves) == ["coral", "king"]
    assert curves["coral"].auc == curves["king"].auc == 1
    assert roc_by_class(rows, np.array([0, 0, 0]), ["coral", "king", "milk"]) == {}
