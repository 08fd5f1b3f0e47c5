"""Probabilities and the truth -> the curves that show what a threshold buys: risk by coverage, and ROC."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class RiskCoverage:
    """How often a model is wrong when it answers only where it is surest.

    Attributes:
        coverage: float64 `[n]`, shares of the photos that it answers: 1/n, 2/n ... 1.
        risk: float64 `[n]`, share of wrong answers among them.
        area: mean risk over all coverages, 0 to 1; a model that is sure of the right things has little.
    """

    coverage: Floats
    risk: Floats
    area: float


@dataclass(frozen=True)
class Roc:
    """What share of the others one has to take along to find a share of a class.

    Attributes:
        fpr: float64 `[k]`, share of the others at or above each threshold, rising from 0 to 1.
        tpr: float64 `[k]`, share of the class at or above it, rising from 0 to 1.
        auc: area under the curve: how often a photo of the class scores above one of the others; 0.5 by chance.
    """

    fpr: Floats
    tpr: Floats
    auc: float


def risk_coverage(probabilities: Floats, actual: Indices) -> RiskCoverage:
    """Return the error among the k photos the model is surest of, for every k.

    R. El-Yaniv and Y. Wiener, "On the foundations of noise-free selective classification", Journal of Machine
    Learning Research 11 (2010), 1605-1641; sureness as the greatest probability, and the area: Y. Geifman and
    R. El-Yaniv, "Selective classification for deep neural networks", NeurIPS (2017).

    No threshold parts photos that are equally sure. The errors among them are spread over all of them, which is the
    mean over every order they could stand in, so that the curve does not depend on how the photos are sorted.

    Args:
        probabilities: float `[n, c]`, n at least 1.
        actual: int64 `[n]`.

    Raises:
        ValueError: there is no photo, or the two are of different length.
    """
    n = len(actual)
    if not n or len(probabilities) != n:
        raise ValueError(f"{len(probabilities)} rows of probabilities for {n} photos")
    confidence = probabilities.max(axis=1)
    _, level = np.unique(-confidence, return_inverse=True)  # 0 for the surest
    wrong = np.bincount(level, weights=probabilities.argmax(axis=1) != actual)
    share = wrong / np.bincount(level)
    answered = np.arange(1, n + 1)
    risk = np.cumsum(share[np.sort(level)]) / answered
    return RiskCoverage(answered / n, np.minimum(risk, 1.0), float(np.minimum(risk, 1.0).mean()))


def roc(scores: Floats, positive: NDArray[np.bool_]) -> Roc:
    """Return the receiver operating characteristic, one point for each distinct score and one for "none".

    T. Fawcett, "An introduction to ROC analysis", Pattern Recognition Letters 27 (2006), 861-874. Equal scores give
    one sloping piece, whose area counts a tie as half: J. A. Hanley and B. J. McNeil, "The meaning and use of the
    area under a receiver operating characteristic (ROC) curve", Radiology 143 (1982), 29-36.

    Args:
        scores: float `[n]`, higher where the photo is more likely of the class.
        positive: bool `[n]`, whether it is.

    Raises:
        ValueError: all photos are of the class, or none is: there is nothing to tell apart.
    """
    positive = np.asarray(positive, dtype=np.bool_)
    n_positive = int(positive.sum())
    n_others = len(positive) - n_positive
    if not n_positive or not n_others:
        raise ValueError(f"{n_positive} photos of the class and {n_others} others; a curve needs both")
    _, level = np.unique(-np.asarray(scores, dtype=np.float64), return_inverse=True)  # 0 for the highest
    of_class, of_others = np.bincount(level, weights=positive), np.bincount(level, weights=~positive)
    tpr = np.concatenate([[0.0], np.cumsum(of_class) / n_positive])
    fpr = np.concatenate([[0.0], np.cumsum(of_others) / n_others])
    return Roc(fpr, tpr, float(np.trapezoid(tpr, fpr)))


def roc_by_class(probabilities: Floats, actual: Indices, classes: Sequence[str]) -> dict[str, Roc]:
    """Return for each class the curve of its probability against all the others, in the order of the classes.

    Args:
        probabilities: float `[n, c]`.
        actual: int64 `[n]`.
        classes: the c names. A class that no photo or every photo is of has no curve and is left out.
    """
    counts = np.bincount(actual, minlength=len(classes))
    return {
        name: roc(probabilities[:, i], actual == i) for i, name in enumerate(classes) if 0 < counts[i] < len(actual)
    }
