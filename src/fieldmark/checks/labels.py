"""Features and labels -> the photos whose label is probably wrong, by predictions of models that never saw them.

A model that has learned a photo agrees with its label, right or wrong. So each photo is judged by models trained on
others, and copies of a photo are never on both sides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

import numpy as np
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

from fieldmark.artifacts.findings import Finding, LeftOut
from fieldmark.artifacts.photos import PhotoFile
from fieldmark.grouping import number_groups

Floats = NDArray[np.float32]

LISTED = 60
"""Photos of the ranking at least."""

FOLDS = 5

REPEATS = 4
"""Ways of cutting the folds, over which predictions are averaged: one cut alone judges a photo by a model's luck."""

DIRECTIONS = 128
"""Principal directions of the features that are learned from. Of 21 wrong labels among the 426 snakes 91 % are among
the first 42 with these, 90 % with all 1,280; ten draws each."""

STRENGTH = 10.0
"""`C` of the logistic regression, on features of length one. 5 finds 89 %, 10 and 20 find 91 %."""


def why_not(photos: Sequence[PhotoFile], groups: Iterable[Sequence[int]] = ()) -> LeftOut | None:
    """Return why wrong labels cannot be told among these, or of which classes they cannot; None when all is well."""
    usual, small = _classes(photos, number_groups(photos, groups), frozenset())
    if len(usual) + len(small) < 2:
        return LeftOut("label", "With one class there is no other that a photo could belong to.")
    if len(usual) < 2:
        return LeftOut("label", f"Fewer than two classes have {FOLDS} photos that are not copies of each other.")
    if small:
        reason = f"That takes {FOLDS} photos of a class that are not copies of each other."
        return LeftOut("label", reason, ", ".join(small))
    return None


def suspects(
    photos: Sequence[PhotoFile],
    vectors: Floats,
    groups: Iterable[Sequence[int]] = (),
    strangers: Collection[int] = (),
    seed: int = 0,
) -> list[Finding]:
    """Rank photos by how little models that were trained on others believe their label; the least believed first.

    The score is one less what `cleanlab.rank` calls self-confidence: the probability of the label given. Sure are the
    photos that `cleanlab.filter` finds both by confident learning and by the noise rates of the classes; see Northcutt
    et al., "Confident Learning", 2021.

    Args:
        photos: the n photos.
        vectors: float32 `[n, d]`, as `embed` gives them.
        groups: indices of photos that show one picture; those of one `sha256` or `PhotoFile.group` are known already.
        strangers: indices of photos that are surely off-topic; nothing is learned from them, and none is listed.
        seed: of the folds.

    Returns:
        At least the `LISTED` least believed and all that are sure; none where `why_not` says that it is left out.
    """
    group_of = number_groups(photos, groups)
    classes, _ = _classes(photos, group_of, strangers)
    if len(classes) < 2:
        return []
    rows = [i for i, photo in enumerate(photos) if photo.label in classes and i not in strangers]
    labels = np.array([classes.index(photos[i].label) for i in rows])
    believed = out_of_fold(vectors[rows], labels, np.array([group_of[i] for i in rows]), seed)
    quality = get_label_quality_scores(labels, believed, method="self_confidence", adjust_pred_probs=False)
    sure = find_label_issues(labels, believed, filter_by="both", n_jobs=1)
    order = np.argsort(quality, kind="stable")
    order = order[(np.arange(len(order)) < LISTED) | sure[order]]
    return [_finding(photos[rows[i]], classes, believed[i], float(quality[i]), bool(sure[i])) for i in order]


def out_of_fold(
    vectors: Floats, labels: NDArray[np.int_], groups: NDArray[np.int_], seed: int = 0
) -> NDArray[np.float64]:
    """Return what models that saw neither a photo nor a copy of it believe of it: float64 `[n, classes]`.

    Args:
        vectors: float32 `[n, d]`.
        labels: int `[n]`, 0 to classes - 1; at least `FOLDS` groups of each.
        groups: int `[n]`; photos of one group are never on both sides of a fold.
        seed: of the folds.
    """
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    # Principal directions are found without labels, so they may be found on all photos at once.
    learned = PCA(min(DIRECTIONS, *unit.shape), random_state=seed).fit_transform(unit)
    n_classes = int(labels.max()) + 1
    believed = np.zeros((len(labels), n_classes))
    for repeat in range(REPEATS):
        folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed + repeat)
        for seen, unseen in folds.split(learned, labels, groups):
            model = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=1000)
            model.fit(learned[seen], labels[seen])
            believed[np.ix_(unseen, model.classes_)] += model.predict_proba(learned[unseen])
    return np.asarray(believed / believed.sum(axis=1, keepdims=True))


def _classes(
    photos: Sequence[PhotoFile], group_of: Sequence[int], strangers: Collection[int]
) -> tuple[list[str], list[str]]:
    """Names of the classes that can be cut into folds, and of those that are too small for it; both sorted."""
    pictures = {(photo.label, group_of[i]) for i, photo in enumerate(photos) if i not in strangers}
    counts = Counter(label for label, _ in pictures)
    return sorted(c for c in counts if counts[c] >= FOLDS), sorted(c for c in counts if counts[c] < FOLDS)


def _finding(
    photo: PhotoFile, classes: Sequence[str], believed: NDArray[np.float64], quality: float, sure: bool
) -> Finding:
    likeliest = int(believed.argmax())
    if classes[likeliest] != photo.label:
        text = f"Looks like {classes[likeliest]} (p {believed[likeliest]:.2f} out of fold), filed as {photo.label}."
    else:
        text = f"Looks like {photo.label}, as it is filed, but not clearly (p {believed[likeliest]:.2f} out of fold)."
    return Finding(photo.path, photo.id, "label", 1 - quality, text, sure)
