"""What a report is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fieldmark.artifacts.predictions import Predictions
from fieldmark.artifacts.runs import Epoch


@dataclass(frozen=True)
class FinderCurve:
    """What the learning-rate finder of one stage saw."""

    stage: str  # its name in words: "stage 1, the head alone"
    rates: Sequence[float]  # learning rates tried, rising
    losses: Sequence[float]  # training loss at each
    suggestion: float | None  # None: no part of the curve falls
    used: float  # the rate the stage was trained with


@dataclass(frozen=True)
class Glance:
    """Where a model looked in one photo to call it what it did; see `evaluate.looked`."""

    veiled: str | None  # data: URI of the photo, dark where the model did not look; None: no part by itself mattered
    label: str  # the class it gave
    place: str  # of the part that mattered most: "upper left"
    before: float  # probability of that class
    after: float | None  # the same with that part covered


@dataclass(frozen=True)
class ReportContent:
    """Everything `render` shows. What has a default may be left out, as when a model file is judged on a folder."""

    title: str  # the name of the photo folder
    created: str  # ISO 8601
    metrics: Mapping[str, Any]  # as metrics.json; of it `metrics.summarize`'s keys must be there
    predictions: Predictions  # of the photos that `metrics` speaks of
    epochs: Sequence[Epoch] = ()
    finders: Sequence[FinderCurve] = ()
    thumbnails: Callable[[str], str | None] | None = None  # photo -> data: URI, None if it is gone from the disk
    glances: Mapping[str, Glance] = field(default_factory=dict)  # photo -> where the model looked
    unusable: Sequence[tuple[str, str]] = ()  # (photo, reason)
    warnings: Sequence[str] = ()
    class_counts: Mapping[str, tuple[int, int]] | None = None  # photos learned from and held back; None: no training
    split_note: str = ""  # how photos were shared out
    sources: Mapping[str, str] = field(default_factory=dict)  # photo -> where it came from, of those that know
    settings: Mapping[str, Any] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)  # of what the figures hang on
    versions: Mapping[str, Any] = field(default_factory=dict)
