"""Features -> the files that are pictures and probably no photos: drawings, screenshots, collages, cut-outs.

Nothing is shipped to learn from: a probe is made at run time from one's own photos as they are, and pictures painted
from them (`painted`). Each photo is judged by probes that saw neither it nor what was painted from it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

from fieldmark.artifacts.findings import Finding, LeftOut
from fieldmark.artifacts.photos import PhotoFile
from fieldmark.checks.painted import KINDS

Floats = NDArray[np.float32]

FEWEST = 100
"""Photos below which no probe is made: of 60 snakes it named five, three of them photos."""

SURE = 0.65
"""Probability of being no photo from which that is said. Of the snakes 4 are past it, all rightly: a drawing, two
photos of a stamp, a snake cut out on black. From 0.55 on 8, one of them wrong. Of the uncurated bears none."""

PLAIN_EDGE = 0.95
"""Part of a picture's edge that is of one light level where something was cut out, or photographed on a white sheet."""

_LIGHT = 235  # level of 255 from which a ground is light; photos taken at night have plain black edges
_SAME = 8  # levels by which a plain ground may vary: what JPEG adds
_EDGE = 3  # pixels of the small grey picture that count as its edge
_FOLDS = 5
_REPEATS = 2
_DIRECTIONS = 128
_STRENGTH = 10.0

_SAID = {
    "drawing": "a drawing or painting",
    "screenshot": "a screenshot or a page of text",
    "lettering": "a picture with heavy lettering over it",
    "watermark": "a picture with a watermark all over it",
    "collage": "a collage of several pictures",
    "cut-out": "something cut out on a plain background",
}


def why_not(photos: Sequence[PhotoFile]) -> LeftOut | None:
    """Return why pictures that are no photos cannot be told among these, or None when they can."""
    if len(photos) < FEWEST:
        return LeftOut("not_a_photo", f"{len(photos)} photos are too few to learn from; {FEWEST} are needed.")
    return None


def not_photos(
    photos: Sequence[PhotoFile],
    vectors: Floats,
    greys: NDArray[np.uint8],
    painted: Floats,
    kinds: Sequence[str],
    sources: Sequence[int],
) -> list[Finding]:
    """Return the pictures that are probably no photos, the surest first.

    Args:
        photos: the n photos.
        vectors: float32 `[n, d]`, as `embed` gives them.
        greys: uint8 `[n, side, side]`, as `embed` gives them.
        painted: float32 `[m, d]`, vectors of the pictures painted from some of them.
        kinds: kind of each painted picture, one of `painted.KINDS`.
        sources: index of the photo that each was painted from.
    """
    if why_not(photos) is not None or not len(painted):
        return []
    believed = out_of_fold(vectors, painted, kinds, sources)
    plain = plain_edge(greys)
    found = [_finding(*each) for each in zip(photos, believed, plain.tolist(), strict=True)]
    return sorted((finding for finding in found if finding is not None), key=lambda finding: -finding.score)


def plain_edge(greys: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return which part of each picture's edge is of one light level: float64 `[n]`, 0 where its ground is not light.

    A backbone hardly tells what is cut out from what lies on a white table; its edge does.
    """
    inside = np.zeros(greys.shape[1:], bool)
    inside[_EDGE:-_EDGE, _EDGE:-_EDGE] = True
    edge = greys[:, ~inside].astype(np.int16)
    level = np.median(edge, axis=1)
    share = (np.abs(edge - level[:, None]) <= _SAME).mean(axis=1)
    blank = greys[:, inside].std(axis=1) < _SAME
    return np.asarray(np.where((level >= _LIGHT) & ~blank, share, 0.0))


def out_of_fold(
    vectors: Floats, painted: Floats, kinds: Sequence[str], sources: Sequence[int], seed: int = 0
) -> NDArray[np.float64]:
    """Return what each photo is taken for: float64 `[n, 1 + kinds]`, a photo first, then `painted.KINDS`.

    The other arguments are those of `not_photos`; `seed` is that of the folds.
    """
    n = len(vectors)
    unit = np.concatenate([vectors, painted])
    unit = unit / np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), 1e-12)
    seen = PCA(min(_DIRECTIONS, *unit.shape), random_state=seed).fit_transform(unit)
    names = np.array([0] * n + [1 + KINDS.index(kind) for kind in kinds])
    groups = np.array([*range(n), *sources])
    believed = np.zeros((n, 1 + len(KINDS)))
    for repeat in range(_REPEATS):
        folds = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=seed + repeat)
        for known, unknown in folds.split(seen, names, groups):
            model = LogisticRegression(C=_STRENGTH, max_iter=1000)
            model.fit(seen[known], names[known])
            judged = unknown[unknown < n]
            believed[np.ix_(judged, model.classes_)] += model.predict_proba(seen[judged]) / _REPEATS
    return believed


def _finding(photo: PhotoFile, believed: NDArray[np.float64], plain: float) -> Finding | None:
    score = 1 - float(believed[0])
    if plain >= PLAIN_EDGE:
        text = f"Taken for {_SAID['cut-out']} ({100 * plain:.0f} % of its edge is one light level)."
    elif score >= SURE:
        text = f"Taken for {_SAID[KINDS[int(believed[1:].argmax())]]} (p {score:.2f})."
    else:
        return None
    return Finding(photo.path, photo.id, "not_a_photo", max(score, plain if plain >= PLAIN_EDGE else 0.0), text)
