"""Simulate how often each interval holds the truth, and how often the paired test cries wolf. Prints tables.

    python bench/coverage.py [--repeats 2000] [--seed 20261123]

Each repeat draws a data set from a known population, runs real cross-validation on it with a real classifier, and
forms every interval. The population: classes are round Gaussian clouds in some dimensions, their distance chosen so
that the recipe errs about as often as the row says. With groups, photos come as near-duplicates: they share most of
what makes a photo this one and not another, and never straddle a fold. The classifier is linear discriminant analysis
with a ridge.

The truth is the error of the recipe: what models trained like these, on so many photos, get wrong of fresh photos, on
average over data sets. For two classes the true error of a linear model is a normal tail and is computed; for three
it is counted on fresh draws. A second truth is shown beside it: the mean true error of the very models of the folds.

The last line is JSON.
"""

import argparse
import json
import time
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from typing import Any

import numpy as np
from scipy import special

from fieldmark.evaluate.intervals import judged, repeated_folds, wilson
from fieldmark.evaluate.paired import compare_pair

Array = np.ndarray[Any, np.dtype[Any]]
Interval = tuple[float, float]

FOLDS, ROUNDS = 5, 3
RIDGE = 0.05
Z = NormalDist().inv_cdf(0.975)
BOOTSTRAPS = 200
# Two recipes see each photo through noise of their own; this share of what they see they have in common.
COMMON = 0.8
# How much nearer the classes lie for the worse of two recipes.
WORSE = 0.85
# How far a photo of a group lies from its fellows, as a share of the spread of the class.
JITTER = 0.3
FRESH = 2000


@dataclass(frozen=True)
class Scenario:
    """A population and how many photos are drawn from it."""

    n: int
    error: float
    groups: str = ""
    classes: int = 2
    dimensions: int = 10

    @property
    def name(self) -> str:
        """What the row is called."""
        extra = ("" if self.classes == 2 else f", {self.classes} classes") + (
            "" if self.dimensions == 10 else f", {self.dimensions} dimensions"
        )
        return f"{self.n} photos{extra}{f', {self.groups} groups' if self.groups else ''}"


def scenarios() -> list[Scenario]:
    """All rows of the tables."""
    errors = (0.02, 0.05, 0.15)
    rows = [Scenario(n, error, groups) for groups in ("", "small") for n in (85, 426, 1500) for error in errors]
    rows += [Scenario(60, error, groups, classes=3, dimensions=6) for groups in ("", "small") for error in errors]
    rows += [Scenario(n, error, "large") for n in (85, 426, 1500) for error in errors]
    # Hardly more photos than dimensions: a recipe that depends on which photos it happened to get.
    return rows + [Scenario(85, error, dimensions=40) for error in errors[1:]]


def centres(scenario: Scenario, distance: float) -> Array:
    """Place the classes at equal distance from one another."""
    at = np.zeros((scenario.classes, scenario.dimensions))
    at[np.arange(scenario.classes), np.arange(scenario.classes)] = distance / sqrt(2)
    return at


def group_sizes(n: int, kind: str, rng: np.random.Generator) -> Array:
    """Draw the sizes of groups that hold n photos together, [groups].

    Small: of a hundred groups 75 are a single photo, 15 a pair, 10 have three to five. Large, as from bursts and
    films: 60 are a single photo, 20 a pair, 20 have three to eight; two photos of three then lie in the latter.
    """
    if not kind:
        return np.ones(n, dtype=np.int64)
    single, largest = (0.75, 5) if kind == "small" else (0.6, 8)
    alone, pair = rng.random(n) < single, rng.random(n) < (0.6 if kind == "small" else 0.5)
    sizes = np.where(alone, 1, np.where(pair, 2, rng.integers(3, largest + 1, n)))
    ends = np.minimum(np.cumsum(sizes), n)
    return np.diff(ends, prepend=0)[np.diff(ends, prepend=0) > 0]


def draw(scenario: Scenario, at: Array, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Draw points [n, d], labels [n] and groups [n]."""
    sizes = group_sizes(scenario.n, scenario.groups, rng)
    groups = np.repeat(np.arange(len(sizes)), sizes)
    label = rng.integers(0, scenario.classes, len(sizes))[groups]
    shape = (scenario.n, scenario.dimensions)
    if not scenario.groups:
        return at[label] + rng.standard_normal(shape), label, groups
    shared = rng.standard_normal((len(sizes), scenario.dimensions))[groups]
    own = rng.standard_normal(shape)
    return at[label] + sqrt(1 - JITTER**2) * shared + JITTER * own, label, groups


def deal(label: Array, groups: Array, rng: np.random.Generator) -> Array:
    """Deal whole groups to folds, class by class in random order: the fold of each photo, [n]."""
    n_groups = int(groups[-1]) + 1
    of_group = label[np.searchsorted(groups, np.arange(n_groups))]
    order = np.lexsort((rng.random(n_groups), of_group))
    fold = np.empty(n_groups, dtype=np.int64)
    fold[order] = (np.arange(n_groups) + rng.integers(FOLDS)) % FOLDS
    return fold[groups]


def fit(points: Array, label: Array, kept: Array, classes: int) -> tuple[Array, Array]:
    """Train a model on each row of `kept` [models, n]: weights [models, c, d] and biases [models, c]."""
    n, d = points.shape
    member = np.eye(classes)[label]
    counts = kept @ member
    sums = np.stack([kept @ (points * member[:, c : c + 1]) for c in range(classes)], axis=1)
    means = sums / np.maximum(counts, 1)[:, :, None]
    squares = (kept @ (points[:, :, None] * points[:, None, :]).reshape(n, d * d)).reshape(-1, d, d)
    within = squares - np.einsum("mc,mci,mcj->mij", counts, means, means)
    spread = within / np.maximum(counts.sum(axis=1) - classes, 1)[:, None, None]
    spread += RIDGE * np.trace(spread, axis1=1, axis2=2)[:, None, None] / d * np.eye(d)
    weights = np.linalg.solve(spread, means.transpose(0, 2, 1)).transpose(0, 2, 1)
    biases = -0.5 * np.einsum("mcd,mcd->mc", weights, means)
    return weights, np.where(counts > 0, biases, -1e9)


def true_errors(weights: Array, biases: Array, at: Array, fresh: tuple[Array, Array]) -> Array:
    """Return the true error of each model, [models]."""
    if len(at) == 2:
        across, bias = weights[:, 1] - weights[:, 0], biases[:, 1] - biases[:, 0]
        length = np.maximum(np.linalg.norm(across, axis=1), 1e-12)
        reach = (across @ at.T + bias[:, None]) / length[:, None]
        return 0.5 * (special.ndtr(reach[:, 0]) + special.ndtr(-reach[:, 1]))
    points, label = fresh
    scores = np.einsum("nd,mcd->mnc", points, weights, optimize=True) + biases[:, None]
    return (scores.argmax(axis=2) != label).mean(axis=1)


def held_out(
    scenario: Scenario, points: Array, label: Array, folds: Array, at: Array, fresh: tuple[Array, Array]
) -> tuple[Array, Array]:
    """Train on all folds but one and judge that one: wrong [rounds, n], true errors [rounds, folds]."""
    kept = (folds[:, None, :] != np.arange(FOLDS)[None, :, None]).reshape(-1, scenario.n).astype(float)
    weights, biases = fit(points, label, kept, scenario.classes)
    scores = (points @ weights.reshape(-1, scenario.dimensions).T).reshape(scenario.n, -1, scenario.classes) + biases
    named = scores.argmax(axis=2).T.reshape(len(folds), FOLDS, scenario.n)
    judged = np.take_along_axis(named, folds[:, None, :], axis=1)[:, 0]
    return judged != label, true_errors(weights, biases, at, fresh).reshape(len(folds), FOLDS)


def cross_validate(
    scenario: Scenario, at: Array, fresh: tuple[Array, Array], rounds: int, rng: np.random.Generator
) -> tuple[Array, Array, Array, Array]:
    """Draw a data set and cross-validate: wrong [rounds, n], groups [n], true errors [rounds, folds], folds."""
    points, label, groups = draw(scenario, at, rng)
    folds = np.stack([deal(label, groups, rng) for _ in range(rounds)])
    wrong, truth = held_out(scenario, points, label, folds, at, fresh)
    return wrong, groups, truth, folds


def fresh_draws(scenario: Scenario, at: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Draw photos no model sees, to count its true error on; two classes need none.

    They are new for each data set: the same ones throughout would put one and the same error into the truth.
    """
    if scenario.classes == 2:
        return np.zeros((0, scenario.dimensions)), np.zeros(0, dtype=np.int64)
    label = np.arange(FRESH) % scenario.classes
    return at[label] + rng.standard_normal((FRESH, scenario.dimensions)), label


def calibrate(scenario: Scenario) -> Array:
    """Find the distance of the classes at which the recipe errs as often as wanted."""
    low, high = 0.5, 12.0
    for _ in range(12):
        middle = (low + high) / 2
        at = centres(scenario, middle)
        rng, others = np.random.default_rng(11), np.random.default_rng(7)
        error = np.mean(
            [cross_validate(scenario, at, fresh_draws(scenario, at, others), 1, rng)[2].mean() for _ in range(30)]
        )
        low, high = (middle, high) if error > scenario.error else (low, middle)
    return centres(scenario, (low + high) / 2)


def score(share: float, n: float) -> Interval:
    """Return Wilson's interval for n that is no whole number."""
    centre, reach = share + Z * Z / (2 * n), Z * sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    return max((centre - reach) / (1 + Z * Z / n), 0.0), min((centre + reach) / (1 + Z * Z / n), 1.0)


def bootstrap(sums: Array, sizes: Array, rng: np.random.Generator) -> Interval:
    """Draw groups with replacement and take the percentiles of their error."""
    kinds, counts = np.unique(np.stack([sums, sizes]), axis=1, return_counts=True)
    drawn = rng.multinomial(len(sizes), counts / len(sizes), BOOTSTRAPS)
    low, high = np.percentile((drawn @ kinds[0]) / (drawn @ kinds[1]), (2.5, 97.5))
    return float(low), float(high)


def candidates(wrong: Array, groups: Array, folds: Array, rng: np.random.Generator) -> dict[str, Interval]:
    """Form every interval of one cross-validation."""
    seen = judged(wrong, groups)
    n, share, g = seen.n, seen.share, len(seen.sizes)
    sums = seen.sums.mean(axis=0)
    variance = g / (g - 1) * float(((sums - share * seen.sizes) ** 2).sum()) / n**2
    reach = float(special.stdtrit(g - 1, 0.975)) * sqrt(variance)
    errors = np.array([w[f == k].mean() for w, f in zip(wrong, folds, strict=True) for k in range(FOLDS)])
    between = float(special.stdtrit(len(errors) - 1, 0.975)) * sqrt(errors.var(ddof=1) * (1 / len(errors) + 0.25))
    one = wrong[0][folds[0] == 0]
    return {
        "chosen": repeated_folds(wrong, groups),
        "Wilson, n": score(share, n),
        "Wilson, effective n": score(share, share * (1 - share) / variance if variance else seen.alike),
        "Wilson, groups as one": score(share, seen.alike),
        "t over groups": (share - reach, share + reach),
        "bootstrap of groups": bootstrap(sums, seen.sizes, rng),
        "corrected t of folds": (share - between, share + between),
        "Wilson, one fold": wilson(int(one.sum()), len(one)),
    }


def holds(made: list[Interval], truth: Array | float) -> float:
    """Return which share of the intervals holds the truth."""
    low, high = np.array(made).T
    return float(((low <= truth) & (truth <= high)).mean())


def width(made: list[Interval]) -> float:
    """Return the mean width, bounds outside 0 and 1 cut off."""
    low, high = np.clip(np.array(made), 0, 1).T
    return float((high - low).mean())


def coverage(scenario: Scenario, repeats: int, seed: int) -> list[dict[str, Any]]:
    """Simulate a scenario: a row for one round of cross-validation, and one for several."""
    at = calibrate(scenario)
    rng, others = np.random.default_rng(seed), np.random.default_rng(seed + 1)
    made: dict[int, list[dict[str, Interval]]] = {1: [], ROUNDS: []}
    truths = []
    for _ in range(repeats):
        fresh = fresh_draws(scenario, at, others)
        wrong, groups, truth, folds = cross_validate(scenario, at, fresh, ROUNDS, rng)
        truths.append(truth.mean(axis=1))
        for rounds, found in made.items():
            found.append(candidates(wrong[:rounds], groups, folds[:rounds], rng))
    true = np.array(truths)
    recipe = float(true.mean())
    rows = []
    for rounds, found in made.items():
        by_method = {name: [one[name] for one in found] for name in found[0]}
        row: dict[str, Any] = {"scenario": scenario.name, "error": recipe, "rounds": rounds}
        row["coverage"] = {name: holds(intervals, recipe) for name, intervals in by_method.items()}
        row["width"] = {name: width(intervals) for name, intervals in by_method.items()}
        row["of these models"] = holds(by_method["chosen"], true[:, :rounds].mean(axis=1))
        rows.append(row)
    return rows


def pairs(scenario: Scenario, repeats: int, seed: int) -> list[dict[str, Any]]:
    """Compare three recipes on the same photos: two are equally good, the third is worse."""
    at = calibrate(scenario)
    rng, others = np.random.default_rng(seed), np.random.default_rng(seed + 1)
    views = (at, at, WORSE * at)
    made: dict[int, list[tuple[Any, ...]]] = {1: [], ROUNDS: []}
    truths = []
    for _ in range(repeats):
        points, label, groups = draw(scenario, 0 * at, rng)
        fresh = fresh_draws(scenario, at, others)
        folds = np.stack([deal(label, groups, rng) for _ in range(ROUNDS)])
        wrong, true = [], []
        for centre in views:
            own = rng.standard_normal(points.shape)
            seen = centre[label] + sqrt(COMMON) * points + sqrt(1 - COMMON) * own
            judgements, errors = held_out(scenario, seen, label, folds, centre, fresh)
            wrong.append(judgements)
            true.append(errors.mean())
        truths.append(true)
        for rounds, found in made.items():
            a, b, worse = (judgements[:rounds] for judgements in wrong)
            blind = compare_pair(a[0], b[0]).p
            found.append((compare_pair(a, b, groups), compare_pair(a, worse, groups), blind))
    a, b, worse = np.mean(truths, axis=0)
    rows = []
    for rounds, found in made.items():
        equal, unequal, blind = zip(*found, strict=True)
        row: dict[str, Any] = {"scenario": scenario.name, "errors": [(a + b) / 2, worse], "rounds": rounds}
        row["false alarms"] = float(np.mean([one.p < 0.05 for one in equal]))
        row["false alarms, groups ignored"] = float(np.mean(np.array(blind) < 0.05))
        row["found"] = float(np.mean([one.p < 0.05 and one.difference < 0 for one in unequal]))
        row["coverage, equal"] = holds([(one.low, one.high) for one in equal], 0.0)
        row["coverage, unequal"] = holds([(one.low, one.high) for one in unequal], (a + b) / 2 - worse)
        rows.append(row)
    return rows


def percent(share: float) -> str:
    """Write a share in percent, for a table."""
    return f"{share * 100:.1f}"


def show(head: list[str], rows: list[list[str]]) -> None:
    """Print a Markdown table."""
    for cells in [head, ["---"] * len(head), *rows]:
        print(f"| {' | '.join(cells)} |")
    print(flush=True)


def main() -> None:
    """Read the arguments and simulate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=20261123)
    given = parser.parse_args()
    start = time.perf_counter()
    rows = [row for scenario in scenarios() for row in coverage(scenario, given.repeats, given.seed)]
    names = list(rows[0]["coverage"])
    places = [[row["scenario"], percent(row["error"]), str(row["rounds"])] for row in rows]
    print("Coverage in %, mean width in brackets\n")
    show(
        ["photos", "error, %", "rounds", names[0], "of these models", *names[1:]],
        [
            place
            + [f"{percent(row['coverage'][name])} ({percent(row['width'][name])})" for name in names[:1]]
            + [percent(row["of these models"])]
            + [f"{percent(row['coverage'][name])} ({percent(row['width'][name])})" for name in names[1:]]
            for place, row in zip(places, rows, strict=True)
        ],
    )
    print("Methods over all rows\n")
    summary = {}
    for name in names:
        held = np.array([round(row["coverage"][name], 4) for row in rows])
        summary[name] = {
            "within": int(((held >= 0.93) & (held <= 0.97)).sum()),
            "below": int((held < 0.93).sum()),
            "above": int((held > 0.97).sum()),
            "least": float(held.min()),
            "most": float(held.max()),
        }
    show(
        ["method", "93 to 97 %", "below", "above", "least", "most"],
        [
            [
                name,
                *(str(one[key]) for key in ("within", "below", "above")),
                percent(one["least"]),
                percent(one["most"]),
            ]
            for name, one in summary.items()
        ],
    )
    duels = [
        row
        for scenario in [Scenario(n, 0.05, groups) for groups in ("", "small", "large") for n in (85, 426)]
        + [Scenario(1500, 0.05, "large"), Scenario(85, 0.15, dimensions=40)]
        for row in pairs(scenario, given.repeats, given.seed)
    ]
    columns = list(duels[0])[3:]
    print("Comparisons, in %\n")
    show(
        ["photos", "errors, %", "rounds", *columns],
        [
            [row["scenario"], " and ".join(map(percent, row["errors"])), str(row["rounds"])]
            + [percent(row[column]) for column in columns]
            for row in duels
        ],
    )
    took = round(time.perf_counter() - start)
    print(
        json.dumps(
            {
                "repeats": given.repeats,
                "seed": given.seed,
                "seconds": took,
                "summary": summary,
                "rows": rows,
                "comparisons": duels,
            }
        )
    )


if __name__ == "__main__":
    main()
