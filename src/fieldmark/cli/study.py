"""`fieldmark curve`: would more photos help."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from fieldmark.cli.command import command, print_json
from fieldmark.terminal import say

if TYPE_CHECKING:
    from fieldmark.study.curve import LearningCurve

NAME_WIDTH = 20
"""Columns of the terminal that a class's name may take; longer names are cut."""


def add_curve(commands: Any) -> None:
    """Add `fieldmark curve`."""
    parser = command(commands, "curve", "tell whether more photos would help, how many and of which class", _curve)
    parser.add_argument("folder", metavar="DIR", help="a workspace, or class folders; 40 different photos at least")


def _curve(given: argparse.Namespace) -> int:
    from fieldmark.study.curve import curve

    drawn = curve(given.folder)
    _say_curve(drawn)
    if given.json:
        print_json(drawn.to_dict())
    return 0


def _say_curve(drawn: LearningCurve) -> None:
    from fieldmark.study.projection import CONFIDENCE
    from fieldmark.yields.table import fill, printable

    names = [printable(name, NAME_WIDTH) for name in drawn.counts]
    widths = [max(7, len(name)) for name in names]
    say(f"{'photos':>9}  {'error':>6}  {'95 % interval':<15}  recall: {'  '.join(map(fill, names, widths))}".rstrip())
    for point in drawn.points:
        recalls = "  ".join(
            fill(f"{found.right / found.n:.1%}", w) for found, w in zip(point.found.values(), widths, strict=True)
        )
        say(f"{_row(point.photos, point.error, point.interval)}          {recalls}".rstrip())
    if drawn.projected:
        say(f"Projected, with the {CONFIDENCE:.0%} band:")
    for photos, band in drawn.projected.items():
        say(_row(photos, band.value, (band.low, band.high)).rstrip())
    n = sum(drawn.counts.values())
    different = f", {drawn.different:,} of them different" if drawn.different < n else ""
    say(
        f"The errors are those of a quick classifier on frozen features, asked about all {n:,} photos{different}; "
        "`fieldmark train` has its own."
    )
    for sentence in drawn.left_out:
        say(sentence)
    say(drawn.verdict)
    for sentence in drawn.advice:
        say(sentence)


def _row(photos: int, error: float, interval: tuple[float, float]) -> str:
    return f"{photos:>9,}  {error:>6.1%}  {f'{interval[0]:.1%} to {interval[1]:.1%}':<15}"
