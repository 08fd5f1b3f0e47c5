"""Predictions -> the photos that a report shows first."""

from __future__ import annotations

import numpy as np

from fieldmark.artifacts.predictions import Predictions

HARDEST = 12
"""Photos shown."""


def hardest(predictions: Predictions) -> list[int]:
    """Return the rows with the greatest loss, the greatest first, of each photo its worst alone."""
    rows: dict[str, int] = {}
    for row in np.argsort(-predictions.losses, kind="stable"):
        rows.setdefault(predictions.photos[int(row)], int(row))
        if len(rows) == HARDEST:
            break
    return list(rows.values())
