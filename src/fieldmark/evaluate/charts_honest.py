"""Curves of trust -> SVG drawings: how sure against how right, what refusing to answer buys, and ROC.

They are of one kind with those of `charts`: text stays text, and no colour is named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor

import numpy as np

from fieldmark.evaluate import ink, wording
from fieldmark.evaluate.curves import RiskCoverage, Roc
from fieldmark.evaluate.reliability import Bin

MOST_POINTS = 200
"""Points of a line, beyond which more would not be seen."""

LONGEST_NAME = 24
"""Characters of a class name that a drawing has room for."""


def reliability_chart(bins: Sequence[Bin], number: int = 1) -> str:
    """Draw for each bin how often the model was right against how sure it was; on the dotted line the two agree.

    Args:
        bins: as `reliability.reliability` gives them.
        number: of this chart on its page, to keep ids apart.
    """
    name, title = f"chart-reliability-{number}", "How sure the model is, and how often it is right"
    if not bins:
        return ink.empty(name, title, "nothing to draw")
    low = min(min(one.low, one.confidence) for one in bins)
    low = min(floor(low * 10 + 1e-9) / 10, 0.9)  # a whole tenth, and never an axis without length
    x, y = ink.Axis(low, 1, ink.LEFT, ink.WIDTH - ink.RIGHT), ink.Axis(low, 1, ink.HEIGHT - ink.BOTTOM, ink.TOP)
    parts = [ink.grid(y, as_percent=True), _share_axis(x, "how sure the model is")]
    parts.append(ink.line("boundary", x(low), y(low), x(1), y(1)))
    parts += [ink.line("line valid", x(one.confidence), y(one.low), x(one.confidence), y(one.high)) for one in bins]
    parts.append(_polyline("train", [(x(one.confidence), y(one.right)) for one in bins]))
    parts += [_dot(x(one.confidence), y(one.right)) for one in bins]
    parts.append(ink.legend([("valid", "share right, with its interval")]))
    said = (
        f"{wording.photos(one.n)} at {wording.percent(one.confidence)} sure: {wording.percent(one.right)} right, "
        f"{wording.percent(one.low)} to {wording.percent(one.high)}."
        for one in bins
    )
    return ink.svg(name, title, " ".join(said), parts)


def risk_coverage_chart(curve: RiskCoverage, number: int = 1) -> str:
    """Draw the error among the photos that are answered against the share of photos answered, the surest first.

    Args:
        curve: as `curves.risk_coverage` gives it.
        number: of this chart on its page, to keep ids apart.
    """
    name, title = f"chart-risk-{number}", "Wrong answers, if only the surest are given"
    x, y = ink.Axis(0, 1, ink.LEFT, ink.WIDTH - ink.RIGHT), ink.value_axis(curve.risk.tolist(), at_least=0.02)
    points = _thin([(x(c), y(r)) for c, r in zip(curve.coverage.tolist(), curve.risk.tolist(), strict=True)])
    parts = [ink.grid(y, as_percent=True), _share_axis(x, "share of the photos that get an answer")]
    parts += [_polyline("valid", points), _dot(*points[-1]), ink.legend([("valid", "wrong among those answered")])]
    half = curve.risk[max(0, len(curve.risk) // 2 - 1)]
    text = (
        f"Of all photos {wording.percent(float(curve.risk[-1]))} are answered wrong; of the surer half of them "
        f"{wording.percent(float(half))}. Mean over the curve: {wording.percent(curve.area)}."
    )
    return ink.svg(name, title, text, parts)


def roc_chart(curves: Mapping[str, Roc], number: int = 1) -> str:
    """Draw for each class the share of it that is found against the share of the others taken along.

    The class that is told from the others worst is drawn as a full line, the others as broken ones. Of two classes
    both have the same area, and the curve of the first says all.

    Args:
        curves: as `curves.roc_by_class` gives them.
        number: of this chart on its page, to keep ids apart.
    """
    name, title = f"chart-roc-{number}", "Finding a class, and taking others along"
    if not curves:
        return ink.empty(name, title, "nothing to draw")
    shown = dict(list(curves.items())[:1]) if len(curves) == 2 else dict(curves)
    worst = min(shown, key=lambda key: shown[key].auc)
    x, y = ink.Axis(0, 1, ink.LEFT, ink.WIDTH - ink.RIGHT), ink.Axis(0, 1, ink.HEIGHT - ink.BOTTOM, ink.TOP)
    parts = [ink.grid(y, as_percent=True), _share_axis(x, "share of the others taken for it")]
    parts.append(ink.line("boundary", x(0), y(0), x(1), y(1)))
    for key, curve in sorted(shown.items(), key=lambda item: item[0] == worst):  # the worst on top
        points = _thin([(x(f), y(t)) for f, t in zip(curve.fpr.tolist(), curve.tpr.tolist(), strict=True)])
        parts.append(_polyline("valid" if key == worst else "train", points))
    entries = [("valid", f"{_shorten(worst)}: area {shown[worst].auc:.3f}")]
    parts.append(ink.legend(entries + ([("train", "the other classes")] if len(shown) > 1 else [])))
    said = (f"{key}: area {curve.auc:.3f}." for key, curve in shown.items())
    return ink.svg(name, title, " ".join(said), parts)


def _share_axis(x: ink.Axis, label: str) -> str:
    floor_y = ink.HEIGHT - ink.BOTTOM
    parts = [ink.ground()]
    for tick in ink.nice_ticks(x.low, x.high):
        if x.low - 1e-9 <= tick <= x.high + 1e-9:
            # The last label would reach over the edge, were it centred.
            anchor = "end" if x(tick) > ink.WIDTH - ink.RIGHT - 8 else "middle"
            parts.append(ink.line("tick", x(tick), floor_y, x(tick), floor_y + 5))
            parts.append(ink.text(x(tick), floor_y + 19, f"{tick * 100:.3g} %", anchor))
    parts.append(ink.text((ink.LEFT + ink.WIDTH - ink.RIGHT) / 2, floor_y + 38, label, "middle", "stage"))
    return "".join(parts)


def _polyline(name: str, points: Sequence[tuple[float, float]]) -> str:
    joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline class="line {name}" points="{joined}"/>'


def _dot(x: float, y: float) -> str:
    return f'<circle class="dot valid" cx="{x:.1f}" cy="{y:.1f}" r="3.2"/>'


def _thin(points: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    """Leave out points of a long line evenly, never its ends."""
    if len(points) <= MOST_POINTS:
        return points
    return [points[i] for i in np.linspace(0, len(points) - 1, MOST_POINTS).round().astype(int).tolist()]


def _shorten(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"
