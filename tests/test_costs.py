import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fieldmark.costs import EVERY, GREATEST_COST, Answer, Costs, parse_cost
from fieldmark.errors import WrongUsage

SNAKES = ("coral", "king")
THREE = ("coral", "king", "milk")


def costs_of(*texts, classes=SNAKES):
    return Costs.of(classes, [parse_cost(text) for text in texts])


def answers(costs, *rows):
    return [costs.answers[i] for i in costs.decide(np.array(rows, dtype=float))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("coral->king=1000", ("coral", "king", 1000)),
        (" coral -> king = 2.5 ", ("coral", "king", 2.5)),
        ("->unknown=5", (EVERY, "unknown", 5)),
        ("*->unknown=5", (EVERY, "unknown", 5)),
        ("coral->expert=0", ("coral", "expert", 0)),
        ("a=b->c=d=1e3", ("a=b", "c=d", 1000)),
        ("a->b->c=7", ("a->b", "c", 7)),
    ],
)
def test_a_cost_is_read_as_a_person_writes_it(text, expected):
    assert parse_cost(text) == expected


@pytest.mark.parametrize("text", ["", "coral", "coral->king", "coral=5", "coral->=5", "=", "->", "coral>king=5"])
def test_text_that_is_no_cost_is_refused_with_the_form_to_write(text):
    with pytest.raises(WrongUsage, match="coral->king=1000"):
        parse_cost(text)


@pytest.mark.parametrize("number", ["-1", "nan", "inf", "1e10", "much", ""])
def test_a_cost_is_a_number_that_is_neither_below_zero_nor_endless(number):
    with pytest.raises(WrongUsage, match="a cost is a number from 0 to 1,000,000,000"):
        parse_cost(f"coral->king={number}")


def test_without_prices_each_wrong_class_costs_one_and_nothing_else_is_answered():
    costs = Costs.of(THREE)
    assert costs.answers == THREE
    assert costs.matrix.tolist() == [[0, 1, 1], [1, 0, 1], [1, 1, 0]]
    assert costs.prices == ()


def test_a_price_changes_its_own_cell_alone():
    assert costs_of("coral->king=1000", classes=THREE).matrix.tolist() == [[0, 1000, 1], [1, 0, 1], [1, 1, 0]]


def test_unknown_and_expert_are_answers_once_priced_in_a_fixed_order():
    costs = costs_of("->expert=2", "coral->unknown=5")
    assert costs.answers == ("coral", "king", "unknown", "expert")
    assert costs.matrix.tolist() == [[0, 1, 5, 2], [1, 0, 1, 2]]  # 1 for king->unknown, which nobody priced


def test_a_price_for_one_class_goes_before_one_for_all_and_the_last_of_equals_holds():
    costs = costs_of("coral->king=9", "*->king=3", "*->king=4", classes=THREE)
    assert costs.matrix[:, 1].tolist() == [9, 0, 4]


def test_an_unknown_class_is_refused_and_the_nearest_named():
    with pytest.raises(WrongUsage, match=r"the class 'corral', which is none\. Did you mean coral\?.*coral, king\."):
        costs_of("corral->king=5")
    with pytest.raises(WrongUsage, match=r"the answer 'kong', which is none\. Did you mean king\?.*unknown, expert\."):
        costs_of("coral->kong=5")


def test_of_hundreds_of_classes_a_dozen_are_listed():
    with pytest.raises(WrongUsage, match=r"c0, .*c11 and 188 more\.$"):
        costs_of("coral->c1=5", classes=[f"c{i}" for i in range(200)])


def test_the_right_answer_cannot_have_a_price():
    with pytest.raises(WrongUsage, match="calling coral coral is right"):
        costs_of("coral->coral=5")


@pytest.mark.parametrize("name", ["unknown", "expert", "*", ""])
def test_a_class_that_is_called_like_an_answer_cannot_have_costs(name):
    with pytest.raises(WrongUsage, match="cannot have costs"):
        Costs.of(["coral", name])


@pytest.mark.parametrize("cost", [-1.0, math.nan, math.inf, 1e12])
def test_prices_from_elsewhere_than_text_are_looked_at_too(cost):
    with pytest.raises(WrongUsage, match="makes no sense"):
        Costs.of(SNAKES, [("coral", "king", cost)])


def test_classes_with_arrows_in_their_names_are_told_apart_by_what_is_known():
    costs = Costs.of(("a", "b->c", "a->b"), [parse_cost("a->b->c=7")])
    assert costs.prices == (("a", "b->c", 7),)
    assert Costs.of(("a->b", "c"), [parse_cost("a->b->c=7")]).prices == (("a->b", "c", 7),)
    assert Costs.of(("a->b", "c"), [parse_cost("->a->b=7")]).prices == (("c", "a->b", 7),)


def test_by_cost_a_photo_is_called_king_only_when_it_is_almost_certainly_none():
    costs = costs_of("coral->king=1000")
    assert answers(costs, (0.002, 0.998), (0.0005, 0.9995)) == ["coral", "king"]


def test_the_threshold_of_two_classes_is_where_both_answers_cost_the_same():
    costs = costs_of("coral->king=9")  # equal at a probability of 0.1 for coral (Elkan 2001, equation 2)
    assert answers(costs, (0.11, 0.89), (0.09, 0.91)) == ["coral", "king"]


def test_unknown_is_answered_where_the_best_class_is_dearer():
    costs = costs_of("->unknown=0.2")  # Chow: where the greatest probability is below 1 - 0.2
    assert answers(costs, (0.75, 0.25), (0.85, 0.15), (0.3, 0.7)) == ["unknown", "coral", "unknown"]


def test_of_equals_the_more_probable_class_then_unknown_then_expert():
    assert answers(costs_of("king->coral=2", "coral->king=3"), (0.4, 0.6)) == ["king"]
    assert answers(costs_of("->unknown=0.5", "->expert=0.5"), (0.5, 0.5), (0.6, 0.4)) == ["coral", "coral"]
    assert answers(costs_of("->unknown=0.1", "->expert=0.1"), (0.5, 0.5)) == ["unknown"]


def test_expected_costs_are_those_worked_out_by_hand_for_many_and_for_one():
    costs = costs_of("coral->king=10", "->expert=2")
    assert costs.expected(np.array([[0.25, 0.75]])) == pytest.approx(np.array([[0.75, 2.5, 2]]))
    assert costs.expected(np.array([0.25, 0.75])) == pytest.approx(np.array([0.75, 2.5, 2]))
    assert costs.answers[int(costs.decide(np.array([0.25, 0.75])))] == "coral"
    assert costs.decide(np.array([0.25, 0.75])).shape == ()
    assert costs.decide(np.empty((0, 2))).shape == (0,)


@pytest.mark.parametrize("rows", [[[0.5, 0.3, 0.2]], [[math.nan, 1]], [[[0.5, 0.5]]], 1.0])
def test_probabilities_of_another_shape_or_no_numbers_are_refused(rows):
    with pytest.raises(ValueError, match="probabilit"):
        Costs.of(SNAKES).decide(np.array(rows))


rows_of_three = hnp.arrays(np.float64, (7, 3), elements=st.floats(1e-6, 1)).map(
    lambda rows: rows / rows.sum(axis=1, keepdims=True)
)
some_prices = st.lists(
    st.tuples(
        st.sampled_from([*THREE, EVERY]), st.sampled_from([*THREE, "unknown", "expert"]), st.floats(0, GREATEST_COST)
    ).filter(lambda price: price[0] != price[1]),
    max_size=6,
)


@given(rows_of_three)
def test_without_prices_the_cheapest_answer_is_a_most_probable_class(rows):
    chosen = Costs.of(THREE).decide(rows)
    assert rows[np.arange(7), chosen] == pytest.approx(rows.max(axis=1), rel=1e-9)


@given(rows_of_three, some_prices)
def test_no_answer_is_cheaper_than_the_one_decided_on(rows, prices):
    costs = Costs.of(THREE, prices)
    expected = costs.expected(rows)
    assert expected[np.arange(7), costs.decide(rows)] == pytest.approx(expected.min(axis=1), rel=1e-9, abs=1e-2)


@given(rows_of_three, some_prices)
def test_each_photo_is_decided_on_by_itself(rows, prices):
    costs = Costs.of(THREE, prices)
    assert [int(costs.decide(row)) for row in rows] == costs.decide(rows).tolist()


@given(some_prices)
def test_costs_outlive_a_file_and_their_own_prices(prices):
    costs = Costs.of(THREE, prices)
    again = Costs.from_dict(json.loads(json.dumps(costs.to_dict(), allow_nan=False)), classes=THREE)
    assert again.to_dict() == costs.to_dict()
    assert Costs.of(THREE, costs.prices).to_dict() == costs.to_dict()


GOOD = {"classes": ["a", "b"], "answers": ["a", "b", "expert"], "matrix": [[0, 1, 2.5], [1, 0, 2]]}


def test_what_a_file_says_is_taken_when_it_is_sound():
    assert Costs.from_dict(GOOD).prices == (("a", "expert", 2.5), ("b", "expert", 2))


def test_costs_of_other_classes_or_of_another_order_are_refused():
    for classes in (["a", "c"], ["b", "a"], ["a"]):
        with pytest.raises(ValueError, match="other classes"):
            Costs.from_dict(GOOD, classes=classes)


HOSTILE = {
    "nothing": None,
    "a list": [1],
    "an empty table": {},
    "classes that are text": {**GOOD, "classes": "ab"},
    "classes that are numbers": {**GOOD, "classes": [1, 2]},
    "no class": {"classes": [], "answers": [], "matrix": []},
    "a class twice": {**GOOD, "classes": ["a", "a"], "answers": ["a", "a", "expert"]},
    "a class called expert": {"classes": ["expert"], "answers": ["expert"], "matrix": [[0]]},
    "answers of other classes": {**GOOD, "answers": ["b", "a", "expert"]},
    "an answer nobody knows": {**GOOD, "answers": ["a", "b", "guess"]},
    "an answer twice": {"classes": ["a"], "answers": ["a", "expert", "expert"], "matrix": [[0, 1, 1]]},
    "answers out of order": {"classes": ["a"], "answers": ["a", "expert", "unknown"], "matrix": [[0, 1, 1]]},
    "too few answers": {**GOOD, "answers": ["a"], "matrix": [[0], [0]]},
    "too few rows": {**GOOD, "matrix": [[0, 1, 2]]},
    "ragged rows": {**GOOD, "matrix": [[0, 1, 2], [1, 0]]},
    "rows that are text": {**GOOD, "matrix": ["012", "102"]},
    "a cost that is text": {**GOOD, "matrix": [[0, 1, 2], [1, 0, "2"]]},
    "a cost that is yes": {**GOOD, "matrix": [[0, 1, 2], [1, 0, True]]},
    "a cost that is nothing": {**GOOD, "matrix": [[0, 1, 2], [1, 0, None]]},
    "a cost that is a list": {**GOOD, "matrix": [[0, 1, 2], [1, 0, [2]]]},
    "NaN": {**GOOD, "matrix": [[0, 1, 2], [1, 0, math.nan]]},
    "infinity": {**GOOD, "matrix": [[0, 1, 2], [1, 0, math.inf]]},
    "below zero": {**GOOD, "matrix": [[0, 1, 2], [1, 0, -1]]},
    "too great": {**GOOD, "matrix": [[0, 1, 2], [1, 0, 10**400]]},
    "a right answer with a cost": {**GOOD, "matrix": [[3, 1, 2], [1, 0, 2]]},
}


@pytest.mark.parametrize("values", HOSTILE.values(), ids=HOSTILE)
def test_odd_metadata_is_refused(values):
    with pytest.raises(ValueError):
        Costs.from_dict(values)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["classes", "answers", "matrix"]), inner, max_size=3)
    ),
)


@given(anything)
def test_whatever_a_file_holds_only_a_value_error_comes_of_it(values):
    try:
        costs = Costs.from_dict(values)
    except ValueError:
        return
    assert np.isfinite(costs.matrix).all()


def test_the_table_of_costs_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        Costs.of(SNAKES).matrix[0, 1] = 5


def test_about_one_photo_it_says_what_to_do_and_why():
    costs = costs_of("coral->king=1000", "*->expert=20")
    assert costs.answer(np.array([0.01, 0.99])) == Answer(
        "coral", pytest.approx(0.99), "Treat it as coral: taking coral for king is costly."
    )
    assert costs.answer(np.array([0.0, 1.0])) == Answer("king", 0.0, None)
    asked = costs_of("coral->king=1000", "king->coral=1000", "*->expert=20").answer(np.array([0.4, 0.6]))
    assert asked == Answer("expert", pytest.approx(20), "Ask an expert: a wrong name would cost more.")
    left = costs_of("coral->king=1000", "*->unknown=0.5").answer(np.array([0.3, 0.7]))
    assert left == Answer("unknown", pytest.approx(0.5), "Leave it unnamed: a wrong name would cost more.")


def test_the_mistake_that_is_named_is_the_one_feared_most():
    costs = Costs.of(("coral", "king", "milk"), [parse_cost("coral->milk=1000"), parse_cost("king->milk=3")])
    assert "taking king for milk is costly" in costs.answer(np.array([0.0, 0.45, 0.55])).advice
    assert "taking coral for milk is costly" in costs.answer(np.array([0.1, 0.35, 0.55])).advice


def test_a_photo_of_none_of_the_classes_is_unknown_whatever_that_costs():
    for texts, cost in (((), 1.0), (("*->expert=0",), 1.0), (("*->unknown=7",), 7.0)):
        assert costs_of(*texts).answer(np.array([0.9, 0.1]), is_unknown=True) == Answer("unknown", cost, None)


def test_unknown_is_laid_beside_the_answers_there_are():
    wide = costs_of("coral->king=10", "*->expert=2").with_unknown()
    assert wide.answers == ("coral", "king", "unknown", "expert")
    assert wide.matrix.tolist() == [[0, 10, 1, 2], [1, 0, 1, 2]]
    priced = costs_of("*->unknown=3")
    assert priced.with_unknown() is priced


def test_without_texts_there_are_no_costs():
    assert Costs.read(SNAKES, ()) is None
    assert Costs.read(SNAKES, ["coral->king=2"]).prices == (("coral", "king", 2),)
