"""Predictions of several recipes on the same photos -> which is better, or that one cannot tell."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldmark.artifacts.predictions import Predictions
from fieldmark.errors import WrongUsage
from fieldmark.evaluate.intervals import repeated_folds
from fieldmark.evaluate.paired import Paired, compare_pair, holm, verdict

NAMED = 3
"""Photos named in an error; there may be thousands."""


@dataclass(frozen=True)
class Arm:
    """One recipe, judged.

    Attributes:
        name: what it is called.
        wrong: judgements that were wrong, over all repeats.
        judgements: how many there were.
        interval: 95 % of the error.
        log_loss: mean, in nats.
        seconds: of training; None where that is not known.
    """

    name: str
    wrong: int
    judgements: int
    interval: tuple[float, float]
    log_loss: float
    seconds: float | None

    @property
    def error(self) -> float:
        """Share of the judgements that were wrong."""
        return self.wrong / self.judgements


@dataclass(frozen=True)
class Pair:
    """A recipe against the reference.

    Attributes:
        name: of the recipe.
        found: a is the reference, b the recipe.
        p: of the exact test, corrected for the number of recipes.
        verdict: the sentence.
    """

    name: str
    found: Paired
    p: float
    verdict: str


@dataclass(frozen=True)
class Standing:
    """How several recipes stand.

    Attributes:
        photos: how many all of them were judged on.
        repeats: how many times each photo was judged.
        arms: in the order given.
        reference: the name of the one that the others are compared with.
        pairs: the others, in the order given.
        notes: what to keep in mind, a sentence each.
    """

    photos: int
    repeats: int
    arms: tuple[Arm, ...]
    reference: str
    pairs: tuple[Pair, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the document that `compare --json` prints."""
        arms = [
            {"name": arm.name, "wrong": arm.wrong, "judgements": arm.judgements, "error_rate": arm.error}
            | {"error_ci95": list(arm.interval), "log_loss": arm.log_loss, "seconds": arm.seconds}
            for arm in self.arms
        ]
        pairs = [
            {"name": pair.name, "p": pair.found.p, "p_corrected": pair.p, "verdict": pair.verdict}
            | {"only_reference_wrong": pair.found.only_a_wrong, "only_this_wrong": pair.found.only_b_wrong}
            | {"difference": -pair.found.difference, "difference_ci95": [-pair.found.high, -pair.found.low]}
            for pair in self.pairs
        ]
        counted = {"photos": self.photos, "repeats": self.repeats, "reference": self.reference}
        return {**counted, "arms": arms, "pairs": pairs, "notes": list(self.notes)}

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{html.escape(arm.name)}</td><td>{arm.wrong} of {arm.judgements}</td><td>{arm.error:.1%}</td>"
            f"<td>{arm.interval[0]:.1%} to {arm.interval[1]:.1%}</td></tr>"
            for arm in self.arms
        )
        said = "".join(f"<p>{html.escape(text)}</p>" for text in (*(pair.verdict for pair in self.pairs), *self.notes))
        return f"<table><tr><th>recipe<th>wrong<th>error<th>95 % interval</tr>{rows}</table>{said}"


def stand(
    judged: Mapping[str, Predictions],
    reference: str,
    seconds: Mapping[str, float] | None = None,
    notes: Sequence[str] = (),
) -> Standing:
    """Compare recipes that were judged on the same photos, each of them with one.

    Args:
        judged: the name of each recipe -> what it said; two or more.
        reference: the name of the one that the others are compared with.
        seconds: how long each was trained.
        notes: what else to keep in mind.

    Raises:
        WrongUsage: they were judged on different photos, under different labels or another number of times.
    """
    first = judged[reference]
    for name, other in judged.items():
        _refuse_another_set(reference, first, name, other)
    photos = list(dict.fromkeys(first.photos))
    _, _, groups = first.wrong()
    wrong = {name: _in_order(predictions, photos) for name, predictions in judged.items()}
    others = [name for name in judged if name != reference]
    found = [compare_pair(wrong[reference], wrong[name], groups) for name in others]
    corrected = holm([pair.p for pair in found])
    arms = [
        Arm(
            name,
            int(wrong[name].sum()),
            wrong[name].size,
            repeated_folds(wrong[name], groups),
            float(predictions.losses.mean()),
            (seconds or {}).get(name),
        )
        for name, predictions in judged.items()
    ]
    return Standing(
        len(photos),
        first.repeats,
        tuple(arms),
        reference,
        tuple(
            Pair(name, pair, p, verdict(reference, name, pair, p))
            for name, pair, p in zip(others, found, corrected, strict=True)
        ),
        (*notes, *_other_folds(judged, reference)),
    )


def _in_order(predictions: Predictions, photos: Sequence[str]) -> NDArray[np.bool_]:
    """Return what was wrong, bool `[repeats, m]`, photos in this order."""
    wrong, _, _ = predictions.wrong()
    column = {photo: i for i, photo in enumerate(dict.fromkeys(predictions.photos))}
    return wrong[:, [column[photo] for photo in photos]]


def _refuse_another_set(name: str, one: Predictions, other_name: str, other: Predictions) -> None:
    """Raise WrongUsage, naming what differs, unless both are about the same photos, labels and repeats."""
    here, there = _labels(one), _labels(other)
    if here.keys() != there.keys():
        parts = [
            f"{len(own):,} only {of}, such as {', '.join(sorted(own)[:NAMED])}"
            for of, own in ((name, here.keys() - there.keys()), (other_name, there.keys() - here.keys()))
            if own
        ]
        raise WrongUsage(
            f"{name} and {other_name} were not judged on the same photos: {'; '.join(parts)}. Compare runs of one "
            "folder with the same seed and the same share kept aside, or the same folds."
        )
    odd = [photo for photo in here if here[photo] != there[photo]]
    if odd:
        (_, ours), (_, theirs) = here[odd[0]], there[odd[0]]
        what = f"{ours} for {name} and {theirs} for {other_name}" if ours != theirs else "another file by now"
        more = f", and so are {len(odd) - 1:,} more" if len(odd) > 1 else ""
        raise WrongUsage(
            f"{name} and {other_name} were not judged on the same photos: {odd[0]} is {what}{more}. "
            "Train the older one again."
        )
    if one.repeats != other.repeats:
        raise WrongUsage(
            f"{name} judged each photo {_times(one.repeats)}, {other_name} {_times(other.repeats)}. "
            "Train one of them again, with the same --repeats."
        )


def _labels(predictions: Predictions) -> dict[str, tuple[str, str]]:
    """Photo -> its id and class."""
    rows = zip(predictions.photos, predictions.ids, predictions.actual, strict=True)
    return {photo: (id_, predictions.classes[label]) for photo, id_, label in rows}


def _times(n: int) -> str:
    return "once" if n == 1 else f"{n} times"


def _other_folds(judged: Mapping[str, Predictions], reference: str) -> list[str]:
    """Folds that were cut otherwise leave a pair of each photo, but not of each training."""
    own = _cut(judged[reference])
    odd = [name for name, predictions in judged.items() if _cut(predictions) != own]
    if not odd:
        return []
    return [f"{', '.join(odd)}: cut into other folds than {reference}, so part of the difference is that of the cut."]


def _cut(predictions: Predictions) -> frozenset[tuple[str, str]]:
    return frozenset(zip(predictions.photos, predictions.folds, strict=False))
