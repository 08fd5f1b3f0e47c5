"""`fieldmark curve`, `compare`: would more photos help, would another recipe."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from fieldmark.cli.command import add_settings, command, print_json, settings_given
from fieldmark.config import TrainSettings
from fieldmark.terminal import printable, say

if TYPE_CHECKING:
    from fieldmark.study.curve import LearningCurve
    from fieldmark.study.standing import Standing

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
    from fieldmark.yields.table import fill

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


def add_compare(commands: Any) -> None:
    """Add `fieldmark compare`."""
    parser = command(commands, "compare", "tell which of several recipes is better, or that one cannot tell", _compare)
    parser.add_argument(
        "words", metavar="DIR|RUN", nargs="+", help="a workspace or class folders, with --vary; or two runs or more"
    )
    parser.add_argument(
        "--vary", metavar="KEY=A,B", help="the setting that varies and its values, such as fit=squish,pad-white"
    )
    add_settings(parser, TrainSettings)


def _compare(given: argparse.Namespace) -> int:
    from fieldmark.study.compare import compare_given

    standing = compare_given(given.words, given.vary, settings_given(TrainSettings, given))
    _say_standing(standing)
    if given.json:
        print_json(standing.to_dict())
    return 0


def _say_standing(standing: Standing) -> None:
    from fieldmark.yields.table import fill

    names = {arm.name: printable(arm.name, NAME_WIDTH) for arm in standing.arms}
    width = max(6, *map(len, names.values()))
    times = f", each judged {standing.repeats} times" if standing.repeats > 1 else ""
    say(f"{standing.photos:,} photos{times}.")
    say(f"{fill('recipe', width)}  {'wrong':>11}  {'error':>6}  {'95 % interval':<15}  log loss  minutes")
    for arm in standing.arms:
        wrong, (low, high) = f"{arm.wrong:,} of {arm.judgements:,}", arm.interval
        minutes = "" if arm.seconds is None else f"{arm.seconds / 60:7.1f}"
        row = f"{fill(names[arm.name], width)}  {wrong:>11}  {arm.error:>6.1%}  {f'{low:.1%} to {high:.1%}':<15}"
        say(f"{row}  {arm.log_loss:8.3f}  {minutes}".rstrip())
    for sentence in (*(pair.verdict for pair in standing.pairs), *standing.notes):
        say(sentence)
    if len(standing.pairs) > 1:
        say(f"Each is compared with {standing.reference}; p is corrected for there being {len(standing.pairs)}.")
