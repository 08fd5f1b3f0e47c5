import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldmark.artifacts.predictions import Predictions
from fieldmark.costs import Costs, parse_cost
from fieldmark.evaluate.pricing import price, summarize_costs

SNAKES = ("coral", "king")


def summary(rows, actual, *texts, classes=SNAKES):
    costs = Costs.of(classes, [parse_cost(text) for text in texts])
    return summarize_costs(np.array(rows, dtype=float).reshape(len(actual), len(classes)), np.array(actual), costs)


def snakes(corals, kings):
    """Rows and truth of photos with these probabilities of being a coral."""
    return [(p, 1 - p) for p in (*corals, *kings)], [0] * len(corals) + [1] * len(kings)


# 45 corals of which one is taken for a king, and 40 kings of which 7 look a little like a coral.
ROWS, ACTUAL = snakes([0.99] * 44 + [0.2], [0.0001] * 33 + [0.3] * 7)


def test_a_dear_mistake_happens_no_more_and_the_report_shows_the_price():
    figures = summary(ROWS, ACTUAL, "coral->king=1000")
    assert figures["table"] == [[45, 0], [7, 33]]
    assert figures["by_top_class"]["table"] == [[44, 1], [0, 40]]
    assert (figures["total"], figures["by_top_class"]["total"]) == (7, 1000)
    assert figures["mean"] == pytest.approx(7 / 85)
    assert figures["sentences"] == [
        "0 of 45 coral called king, 1 by the most probable class; the true rate may be as high as 6.4 %; "
        "299 without a miss would bring it under 1 %.",
        "Price: 7 more king called coral.",
        "A photo costs 0.0824 on average; by the most probable class it would 11.8.",
    ]


def test_the_bound_stands_beside_each_dear_mistake():
    (pair,) = summary(ROWS, ACTUAL, "coral->king=1000")["watched"]
    assert pair == {
        "actual": "coral",
        "answer": "king",
        "cost": 1000,
        "missed": 0,
        "n": 45,
        "upper": pytest.approx(1 - 0.05 ** (1 / 45)),
        "needed": 299,
        "missed_by_top_class": 1,
    }


def test_other_answers_than_classes_are_part_of_the_price():
    figures = summary(ROWS, ACTUAL, "coral->king=1000", "->expert=0.5", "->unknown=0.6")
    assert figures["answers"] == ["coral", "king", "unknown", "expert"]
    assert figures["table"] == [[44, 0, 0, 1], [0, 33, 0, 7]]
    assert "Price: 7 king sent to an expert, 1 coral sent to an expert." in figures["sentences"]
    assert "7 king answered with “unknown”" in " ".join(summary(ROWS, ACTUAL, "->unknown=0.1")["sentences"])


def test_without_prices_nothing_changes_and_nothing_is_paid():
    figures = summary(ROWS, ACTUAL)
    assert figures["table"] == figures["by_top_class"]["table"]
    assert figures["watched"] == []
    assert figures["sentences"] == ["Price: none; no wrong answer became more frequent."]


def test_all_right_and_sure_costs_nothing():
    figures = summary(*snakes([1.0] * 400, [0.0]), "coral->king=1000")
    assert (figures["total"], figures["mean"]) == (0, 0)
    assert figures["sentences"] == [
        "0 of 400 coral called king; the true rate may be as high as 0.7 %.",
        "Price: none; no wrong answer became more frequent.",
    ]


def test_of_a_class_without_photos_nothing_is_known():
    figures = summary(*snakes([], [0.3]), "coral->king=1000")
    assert (figures["watched"][0]["n"], figures["watched"][0]["upper"]) == (0, 1)
    assert figures["sentences"][0].startswith("No photo of coral was there to be called king")


def test_one_photo_is_enough_for_figures_and_none_is_not():
    assert summary([(0.9, 0.1)], [0], "coral->king=5")["watched"][0]["upper"] == pytest.approx(0.95)
    with pytest.raises(ValueError, match="for 0 photos"):
        summary([], [])
    with pytest.raises(ValueError, match="1 rows of probabilities for 2 photos"):
        summarize_costs(np.array([[0.9, 0.1]]), np.array([0, 1]), Costs.of(SNAKES))


def test_of_many_dear_mistakes_the_dearest_are_named_and_the_others_counted():
    classes = ("a", "b", "c", "d")
    figures = summary(np.eye(4), range(4), "*->a=9", "*->b=8", "*->c=7", "b->c=99", classes=classes)
    assert len(figures["watched"]) == 9
    assert (figures["watched"][0]["actual"], figures["watched"][0]["answer"]) == ("b", "c")
    assert "4 more mistakes have a cost of their own." in figures["sentences"]


def test_the_price_names_its_commonest_kinds_and_counts_the_rest():
    classes = tuple("abcdefg")
    rows = [[0.4 if j == 0 else 0.54 if j == i else 0.01 for j in range(7)] for i in range(1, 7)]
    rows = [[p / sum(row) for p in row] for row in rows]
    figures = summary(rows, range(1, 7), *(f"a->{name}=1000" for name in "bcdefg"), classes=classes)
    assert any(", and 2 more of other kinds." in sentence for sentence in figures["sentences"])


def test_the_figures_are_plain_json():
    figures = summary(ROWS, ACTUAL, "coral->king=1000", "->expert=3")
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures


photos = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 1)), min_size=1, max_size=60)


@given(photos, st.lists(st.floats(1, 1e6), min_size=2, max_size=5))
def test_the_dearer_a_mistake_the_rarer_it_is(some, prices):
    rows, actual = [(p, 1 - p) for p, _ in some], [a for _, a in some]
    missed = [summary(rows, actual, f"coral->king={price}")["table"][0][1] for price in sorted(prices)]
    assert missed == sorted(missed, reverse=True)


@given(photos, st.floats(0, 100), st.floats(0, 3))
def test_every_photo_is_answered_once_both_ways(some, price, expert):
    rows, actual = [(p, 1 - p) for p, _ in some], [a for _, a in some]
    figures = summary(rows, actual, f"coral->king={price}", f"->expert={expert}")
    counts = np.bincount(actual, minlength=2).tolist()
    for table in (figures["table"], figures["by_top_class"]["table"]):
        assert [sum(row) for row in table] == counts
    assert figures["mean"] * len(actual) == pytest.approx(figures["total"])


def predictions(rows, photos, actual, unknown=None):
    n = len(rows)
    return Predictions(
        classes=SNAKES,
        photos=tuple(photos),
        ids=tuple(photos),
        actual=np.array(actual),
        probabilities=np.array(rows, dtype=float),
        unknown=np.zeros(n, dtype=bool) if unknown is None else np.array(unknown),
    )


def test_a_photo_that_was_judged_twice_is_decided_on_once_by_the_mean():
    told = predictions([(0.9, 0.1), (0.001, 0.999), (0.2, 0.8), (0.001, 0.999)], "abab", [0, 1, 0, 1])
    figures = price(told, Costs.of(SNAKES))
    assert figures["table"] == [[1, 0], [0, 1]]
    assert price(told, None) is None


def test_photos_of_none_of_the_classes_are_answered_with_unknown_both_ways():
    told = predictions([(0.4, 0.6), (0.4, 0.6), (0.1, 0.9)], "abc", [0, 0, 1], [True, False, False])
    figures = price(told, Costs.of(SNAKES, [parse_cost("coral->king=1000"), parse_cost("*->expert=9")]))
    assert figures["answers"] == ["coral", "king", "unknown", "expert"]
    assert figures["table"] == [[1, 0, 1, 0], [1, 0, 0, 0]]
    assert figures["by_top_class"]["table"] == [[0, 1, 1, 0], [0, 1, 0, 0]]
    assert figures["total"] == 2


def test_a_price_for_unknown_does_not_make_more_photos_unknown_than_it_should():
    told = predictions([(0.5, 0.5), (0.5, 0.5)], "ab", [0, 1], [True, False])
    assert price(told, Costs.of(SNAKES))["table"] == [[0, 0, 1], [1, 0, 0]]
    assert price(told, Costs.of(SNAKES, [parse_cost("*->unknown=0.1")]))["table"] == [[0, 0, 1], [0, 0, 1]]
