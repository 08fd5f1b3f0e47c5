"""What the page decides is what Python decides, on many tables of costs and many probabilities."""

import numpy as np

from fieldmark.costs import Costs
from support.chromium import needs_chromium, visit
from support.static_host import host
from support.tiny_model import tiny_model_bytes

pytestmark = needs_chromium

DECIDE = """async ([version, cases]) => {
    const { decide } = await import(`./${version}/costs.js`);
    return cases.map(([costs, rows]) => rows.map(([probabilities, unknown]) => decide(costs, probabilities, unknown)));
}"""


def tables(rng):
    """Costs of two to six classes, with and without the answers that are no class; many costs are the same."""
    for n in (2, 3, 6):
        names = [f"class {i}: a->b=c" for i in range(n)]
        for extra in ({}, {"unknown": 0.4}, {"expert": 0.2}, {"unknown": 0.5, "expert": 0.5}):
            for _ in range(12):
                pairs = [(a, b) for a in names for b in names if a != b and rng.random() < 0.5]
                prices = [(a, b, float(rng.choice([0, 0.1, 1, 2, 1000, rng.random() * 50]))) for a, b in pairs]
                yield Costs.of(names, [*prices, *(("*", answer, cost) for answer, cost in extra.items())])


def rows(rng, n):
    """Probabilities as a model file gives them, in single precision: sharp ones, flat ones, and exact ties."""
    drawn = [rng.dirichlet(np.full(n, rng.choice([0.1, 1.0, 20.0]))) for _ in range(12)]
    tied = [np.full(n, 1 / n), np.eye(n)[0], (np.eye(n)[0] + np.eye(n)[1]) / 2]
    return [[float(p) for p in row.astype(np.float32)] for row in (*drawn, *tied)]


def test_the_page_decides_as_python_does(browser, write_page):
    rng = np.random.default_rng(3)
    cases = [
        (costs, [(row, bool(rng.random() < 0.1)) for row in rows(rng, len(costs.classes))]) for costs in tables(rng)
    ]
    folder = write_page(tiny_model_bytes())
    (version,) = folder.glob("v*")
    with host(folder) as site, visit(browser, site.url) as page:
        given = [[costs.to_dict(), [[row, unknown] for row, unknown in asked]] for costs, asked in cases]
        found = page.evaluate(DECIDE, [version.name, given])

    compared = 0
    for (costs, asked), decided in zip(cases, found, strict=True):
        for (row, unknown), theirs in zip(asked, decided, strict=True):
            ours = costs.answer(np.array(row), unknown)
            assert (theirs["decision"], theirs["advice"]) == (ours.decision, ours.advice), (costs.prices, row)
            assert abs(theirs["expected_cost"] - ours.expected_cost) <= 1e-9 * (1 + ours.expected_cost)
            compared += 1
    assert compared == 144 * 15
