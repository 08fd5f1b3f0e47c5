"""A workspace or a folder -> what is there, what is stale, and the command to run next. No photo is opened."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fieldmark.artifacts import candidates, contents, runs, searches
from fieldmark.artifacts.catalog import Catalog
from fieldmark.artifacts.contents import Group
from fieldmark.artifacts.photos import Listing, list_folder
from fieldmark.artifacts.runs import Run
from fieldmark.artifacts.sealed import OWN, openings, read_seal
from fieldmark.artifacts.searches import Standing
from fieldmark.artifacts.verdicts import Decision, effect_hash, read_journal
from fieldmark.artifacts.workspace import Workspace
from fieldmark.errors import RunError
from fieldmark.pipeline.credits import Licences
from fieldmark.pipeline.steps import STEPS, Signs, next_commands
from fieldmark.search.sources import QUERIES

ENDED_WELL = ("ok", "nothing found")
"""Outcomes of a search after which there is nothing to put right."""


@dataclass(frozen=True)
class ClassHolding:
    """How many photos of a class lie on the disk, and their bytes."""

    photos: int
    bytes: int


@dataclass(frozen=True)
class Records:
    """What the catalog of a workspace says.

    Attributes:
        candidates: number per status.
        searches: those that are not finished, or failed.
        conflicts: photos that classes are in conflict about.
        groups: the groups of near-duplicates.
        licences: photos per licence code.
        missing: photos that the catalog has and the disk has not, as `class/id.jpg`.
        strangers: files among the photos that the catalog does not know.
    """

    candidates: dict[str, int]
    searches: tuple[Standing, ...]
    conflicts: int
    groups: tuple[Group, ...]
    licences: Licences
    missing: tuple[str, ...]
    strangers: int

    @property
    def across(self) -> list[Group]:
        """The groups whose photos lie in two classes or more: one of the labels is likely wrong."""
        return [group for group in self.groups if len(group.labels) > 1]


@dataclass(frozen=True)
class RunSummary:
    """A training that was done.

    Attributes:
        id: the name of its folder.
        path: where it lies.
        created: ISO 8601; empty where the run does not say.
        days: its age.
        error_rate: part of the validation photos it got wrong.
        n_valid: how many these were.
        changes: what is otherwise now than when it learned, a sentence; empty when nothing is, None when it cannot
            be told.
    """

    id: str
    path: str
    created: str
    days: float | None
    error_rate: float | None
    n_valid: int | None
    changes: str | None

    @property
    def stale(self) -> bool | None:
        """Whether it learned from other photos than are there now; None when that cannot be told."""
        return None if self.changes is None else bool(self.changes)


@dataclass(frozen=True)
class Status:
    """What a folder holds.

    Attributes:
        folder: as it was given.
        harvested: whether it is a workspace.
        classes: what lies on the disk, per class.
        records: what the catalog says; None for a plain folder.
        verdicts: number of photos per decision; those without one are not in it.
        sealed: number of photos in the share that was sealed, and how often it was opened.
        runs: the trainings, oldest first.
        signs: the same, as far as it says what comes next.
    """

    folder: str
    harvested: bool
    classes: dict[str, ClassHolding]
    records: Records | None
    verdicts: dict[str, int]
    sealed: dict[str, int]
    runs: tuple[RunSummary, ...]
    signs: Signs

    @property
    def photos(self) -> int:
        """How many photos lie on the disk."""
        return sum(held.photos for held in self.classes.values())

    @property
    def bytes(self) -> int:
        """How many bytes these take."""
        return sum(held.bytes for held in self.classes.values())

    @property
    def next(self) -> list[str]:
        """The command lines to run next."""
        return next_commands(self.signs)

    def states(self) -> dict[str, str]:
        """Return the state of every step; see `steps.Step`."""
        return {step.name: step.state(self.signs) for step in STEPS}

    def to_dict(self) -> dict[str, Any]:
        """Return the document that `status --json` prints."""
        return {
            "folder": self.folder,
            "kind": "workspace" if self.harvested else "plain folder" if self.classes else "empty folder",
            "photos": self.photos,
            "bytes": self.bytes,
            "classes": {name: asdict(held) for name, held in self.classes.items()},
            **(_records_to_dict(self.records) if self.records else {}),
            "verdicts": self.verdicts,
            "sealed": self.sealed,
            "runs": [{**asdict(run), "stale": run.stale} for run in self.runs],
            "steps": {
                step.name: {
                    "state": step.state(self.signs),
                    "reads": list(step.reads),
                    "writes": list(step.writes),
                    "stale_when": step.stale_when,
                }
                for step in STEPS
            },
            "next": self.next,
        }


def _records_to_dict(records: Records) -> dict[str, Any]:
    return {
        "candidates": records.candidates,
        "searches": [
            {
                "class": search.label,
                "query": search.query,
                "provider": search.provider,
                "outcome": search.outcome or "unfinished",
                "reason": search.reason,
            }
            for search in records.searches
        ],
        "conflicts": records.conflicts,
        "near_duplicates": {
            "groups": len(records.groups),
            "photos": sum(group.photos for group in records.groups),
            "across_classes": [
                {"group": group.id, "classes": list(group.labels), "photos": group.photos} for group in records.across
            ],
        },
        "missing": list(records.missing),
        "strangers": records.strangers,
        **records.licences.to_dict(),
    }


def status(folder: str | os.PathLike[str]) -> Status:
    """Look at a folder; nothing in it is changed, and it may be read-only.

    Raises:
        FieldmarkError: there is no such folder, or its catalog cannot be read.
    """
    workspace = Workspace.open(folder)
    listing = list_folder(workspace.photos)
    records = _records(workspace, listing) if workspace.harvested else None
    decisions = read_journal(workspace).decisions()
    effect = effect_hash(decisions)
    summaries = tuple(sorted((_summary(run, listing, effect) for run in runs.whole_runs(workspace.runs)), key=_when))
    classes = _holdings(listing)
    newest = summaries[-1] if summaries else None
    signs = Signs(
        folder=os.fspath(folder),
        harvested=workspace.harvested,
        photos=len(listing.files),
        classes=sum(held.photos > 0 for held in classes.values()),
        unfinished=len(records.searches) + records.candidates.get("pending", 0) if records else 0,
        sheet=(workspace.root / QUERIES).is_file(),
        run=Path(newest.path) if newest else None,
        run_is_stale=bool(newest and newest.stale),
    )
    return Status(
        folder=os.fspath(folder),
        harvested=workspace.harvested,
        classes=classes,
        records=records,
        verdicts=_verdicts(decisions),
        sealed=_sealed(workspace),
        runs=summaries,
        signs=signs,
    )


NOTHING = effect_hash({})
"""What a run has that is older than verdicts."""


def _verdicts(decisions: Mapping[str, Decision]) -> dict[str, int]:
    counted = {
        "kept": sum(held.state == "keep" and not held.label for held in decisions.values()),
        "rejected": sum(held.state == "reject" for held in decisions.values()),
        "relabelled": sum(held.state == "keep" and bool(held.label) for held in decisions.values()),
        "cropped": sum(held.crop is not None for held in decisions.values()),
        "counted once": sum(held.once for held in decisions.values()),
    }
    return {name: n for name, n in counted.items() if n}


def _sealed(workspace: Workspace) -> dict[str, int]:
    seal = read_seal(workspace)
    known = seal.hash if seal else OWN
    return {"photos": len(seal.ids) if seal else 0, "opened": len(openings(workspace, known))}


def _when(run: RunSummary) -> tuple[str, str]:
    return run.created, run.id


def _holdings(listing: Listing) -> dict[str, ClassHolding]:
    held = {name: [0, 0] for name in listing.classes}
    for _, label, n_bytes in listing.files:
        held[label][0] += 1
        held[label][1] += n_bytes
    return {name: ClassHolding(*counts) for name, counts in held.items()}


def _records(workspace: Workspace, listing: Listing) -> Records:
    with Catalog.open_reading(workspace.catalog) as catalog:
        known = contents.photo_files(catalog)
        there = {path for path, _, _ in listing.files}
        return Records(
            candidates=candidates.statuses(candidates.tally(catalog)),
            searches=tuple(s for s in searches.read_all(catalog) if s.outcome not in ENDED_WELL),
            conflicts=sum(label is None for label in contents.places(catalog).values()),
            groups=tuple(contents.groups(catalog)),
            licences=Licences(contents.licence_counts(catalog)),
            missing=tuple(sorted(known - there)),
            strangers=len(there - known),
        )


def _summary(run: Run, listing: Listing, effect: str) -> RunSummary:
    """Read what a run says of itself; one whose files are damaged is listed all the same."""
    try:
        settings, metrics = run.settings(), run.metrics()
    except RunError as error:
        return RunSummary(run.id, str(run.path), "", None, None, None, str(error))
    created = str(settings.get("created", ""))
    return RunSummary(
        id=run.id,
        path=str(run.path),
        created=created,
        days=_days_since(created),
        error_rate=metrics.get("error_rate"),
        n_valid=metrics.get("n_valid"),
        changes=_changes(settings.get("files"), listing, effect),
    )


def _days_since(created: str) -> float | None:
    try:
        then = datetime.fromisoformat(created)
    except ValueError:
        return None
    then = then if then.tzinfo else then.replace(tzinfo=UTC)
    return round((datetime.now(UTC) - then).total_seconds() / 86400, 2)


def _changes(files: Mapping[str, Any] | None, listing: Listing, effect: str) -> str | None:
    """Say what has changed among the photos since a run looked at them."""
    if not isinstance(files, dict) or not isinstance(files.get("counts"), dict):
        return None  # a run of an earlier Fieldmark
    if files.get("hash") == listing.hash():
        return "" if files.get("verdicts", NOTHING) == effect else "other verdicts hold"
    then, now = files["counts"], listing.counts()
    names = sorted(name for name in then.keys() | now.keys() if then.get(name, 0) != now.get(name, 0))
    moved = [f"{name} {then.get(name, 0)} -> {now.get(name, 0)}" for name in names]
    return ", ".join(moved) or "as many photos as then, but others"
