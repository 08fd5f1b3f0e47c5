"""Features -> how unlike the training photos a photo is, and from which score on it is none of the classes.

The score is the part of a photo's features, scaled to length 1, that the main directions of the training photos'
features do not account for: 0 is all accounted for, 1 nothing. `docs/unknown.md` compares it with other scores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fieldmark.artifacts.predictions import Predictions
from fieldmark.evaluate.intervals import repeated_folds, wilson
from fieldmark.evaluate.wording import percent

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

AIM = 0.95
"""The part of photos of the classes that are to pass."""

FEWEST = 19
"""Photos below which a threshold at `AIM` would lie beyond all of them: 0.95 x 20 is 19."""

PARTS = 5
"""Into so many parts photos that one training judged are cut, to count refusals by a threshold from the others."""

DIRECTIONS = 32
"""Main directions that are kept, or one for each class where there are more classes. From 16 to 64 do about equally."""

TINY_LENGTH = 1e-6
"""Features shorter than this have no direction; their distance is 1. Ordinary ones have a length of 5 or more."""

SAME = 1e-5
"""Scores no farther apart than this differ by rounding alone, in torch and ONNX Runtime."""


def directions_of(features: ArrayLike, labels: ArrayLike) -> NDArray[np.float32] | None:
    """Return the main directions of some photos: the first right singular vectors of their features, each of length 1.

    Args:
        features: of training photos, `[n, d]`.
        labels: their classes, integers `[n]`.

    Returns:
        float32 `[k, d]`, orthonormal, the strongest first, no more than the photos span; None where there is no photo,
        or a feature is no number, or none has a direction.
    """
    rows, classes = np.asarray(features, dtype=np.float64), np.asarray(labels)
    if not len(rows) or not np.isfinite(rows).all():
        return None
    along = _unit(rows)
    # Of many photos only the triangle matters, which is no larger than the features.
    small = np.linalg.qr(along, mode="r") if len(along) > along.shape[1] else along
    _, strengths, directions = np.linalg.svd(small, full_matrices=False)
    there = strengths > SAME * max(float(strengths[0]), SAME)
    kept = max(DIRECTIONS, len(np.unique(classes)))
    return directions[there][:kept].astype(np.float32) if there.any() else None


def scores_of(directions: NDArray[np.float32] | None, features: ArrayLike) -> Floats:
    """Return how unlike the training photos photos are: float64 `[n]`, 0 to 1; NaN where there are no directions.

    Args:
        directions: as `directions_of` gives them.
        features: `[n, d]`.
    """
    rows = np.asarray(features, dtype=np.float64)
    if directions is None:
        return np.full(len(rows), np.nan)
    explained = np.square(_unit(rows) @ directions.astype(np.float64).T).sum(axis=1)
    return np.asarray(np.maximum(1 - explained, 0), dtype=np.float64)


def threshold_of(scores: ArrayLike, photos: int | None = None) -> float:
    """Return the score that a new photo of the classes exceeds with a probability of at most 1 - `AIM`.

    The k-th smallest of n, k = ceil(`AIM` (n + 1)): split conformal prediction, H. Papadopoulos, K. Proedrou, V. Vovk
    and A. Gammerman, "Inductive confidence machines for regression" (2002). It holds for photos drawn as these were,
    and scored by models like these.

    Args:
        scores: of photos that the model had not learned from, `[m]`.
        photos: how many different photos they are of, where some were scored several times.

    Raises:
        ValueError: fewer than `FEWEST` photos.
    """
    ordered = np.sort(np.asarray(scores, dtype=np.float64))
    n = len(ordered) if photos is None else photos
    if n < FEWEST:
        raise ValueError(f"{n} photos; a threshold takes {FEWEST}")
    # 0.95 x 20 is 19 and not a hair more.
    k = ceil(round(AIM * (n + 1), 9))
    return float(ordered[ceil(round(k / n * len(ordered), 9)) - 1])


@dataclass(frozen=True)
class Unknown:
    """What was found about "none of these".

    Attributes:
        directions: float32 `[k, d]`, of the model that is kept; None where nothing can be scored.
        threshold: scores above it mean "none of these"; None where none could be set.
        fitted_on: "out-of-fold" or "validation", the photos it was set on.
        why_not: why there is no threshold.
        refused: bool `[n]`, which of the judged photos a threshold set on others refuses; none without a threshold.
    """

    directions: NDArray[np.float32] | None
    threshold: float | None
    fitted_on: str
    why_not: str | None
    refused: Flags

    def mark(self, predictions: Predictions) -> Predictions:
        """Return the predictions these scores belong to, with what was refused."""
        return replace(predictions, unknown=self.refused)

    def to_dict(self, predictions: Predictions, far: Any = None, near: Any = None) -> dict[str, Any]:
        """Return the figures as `metrics.json` has them.

        Args:
            predictions: of the judged photos, as `mark` gives them.
            far: what a folder of strangers gave, see `probes.probe`; None where none was given.
            near: the same for strangers that are like the classes.
        """
        return figures(self.threshold, self.fitted_on, self.why_not, predictions, far, near)


def decide(directions: NDArray[np.float32] | None, scores: Floats, predictions: Predictions) -> Unknown:
    """Set the threshold on scores of photos not learned from.

    A photo is counted as refused by a threshold from other folds of the same repeat; without folds, from other parts
    of the photos. So no photo, and no copy of it, has a say in its own refusal.

    Args:
        directions: of the model that is kept.
        scores: float64 `[n]`, of the rows of `predictions`, each by the model that judged it.
        predictions: of the judged photos.
    """
    fitted_on = "out-of-fold" if predictions.folds else "validation"
    parts = predictions.folds or _parts(predictions)
    why = _why_not(directions, scores, parts, bool(predictions.folds))
    if why is not None:
        return Unknown(directions, None, fitted_on, why, np.zeros(len(scores), dtype=np.bool_))
    threshold = threshold_of(scores, predictions.n_photos)
    return Unknown(directions, threshold, fitted_on, None, refused_by_others(scores, parts))


def refused_by_others(scores: Floats, parts: Sequence[str]) -> Flags:
    """Return which photos a threshold set without their own part refuses, bool `[n]`.

    Args:
        scores: float64 `[n]`.
        parts: of each photo, `2.5` for the fifth part of the second repeat; only parts of one repeat are compared.
    """
    names = np.array(parts)
    refused = np.zeros(len(scores), dtype=np.bool_)
    for part in dict.fromkeys(parts):
        own, others = names == part, _others(names, part)
        refused[own] = scores[own] > threshold_of(scores[others])
    return refused


def figures(
    threshold: float | None,
    fitted_on: str | None,
    why_not: str | None,
    predictions: Predictions,
    far: Any = None,
    near: Any = None,
) -> dict[str, Any]:
    """Return what `metrics.json` says of "none of these"; `refused` is None where nothing can be."""
    n, count = len(predictions), int(predictions.unknown.sum())
    interval = repeated_folds(*_by_photo(predictions)) if predictions.folds else wilson(count, n)
    refused = {"n": n, "count": count, "share": count / n if n else None, "ci95": list(interval)}
    return {
        "threshold": threshold,
        "accepted_aim": AIM,
        "fitted_on": fitted_on,
        "why_not": why_not,
        "refused": None if threshold is None else refused,
        "far": far,
        "near": near,
    }


def sentences(metrics: Mapping[str, Any]) -> list[str]:
    """Say what `metrics["unknown"]` holds, a sentence for each thing that was counted."""
    found = metrics.get("unknown")
    if not found:
        return []
    if found["threshold"] is None:
        said = [found["why_not"]] if found["why_not"] else []
    else:
        said = [_counted("None of these: {count:,} of {n:,} photos of the classes refused", found["refused"])]
    for name in ("far", "near"):
        if probe := found[name]:
            what = f"Of {probe['folder']} ({name}) {{accepted:,}} of {{n:,}} photos taken for one of the classes"
            said.append(_counted(what, probe))
    return said


def _counted(what: str, found: Mapping[str, Any]) -> str:
    low, high = found["ci95"]
    return f"{what.format(**found)}: {percent(found['share'])} (95 % interval {percent(low)} to {percent(high)})."


def _unit(rows: Floats) -> Floats:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, TINY_LENGTH), dtype=np.float64)


def _others(names: NDArray[Any], part: str) -> Flags:
    repeat = part.split(".")[0] + "."
    return np.asarray(np.char.startswith(names, repeat) & (names != part), dtype=np.bool_)


def _parts(predictions: Predictions) -> tuple[str, ...]:
    """Cut photos that one training judged into parts, copies together."""
    groups = predictions.groups or predictions.photos
    numbers = {name: i for i, name in enumerate(dict.fromkeys(groups))}
    return tuple(f"1.{numbers[name] % PARTS + 1}" for name in groups)


def _why_not(directions: NDArray[np.float32] | None, scores: Floats, parts: Sequence[str], folded: bool) -> str | None:
    if directions is None or not np.isfinite(scores).all():
        return "There is no threshold for “none of these”: what the network sees in some photos is no number."
    names = np.array(parts)
    fewest = min((int(_others(names, part).sum()) for part in dict.fromkeys(parts)), default=0)
    if fewest < FEWEST:
        judged = len(scores) if not folded else int(np.char.startswith(names, parts[0].split(".")[0] + ".").sum())
        advice = "It takes more photos." if folded else "Add --folds 5, which judges every photo, or more photos."
        return f"There is no threshold for “none of these”: {judged} judged photos are too few to set one. {advice}"
    if float(scores.max() - scores.min()) <= SAME:
        return "There is no threshold for “none of these”: all judged photos look the same to the network."
    return None


def _by_photo(predictions: Predictions) -> tuple[Flags, NDArray[np.int64]]:
    """Return what was refused, bool `[repeats, m]`, and the groups of the m photos."""
    refused, _, groups = predictions.by_photo(predictions.unknown)
    return refused, groups
