"""What each mistake costs -> the answer that costs least on average.

Rows of a table of costs are what a photo is, columns what is answered. Whatever nobody priced costs 1, and the right
answer nothing, so that without any price the cheapest answer is the most probable class.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldmark.errors import WrongUsage, nearest

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

UNKNOWN, EXPERT, EVERY = "unknown", "expert", "*"
EXTRA_ANSWERS = (UNKNOWN, EXPERT)
"""Answers that name no class; each is given only once it has a price."""

RESERVED = (*EXTRA_ANSWERS, EVERY, "")
"""Names that mean something in a cost, and that a priced class therefore cannot have."""

UNPRICED = 1.0
"""What a wrong answer costs that nobody priced, "unknown" and "expert" included."""

GREATEST_COST = 1e9
"""The probabilities of a model file are right to about 1e-7; beyond this their rounding would decide the answer."""

ALMOST = 1e-12
"""Sums of the same numbers in another order differ by this part of themselves; such costs count as equal."""

Price = tuple[str, str, float]
"""What the photo is ("*": whatever it is), what is answered, what that costs."""


def parse_cost(text: str) -> Price:
    """Read one cost as a person writes it: "coral->king=1000", "->unknown=5" or, the same, "*->unknown=5".

    A class may itself contain "=" or "->", so the text is read from its right: the cost is what follows the last "=",
    the answer what stands between it and the last "->" before it. `Costs.of`, which knows the classes, finds another
    reading where that one names none of them.

    Returns:
        what the photo is ("*" for every class), what is answered, the cost.

    Raises:
        WrongUsage: the text has another form, or its cost is not a number from 0 to `GREATEST_COST`.
    """
    names, _, number = text.rpartition("=")
    actual, arrow, answer = names.rpartition("->")
    if not arrow or not answer.strip():
        raise WrongUsage(
            f"--cost {text} makes no sense: write what the photo is, what it must not be called and what that costs, "
            "such as 'coral->king=1000', or '*->expert=0.2' for an answer at the same cost whatever the photo is."
        )
    return actual.strip() or EVERY, answer.strip(), _cost(number, text)


def _cost(number: str, text: str) -> float:
    try:
        cost = float(number)
    except ValueError:
        cost = -1.0
    if not 0 <= cost <= GREATEST_COST:  # false for NaN too
        raise WrongUsage(f"--cost {text} makes no sense: a cost is a number from 0 to {GREATEST_COST:,.0f}.")
    return cost


@dataclass(frozen=True)
class Answer:
    """What to say about one photo once mistakes have costs.

    Attributes:
        decision: a class, "unknown" or "expert".
        expected_cost: what that costs on average, in units of a common mistake.
        advice: a sentence on why it is not the most probable class; None where it is, or where the photo is unknown.
    """

    decision: str
    expected_cost: float
    advice: str | None


@dataclass(frozen=True, eq=False)
class Costs:
    """What every answer costs for every class.

    Attributes:
        classes: the c class names, in the order of a model's probabilities.
        answers: the a possible answers: the classes, then "unknown" and "expert" where they have a price.
        matrix: float64 `[c, a]`, what each answer (column) costs for a photo of each class (row), in units of a
            common mistake: 0 for the right class, and never below 0.

    Raises:
        ValueError: the three do not fit together, or a cost is not a number from 0 to `GREATEST_COST`.
    """

    classes: tuple[str, ...]
    answers: tuple[str, ...]
    matrix: Floats

    def __post_init__(self) -> None:
        c = len(self.classes)
        extra = self.answers[c:]
        if not c or len(set(self.classes)) != c or set(self.classes) & set(RESERVED):
            raise ValueError("costs need classes, each with a name of its own")
        if self.answers[:c] != self.classes or extra != tuple(name for name in EXTRA_ANSWERS if name in extra):
            raise ValueError("the answers must be the classes, then unknown and expert, each at most once")
        if self.matrix.dtype != np.float64 or self.matrix.shape != (c, len(self.answers)):
            raise ValueError(f"the costs must be {c} rows of {len(self.answers)} numbers")
        if not ((self.matrix >= 0) & (self.matrix <= GREATEST_COST)).all():  # false for NaN too
            raise ValueError(f"a cost is not a number from 0 to {GREATEST_COST:g}")
        if np.diagonal(self.matrix).any():
            raise ValueError("a right answer has a cost")
        self.matrix.flags.writeable = False

    @classmethod
    def of(cls, classes: Sequence[str], prices: Iterable[Price] = ()) -> Costs:
        """Lay prices over the cost of 1 that every wrong answer has.

        A price for one class goes before one for every class ("*"), whichever was given first; of two for the same
        the last holds. An answer "unknown" or "expert" that is priced for some classes costs 1 for the others.

        Args:
            classes: the class names, in the order of the model's probabilities.
            prices: as `parse_cost` gives them.

        Raises:
            WrongUsage: a price names no class of these, with the nearest ones; it prices the right answer; it is no
                number from 0 to `GREATEST_COST`; or a class has a name that means something in a cost.
        """
        names = tuple(classes)
        _refuse_reserved(names)
        found = [(*_find_names(actual, answer, names), _refuse_odd(cost)) for actual, answer, cost in prices]
        answers = names + tuple(name for name in EXTRA_ANSWERS if any(answer == name for _, answer, _ in found))
        matrix = np.full((len(names), len(answers)), UNPRICED)
        for actual, answer, cost in sorted(found, key=lambda price: price[0] != EVERY):  # a stable sort
            rows = slice(None) if actual == EVERY else names.index(actual)
            matrix[rows, answers.index(answer)] = cost
        np.fill_diagonal(matrix, 0.0)
        return cls(names, answers, matrix)

    @classmethod
    def read(cls, classes: Sequence[str], texts: Sequence[str]) -> Costs | None:
        """Return the costs that `--cost` gave, as `parse_cost` reads them; None where it gave none.

        Raises:
            WrongUsage: as for `parse_cost` and `of`.
        """
        return cls.of(classes, [parse_cost(text) for text in texts]) if texts else None

    @property
    def prices(self) -> tuple[Price, ...]:
        """What differs from the cost of 1, and all about "unknown" and "expert"; `of` makes the same costs of it."""
        found: list[Price] = []
        for j, answer in enumerate(self.answers):
            column, extra = self.matrix[:, j], j >= len(self.classes)
            if extra and (column == column[0]).all():
                found.append((EVERY, answer, float(column[0])))
                continue
            found += [
                (self.classes[i], answer, float(cost))
                for i, cost in enumerate(column)
                if i != j and (extra or cost != UNPRICED)
            ]
        return tuple(found)

    def expected(self, probabilities: Floats) -> Floats:
        """Return what each answer costs on average, if the probabilities are right.

        Args:
            probabilities: `[n, c]`, or `[c]` for one photo; each row sums to 1.

        Returns:
            float64 `[n, a]`, or `[a]`, in the units of the costs.

        Raises:
            ValueError: the rows have another length than there are classes, or hold something that is no number.
        """
        rows = np.asarray(probabilities, dtype=np.float64)
        if rows.ndim not in (1, 2) or rows.shape[-1] != len(self.classes):
            raise ValueError(f"probabilities of shape {rows.shape} for {len(self.classes)} classes")
        if not np.isfinite(rows).all():
            raise ValueError("a probability is no number")
        return np.asarray(rows @ self.matrix, dtype=np.float64)

    def decide(self, probabilities: Floats) -> Indices:
        """Choose for each photo the answer with the least expected cost; of equals the more probable class.

        The rule of least expected cost: C. Elkan, "The foundations of cost-sensitive learning", IJCAI (2001),
        973-978. An answer that is no class, at a cost of its own: C. K. Chow, "On optimum recognition error and
        reject tradeoff", IEEE Transactions on Information Theory 16 (1970), 41-46. Both take the probabilities at
        their word, so they should be calibrated ones.

        Args:
            probabilities: `[n, c]`, or `[c]` for one photo; each row sums to 1.

        Returns:
            int64 `[n]`, or of no dimension for one photo: index into `answers`. A class goes before "unknown" and
            "unknown" before "expert" where both cost the same.

        Raises:
            ValueError: as for `expected`.
        """
        costs = np.atleast_2d(self.expected(probabilities))
        rows = np.atleast_2d(np.asarray(probabilities, dtype=np.float64))
        rounding = ALMOST * (rows @ self.matrix.max(axis=1))
        cheapest = costs <= costs.min(axis=1, keepdims=True) + rounding[:, None]
        after_classes = -1.0 - np.arange(len(self.answers) - len(self.classes))
        rank = np.hstack([rows, np.broadcast_to(after_classes, (len(rows), len(after_classes)))])
        chosen = np.asarray(np.where(cheapest, rank, -np.inf).argmax(axis=1), dtype=np.int64)
        return chosen if np.ndim(probabilities) == 2 else chosen.reshape(())

    def answer(self, probabilities: Floats, is_unknown: bool = False) -> Answer:
        """Answer about one photo.

        Args:
            probabilities: `[c]`, sums to 1.
            is_unknown: whether the model says that it is none of the classes. Its probabilities, of the classes alone,
                mean nothing then, so the answer is "unknown" whatever the costs.

        Raises:
            ValueError: as for `expected`.
        """
        if is_unknown:
            priced = UNKNOWN in self.answers
            cost = self.expected(probabilities)[self.answers.index(UNKNOWN)] if priced else UNPRICED
            return Answer(UNKNOWN, float(cost), None)
        j, top = int(self.decide(probabilities)), int(np.argmax(probabilities))
        cost = float(self.expected(probabilities)[j])
        return Answer(self.answers[j], cost, None if j == top else self._why_not(top, j, probabilities))

    def _why_not(self, top: int, chosen: int, probabilities: Floats) -> str:
        """Say why the answer is not the most probable class."""
        if chosen >= len(self.classes):
            do = {UNKNOWN: "Leave it unnamed", EXPERT: "Ask an expert"}[self.answers[chosen]]
            return f"{do}: a wrong name would cost more."
        feared = int(np.argmax(probabilities * self.matrix[:, top]))
        return f"Treat it as {self.answers[chosen]}: taking {self.classes[feared]} for {self.classes[top]} is costly."

    def with_unknown(self) -> Costs:
        """Return the same costs with an answer "unknown", at 1 where it had no price."""
        if UNKNOWN in self.answers:
            return self
        c = len(self.classes)
        answers = (*self.classes, UNKNOWN, *self.answers[c:])
        return Costs(self.classes, answers, np.insert(self.matrix, c, UNPRICED, axis=1))

    def to_dict(self) -> dict[str, Any]:
        """Return the costs as they stand in the metadata of a model: plain names and numbers."""
        return {"classes": list(self.classes), "answers": list(self.answers), "matrix": self.matrix.tolist()}

    @classmethod
    def from_dict(cls, values: object, classes: Sequence[str] | None = None) -> Costs:
        """Read what `to_dict` gave, out of a file that anybody may have written.

        Args:
            values: what the file holds, of whatever kind.
            classes: the names that it must be about, in their order.

        Raises:
            ValueError: anything about it is odd.
        """
        if not isinstance(values, Mapping):
            raise ValueError("costs are no table")
        names, answers, rows = _names(values.get("classes")), _names(values.get("answers")), values.get("matrix")
        if classes is not None and names != tuple(classes):
            raise ValueError("the costs are about other classes")
        if not isinstance(rows, list) or len(rows) != len(names):
            raise ValueError("the costs have not one row for each class")
        for row in rows:
            if not isinstance(row, list) or len(row) != len(answers) or not all(map(_is_cost, row)):
                raise ValueError("a row of costs has not one proper number for each answer")
        return cls(names, answers, np.array(rows, dtype=np.float64).reshape(len(names), len(answers)))


def _names(values: object) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(name, str) for name in values):
        raise ValueError("the names in the costs are no list of names")
    return tuple(values)


def _is_cost(value: object) -> bool:
    # A whole number may be longer than any float, so it is compared before it becomes one.
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= GREATEST_COST


def _refuse_reserved(classes: Sequence[str]) -> None:
    taken = [name for name in classes if name in RESERVED]
    if taken:
        raise WrongUsage(
            f"A class called {taken[0]!r} cannot have costs: that word means something else in them. "
            "Give the class another name, or leave out the costs."
        )


def _refuse_odd(cost: float) -> float:
    if not (isfinite(cost) and 0 <= cost <= GREATEST_COST):
        raise WrongUsage(f"A cost of {cost:g} makes no sense: give a number from 0 to {GREATEST_COST:,.0f}.")
    return float(cost)


def _find_names(actual: str, answer: str, classes: Sequence[str]) -> tuple[str, str]:
    """Return the two names of a price, read so that both are known; a class may contain "->" itself."""
    starts, ends = (*classes, EVERY), (*classes, *EXTRA_ANSWERS)
    parts = f"{actual}->{answer}".split("->")
    readings = [
        ("->".join(parts[:i]).strip() or EVERY, "->".join(parts[i:]).strip()) for i in range(len(parts) - 1, 0, -1)
    ]
    known = [names for names in ((actual or EVERY, answer), *readings) if names[0] in starts and names[1] in ends]
    if not known:
        _refuse_unknown(actual or EVERY, starts, "class", classes)
        _refuse_unknown(answer, ends, "answer", ends)
    start, end = known[0]
    if start == end:
        raise WrongUsage(f"The cost {start}->{end} makes no sense: calling {start} {end} is right and costs 0.")
    return start, end


def _refuse_unknown(word: str, known: Sequence[str], kind: str, listed: Sequence[str]) -> None:
    if word not in known:
        raise WrongUsage(f"A cost names the {kind} {word!r}, which is none.{nearest(word, known)} {_list(listed)}")


def _list(names: Sequence[str], most: int = 12) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"There are: {', '.join(names[:most])}{more}."
