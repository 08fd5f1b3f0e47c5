"""Features of labelled photos -> the class whose centre further photos are nearest to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def nearest_centroid(
    known: NDArray[np.float32], labels: NDArray[np.int64], asked: NDArray[np.float32]
) -> NDArray[np.int64]:
    """Answer with the nearest class mean, all features brought to length 1 first, as in T. Mensink, J. Verbeek, F.
    Perronnin and G. Csurka, "Distance-based image classification", IEEE TPAMI 35 (2013), 2624-2637, without the metric.

    Args:
        known: float32 `[n, d]`.
        labels: of these, int64 `[n]`.
        asked: float32 `[m, d]`.

    Returns:
        int64 `[m]`, of the labels; of centres equally near the first.
    """
    names = np.unique(labels)
    along = _unit(known)
    centres = np.stack([along[labels == name].mean(axis=0) for name in names])
    squares = (centres**2).sum(axis=1) - 2 * _unit(asked) @ centres.T  # of the distances, less 1
    return np.asarray(names[squares.argmin(axis=1)], dtype=np.int64)


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    long = rows.astype(np.float64)
    return np.asarray(long / np.maximum(np.linalg.norm(long, axis=1, keepdims=True), 1e-12))
