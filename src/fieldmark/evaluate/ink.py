"""Shapes, words and axes of a chart -> SVG that takes its colours from the page around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, isfinite, log10

# User units. A chart fills at most 30rem of the page, so that text of 13 units stays between 10 and 15 pixels.
WIDTH, HEIGHT = 440, 270
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 34, 46
HUGE = 1e300  # losses beyond it are drawn here; twice as much would still be a float


@dataclass(frozen=True)
class Axis:
    """A stretch of numbers laid along a stretch of the drawing."""

    low: float
    high: float
    start: float  # user units at which `low` lies
    end: float

    def __call__(self, value: float) -> float:
        """Return where `value` lies, in user units."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def nice_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Return about `count` round numbers that enclose low..high, steps of 1, 2 or 5 times a power of ten."""
    if not high > low:
        low, high = low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2
    rough = (high - low) / count
    power = 10.0 ** floor(log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    return [i * step for i in range(first, last + 1)]


def svg(name: str, title: str, description: str, parts: Sequence[str]) -> str:
    """Frame a drawing, with a title and a description for those who cannot see it; `name` keeps ids apart."""
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="{name}-title {name}-desc">'
        f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(description)}</desc>'
        f"{''.join(parts)}</svg>"
    )


def text(x: float, y: float, words: str, anchor: str = "start", name: str = "") -> str:
    """Write words at a place in user units; `anchor` is start, middle or end."""
    kind = f' class="{name}"' if name else ""
    return f'<text{kind} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def line(name: str, x1: float, y1: float, x2: float, y2: float) -> str:
    """Draw a straight line between two places in user units."""
    return f'<line class="{name}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def value_axis(values: Sequence[float], at_least: float) -> Axis:
    """From zero, since heights are compared, to a round number above the greatest value."""
    top = max([at_least, *(min(v, HUGE) for v in values if isfinite(v))])
    return Axis(0, nice_ticks(0, top)[-1], HEIGHT - BOTTOM, TOP)


def grid(y: Axis, as_percent: bool = False) -> str:
    """Draw a line and a label for each tick of an upright axis."""
    ticks = [tick for tick in nice_ticks(y.low, y.high) if y.low - 1e-9 <= tick <= y.high * (1 + 1e-9)]
    said = labels([tick * 100 for tick in ticks] if as_percent else ticks)
    return "".join(
        line("grid", LEFT, y(tick), WIDTH - RIGHT, y(tick))
        + text(LEFT - 7, y(tick) + 4.5, label + (" %" if as_percent else ""), "end")
        for tick, label in zip(ticks, said, strict=True)
    )


def labels(ticks: Sequence[float]) -> list[str]:
    """Write all ticks of an axis with the digits that tell them apart, and no more."""
    step = ticks[1] - ticks[0]
    greatest = max(map(abs, ticks))
    if greatest < 1e5 and step >= 1e-4:
        return [f"{tick:.{max(0, -floor(log10(step) + 1e-9))}f}" for tick in ticks]
    digits = max(0, floor(log10(greatest)) - floor(log10(step) + 1e-9))
    return [power(tick, digits) if tick else "0" for tick in ticks]


def power(value: float, digits: int) -> str:
    """Write a number with a power of ten."""
    mantissa, exponent = f"{value:.{digits}e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def legend(entries: Sequence[tuple[str, str]]) -> str:
    """Name the lines of a chart along its top: (class of the line, what it shows)."""
    parts, x = [], float(LEFT)
    for name, label in entries:
        parts.append(line(f"line {name}", x, 13, x + 26, 13) + text(x + 33, 17.5, label))
        x += 33 + 7.5 * len(label) + 22
    return "".join(parts)


def empty(name: str, title: str, why: str) -> str:
    """Say in place of a chart why there is none."""
    return svg(name, title, f"{why.capitalize()}.", [text(WIDTH / 2, HEIGHT / 2, why, "middle")])


def ground() -> str:
    """Draw the line that a chart stands on."""
    return line("axis", LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM)
