"""Certainties, and the truth that goes with them, made up to be judged."""

import numpy as np
from scipy.special import softmax


def sure_of(confidence, right=True):
    """Rows of two classes whose top one has these certainties; the truth is class 0."""
    confidence = np.asarray(confidence, dtype=float)
    rows = np.stack([confidence, 1 - confidence], axis=1)
    right = np.broadcast_to(right, confidence.shape)
    return np.where(right[:, None], rows, rows[:, ::-1]), np.zeros(len(rows), dtype=np.int64)


def sample(n, temperature=1.0, seed=0, classes=2, spread=4.0):
    """Logits of a model that is `temperature` times too sure, and a truth drawn as the rightly scaled ones say."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, spread, (n, classes))
    rows = softmax(logits, axis=1).cumsum(axis=1)
    actual = (rng.random((n, 1)) > rows).sum(axis=1).clip(0, classes - 1)
    return logits * temperature, actual.astype(np.int64)


def confident(n, seed=0):
    """Certainties of two classes, a twentieth wrong on average: most photos nearly certain, a few in doubt."""
    rng = np.random.default_rng(seed)
    return sure_of(1 / (1 + np.exp(-np.abs(rng.normal(4, 2, n)))))[0]
