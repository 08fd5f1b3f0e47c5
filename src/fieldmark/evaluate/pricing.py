"""Predictions and what mistakes cost -> what deciding by cost saves, and what it takes in return."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldmark.artifacts.predictions import Predictions
from fieldmark.costs import EXPERT, UNKNOWN, UNPRICED, Costs
from fieldmark.evaluate.intervals import photos_needed, upper_bound
from fieldmark.evaluate.wording import percent

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

TARGET = 0.01
"""The rate of a dear mistake to which a report says how many photos it would take."""

MOST_SENTENCES = 5
"""Dear mistakes that get a sentence, the dearest first; the figures hold them all."""

MOST_CHANGES = 4
"""Kinds of answer named as the price, the commonest first."""


def price(predictions: Predictions, costs: Costs | None) -> dict[str, Any] | None:
    """Return what comes of deciding by cost about each photo once; None where mistakes have no costs.

    Of a photo that was judged several times the probabilities are averaged, and it is unknown where it mostly was.
    """
    if costs is None:
        return None
    first, rows = np.unique(predictions.photos, return_index=True, return_inverse=True)[1:]
    times = np.bincount(rows.ravel())
    means = [np.bincount(rows.ravel(), weights=column) / times for column in predictions.probabilities.T]
    unknown = np.bincount(rows.ravel(), weights=predictions.unknown) > times / 2
    return summarize_costs(np.stack(means, axis=1), predictions.actual[first], costs, unknown)


def summarize_costs(
    probabilities: Floats, actual: Indices, costs: Costs, unknown: NDArray[np.bool_] | None = None
) -> dict[str, Any]:
    """Return what comes of deciding by least expected cost, as it stands in `metrics.json` under "costs".

    Args:
        probabilities: float `[n, c]`, n at least 1: calibrated, and of photos that had no part in training. One row
            for each photo: average the repeats before, else the bounds would be those of more photos than there are.
        actual: int64 `[n]`.
        costs: over the c classes.
        unknown: bool `[n]`, photos of which the model says that they are none of the classes; they are answered with
            "unknown" whatever that costs, by the most probable class too. None: there are none.

    Returns:
        `answers`, and what was answered: `table` counts photos by actual class (rows) and answer (columns), `total`
        and `mean` are what that costs, `by_top_class` holds the same three for the most probable class. `watched` has
        for each class taken for another at more than the cost of 1 how many of its n photos were `missed` so, the
        one-sided 95 % `upper` bound of that rate, how many photos without a miss are `needed` to bring the bound to
        1 %, and how many are `missed_by_top_class`; dearest first. `sentences` says it all in words.

    Raises:
        ValueError: there is no photo, or the parts do not fit together.
    """
    if not len(actual) or len(actual) != len(probabilities):
        raise ValueError(f"{len(probabilities)} rows of probabilities for {len(actual)} photos")
    by_cost, by_top = costs.decide(probabilities), np.asarray(np.argmax(probabilities, axis=1), dtype=np.int64)
    if unknown is not None and unknown.any():
        wide = costs.with_unknown()
        columns = np.array([wide.answers.index(answer) for answer in costs.answers], dtype=np.int64)
        by_cost, costs = columns[by_cost], wide
        by_cost[unknown] = by_top[unknown] = wide.answers.index(UNKNOWN)
    decided, plain = (_tally(actual, chosen, costs) for chosen in (by_cost, by_top))
    figures = {
        "answers": list(costs.answers),
        "classes": list(costs.classes),
        **_bill(decided, costs),
        "by_top_class": _bill(plain, costs),
        "watched": _watch(decided, plain, costs),
    }
    return {**figures, "sentences": say_costs(figures)}


def _tally(actual: Indices, chosen: Indices, costs: Costs) -> Indices:
    """Count photos by actual class (rows) and answer (columns): int64 `[c, a]`."""
    c, a = costs.matrix.shape
    return np.bincount(actual * a + chosen, minlength=c * a).reshape(c, a).astype(np.int64)


def _bill(table: Indices, costs: Costs) -> dict[str, Any]:
    total = float((table * costs.matrix).sum())
    return {"table": table.tolist(), "total": total, "mean": total / int(table.sum())}


def _watch(decided: Indices, plain: Indices, costs: Costs) -> list[dict[str, Any]]:
    c = len(costs.classes)
    pairs = [(i, j) for i in range(c) for j in range(c) if costs.matrix[i, j] > UNPRICED]
    found = []
    for i, j in sorted(pairs, key=lambda pair: -costs.matrix[pair]):
        missed, n = int(decided[i, j]), int(decided[i].sum())
        found.append(
            {
                "actual": costs.classes[i],
                "answer": costs.answers[j],
                "cost": float(costs.matrix[i, j]),
                "missed": missed,
                "n": n,
                "upper": upper_bound(missed, n) if n else 1.0,
                "needed": photos_needed(TARGET),
                "missed_by_top_class": int(plain[i, j]),
            }
        )
    return found


def say_costs(figures: Mapping[str, Any]) -> list[str]:
    """Say how often the dear mistakes happen, what avoiding them takes, and what it saves: a few sentences."""
    watched = figures["watched"]
    sentences = [_say_watched(pair) for pair in watched[:MOST_SENTENCES]]
    if len(watched) > MOST_SENTENCES:
        sentences.append(f"{len(watched) - MOST_SENTENCES:,} more mistakes have a cost of their own.")
    sentences.append(_say_price(figures))
    by_cost, by_top = figures["mean"], figures["by_top_class"]["mean"]
    if figures["table"] != _by_top(figures):
        sentences.append(f"A photo costs {by_cost:,.3g} on average; by the most probable class it would {by_top:,.3g}.")
    return sentences


def _say_watched(pair: Mapping[str, Any]) -> str:
    missed, n, actual, answer = pair["missed"], pair["n"], pair["actual"], pair["answer"]
    if not n:
        return f"No photo of {actual} was there to be called {answer}, so nothing is known about that mistake."
    counted = f"{missed:,} of {n:,} {actual} called {answer}"
    instead = f", {pair['missed_by_top_class']:,} by the most probable class"
    before = instead if pair["missed_by_top_class"] != missed else ""
    bound = f"the true rate may be as high as {percent(pair['upper'])}"
    if pair["upper"] < TARGET:
        return f"{counted}{before}; {bound}."
    return f"{counted}{before}; {bound}; {pair['needed']:,} without a miss would bring it under {TARGET * 100:g} %."


def _say_price(figures: Mapping[str, Any]) -> str:
    """Name the answers other than the right one that became more frequent; the dear mistakes are the gain."""
    change = np.array(figures["table"]) - np.array(_by_top(figures))
    classes, answers = figures["classes"], figures["answers"]
    more = [
        (int(change[i, j]), _say_more(int(change[i, j]), classes[i], answers[j], j < len(classes)))
        for i in range(len(classes))
        for j in range(len(answers))
        if i != j and change[i, j] > 0
    ]
    if not more:
        return "Price: none; no wrong answer became more frequent."
    more.sort(key=lambda one: -one[0])
    said = [words for _, words in more[:MOST_CHANGES]]
    rest = sum(count for count, _ in more[MOST_CHANGES:])
    return f"Price: {', '.join(said)}{f', and {rest:,} more of other kinds' if rest else ''}."


def _say_more(count: int, actual: str, answer: str, is_class: bool) -> str:
    if is_class:
        return f"{count:,} more {actual} called {answer}"
    words = {UNKNOWN: "answered with “unknown”", EXPERT: "sent to an expert"}
    return f"{count:,} {actual} {words[answer]}"


def _by_top(figures: Mapping[str, Any]) -> Sequence[Sequence[int]]:
    """The table by the most probable class, which has the same columns as the other."""
    table: Sequence[Sequence[int]] = figures["by_top_class"]["table"]
    return table
