"""Predictions and where photos came from -> how often the model is wrong about those of each source, and of copies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fieldmark.artifacts.predictions import Predictions
from fieldmark.evaluate.intervals import wilson
from fieldmark.evaluate.wording import percent
from fieldmark.evaluate.wording import photos as say_photos

MOST = 12
"""Sources named, those of most photos; the others are counted together."""

OTHERS = "all others"


@dataclass(frozen=True)
class OfSource:
    """Photos that came from one source.

    Attributes:
        name: of the source.
        n: photos judged.
        wrong: how many were wrong, the mean over the repeats.
        low, high: 95 % Wilson interval of the share of wrong ones, 0 to 1.
    """

    name: str
    n: int
    wrong: float
    low: float
    high: float

    @property
    def error(self) -> float:
        """Share of wrong ones."""
        return self.wrong / self.n


def errors_by_source(predictions: Predictions, sources: Mapping[str, str]) -> list[OfSource]:
    """Count photos and mistakes by source, the source of most photos first.

    Args:
        predictions: of judged photos.
        sources: photo -> where it came from; photos that are not named are counted as "all others".

    Returns:
        a row for each of the `MOST` commonest sources, and one for all others; none where there are fewer than two.
    """
    wrong, _, _ = predictions.wrong()
    photos = list(dict.fromkeys(predictions.photos))
    mistakes = dict(zip(photos, np.asarray(wrong.mean(axis=0), dtype=np.float64).tolist(), strict=True))
    by_source: dict[str, list[float]] = {}
    for photo in photos:
        by_source.setdefault(sources.get(photo) or OTHERS, []).append(mistakes[photo])
    if len(by_source) < 2:
        return []
    ordered = sorted(by_source, key=lambda name: (name == OTHERS, -len(by_source[name]), name))
    named = [name for name in ordered if name != OTHERS][:MOST]
    rest = [mistake for name in ordered if name not in named for mistake in by_source[name]]
    rows = [_row(name, by_source[name]) for name in named]
    return rows + ([_row(OTHERS, rest)] if rest else [])


def of_copies(predictions: Predictions) -> str | None:
    """Say how the photos fared of which there are copies, or others of one origin; None where there are none."""
    wrong, _, groups = predictions.wrong()
    in_groups = np.bincount(groups)[groups] > 1
    n = int(in_groups.sum())
    if not n or n == len(groups):
        return None
    share, others = (float(wrong[:, which].mean()) for which in (in_groups, ~in_groups))
    return (
        f"{say_photos(n)} of {len(groups):,} are in groups that stay together: copies, near-copies, or one origin. Of "
        f"these {percent(share)} were wrong, of the others {percent(others)}. The intervals know that they tell less."
    )


def _row(name: str, mistakes: list[float]) -> OfSource:
    return OfSource(name, len(mistakes), sum(mistakes), *wilson(round(sum(mistakes)), len(mistakes)))
