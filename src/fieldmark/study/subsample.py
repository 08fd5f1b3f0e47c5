"""Features, labels and groups -> which photos are got wrong by models that learned from ever more of the others.

The classifier is the one by which `check` looks for wrong labels, a logistic regression on frozen features, so that
hundreds of trainings take seconds. A network that is trained as a whole errs less; how its error falls is alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression

from fieldmark.checks.labels import DIRECTIONS, STRENGTH
from fieldmark.terminal import track

Floats = NDArray[np.float32]
Numbers = NDArray[np.int_]

SIZES = 8
"""Numbers of photos that are learned from, in equal steps of their logarithm."""

FIRST = 10
"""Photos of a class, on average, from which the curve begins; half of all where there are not twice as many."""

FOLDS = 10
"""Parts that the photos are cut into, each judged by models that learned from the others."""

LEAST_REPEATS, MOST_REPEATS = 2, 6
"""Ways of cutting the folds. Few photos are cut more often, for one cut of them says less and costs less."""

_ENOUGH = 2000  # photos times ways of cutting; 426 snakes are cut four ways


@dataclass(frozen=True)
class Answers:
    """What models answered about photos they had not seen.

    Attributes:
        sizes: int `[s]`, from how many photos they had learned, ascending.
        wrong: float32 `[s, repeats, n]`, 1 where a photo was got wrong, else 0.
        labels: int `[n]`, the class of each photo.
        groups: int `[n]`, shared by photos that show one picture.
    """

    sizes: Numbers
    wrong: Floats
    labels: Numbers
    groups: Numbers

    def errors(self) -> NDArray[np.float64]:
        """Return the share of answers that were wrong, by size: float64 `[s]`."""
        return np.asarray(self.wrong.mean(axis=(1, 2), dtype=np.float64))

    def recalls(self) -> NDArray[np.float64]:
        """Return of each class the share that was found, by size: float64 `[s, classes]`."""
        of_class = [self.wrong[:, :, self.labels == kind] for kind in range(int(self.labels.max()) + 1)]
        return np.stack([1 - wrong.mean(axis=(1, 2), dtype=np.float64) for wrong in of_class], axis=1)

    def missed(self) -> NDArray[np.bool_]:
        """Return which photos most models got wrong that had learned from the most photos: bool `[n]`."""
        return np.asarray(self.wrong[-1].mean(axis=0) > 0.5)


def sub_sample(
    vectors: Floats,
    labels: Numbers,
    groups: Numbers,
    seed: int = 0,
    folds: int = FOLDS,
    repeats: int | None = None,
) -> Answers:
    """Learn from ever more photos, in every fold and several ways of cutting them, and ask about the photos kept out.

    At every size each photo is judged once in each way of cutting, so that the sizes are judged by the same photos.
    The photos that a fold learns from at one size are among those at the next.

    Args:
        vectors: float32 `[n, d]`, as `embed` gives them.
        labels: int `[n]`, 0 to classes - 1; two groups of each at least.
        groups: int `[n]`; photos of one group are never on both sides.
        seed: of the folds, and of what is drawn from them.
        folds: how many parts the photos are cut into.
        repeats: ways of cutting; by default between `LEAST_REPEATS` and `MOST_REPEATS`, by the number of photos.
    """
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    # Principal directions are found without labels, so they may be found on all photos at once.
    learned = PCA(min(DIRECTIONS, *unit.shape), random_state=seed).fit_transform(unit)
    repeats = repeats or min(MOST_REPEATS, max(LEAST_REPEATS, _ENOUGH // len(labels)))
    cuts = list(_cuts(labels, groups, seed, folds, repeats))
    sizes = sizes_of(min(len(order) for _, _, order in cuts), int(labels.max()) + 1)
    wrong = np.zeros((len(sizes), repeats, len(labels)), np.float32)
    for repeat, unseen, order in track(cuts, "learning from ever more photos"):
        for place, size in enumerate(sizes):
            model = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=1000)
            model.fit(learned[order[:size]], labels[order[:size]])
            wrong[place, repeat, unseen] = model.predict(learned[unseen]) != labels[unseen]
    return Answers(sizes, wrong, labels, groups)


def sizes_of(most: int, classes: int) -> Numbers:
    """Return the numbers of photos to learn from, ascending, the last of them `most`: int `[s]`, s at most `SIZES`."""
    first = max(classes, min(FIRST * classes, most // 2))
    return np.unique(np.geomspace(min(first, most), most, SIZES).round().astype(int))


def _cuts(
    labels: Numbers, groups: Numbers, seed: int, folds: int, repeats: int
) -> Iterator[tuple[int, Numbers, Numbers]]:
    """Yield every fold: its way of cutting, the photos kept out, and the others in the order of being learned from."""
    for repeat in range(repeats):
        rng = np.random.default_rng([seed, repeat])
        fold_of = deal(labels, groups, folds, rng)
        for fold in np.unique(fold_of):
            pool = np.flatnonzero(fold_of != fold)
            yield repeat, np.flatnonzero(fold_of == fold), in_order(pool, labels, groups, rng)


def deal(labels: Numbers, groups: Numbers, folds: int, rng: np.random.Generator) -> Numbers:
    """Deal the photos out to folds, group by group and class by class: int `[n]`, 0 to `folds` - 1.

    A class of fewer groups than folds is kept out of some of them; of two groups one is always learned from.
    """
    _, first, of = np.unique(groups, return_index=True, return_inverse=True)
    order = rng.permutation(len(first))
    order = order[np.argsort(labels[first[order]], kind="stable")]
    fold_of = np.empty(len(first), int)
    fold_of[order] = np.arange(len(first)) % folds
    return np.asarray(fold_of[of])


def in_order(pool: Numbers, labels: Numbers, groups: Numbers, rng: np.random.Generator) -> Numbers:
    """Shuffle photos so that any first part of them holds the classes in about their shares, and one of each at least.

    Photos of a group follow each other. A part may end within a group: what is left of it is not judged either.

    Args:
        pool: int `[m]`, the photos' places among all n.
        labels: int `[n]`.
        groups: int `[n]`.
        rng: what draws.

    Returns:
        `pool` in its new order.
    """
    _, first, of = np.unique(groups[pool], return_index=True, return_inverse=True)
    kinds = labels[pool[first]]
    places = np.empty(len(first))
    for kind in np.unique(kinds):
        members = rng.permutation(np.flatnonzero(kinds == kind))
        places[members] = (np.arange(len(members)) + rng.random()) / len(members)
    place = places[of]
    for kind in np.unique(labels[pool]):
        of_kind = np.flatnonzero(labels[pool] == kind)
        place[of_kind[place[of_kind].argmin()]] = -1  # leads, for nothing can be learned of a class without a photo
    return np.asarray(pool[np.argsort(place, kind="stable")])
