"""Numbers -> small SVG drawings that take their colours from the page around them.

Text stays text, so that it can be selected and read aloud. Nothing here names a colour: the page's style sheet gives
one to each class, another in the dark, another in print.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from math import ceil, floor, isfinite, log10
from typing import Any

from fieldmark.artifacts.runs import Epoch
from fieldmark.evaluate import ink, wording
from fieldmark.evaluate.content import FinderCurve

MOST_LABELS = 12  # epoch numbers under an axis, beyond which they would touch
MOST_DOTS = 40  # epochs beyond which dots on a line would touch


def loss_chart(epochs: Sequence[Epoch], kept: Mapping[str, Any] | None) -> str:
    """Draw training and validation loss over the epochs; the stages set apart, the kept epoch ringed."""
    losses = [value for row in epochs for value in (row.train_loss, row.valid_loss)]
    y = ink.value_axis(losses, at_least=1e-6)
    parts = [ink.grid(y), _epoch_axis(epochs)]
    for name, values in (("train", [r.train_loss for r in epochs]), ("valid", [r.valid_loss for r in epochs])):
        parts.append(_epoch_line(epochs, values, y, name))
    parts.append(ink.legend([("train", "training"), ("valid", "validation")]))
    parts.append(_ring_kept(epochs, [r.valid_loss for r in epochs], y, kept))
    return ink.svg("chart-loss", "Loss after each epoch", _describe_losses(epochs, kept), parts)


def error_chart(epochs: Sequence[Epoch], kept: Mapping[str, Any] | None) -> str:
    """Draw the share of validation photos that were wrong over the epochs."""
    rates = [row.error_rate for row in epochs]
    y = ink.value_axis(rates, at_least=0.02)
    parts = [ink.grid(y, as_percent=True), _epoch_axis(epochs), _epoch_line(epochs, rates, y, "valid")]
    parts.append(_ring_kept(epochs, rates, y, kept))
    parts.append(ink.legend([("valid", "error rate")]))
    there = [rate for rate in rates if isfinite(rate)]
    text = f"From {wording.percent(there[0])} to {wording.percent(there[-1])}." if there else "No finite values."
    return ink.svg("chart-error", "Error rate after each epoch", text, parts)


def finder_chart(curve: FinderCurve, number: int) -> str:
    """Draw training loss against learning rate on a log scale, with the rate suggested and the rate used.

    Args:
        curve: what the finder of one stage saw.
        number: of this chart on its page, to keep ids apart.
    """
    name, title = f"chart-finder-{number}", f"Learning-rate finder, {curve.stage}"
    points = [(r, v) for r, v in zip(curve.rates, curve.losses, strict=True) if r > 0 and isfinite(r) and isfinite(v)]
    if not points:
        return ink.svg(
            name, title, "No finite values.", [ink.text(ink.WIDTH / 2, ink.HEIGHT / 2, "no finite values", "middle")]
        )
    x = _log_axis([r for r, _ in points])
    y = _finder_axis([v for _, v in points])
    line = " ".join(f"{x(log10(r)):.1f},{y(min(max(v, y.low), y.high)):.1f}" for r, v in _leave_explosion(points, y))
    parts = [ink.grid(y), _decades(x), f'<polyline class="line valid" points="{line}"/>']
    parts += _mark_rates(curve, points, x, y)
    best = min(v for _, v in points)
    text = (
        f"{len(points)} rates from {wording.rate(points[0][0])} to {wording.rate(points[-1][0])}; lowest loss "
        f"{wording.loss(best)}; used {wording.rate(curve.used)}."
    )
    return ink.svg(name, title, text, parts)


def whisker(value: float, low: float, high: float, mark: float | None = None, label: str = "") -> str:
    """Draw a share as a dot on its interval, on a line from 0 to 100 % as wide as its place on the page.

    Args:
        value: the share, 0 to 1.
        low: lower bound of its interval.
        high: upper bound.
        mark: another share to compare with, drawn as a tick.
        label: what the drawing says, for those who cannot see it; without it the drawing is passed over.
    """
    role = f'role="img" aria-label="{escape(label)}"' if label else 'aria-hidden="true"'
    tick = f'<line class="mark" x1="{_pc(mark)}" x2="{_pc(mark)}" y1="2" y2="18"/>' if mark is not None else ""
    ends = "".join(f'<line class="reach" x1="{_pc(v)}" x2="{_pc(v)}" y1="6" y2="14"/>' for v in (low, high))
    return (
        f'<svg class="whisker" {role}><line class="ground" x1="0" x2="100%" y1="10" y2="10"/>{tick}'
        f'<line class="reach" x1="{_pc(low)}" x2="{_pc(high)}" y1="10" y2="10"/>{ends}'
        f'<circle class="dot" cx="{_pc(value)}" cy="10" r="4.5"/></svg>'
    )


def bar(parts: Sequence[tuple[str, float]]) -> str:
    """Draw shares of a whole one after the other: (class of the style sheet, share 0 to 1)."""
    start, pieces = 0.0, []
    for name, share in parts:
        pieces.append(f'<rect class="{name}" x="{_pc(start)}" width="{_pc(share)}" y="0" height="12"/>')
        start += share
    return f'<svg class="bar" aria-hidden="true">{"".join(pieces)}</svg>'


def _pc(share: float) -> str:
    return f"{share * 100:.2f}%"


def _band(i: float, n: int) -> float:
    """Return the middle of the i-th of n equal bands along the x axis."""
    return ink.LEFT + (i + 0.5) / n * (ink.WIDTH - ink.LEFT - ink.RIGHT)


def _epoch_axis(epochs: Sequence[Epoch]) -> str:
    n, floor_y = len(epochs), ink.HEIGHT - ink.BOTTOM
    every = ceil(n / MOST_LABELS)
    parts = [ink.ground()]
    for i, row in enumerate(epochs):
        if (row.epoch - 1) % every == 0:
            parts.append(ink.text(_band(i, n), floor_y + 17, str(row.epoch), "middle"))
    for stage in dict.fromkeys(row.stage for row in epochs):
        indices = [i for i, row in enumerate(epochs) if row.stage == stage]
        middle = _band((indices[0] + indices[-1]) / 2, n)
        parts.append(ink.text(middle, floor_y + 36, f"stage {stage}", "middle", "stage"))
        if indices[0]:
            edge = _band(indices[0] - 0.5, n)
            parts.append(ink.line("boundary", edge, ink.TOP, edge, floor_y + 38))
    return "".join(parts)


def _epoch_line(epochs: Sequence[Epoch], values: Sequence[float], y: ink.Axis, name: str) -> str:
    """Join the epochs of a stage; stage 2 starts anew from the best of stage 1, so its line does too."""
    n, parts = len(epochs), []
    points = {i: f"{_band(i, n):.1f},{y(min(v, ink.HUGE)):.1f}" for i, v in enumerate(values) if isfinite(v)}
    for stage in dict.fromkeys(row.stage for row in epochs):
        joined = " ".join(points[i] for i, row in enumerate(epochs) if row.stage == stage and i in points)
        parts.append(f'<polyline class="line {name}" points="{joined}"/>')
    if n <= MOST_DOTS:
        for point in points.values():
            cx, cy = point.split(",")
            parts.append(f'<circle class="dot {name}" cx="{cx}" cy="{cy}" r="3.2"/>')
    return "".join(parts)


def _ring_kept(epochs: Sequence[Epoch], values: Sequence[float], y: ink.Axis, kept: Mapping[str, Any] | None) -> str:
    row = wording.kept_row(epochs, kept)
    if row is None or not isfinite(values[epochs.index(row)]):
        return ""
    x, height = _band(epochs.index(row), len(epochs)), y(min(values[epochs.index(row)], ink.HUGE))
    below = height + 30 < ink.HEIGHT - ink.BOTTOM  # the curve is lowest here, so the space under it is free
    return f'<circle class="ring" cx="{x:.1f}" cy="{height:.1f}" r="7.5"/>' + ink.text(
        min(x, ink.WIDTH - 16), height + (23 if below else -13), "kept", "middle", "halo kept"
    )


def _describe_losses(epochs: Sequence[Epoch], kept: Mapping[str, Any] | None) -> str:
    first, last = epochs[0], epochs[-1]
    text = (
        f"Training loss from {wording.loss(first.train_loss)} to {wording.loss(last.train_loss)}, validation loss "
        f"from {wording.loss(first.valid_loss)} to {wording.loss(last.valid_loss)}."
    )
    row = wording.kept_row(epochs, kept)
    return text + (f" Kept: epoch {row.epoch} of stage {row.stage}." if row else "")


def _log_axis(rates: Sequence[float]) -> ink.Axis:
    low, high = log10(min(rates)), log10(max(rates))
    if high - low < 0.1:
        low, high = low - 1, high + 1
    return ink.Axis(low, high, ink.LEFT, ink.WIDTH - ink.RIGHT)


def _decades(x: ink.Axis) -> str:
    floor_y, parts = (
        ink.HEIGHT - ink.BOTTOM,
        [ink.line("axis", ink.LEFT, ink.HEIGHT - ink.BOTTOM, ink.WIDTH - ink.RIGHT, ink.HEIGHT - ink.BOTTOM)],
    )
    powers = list(range(ceil(x.low - 1e-9), floor(x.high + 1e-9) + 1))
    for power in powers[:: ceil(len(powers) / 8) or 1]:
        parts.append(ink.line("tick", x(power), floor_y, x(power), floor_y + 5))
        parts.append(ink.text(x(power), floor_y + 19, f"1e{power}", "middle"))
    parts.append(ink.text((ink.LEFT + ink.WIDTH - ink.RIGHT) / 2, floor_y + 38, "learning rate", "middle", "stage"))
    return "".join(parts)


def _finder_axis(losses: Sequence[float]) -> ink.Axis:
    """Reach over the fall and the start of the rise; beside the loss at which a finder stops, the fall looks flat."""
    low, high, start = max(min(losses), -ink.HUGE), min(max(losses), ink.HUGE), min(losses[0], ink.HUGE)
    if start > low:
        high = min(high, low + 2 * (start - low))
    ticks = ink.nice_ticks(low, high)
    return ink.Axis(ticks[0], ticks[-1], ink.HEIGHT - ink.BOTTOM, ink.TOP)


def _leave_explosion(points: Sequence[tuple[float, float]], y: ink.Axis) -> Sequence[tuple[float, float]]:
    """Drop the end of a curve that has left the drawing for good, all but its first point."""
    n = len(points)
    while n > 1 and points[n - 1][1] > y.high and points[n - 2][1] > y.high:
        n -= 1
    return points[:n]


def _mark_rates(curve: FinderCurve, points: Sequence[tuple[float, float]], x: ink.Axis, y: ink.Axis) -> list[str]:
    used, suggested = wording.rate(curve.used), curve.suggestion
    if suggested is None:
        return [_mark_rate(curve.used, f"used {used}; none suggested", "used", points, x, y, 0)]
    if wording.rate(suggested) == used:
        return [_mark_rate(curve.used, f"used {used}, as suggested", "used", points, x, y, 0)]
    return [
        _mark_rate(suggested, f"suggested {wording.rate(suggested)}", "suggested", points, x, y, 0),
        _mark_rate(curve.used, f"used {used}", "used", points, x, y, 1),
    ]


def _mark_rate(
    rate: float, label: str, name: str, points: Sequence[tuple[float, float]], x: ink.Axis, y: ink.Axis, row: int
) -> str:
    """Draw a rate as an upright line with a dot where it meets the curve; a rate off the curve at its nearer end."""
    at = min(max(x(log10(rate)), x.start), x.end) if rate > 0 and isfinite(rate) else x.start
    nearest = min(points, key=lambda point: abs(x(log10(point[0])) - at))
    right_half = at > (x.start + x.end) / 2
    return (
        ink.line(f"boundary {name}", at, ink.TOP - 18 + 16 * row, at, ink.HEIGHT - ink.BOTTOM)
        + f'<circle class="ring" cx="{at:.1f}" cy="{y(min(max(nearest[1], y.low), y.high)):.1f}" r="6"/>'
        + ink.text(
            at + (-7 if right_half else 7), ink.TOP - 8 + 16 * row, label, "end" if right_half else "start", "halo"
        )
    )
