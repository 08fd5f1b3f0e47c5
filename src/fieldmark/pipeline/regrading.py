"""Verdicts on photos that a model was judged by -> what they change, so that nobody grades their own work unseen.

Whoever rejects the photos that a model got wrong makes the next figure better without making the model better. Such
photos are counted, and the next model is judged both ways: on what was cleaned, and on what it was before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fieldmark.artifacts.photos import PhotoFile, PhotoFolder
from fieldmark.artifacts.runs import whole_runs
from fieldmark.artifacts.verdicts import Decision, read_journal
from fieldmark.artifacts.workspace import Workspace
from fieldmark.errors import RunError


@dataclass(frozen=True)
class Regraded:
    """Photos to judge by about which was decided after a model had been judged by them.

    Attributes:
        rejected: with the class they had, and uncropped.
        relabelled: id -> the class they had.
    """

    rejected: tuple[PhotoFile, ...] = ()
    relabelled: Mapping[str, str] | None = None

    def __bool__(self) -> bool:
        return bool(self.rejected or self.relabelled)

    def as_they_were(self, judged: Sequence[PhotoFile]) -> list[PhotoFile]:
        """Return judged photos with the classes they had before."""
        before = self.relabelled or {}
        return [replace(photo, label=before.get(photo.id, photo.label)) for photo in judged]

    def to_dict(self, uncleaned: Mapping[str, Any]) -> dict[str, Any]:
        """Return what `metrics.json` says of it; `uncleaned` are figures as `metrics.summarize` returns them."""
        figures = {name: uncleaned[name] for name in ("accuracy", "accuracy_ci95", "wrong")}
        n = sum(sum(row) for row in uncleaned["confusion"])
        return {
            "rejected": len(self.rejected),
            "relabelled": len(self.relabelled or {}),
            "uncleaned": {"n": n, **figures},
        }


def find_regraded(workspace: Workspace, photos: PhotoFolder, is_judged: Callable[[str], bool]) -> Regraded:
    """Find the photos to judge by that were rejected or relabelled after a run was judged by them.

    Args:
        workspace: whose runs and journal are read.
        photos: as read through the verdicts.
        is_judged: whether the photo with an id is one to judge by, or would be had it not been rejected.
    """
    decisions = read_journal(workspace).decisions()
    changed = [photo for photo in photos.before if _is_changed(photo, decisions.get(photo.id))]
    if not changed:
        return Regraded()
    first_judged = _first_judged(workspace)
    late = [
        photo
        for photo in changed
        if is_judged(photo.id) and photo.id in first_judged and decisions[photo.id].at >= first_judged[photo.id]
    ]
    return Regraded(
        tuple(photo for photo in late if decisions[photo.id].state == "reject"),
        {photo.id: photo.label for photo in late if decisions[photo.id].state != "reject"},
    )


def _is_changed(photo: PhotoFile, decision: Decision | None) -> bool:
    if decision is None:
        return False
    return decision.state == "reject" or decision.label not in (None, photo.label)


def _first_judged(workspace: Workspace) -> dict[str, str]:
    """Return when each photo was first judged by: its id -> ISO 8601, UTC."""
    first: dict[str, str] = {}
    for run in whole_runs(workspace.runs):
        try:
            created, ids = str(run.settings()["created"]), run.predictions().ids
        except (RunError, KeyError):
            continue  # a damaged run is no reason to stop a training
        for id_ in ids:
            first[id_] = min(created, first.get(id_, created))
    return first
