"""Predictions and figures -> the drawings of trust in a report, each with its numbers beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from fieldmark.artifacts.predictions import Predictions
from fieldmark.evaluate import wording
from fieldmark.evaluate.charts_honest import reliability_chart, risk_coverage_chart, roc_chart
from fieldmark.evaluate.curves import Roc, risk_coverage, roc_by_class
from fieldmark.evaluate.reliability import Bin

TENTHS = tuple(i / 10 for i in range(10, 0, -1))
"""Shares of the photos, all of them first, at which the risk stands in numbers."""

TAKEN_ALONG = (0.01, 0.05, 0.1)
"""Shares of the others at which the ROC curve stands in numbers."""

FEWEST = 10
"""Photos below which a curve is a few steps that say nothing."""


@dataclass(frozen=True)
class Plate:
    """A drawing and what it is drawn from.

    Attributes:
        drawing: SVG.
        caption: what it shows, and how to read it.
        head: names of the columns of its numbers.
        rows: its numbers, as they are written.
    """

    drawing: Markup
    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def certainty_plates(calibration: Mapping[str, Any] | None, predictions: Predictions) -> list[Plate]:
    """Draw how far certainties can be believed, and what refusing to answer would buy; none of too few photos."""
    if predictions.n_photos < FEWEST:
        return []
    return ([_reliability(calibration)] if calibration else []) + [_risk(predictions)]


def roc_plate(predictions: Predictions) -> Plate | None:
    """Draw what finding a class takes along of the others; None of too few photos, or of one class alone."""
    curves = roc_by_class(predictions.probabilities, predictions.actual, predictions.classes)
    if not curves or predictions.n_photos < FEWEST:
        return None
    return Plate(
        Markup(roc_chart(curves)),
        "How much of a class is found, the surest first, and what share of the others is taken along on the way. An "
        "area of 1 tells all apart, 0.5 none.",
        ("class", "area", *(f"found at {wording.percent(share)} of the others" for share in TAKEN_ALONG)),
        tuple(_roc_row(name, curve) for name, curve in curves.items()),
    )


def _reliability(calibration: Mapping[str, Any]) -> Plate:
    bins = [Bin.from_dict(values) for values in calibration["bins"]]
    return Plate(
        Markup(reliability_chart(bins)),
        "How sure the model was, and how often it was then right. On the dotted line the two agree; above it, it is "
        "right more often than it says.",
        ("how sure", "photos", "right", "95 % interval"),
        tuple(
            (
                wording.percent(one.confidence),
                f"{one.n:,}",
                wording.percent(one.right),
                f"{wording.percent(one.low)} to {wording.percent(one.high)}",
            )
            for one in bins
        ),
    )


def _risk(predictions: Predictions) -> Plate:
    curve = risk_coverage(predictions.probabilities, predictions.actual)
    return Plate(
        Markup(risk_coverage_chart(curve)),
        "What share is wrong if the model answers only where it is surest, and leaves the rest to somebody else.",
        ("answered", "wrong among them"),
        tuple((wording.percent(share), wording.percent(_at(curve.risk, share))) for share in TENTHS),
    )


def _at(risk: Sequence[float] | Any, share: float) -> float:
    return float(risk[max(1, round(share * len(risk))) - 1])


def _roc_row(name: str, curve: Roc) -> tuple[str, ...]:
    # The curve is a staircase; at a share of the others it has climbed as high as its last step before.
    found = (float(curve.tpr[np.searchsorted(curve.fpr, share, side="right") - 1]) for share in TAKEN_ALONG)
    return (name, f"{curve.auc:.3f}", *(wording.percent(share) for share in found))
