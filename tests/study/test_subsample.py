"""Copies are never on both sides, every class is learned from, and errors are those of photos kept out."""

import numpy as np
import pytest

from fieldmark.study import subsample
from fieldmark.study.subsample import FOLDS, SIZES, deal, in_order, sizes_of, sub_sample


def clouds(n=120, apart=3.0, seed=0, width=20):
    """Two Gaussian clouds; by right a share of Phi(-apart / 2) is got wrong."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    vectors = rng.normal(size=(n, width))
    vectors[:, 0] += (2 * labels - 1) * apart / 2
    # Unit length would take away how far out a point lies, so all lie far out in a direction that tells nothing.
    return np.hstack([vectors, np.full((n, 1), 20.0)]).astype(np.float32), labels


def test_groups_are_never_on_both_sides(monkeypatch):
    groups, labels = np.arange(90) // 3, np.arange(90) // 3 % 2
    vectors = np.eye(30, dtype=np.float32)[groups]  # so that it can be told what was learned from
    pairs = []
    monkeypatch.setattr(subsample, "PCA", lambda *_, **__: As())
    monkeypatch.setattr(subsample, "LogisticRegression", lambda **_: Watcher(pairs))

    sub_sample(vectors, labels, groups, repeats=2)

    assert len(pairs) == 2 * FOLDS * SIZES
    assert not any(set(seen) & set(asked) for seen, asked in pairs)


class As:
    """Directions as they are."""

    def fit_transform(self, vectors):
        return vectors


class Watcher:
    """A model that writes down which groups it learned from and which it was asked about."""

    def __init__(self, pairs):
        self.pairs = pairs

    def fit(self, vectors, labels):
        assert set(labels) == {0, 1}
        self.seen = self.groups_of(vectors)

    def predict(self, vectors):
        self.pairs.append((self.seen, self.groups_of(vectors)))
        return np.zeros(len(vectors), int)

    @staticmethod
    def groups_of(vectors):
        return vectors.argmax(axis=1).tolist()


def test_folds_share_out_each_class_and_keep_groups_whole():
    labels = np.repeat([0, 1], [70, 30])
    groups = np.concatenate([np.arange(70) // 2, 100 + np.arange(30)])
    folds = deal(labels, groups, 10, np.random.default_rng(0))

    assert all(len(set(folds[groups == group])) == 1 for group in np.unique(groups))
    assert np.bincount(folds[labels == 1]).tolist() == [3] * 10
    assert np.bincount(folds[labels == 0]).min() >= 6


def test_of_a_class_with_two_pictures_one_is_always_learned_from():
    labels = np.array([0] * 48 + [1] * 2)
    folds = deal(labels, np.arange(50), 10, np.random.default_rng(0))

    assert folds[48] != folds[49]


@pytest.mark.parametrize("seed", range(5))
def test_any_first_part_holds_every_class_in_its_share(seed):
    labels = np.repeat([0, 1, 2], [150, 45, 5])
    groups = np.arange(200) // 2
    pool = np.flatnonzero(np.arange(200) % 10 != 0)
    order = in_order(pool, labels, groups, np.random.default_rng(seed))

    assert sorted(order.tolist()) == pool.tolist()
    assert set(labels[order[:3]].tolist()) == {0, 1, 2}
    for part in (20, 60, 120):
        assert abs((labels[order[:part]] == 1).sum() - part * 45 / 200) <= 4


def test_a_class_that_begins_with_many_copies_does_not_crowd_out_the_other():
    labels = np.repeat([0, 1], [60, 20])
    groups = np.concatenate([np.zeros(60, int), np.arange(20) + 60])
    order = in_order(np.arange(80), labels, groups, np.random.default_rng(1))

    assert set(labels[order[:2]].tolist()) == {0, 1}


def test_sizes_grow_from_ten_of_a_class_to_all():
    assert sizes_of(380, 2)[[0, -1]].tolist() == [20, 380] and len(sizes_of(380, 2)) == SIZES
    assert sizes_of(36, 2)[[0, -1]].tolist() == [18, 36]
    assert sizes_of(45, 30)[[0, -1]].tolist() == [30, 45]
    assert (np.diff(sizes_of(36, 2)) > 0).all()


def test_the_error_falls_towards_what_is_got_wrong_by_right():
    vectors, labels = clouds(600, apart=3.0)
    errors = sub_sample(vectors, labels, np.arange(600), repeats=2).errors()

    assert errors[0] > errors[-1] + 0.02
    assert 0.05 < errors[-1] < 0.10  # by right 6.7 %


def test_copies_with_one_label_are_not_found_by_each_other():
    rng = np.random.default_rng(0)
    vectors, labels = rng.normal(size=(40, 60)).astype(np.float32), np.arange(40) % 2
    twice, both = np.repeat(vectors, 3, axis=0), np.repeat(labels, 3)

    leaking = sub_sample(twice, both, np.arange(120), repeats=2).errors()[-1]
    kept_apart = sub_sample(twice, both, np.repeat(np.arange(40), 3), repeats=2).errors()[-1]

    assert leaking < 0.1 and kept_apart > 0.35


def test_recalls_and_missed_photos_are_those_of_the_answers():
    wrong = np.zeros((2, 3, 4), np.float32)
    wrong[1, :2, 0] = wrong[1, 0, 3] = 1
    answers = subsample.Answers(np.array([2, 3]), wrong, np.array([0, 0, 1, 1]), np.arange(4))

    assert answers.missed().tolist() == [True, False, False, False]
    assert answers.errors().tolist() == [0, 0.25]
    assert np.allclose(answers.recalls(), [[1, 1], [4 / 6, 5 / 6]])


def test_the_same_seed_draws_the_same():
    vectors, labels = clouds(60)
    first, again, other = (sub_sample(vectors, labels, np.arange(60), seed, repeats=2).wrong for seed in (3, 3, 4))

    assert (first == again).all() and (first != other).any()
