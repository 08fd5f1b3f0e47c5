from collections.abc import Sequence

import numpy as np

from fieldmark.artifacts.predictions import Predictions
from fieldmark.artifacts.runs import Epoch
from fieldmark.evaluate.report import FinderCurve


def tell(
    classes: Sequence[str],
    actual: Sequence[int],
    rows: Sequence[Sequence[float]],
    photos: Sequence[str] | None = None,
    unknown: Sequence[bool] | None = None,
) -> Predictions:
    n = len(actual)
    return Predictions(
        classes=tuple(classes),
        photos=tuple(photos or (f"{classes[a]}/{i:03}.jpg" for i, a in enumerate(actual))),
        ids=tuple(f"{i:016x}" for i in range(n)),
        actual=np.array(actual, dtype=np.int64),
        probabilities=np.array(rows, dtype=np.float64).reshape(n, len(classes)),
        unknown=np.array(unknown if unknown is not None else [False] * n, dtype=np.bool_),
    )


def tell_with_errors(classes: Sequence[str], n: int, wrong: int, photos: Sequence[str] | None = None) -> Predictions:
    """The first `wrong` photos are taken for the class after theirs; certainty differs from photo to photo."""
    c = len(classes)
    actual = [i % c for i in range(n)]
    rows = np.full((n, c), 0.0)
    for i in range(n):
        certainty = 0.6 + 0.39 * (i + 1) / n
        rows[i] = (1 - certainty) / (c - 1)
        rows[i, (actual[i] + (i < wrong)) % c] = certainty
    return tell(classes, actual, rows, photos)


EPOCHS = (
    Epoch(1, 1, 0.73, 0.48, 0.188, 3.3),
    Epoch(1, 2, 0.44, 0.30, 0.106, 3.2),
    Epoch(2, 1, 0.24, 0.19, 0.059, 21.0),
    Epoch(2, 2, 0.17, 0.14, 0.047, 20.0),
    Epoch(2, 3, 0.10, 0.16, 0.059, 20.4),
)
FINDERS = (
    FinderCurve("Stage 1, the head alone", [1e-5, 1e-4, 1e-3, 1e-2, 1e-1], [0.7, 0.69, 0.5, 0.4, 3.0], 1e-3, 1e-3),
    FinderCurve("Stage 2, the later layers too", [1e-5, 1e-4, 1e-3, 1e-2], [0.3, 0.25, 0.2, 0.9], 3e-4, 1e-4),
)
