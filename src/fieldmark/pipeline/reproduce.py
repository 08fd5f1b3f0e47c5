"""A run -> the same training once more, and whether data, split, code and figures agree."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fieldmark.artifacts import runs
from fieldmark.artifacts.photos import list_folder
from fieldmark.artifacts.predictions import Predictions
from fieldmark.artifacts.runs import Run
from fieldmark.artifacts.sealed import read_seal
from fieldmark.artifacts.verdicts import effect_hash, read_journal
from fieldmark.artifacts.workspace import Workspace
from fieldmark.config import TrainSettings
from fieldmark.errors import RunError
from fieldmark.evaluate.wording import percent
from fieldmark.pipeline.extra import training
from fieldmark.pipeline.telling import versions
from fieldmark.pipeline.train import train
from fieldmark.terminal import say


@dataclass(frozen=True)
class Row:
    """One thing that both trainings have.

    Attributes:
        what: its name.
        then, now: as a person reads it; empty where the run does not say.
        agree: whether they are the same; None where the run does not say.
        means: what follows from a difference; empty where there is none.
    """

    what: str
    then: str
    now: str
    agree: bool | None
    means: str = ""


@dataclass(frozen=True)
class Repeated:
    """A training and its repetition.

    Attributes:
        original: the run that was repeated.
        run: the new one.
        inputs: what went in.
        figures: what came out.
        identical: whether the weights are the same bit by bit.
        farthest: largest difference of a probability; None where other photos were judged.
    """

    original: Run
    run: Run
    inputs: tuple[Row, ...]
    figures: tuple[Row, ...]
    identical: bool
    farthest: float | None

    @property
    def agree(self) -> bool:
        """Whether the figures are the same."""
        return all(row.agree for row in self.figures)

    @property
    def verdict(self) -> str:
        """What came of it, in a sentence."""
        others = [row.what for row in self.inputs if row.agree is False]
        unknown = [row.what for row in self.inputs if row.agree is None]
        besides = f", though not the same went in ({', '.join(others)})" if others else ""
        if self.identical:
            return f"Repeated bit by bit: the weights are the same{besides}."
        apart = "" if self.farthest is None else f"; no probability differs by more than {self.farthest:.1g}"
        if self.agree:
            return f"The figures agree{besides}{apart}."
        if others:
            return f"The figures differ{apart}, and so does what went in: {', '.join(others)}."
        silent = f" The run does not say: {', '.join(unknown)}." if unknown else ""
        return (
            f"The figures differ{apart}, though nothing that is written down does: other threads or another kind of "
            f"processor round differently.{silent}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return what `train --from --json` prints of it."""
        return {
            "original": str(self.original.path),
            "inputs": [asdict(row) for row in self.inputs],
            "figures": [asdict(row) for row in self.figures],
            "agree": self.agree,
            "identical": self.identical,
            "largest_difference": self.farthest,
            "verdict": self.verdict,
        }


def reproduce(
    reference: str | os.PathLike[str],
    folder: str | os.PathLike[str] | None = None,
    out: str | os.PathLike[str] | None = None,
) -> Repeated:
    """Train again as a run was trained, and compare the two. What differs beforehand is said before the training.

    Args:
        reference: the id or path of a run.
        folder: where its photos lie now; by default where they lay then.
        out: the folder of the new run, as for `train`.

    Raises:
        RunError: there is no such run, or it does not say how it was trained.
        FieldmarkError: as for `train`.
    """
    original = Run.open(os.fspath(reference))
    facts = original.settings()
    try:
        settings, where = TrainSettings.of(facts["settings"]), Path(folder or facts["folder"])
    except (KeyError, TypeError) as error:
        raise RunError(f"{original.path / runs.SETTINGS} lacks {error}, so it cannot be repeated.") from error
    workspace = Workspace.of_photos(where)
    before = _beforehand(facts, workspace)
    for row in before:
        if row.agree is False:
            say(f"{row.what} differs: {row.then or '-'} then, {row.now or '-'} now. {row.means}")
    run = train(workspace.root, settings, out)
    return _compared(original, run, before)


def _beforehand(facts: Mapping[str, Any], workspace: Workspace) -> tuple[Row, ...]:
    """Compare what a run says went in with what would go in now."""
    files, listing, seal = facts.get("files") or {}, list_folder(workspace.photos), read_seal(workspace)
    decided = effect_hash(read_journal(workspace).decisions())
    sealed = (facts.get("trained_on") or {}).get("sealed") or {}
    device = str(training("fieldmark.device").pick_device())
    n_then = sum((files.get("counts") or {}).values())
    code_then, code = facts.get("versions") or {}, versions()
    moved = sorted(name for name in code_then.keys() | code.keys() if code_then.get(name) != code.get(name))
    return (
        _row(
            "files", files.get("hash"), listing.hash(), "Other photos give other figures.", n_then, len(listing.files)
        ),
        _row("verdicts", files.get("verdicts"), decided, "Other photos or classes give other figures."),
        _row("sealed", sealed.get("hash", ""), seal.hash if seal else "", "Other photos are left out."),
        Row(
            "code",
            ", ".join(f"{name} {code_then.get(name, '-')}" for name in moved or code_then),
            ", ".join(f"{name} {code.get(name, '-')}" for name in moved or code),
            not moved if code_then else None,
            "Other versions may learn or round differently." if moved and code_then else "",
        ),
        _row("device", facts.get("device"), device, "Other devices round differently.", facts.get("device"), device),
    )


def _row(
    what: str, then: str | None, now: str, means: str, shown_then: str | int | None = None, shown_now: str | int = ""
) -> Row:
    """Compare two hashes; each is shown by its first digits behind what else a person can read of it."""
    agree = None if then is None else then == now
    short_then, short_now = ((value or "")[:8] for value in (then, now))
    if shown_then == then:
        short_then, short_now = "", ""
    return Row(
        what,
        f"{shown_then or ''} {short_then}".strip(),
        f"{shown_now} {short_now}".strip(),
        agree,
        means if agree is False else "",
    )


def _compared(original: Run, run: Run, before: tuple[Row, ...]) -> Repeated:
    then, now = original.settings(), run.settings()
    inputs = (
        *before,
        _row(
            "learned from",
            then.get("trained_on", {}).get("hash"),
            now["trained_on"]["hash"],
            "Not the same photos were learned from.",
            then.get("trained_on", {}).get("n"),
            now["trained_on"]["n"],
        ),
        _row("split", then.get("split_hash"), now["split_hash"], "Other photos were judged, or in other folds."),
    )
    told, told_now = original.predictions(), run.predictions()
    same = sorted(_keys(told)) == sorted(_keys(told_now)) and told.classes == told_now.classes
    farthest = _farthest(told, told_now) if same else None
    return Repeated(original, run, inputs, _figures(original, run), _hash(original) == _hash(run), farthest)


def _figures(original: Run, run: Run) -> tuple[Row, ...]:
    then, now = original.metrics(), run.metrics()
    wrong, wrong_now = (_wrong(one.predictions()) for one in (original, run))
    apart = len(wrong ^ wrong_now)
    return (
        Row("error", percent(then["error_rate"]), percent(now["error_rate"]), then["error_rate"] == now["error_rate"]),
        Row(
            "log loss",
            f"{then['log_loss']:.6f}",
            f"{now['log_loss']:.6f}",
            abs(then["log_loss"] - now["log_loss"]) < SAME_LOSS,
        ),
        Row(
            "wrong photos",
            str(len(wrong)),
            str(len(wrong_now)),
            not apart,
            f"{apart} were wrong in one of the two alone." if apart else "",
        ),
    )


SAME_LOSS = 1e-6
"""Log losses closer than this, in nats, are the same figure: it is what a report could show of them."""


def _keys(told: Predictions) -> list[tuple[str, str]]:
    return list(zip(told.photos, told.folds or [""] * len(told), strict=True))


def _wrong(told: Predictions) -> set[tuple[str, str]]:
    wrong = told.predicted != told.actual
    return {key for key, is_wrong in zip(_keys(told), wrong, strict=True) if is_wrong}


def _farthest(told: Predictions, other: Predictions) -> float:
    row = {key: i for i, key in enumerate(_keys(other))}
    order = [row[key] for key in _keys(told)]
    return float(np.abs(told.probabilities - other.probabilities[order]).max())


def _hash(run: Run) -> str:
    return hashlib.sha256(run.weights().read_bytes()).hexdigest()
