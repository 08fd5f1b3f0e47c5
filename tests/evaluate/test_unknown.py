"""The score for "none of these", its threshold, and how refusals are counted, against references and awkward input."""

import numpy as np
import pytest
from scipy.linalg import eigh, lstsq

from fieldmark.artifacts.predictions import Predictions
from fieldmark.evaluate.unknown import (
    AIM,
    DIRECTIONS,
    FEWEST,
    decide,
    directions_of,
    figures,
    refused_by_others,
    scores_of,
    sentences,
    threshold_of,
)


def judged(n, folds=(), groups=()):
    """Predictions about n photos of one class, one row per name in `folds`."""
    rows = len(folds) or n
    names = tuple(f"a/{i % n}.jpg" for i in range(rows))
    return Predictions(
        ("a", "b"), names, names, np.zeros(rows, np.int64), np.tile([0.9, 0.1], (rows, 1)), np.zeros(rows, bool),
        tuple(folds), tuple(groups),
    )  # fmt: skip


@pytest.fixture
def two_clouds():
    """Features of 60 photos of two classes, and strangers in another direction."""
    rng = np.random.default_rng(3)
    middles = rng.normal(size=(3, 300)) * 4
    labels = np.repeat([0, 1], 30)
    return middles[labels] + rng.normal(size=(60, 300)), labels, middles[2] + rng.normal(size=(30, 300))


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1)[:, None]


@pytest.mark.parametrize("d", [300, 45])
def test_the_score_is_what_the_main_directions_leave(two_clouds, d):
    features, strangers = unit(two_clouds[0][:, :d]), unit(two_clouds[2][:, :d])
    main = eigh(features.T @ features, subset_by_index=[d - DIRECTIONS, d - 1])[1]

    directions = directions_of(features, two_clouds[1])

    assert directions.dtype == np.float32 and directions.shape == (DIRECTIONS, d)
    assert directions @ directions.T == pytest.approx(np.eye(DIRECTIONS), abs=1e-6)
    for some in (features, strangers):
        reference = 1 - np.square(some @ main).sum(axis=1)
        assert scores_of(directions, some) == pytest.approx(reference, abs=1e-6)


def test_of_few_photos_all_directions_are_kept_and_no_more(two_clouds):
    few, strangers = two_clouds[0][:7], unit(two_clouds[2])
    few[6] = few[5] * 3  # one direction, twice

    directions = directions_of(few, np.zeros(7, int))

    assert len(directions) == 6
    left = strangers.T - few[:6].T @ lstsq(few[:6].T, strangers.T)[0]
    assert scores_of(directions, strangers) == pytest.approx(np.square(left).sum(axis=0), abs=1e-6)


def test_many_classes_have_a_direction_each():
    features = np.eye(50)[np.arange(200) % 50] + 0.01

    assert len(directions_of(features, np.arange(200) % 50)) == 50


def test_a_photo_twice_as_strong_is_no_stranger(two_clouds):
    features, labels, strangers = two_clouds
    directions = directions_of(features, labels)

    assert scores_of(directions, features * 7) == pytest.approx(scores_of(directions, features))
    assert scores_of(directions, features).max() < scores_of(directions, strangers).min()


def test_one_photo_a_class_is_enough_and_features_of_no_length_are_strange():
    directions = directions_of(np.array([[3.0, 0, 0], [0, 2, 0]]), [0, 4])

    assert scores_of(directions, [[1, 0, 0], [0, 0, 5], [0, 0, 0]]) == pytest.approx([0, 1, 1])


@pytest.mark.parametrize("features", [np.zeros((0, 4)), [[1.0, np.nan]], [[np.inf, 0.0]], np.zeros((3, 4))])
def test_without_numbers_there_are_no_directions_and_scores_are_none(features):
    features = np.asarray(features)

    assert directions_of(features, np.zeros(len(features), int)) is None
    assert np.isnan(scores_of(None, np.ones((2, 4)))).all()


@pytest.mark.parametrize(("n", "k"), [(19, 19), (20, 20), (39, 38), (99, 95), (426, 406)])
def test_the_threshold_is_the_conformal_quantile(n, k):
    scores = np.random.default_rng(n).permutation(np.arange(1, n + 1))

    assert threshold_of(scores) == k
    # Weibull's quantile lies at 0.95 (n + 1) between two scores, here the whole numbers; ours is the upper of the two.
    assert np.ceil(round(np.quantile(scores, 0.95, method="weibull"), 9)) == k


def test_photos_scored_several_times_are_worth_no_more_than_once():
    scores = np.arange(1.0, 25)

    assert threshold_of(np.repeat(scores, 5), photos=24) == threshold_of(scores) == 24
    assert threshold_of(np.repeat(scores, 5)) == 23  # as of 120 photos it would be lower


def test_too_few_photos_have_no_threshold():
    with pytest.raises(ValueError, match="18 photos"):
        threshold_of(np.arange(FEWEST - 1))


def test_new_photos_pass_as_often_as_promised():
    rng = np.random.default_rng(5)
    passed = [np.mean(rng.gamma(3, size=400) <= threshold_of(rng.gamma(3, size=60))) for _ in range(400)]

    # In the long run k / (n + 1) = 58 / 61 do; 400 draws tell that to about 0.0015.
    assert np.mean(passed) == pytest.approx(58 / 61, abs=0.006)
    assert np.mean(passed) >= AIM - 0.006


def test_a_photo_has_no_say_in_its_own_refusal():
    parts = [f"1.{i % 4 + 1}" for i in range(80)]
    scores = np.linspace(0, 1, 80)
    scores[77] = 50.0

    refused = refused_by_others(scores, parts)

    for i in range(80):
        others = [s for s, part in zip(scores, parts, strict=True) if part != parts[i]]
        assert refused[i] == (scores[i] > threshold_of(others))
    assert refused[77]


def test_only_folds_of_the_same_repeat_are_compared():
    # In the second repeat everything scores ten times as high: against the first, all of it would be refused.
    scores = np.concatenate([np.linspace(0, 1, 60), np.linspace(0, 10, 60)])
    parts = [f"{repeat}.{i % 3 + 1}" for repeat in (1, 2) for i in range(60)]

    refused = refused_by_others(scores, parts)

    assert (refused[:60] == refused[60:]).all() and 1 <= refused[:60].sum() <= 6


def test_folds_give_a_threshold_and_figures(two_clouds):
    features, labels, _ = two_clouds
    directions = directions_of(features, labels)
    scores = scores_of(directions, features)
    predictions = judged(60, [f"1.{i % 3 + 1}" for i in range(60)])

    found = decide(directions, scores, predictions)
    said = found.to_dict(found.mark(predictions))

    assert found.threshold == threshold_of(scores) and found.why_not is None
    assert (said["fitted_on"], said["accepted_aim"], said["far"], said["near"]) == ("out-of-fold", 0.95, None, None)
    count = said["refused"]["count"]
    assert count == found.refused.sum() and said["refused"]["share"] == count / 60
    low, high = said["refused"]["ci95"]
    assert low <= count / 60 <= high
    assert sentences({"unknown": said})[0].startswith(f"None of these: {count} of 60 photos of the classes refused")


def test_copies_are_in_one_part_where_one_training_judged():
    scores = np.linspace(0, 1, 60)
    scores[58:] = 40.0  # a strange photo and its copy: each would have the other take its part

    found = decide(np.eye(1, 3, dtype=np.float32), scores, judged(60, groups=[f"g{i // 2}" for i in range(60)]))

    assert found.fitted_on == "validation" and found.refused[58:].all()


@pytest.mark.parametrize(
    ("scores", "folds", "words"),
    [
        (np.linspace(0, 1, 18), (), "18 judged photos are too few to set one. Add --folds 5"),
        (np.linspace(0, 1, 20), [f"1.{i % 2 + 1}" for i in range(20)], "20 judged photos are too few"),
        (np.full(50, 0.25), (), "all judged photos look the same"),
        (np.full(50, np.nan), (), "no number"),
    ],
)
def test_without_a_threshold_nothing_is_refused_and_a_reason_given(scores, folds, words):
    predictions = judged(len(scores), folds)

    found = decide(np.eye(1, 3, dtype=np.float32), scores, predictions)
    said = found.to_dict(found.mark(predictions))

    assert found.threshold is None and words in found.why_not
    assert not found.refused.any() and said["refused"] is None
    assert sentences({"unknown": said}) == [found.why_not]


def test_older_figures_have_nothing_to_say():
    assert sentences({}) == []
    assert figures(None, None, None, judged(5))["refused"] is None
