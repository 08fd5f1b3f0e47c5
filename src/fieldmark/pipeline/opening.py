"""Sealed photos that a model was judged by -> a line in the journal, and words on what the figure is still worth."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fieldmark.artifacts.catalog import now
from fieldmark.artifacts.photos import PhotoFolder
from fieldmark.artifacts.runs import Run
from fieldmark.artifacts.sealed import OWN, Opening, note_opening, openings
from fieldmark.artifacts.verdicts import read_journal
from fieldmark.artifacts.workspace import Workspace
from fieldmark.errors import RunError
from fieldmark.evaluate.wording import photos as count_photos


def check_left_out(seal: str, trained_on: Mapping[str, Any], reference: str | os.PathLike[str]) -> None:
    """Refuse to open a share for a model that may have learned from it.

    Args:
        seal: what is to be opened, as `sealed.read_side` names it. Of a side of the folder's own nothing is known.
        trained_on: what the model says of its photos.
        reference: the model.

    Raises:
        RunError: the model does not say that it left these very photos out.
    """
    if seal != OWN and (trained_on.get("sealed") or {}).get("hash") != seal:
        raise RunError(
            f"{os.fspath(reference)} does not say that it left the sealed photos out: it was trained before they were "
            "sealed, or on another folder, and may have learned from them. They stay closed. Train again first."
        )


def note(
    workspace: Workspace,
    photos: PhotoFolder,
    seal: str,
    reference: str | os.PathLike[str],
    metrics: Mapping[str, Any],
) -> dict[str, Any]:
    """Write down that sealed photos were opened, before anybody sees a figure.

    Args:
        workspace: in whose journal it goes.
        photos: those that were judged.
        seal: what was opened.
        reference: the model.
        metrics: its figures on them.

    Returns:
        What `metrics.json` says of it: `times` opened, this one included; the openings `before`; verdicts on the photos
        since the first of them; and all that in words.

    Raises:
        WorkspaceError: it cannot be written down.
    """
    before = openings(workspace, seal)
    name, digest = _named(reference)
    this = Opening(now(), seal, name, digest, metrics["judgements"], metrics["wrong"], metrics["log_loss"])
    note_opening(workspace, this)
    changed = _regraded(workspace, photos, before[0].at) if before else {"rejected": 0, "relabelled": 0}
    return {
        "times": len(before) + 1,
        "before": [asdict(opening) for opening in before],
        **changed,
        "text": _in_words(before, digest, changed),
    }


def _named(reference: str | os.PathLike[str]) -> tuple[str, str]:
    """Return the name of a model and the sha256 of the file that makes it what it is."""
    path = Path(reference)
    if path.is_file():
        return path.name, hashlib.sha256(path.read_bytes()).hexdigest()
    run = Run.open(os.fspath(reference))
    return run.id, hashlib.sha256(run.weights().read_bytes()).hexdigest()


def _regraded(workspace: Workspace, photos: PhotoFolder, since: str) -> dict[str, int]:
    """Count the sealed photos that were rejected or relabelled since they were first seen to be right or wrong."""
    decisions = read_journal(workspace).decisions()
    late = [
        (decision, photo)
        for photo in photos.before
        if (decision := decisions.get(photo.id)) is not None and decision.at >= since
    ]
    return {
        "rejected": sum(decision.state == "reject" for decision, _ in late),
        "relabelled": sum(
            decision.state != "reject" and decision.label not in (None, photo.label) for decision, photo in late
        ),
    }


def _in_words(before: Sequence[Opening], digest: str, changed: Mapping[str, int]) -> str:
    if not before:
        return "The sealed photos were opened for the first time; that is written down. A second look is worth less."
    first, others = before[0], {opening.model_hash for opening in before} - {digest}
    times = "once" if len(before) == 1 else f"{len(before)} times"
    text = (
        f"The sealed photos had been opened {times} before, first on {first.at[:10]} for {first.model} "
        f"({first.n - first.wrong} of {first.n} right), so this figure is no longer untouched"
    )
    text += (
        ": whatever was changed since may have been chosen by them." if others else ", though the model is the same."
    )
    done = ", ".join(f"{n} {what}" for what, n in changed.items() if n)
    if done:
        text += f" Of their photos {done} since: {count_photos(sum(changed.values()))} that were graded already."
    return text
