"""What a curve shows -> the sentences: would more photos help, how many, of which class, from which query."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from fieldmark.evaluate.intervals import wilson
from fieldmark.study.projection import CONFIDENCE, FURTHEST, Band, Laws
from fieldmark.study.sources import Source
from fieldmark.terminal import count, printable

HELPS = 0.1
"""More photos help where four times as many take away at least this part of the error, by the whole of the band."""

LITTLE = 0.25
"""They change little where four times as many take away less than this part, by the whole of the band."""

MISLABELLED = 0.4
"""Labels are the limit where so much of what is got wrong is probably mislabelled. Of the 426 snakes 3 in 28 are; with
5 % of the labels turned around 21 in 47 and 31 in 48, with 10 % 44 in 61 and 53 in 77; see bench/curve.py. Classes that
overlap look no different to a network: of two clouds of which a fifth is got wrong by right, it is 17 in 38."""

LEAST_MISLABELLED = 5
"""Fewer such photos are no limit whatever their part: of 100 snakes 3 in 6 may be."""

NAMED = 4
"""Classes that a sentence names at most."""


@dataclass(frozen=True)
class Found:
    """How many of a class's photos are found by models that learned from the most photos.

    Attributes:
        right: of `n`, the mean over the ways of cutting, rounded.
        n: photos of the class.
    """

    right: int
    n: int

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % Wilson interval of the recall."""
        return wilson(self.right, self.n)


@dataclass(frozen=True)
class Outcome:
    """All that the sentences are made from.

    Attributes:
        folder: as it was given.
        photos: how many there are.
        wrong: of them that were got wrong on average, rounded, by models that learned from the most photos.
        laws: how the error falls.
        missed: photos that most of those models got wrong.
        mislabelled: those of them that `check` is sure of; None where it cannot tell.
        found: by class.
        sources: as `sources.read_sources` gives them.
    """

    folder: str
    photos: int
    wrong: int
    laws: Laws
    missed: int
    mislabelled: int | None
    found: Mapping[str, Found]
    sources: Sequence[Source] = ()

    @property
    def limited_by_labels(self) -> bool:
        """Whether wrong labels are a large part of what is got wrong."""
        n = self.mislabelled or 0
        return n >= LEAST_MISLABELLED and n >= MISLABELLED * self.missed


def verdict(outcome: Outcome) -> str:
    """Return the sentence that answers whether more photos would help."""
    if not outcome.wrong:
        most = wilson(0, outcome.photos)[1]
        return (
            f"None of {count(outcome.photos, 'photo')} was got wrong (95 % interval up to {most:.1%}), "
            "so these photos cannot show whether more would help."
        )
    if outcome.limited_by_labels:
        return (
            f"Labels are your limit, not quantity: {outcome.mislabelled} of the {outcome.missed} photos got wrong are "
            f"probably mislabelled; `fieldmark clean {shlex.quote(outcome.folder)}` shows them first."
        )
    n, laws = outcome.photos, outcome.laws
    fall = laws.fall(n, 4 * n)
    projected = (
        f"the error is {laws.errors(n)[0]:.1%} with all {n:,} photos, and projected to be "
        f"{shares(laws.error(2 * n))} with {2 * n:,} and {shares(laws.error(4 * n))} with {4 * n:,}."
    )
    if fall.high < LITTLE:
        return f"More photos like these would change little: {projected}"
    if fall.low >= HELPS:
        return f"More photos would help: {projected}"
    return f"Whether more photos would help cannot be told from {n:,}: {projected}"


def advice(outcome: Outcome) -> list[str]:
    """Return what to do about it: how many more photos, of which class, from which query. May be empty."""
    if not outcome.wrong:
        return []
    weakest = weakest_class(outcome.found)
    told = [_class(outcome.found, weakest)]
    if outcome.limited_by_labels:  # and the law of wrong labels says nothing of right ones
        told.insert(0, "Run curve again then. Where the labels prove right, the classes look too alike to the network.")
    else:
        told.insert(0, _half(outcome.laws.photos_for_half(outcome.photos), outcome.photos))
    labels = [weakest] if weakest else list(outcome.found)[:NAMED]
    return told + [sentence for label in labels if (sentence := _query(label, outcome.sources))]


def weakest_class(found: Mapping[str, Found]) -> str | None:
    """Return the class with the lowest recall, or None where its interval and the next one's overlap."""
    lowest, second = _by_recall(found)[:2]
    return lowest if found[lowest].interval[1] < found[second].interval[0] else None


def _by_recall(found: Mapping[str, Found]) -> list[str]:
    return sorted(found, key=lambda name: found[name].right / found[name].n)


def _half(needed: Band, photos: int) -> str:
    if not isfinite(needed.low):
        return f"Not even {FURTHEST} times as many photos are projected to halve the error."
    upper = f" to {_rounded(needed.high - photos)}" if isfinite(needed.high) else " at least"
    band = f"{CONFIDENCE:.0%} band: {_rounded(needed.low - photos)}{upper}"
    if not isfinite(needed.value):
        return f"Whether any number of photos halves the error cannot be told ({band})."
    return f"About {_rounded(needed.value - photos)} more photos would halve the error ({band})."


def _rounded(number: float) -> str:
    """Write a number of photos with two digits that count, for no more of them are known."""
    return f"{float(f'{max(number, 0):.1e}'):,.0f}"


def _class(found: Mapping[str, Found], weakest: str | None) -> str:
    if weakest:
        n = found[weakest].n
        return f"Begin with {_recall(weakest, found[weakest])}, the lowest recall; {n:,} more would double the class."
    named = _by_recall(found)[:NAMED]
    listed = ", ".join(_recall(name, found[name]) for name in named)
    more = f", and {len(found) - len(named)} more" if len(found) > len(named) else ""
    return f"Which class needs photos most cannot be told, as the intervals overlap: {listed}{more}."


def _recall(name: str, found: Found) -> str:
    low, high = found.interval
    return f"{printable(name, 60)} ({found.right} of {found.n} found, 95 % interval {low:.1%} to {high:.1%})"


def _query(label: str, sources: Sequence[Source]) -> str | None:
    """Name the query that brings the most photos in use for a class, of those that have more to give if any has."""
    of_class = [source for source in sources if source.label == label and source.in_use]
    if not of_class:
        return None
    best = max(of_class, key=lambda source: (not source.exhausted, source.in_use))
    name = f"{printable(best.query, 60)!r} at {printable(best.provider, 30)}"
    kept = f"{best.in_use} of the {count(best.fetched, 'photo')} it brought are in use"
    if best.exhausted:
        return f"For {printable(label, 60)} no query has more to give; the best was {name}: {kept}. Write another one."
    return f"For {printable(label, 60)} ask {name} for more, with a larger -m: {kept}."


def shares(band: Band) -> str:
    """Write an error with its band."""
    return f"{band.value:.1%} ({band.low:.1%} to {band.high:.1%})"
