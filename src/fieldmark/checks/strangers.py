"""Features -> the photos that are far from all others: probably off-topic."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fieldmark.artifacts.findings import Finding, LeftOut
from fieldmark.artifacts.photos import PhotoFile

Floats = NDArray[np.float32]

LISTED = 60
"""Photos of the ranking at least."""

NEAREST = 20
"""Neighbours that a photo's distance is the mean of. Two strangers that look alike are near each other, twenty are
rarely; a folder with more of one kind has them for a topic."""

FEWEST = 30
"""Photos below which nothing is far from anything."""

SURE = 4.5
"""Robust standard deviations above the median from which a photo is surely off-topic. Of the 426 snakes 5 are past it,
none of them wholly at fault; of 40 ImageNet photos among them 38 to 40. At 3.5 it were 14 snakes."""

_ROWS = 1024  # photos whose distances are in memory at a time


def why_not(photos: Sequence[PhotoFile]) -> LeftOut | None:
    """Return why off-topic photos cannot be told among these, or None when they can."""
    if len(photos) < FEWEST:
        reason = f"{len(photos)} photos are too few to tell what the topic is; {FEWEST} are needed."
        return LeftOut("off_topic", reason)
    return None


def rank(photos: Sequence[PhotoFile], vectors: Floats) -> list[Finding]:
    """Rank photos by how far they are from those most like them, of whatever class; the farthest first.

    Args:
        photos: the n photos.
        vectors: float32 `[n, d]`, as `embed` gives them.

    Returns:
        At least the `LISTED` farthest and all that are sure; none where there is a reason `why_not`.
    """
    if why_not(photos) is not None:
        return []
    far = distances(vectors)
    middle, spread = _middle_and_spread(far)
    strange = (far - middle) / spread
    n_sure = int((strange >= SURE).sum())
    order = np.argsort(-strange, kind="stable")[: max(LISTED, n_sure)].tolist()
    return [_finding(photos[i], float(strange[i]), float(far[i]), middle) for i in order]


def distances(vectors: Floats) -> NDArray[np.float64]:
    """Return each photo's mean distance, 1 - cosine, to the `NEAREST` photos most like it: `[n]`, itself left out."""
    n = len(vectors)
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    nearest = min(NEAREST, n - 1)
    far = np.empty(n)
    for start in range(0, n, _ROWS):
        apart = 1 - unit[start : start + _ROWS] @ unit.T
        rows = np.arange(len(apart))
        apart[rows, rows + start] = np.inf
        far[start : start + _ROWS] = np.partition(apart, nearest - 1, axis=1)[:, :nearest].mean(axis=1)
    return far


def _middle_and_spread(far: NDArray[np.float64]) -> tuple[float, float]:
    """Median, and the standard deviation that the lower half would have if it were normal: strangers have no say."""
    middle = float(np.median(far))
    below = far[far <= middle]
    return middle, max(float(1.4826 * np.median(middle - below)), 1e-9)


def _finding(photo: PhotoFile, strange: float, far: float, middle: float) -> Finding:
    sure = strange >= SURE
    what = "Unlike all other photos here" if sure else "A little unlike the other photos here"
    if strange < 1:
        what = "As much like the others as most photos here"
    text = f"{what} (distance {far:.2f} from those most like it; half of the photos have {middle:.2f} or less)."
    return Finding(photo.path, photo.id, "off_topic", strange, text, sure)
