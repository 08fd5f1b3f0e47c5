"""Catalog -> what each search gave, in numbers, and the words for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce

from rich.cells import cell_len, set_cell_size

from fieldmark.artifacts import candidates, searches
from fieldmark.artifacts.candidates import Tally
from fieldmark.artifacts.catalog import Catalog
from fieldmark.artifacts.searches import NO_FAILURE, UNFINISHED, Standing

COLUMNS: dict[str, tuple[str, ...]] = {
    "fetched": ("ok",),
    "duplicate": ("duplicate",),
    "conflict": ("conflict",),
    "too small": ("too_small", "bad_shape"),
    "refused": ("negative", "licence", "robots", "opted_out", "refused_address", "forgotten"),
    "failed": ("http_error", "timeout", "too_many_bytes", "too_many_pixels", "not_an_image", "gave_up"),
    "waiting": ("pending",),
}
"""The columns beside "found", and the statuses that each counts; every status is in exactly one."""

MEANINGS: dict[str, str] = {
    "pending": "Waits to be fetched; the same command again goes on with it.",
    "ok": "Is a photo of its class now.",
    "duplicate": "Gave the same bytes as another candidate of its class that ranks better; kept once.",
    "conflict": "Gave bytes that another class claims too; kept out until a person decides.",
    "negative": "Its title, page or tags hold a word that the query excludes; not fetched.",
    "licence": "Has a licence that was not asked for; not fetched.",
    "robots": "The robots.txt of its host keeps it from us; not fetched.",
    "opted_out": "Its owner reserves it from machine learning.",
    "refused_address": "Is no web address, or leads to a machine that we do not call.",
    "http_error": "Its host answered with an error.",
    "timeout": "Took longer than we give.",
    "too_many_bytes": "Is a larger file than we read.",
    "too_many_pixels": "Promises more pixels than we decode.",
    "not_an_image": "Gave no picture, or half of one, whatever its name says.",
    "too_small": "Has a side shorter than the smallest that was asked for.",
    "bad_shape": "Is much longer than wide, or wider than long: a banner, not a photo.",
    "forgotten": "Its owner asked for its removal.",
    "gave_up": "Its host could not be reached, or broke off time and again.",
}
"""What each status says of a candidate, as the rest of a sentence about it."""

OUTCOMES: dict[str, str] = {
    UNFINISHED: "Not finished; the same command again goes on.",
    "ok": "Gave what was asked for, or all that it has.",
    "nothing found": "Answered, and has nothing.",
    "blocked": "Takes us for a robot, or refuses us. That says nothing of what it has.",
    "rate-limited": "Wants us to come back later.",
    "no key": "Answers only to a key, which is not set or not good.",
    "page changed": "Answered in a shape that we do not know.",
    "unreachable": "Could not be reached.",
}
"""What each outcome says of a search; a provider from elsewhere may have others."""


@dataclass(frozen=True)
class Counts:
    """How many candidates are in which status."""

    by_status: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, other: Counts) -> Counts:
        return Counts(Counter(self.by_status) + Counter(other.by_status))

    def __getitem__(self, column: str) -> int:
        """Return the figure below one of `COLUMNS`, or below "found"."""
        if column == "found":
            return sum(self.by_status.values())
        return sum(self.by_status.get(status, 0) for status in COLUMNS[column])

    @property
    def undecided_at_search(self) -> int:
        """How many were not turned away before anything was fetched."""
        return self["found"] - sum(self.by_status.get(status, 0) for status in candidates.UNWANTED)


@dataclass(frozen=True)
class Yield:
    """What one query gave at one provider, for one class.

    Attributes:
        label: the class.
        query: as typed; for a list or a folder its name.
        provider: whom we asked.
        counts: of its candidates.
        only_here: its photos that no other provider named.
        outcome: how the search ended, a key of `OUTCOMES` as a rule.
        reason: a sentence of it, where there is something to say.
    """

    label: str
    query: str
    provider: str
    counts: Counts
    only_here: int = 0
    outcome: str = UNFINISHED
    reason: str = ""

    @property
    def failed(self) -> bool:
        """Whether the provider gave no answer that we can use."""
        return self.outcome not in NO_FAILURE


def read_yields(catalog: Catalog) -> list[Yield]:
    """Return what every search of a harvest gave, class by class, in the order of query and provider."""
    return merge(candidates.tally(catalog), searches.read_all(catalog), candidates.photos_only_here(catalog))


def merge(
    tallies: Iterable[Tally],
    standings: Iterable[Standing] = (),
    only_here: Mapping[tuple[str, str, str], int] | None = None,
) -> list[Yield]:
    """Lay counts and outcomes of the same search side by side; a search may have only one of them."""
    counted: dict[tuple[str, str, str], dict[str, int]] = {}
    for tally in tallies:
        counted.setdefault((tally.label, tally.query, tally.provider), {})[tally.status] = tally.n
    ended = {(standing.label, standing.query, standing.provider): standing for standing in standings}
    return [
        Yield(
            *key,
            counts=Counts(counted.get(key, {})),
            only_here=(only_here or {}).get(key, 0),
            outcome=ended[key].outcome if key in ended else UNFINISHED,
            reason=ended[key].reason if key in ended else "",
        )
        for key in sorted(counted.keys() | ended.keys())
    ]


def total(rows: Iterable[Yield]) -> Counts:
    """Return the sum of some searches."""
    return reduce(Counts.__add__, (row.counts for row in rows), Counts())


def by_class(rows: Iterable[Yield]) -> dict[str, list[Yield]]:
    """Gather searches by the class they feed."""
    return _gather(rows, lambda row: row.label)


def by_provider(rows: Iterable[Yield]) -> dict[str, list[Yield]]:
    """Gather searches by the provider they asked."""
    return _gather(rows, lambda row: row.provider)


def _gather(rows: Iterable[Yield], key: Callable[[Yield], str]) -> dict[str, list[Yield]]:
    groups: dict[str, list[Yield]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return dict(sorted(groups.items()))


def columns_used(counts: Counts) -> list[str]:
    """Return the columns worth a place: always those of a plain harvest, the others where they count anything."""
    return ["found", *(name for name in COLUMNS if name not in ("conflict", "waiting") or counts[name])]


def cut(text: str, width: int) -> str:
    """Shorten a text to so many columns of a terminal, in which some characters take two."""
    return text if cell_len(text) <= width else set_cell_size(text, max(0, width - 1)).rstrip() + "…"


def fill(text: str, width: int) -> str:
    """Bring a text to exactly so many columns of a terminal."""
    return set_cell_size(cut(text, width), width)
