"""A workspace or class folders -> how the error falls with the number of photos, and whether more would help."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fieldmark.artifacts import findings
from fieldmark.artifacts.catalog import Catalog
from fieldmark.artifacts.findings import LeftOut, in_sentences
from fieldmark.artifacts.photos import PhotoFile
from fieldmark.artifacts.sealed import read_unsealed
from fieldmark.artifacts.workspace import Workspace
from fieldmark.errors import FolderError, WorkspaceError
from fieldmark.evaluate.intervals import wilson
from fieldmark.pipeline.extra import needs_train_extra
from fieldmark.study import projection
from fieldmark.study.advice import Found, Outcome, advice, verdict
from fieldmark.study.projection import CONFIDENCE, Band
from fieldmark.study.sources import Source, read_sources

if TYPE_CHECKING:
    from fieldmark.embed import Features
    from fieldmark.study.subsample import Answers

LEAST = 40
"""Pictures that are not copies of each other; of fewer no curve can be drawn that says anything."""

TIMES = (1, 2, 4)
"""The numbers of photos to which the error is projected, in times those that there are."""


@dataclass(frozen=True)
class Point:
    """What models do that learned from so many photos.

    Attributes:
        photos: how many they learned from.
        error: share of the photos kept from them that they got wrong, the mean over the ways of cutting.
        found: of each class, how many of its photos they found.
        judged: how many photos they were asked about.
    """

    photos: int
    error: float
    found: dict[str, Found]
    judged: int

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % Wilson interval of the error, as of `judged` photos that were each asked about once."""
        return wilson(round(self.error * self.judged), self.judged)

    def to_dict(self) -> dict[str, Any]:
        """Return it as `curve --json` prints it."""
        per_class = {
            name: {"n": of.n, "right": of.right, "recall": of.right / of.n, "recall_ci95": list(of.interval)}
            for name, of in self.found.items()
        }
        shown = {"photos": self.photos, "error": self.error, "error_ci95": list(self.interval), "judged": self.judged}
        return {**shown, "per_class": per_class}


@dataclass(frozen=True)
class LearningCurve:
    """What came of it.

    Attributes:
        counts: photos in use, per class.
        different: pictures among them that are not copies of each other.
        points: by number of photos learned from, ascending.
        law: floor, scale and exponent of the error's power law.
        projected: number of photos -> the error there; empty where nothing was got wrong.
        half: number of photos that halves the error; infinite where none is known. None where nothing was got wrong.
        missed: photos that most models got wrong that learned from the most photos.
        mislabelled: those of them that are probably mislabelled; None where that cannot be told.
        sources: which query brought what, for a workspace.
        verdict: the sentence.
        advice: what to do, a sentence each.
        left_out: what could not be done, and why.
    """

    counts: dict[str, int]
    different: int
    points: tuple[Point, ...]
    law: tuple[float, float, float]
    projected: dict[int, Band]
    half: Band | None
    missed: int
    mislabelled: int | None
    sources: tuple[Source, ...]
    verdict: str
    advice: tuple[str, ...]
    left_out: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the document that `curve --json` prints."""
        return {
            "photos": sum(self.counts.values()),
            "classes": self.counts,
            "different": self.different,
            "points": [point.to_dict() for point in self.points],
            "law": dict(zip(("floor", "scale", "exponent"), self.law, strict=True)),
            "confidence": CONFIDENCE,
            "projected": [
                {"photos": n, "error": band.value, "error_band": [band.low, band.high]}
                for n, band in self.projected.items()
            ],
            "half": None if self.half is None else _half_dict(self.half),
            "missed": self.missed,
            "mislabelled": self.mislabelled,
            "sources": [source.to_dict() for source in self.sources],
            "verdict": self.verdict,
            "advice": list(self.advice),
            "left_out": list(self.left_out),
        }


def curve(folder: str | os.PathLike[str], seed: int = 0) -> LearningCurve:
    """Learn from ever more of a folder's photos, as the verdicts leave them, and project the error to more.

    Args:
        folder: a workspace, or class folders.
        seed: of what is drawn.

    Raises:
        FolderError: the folder cannot be read, or has too few photos or classes for a curve.
        MissingExtra: the training extra is not installed.
        FieldmarkError: the photos cannot be looked at.
    """
    with needs_train_extra("Drawing a learning curve"):
        from fieldmark.checks import labels as mislabelled
        from fieldmark.embed import embed
        from fieldmark.study.subsample import sub_sample
    workspace = Workspace.open(folder)
    photos = read_unsealed(workspace)
    check_enough(photos.photos, range(len(photos.photos)))
    features = embed(workspace, photos.photos, photos.root)
    seen = features.photos
    groups = same_pictures(workspace, features)
    group_of = _numbered(len(seen), groups)
    check_enough(seen, group_of.tolist())
    classes = sorted({photo.label for photo in seen})
    answers = sub_sample(features.vectors, np.array([classes.index(p.label) for p in seen]), group_of, seed)
    doubted = {finding.photo for finding in mislabelled.suspects(seen, features.vectors, groups) if finding.sure}
    reason = mislabelled.why_not(seen, groups)
    missed = [seen[i] for i in np.flatnonzero(answers.missed())]
    wrong_label = None if reason and not doubted else sum(photo.path in doubted for photo in missed)
    sources = read_sources(workspace, seen)
    return _conclude(os.fspath(folder), classes, answers, len(missed), wrong_label, sources, reason)


def check_enough(photos: Sequence[PhotoFile], groups: Sequence[int]) -> None:
    """Raise FolderError where no curve can be drawn: one class, one picture of a class, or fewer than `LEAST`.

    Args:
        photos: the n photos.
        groups: for each a number that photos of one picture share.
    """
    pictures = {(photo.label, group) for photo, group in zip(photos, groups, strict=True)}
    counts = Counter(label for label, _ in pictures)
    listed = ", ".join(f"{n} {name}" for name, n in sorted(counts.items()))
    if len(counts) < 2:
        raise FolderError(f"There is one class only: {listed}. A curve needs two class folders or more.")
    single = sorted(name for name, n in counts.items() if n < 2)
    if single:
        raise FolderError(
            f"Class {single[0]!r} has one picture only, copies aside: {listed}. A curve needs two of each class, one "
            "to learn from and one to be judged by. Add photos of it, or take its folder away."
        )
    if len(pictures) < LEAST:
        raise FolderError(
            f"There are {len(pictures)} pictures that are not copies of each other: {listed}. No curve can be drawn "
            f"of fewer than {LEAST}: harvest or add at least {LEAST - len(pictures)} more."
        )


def same_pictures(workspace: Workspace, features: Features) -> list[list[int]]:
    """Group the photos that show one picture: by bytes, by the harvest, by the last check, and by what they look like.

    Only the last needs seconds, once; the check's hashes are not made again, which would decode every photo.

    Returns:
        Indices of the photos of each group, two or more; see `find_alike`.
    """
    from fieldmark.pipeline.find_alike import find_alike

    known = _found_alike(workspace)
    together: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for i, photo in enumerate(features.photos):
        together["bytes", photo.sha256].append(i)
        if photo.group is not None:
            together["harvest", photo.group].append(i)
        if photo.path in known:
            together["check", known[photo.path]].append(i)
    hashed = [members for members in together.values() if len(members) > 1]
    return find_alike(workspace, features, hashed)


def _found_alike(workspace: Workspace) -> dict[str, str]:
    """Photo path -> the group of near-duplicates that the last check found it in; empty where there was none."""
    if not workspace.journal.is_file():
        return {}
    try:
        with Catalog.open_reading(workspace.journal) as catalog:
            found = findings.read(catalog)
    except WorkspaceError:
        return {}  # an old journal costs a group or two, and no curve
    return {finding.photo: finding.group for finding in found if finding.kind == "near_duplicate" and finding.group}


def _numbered(n: int, groups: Sequence[Sequence[int]]) -> NDArray[np.int_]:
    """For each photo the index of the first of its group: int `[n]`."""
    numbers = np.arange(n)
    for group in groups:
        numbers[list(group)] = group[0]
    return numbers


def _conclude(
    folder: str,
    classes: Sequence[str],
    answers: Answers,
    missed: int,
    mislabelled: int | None,
    sources: Sequence[Source],
    left_out: LeftOut | None,
) -> LearningCurve:
    points = _points(classes, answers)
    laws = projection.fit(answers.sizes, answers.wrong, answers.groups)
    n, last = len(answers.labels), points[-1]
    outcome = Outcome(folder, n, round(last.error * n), laws, missed, mislabelled, last.found, sources)
    return LearningCurve(
        {name: of.n for name, of in last.found.items()},
        len(set(answers.groups.tolist())),
        points,
        (float(laws.floor[0]), float(laws.scale[0]), float(laws.exponent[0])),
        {times * n: laws.error(times * n) for times in TIMES} if outcome.wrong else {},
        laws.photos_for_half(n) if outcome.wrong else None,
        missed,
        mislabelled,
        tuple(sources),
        verdict(outcome),
        tuple(advice(outcome)),
        tuple(in_sentences([left_out] if left_out else [])),
    )


def _points(classes: Sequence[str], answers: Answers) -> tuple[Point, ...]:
    counts = np.bincount(answers.labels).tolist()
    rows = zip(answers.sizes.tolist(), answers.errors().tolist(), answers.recalls(), strict=True)
    return tuple(
        Point(
            size,
            error,
            {name: Found(round(recalls[k] * counts[k]), counts[k]) for k, name in enumerate(classes)},
            len(answers.labels),
        )
        for size, error, recalls in rows
    )


def _half_dict(half: Band) -> dict[str, Any]:
    """Numbers of photos, null where none is known."""
    value, low, high = (round(n) if isfinite(n) else None for n in (half.value, half.low, half.high))
    return {"photos": value, "photos_band": [low, high]}
