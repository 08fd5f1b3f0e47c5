"""Figures, curves and photos -> one HTML file that holds everything it shows."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import log
from typing import Any

from markupsafe import Markup, escape

from fieldmark.artifacts.runs import Epoch
from fieldmark.evaluate import charts, wording
from fieldmark.evaluate.calibration import say_calibration
from fieldmark.evaluate.content import FinderCurve, Glance, ReportContent
from fieldmark.evaluate.hardest import hardest
from fieldmark.evaluate.origins import errors_by_source, of_copies
from fieldmark.evaluate.plates import Plate, certainty_plates, roc_plate
from fieldmark.evaluate.unknown import sentences
from fieldmark.paper import fit_for_a_file, templates
from fieldmark.version import __version__

__all__ = ["FinderCurve", "ReportContent", "render"]

FEW = 12  # files, classes or epochs up to which a list stands open
MIX_UPS = 5  # pairs of classes named above the confusion table


def render(content: ReportContent) -> str:
    """Return the report as one HTML page without scripts, which asks no computer for anything."""
    environment = templates("fieldmark.evaluate")
    environment.filters |= {
        "percent": wording.percent,
        "duration": wording.duration,
        "loss": wording.loss,
        "rate": wording.rate,
        "photos": wording.photos,
        "whole_percent": wording.whole_percent,
        "prose": prose,
    }
    return fit_for_a_file(environment.get_template("report.html").render(_fill(content)))


def prose(text: str) -> Markup:
    """Escape a sentence; keep numbers and percent signs together, set `commands` as code, set quoted names apart.

    A name in a script that runs from right to left would else pull the words around it along.
    """
    safe = re.sub(r"(?<=\d) %", "&nbsp;%", str(escape(text)))
    safe = re.sub(r"“[^”]*”", r"<bdi>\g<0></bdi>", safe)
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", safe))


def _fill(content: ReportContent) -> dict[str, Any]:
    """Return what the template shows, by name."""
    metrics, n = content.metrics, len(content.predictions)
    kept = metrics.get("kept")
    return {
        "title": content.title,
        "created": content.created,
        "date": _say_date(content.created),
        "tool_version": __version__,
        "n": n,
        "metrics": metrics,
        "classes": metrics["classes"],
        "blind_loss": log(len(metrics["classes"])),  # of giving every class the same probability
        "headline": wording.headline(metrics, n),
        "flattery": wording.flattery(n) if metrics.get("chosen_on_judged", kept) else None,
        "how_judged": wording.how_judged(metrics),
        "baseline": wording.against_baseline(metrics, n),
        "regraded": wording.regraded(metrics),
        "both_ways": _both_ways(metrics, n),
        "unknowns": wording.unknowns(metrics, n),
        "verdict_chart": _draw_verdict(metrics),
        "warnings": content.warnings,
        "portions": (portions := _portions(content)),
        "totals": [sum(column) for column in zip(*(portion.counts for portion in portions), strict=True)],
        "split_note": content.split_note,
        "unusable": content.unusable,
        "unusable_groups": group_by_reason(content.unusable),
        "stage_results": wording.stage_results(metrics, n),
        "overfitting": wording.overfitting(content.epochs, kept),
        "epochs": content.epochs,
        "kept_row": wording.kept_row(content.epochs, kept),
        "epoch_charts": _draw_epochs(content.epochs, kept),
        "finders": [
            (curve, Markup(charts.finder_chart(curve, i)), list(zip(curve.rates, curve.losses, strict=True)))
            for i, curve in enumerate(content.finders, start=1)
        ],
        "confusion": _confusion_rows(metrics),
        "mix_ups": _mix_ups(metrics),
        "per_class": [_ClassRow.of(name, figures) for name, figures in metrics["per_class"].items()],
        "calibration": metrics.get("calibration"),
        "certainty": _certainty(content),
        "roc": roc_plate(content.predictions),
        "none_of_these": sentences(metrics),
        "costs": metrics.get("costs"),
        "baselines": metrics.get("baselines") or [],
        "against_centroid": metrics.get("against_centroid"),
        "sources": errors_by_source(content.predictions, content.sources),
        "of_copies": of_copies(content.predictions),
        "opened": wording.opened(metrics),
        "hardest": _hardest(content),
        "looked_later": bool(metrics.get("folds")),  # by a model that has meanwhile learned from the photos shown
        "pictured": content.thumbnails is not None,
        "facts": [
            ("Settings", _flatten(content.settings)),
            ("Hashes", _flatten(content.hashes)),
            ("Versions", _flatten(content.versions)),
            ("Time taken", [(name, wording.duration(s)) for name, s in (metrics.get("seconds") or {}).items()]),
        ],
        "few": FEW,
    }


def _certainty(content: ReportContent) -> tuple[str | None, list[Plate]]:
    """Return what is said of the model's certainty, and its drawings."""
    figures = content.metrics.get("calibration")
    return say_calibration(figures) if figures else None, certainty_plates(figures, content.predictions)


def _both_ways(metrics: Mapping[str, Any], n: int) -> list[tuple[str, int, int, float, list[float]]]:
    """Rows of a table: which photos, how many right, of how many, accuracy, interval; none without changes."""
    if not metrics.get("regraded"):
        return []
    before = metrics["regraded"]["uncleaned"]
    return [
        (words, n_photos - figures["wrong"], n_photos, figures["accuracy"], figures["accuracy_ci95"])
        for words, n_photos, figures in (("cleaned", n, metrics), ("as before", before["n"], before))
    ]


def _say_date(created: str) -> str:
    try:
        moment = datetime.fromisoformat(created)
    except ValueError:
        return created
    zone = f" {moment:%Z}" if moment.tzinfo else ""
    return f"{moment.day} {moment:%B %Y}, {moment:%H:%M}{zone}"


def _draw_verdict(metrics: Mapping[str, Any]) -> Markup:
    low, high = metrics["accuracy_ci95"]
    label = f"{wording.percent(metrics['accuracy'])}, interval {wording.percent(low)} to {wording.percent(high)}"
    blind = 1 - metrics["baseline"]["error_rate"]
    return Markup(charts.whisker(metrics["accuracy"], low, high, mark=blind, label=label))


def _draw_epochs(epochs: Sequence[Epoch], kept: Mapping[str, Any] | None) -> list[tuple[str, Markup]]:
    if not epochs:
        return []
    on_both = "Loss after each epoch, on the photos learned from and on those held back."
    on_held_back = "Share of the photos held back that were wrong after each epoch."
    return [
        (on_both, Markup(charts.loss_chart(epochs, kept))),
        (on_held_back, Markup(charts.error_chart(epochs, kept))),
    ]


@dataclass(frozen=True)
class _Portion:
    """How many photos of one class there were."""

    name: str
    counts: tuple[int, ...]
    bar: Markup


def _portions(content: ReportContent) -> list[_Portion]:
    """Return the photos of each class: learned from and held back, or, without training, judged."""
    counts: Mapping[str, tuple[int, ...]]
    if content.class_counts is not None:
        counts = content.class_counts
    else:
        counts = {name: (figures["n"],) for name, figures in content.metrics["per_class"].items()}
    most = max([1, *(sum(pair) for pair in counts.values())])
    kinds = ("train", "valid") if content.class_counts is not None else ("valid",)
    return [
        _Portion(name, pair, Markup(charts.bar([(k, c / most) for k, c in zip(kinds, pair, strict=True)])))
        for name, pair in counts.items()
    ]


@dataclass(frozen=True)
class ReasonGroup:
    """Files that could not be used for the same reason, whatever numbers it names."""

    reason: str
    files: tuple[tuple[str, str], ...]  # (photo, its own reason)
    alike: bool  # whether all give the very same reason


def group_by_reason(unusable: Sequence[tuple[str, str]]) -> list[ReasonGroup]:
    """Gather unusable files whose reasons differ by no more than numbers and what stands in brackets; most first."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for photo, reason in unusable:
        groups.setdefault(re.sub(r"\d+", "", _without_brackets(reason)), []).append((photo, reason))
    gathered = []
    for files in groups.values():
        reasons = {reason for _, reason in files}
        bare = {_without_brackets(reason) for reason in reasons}
        first = files[0][1] if len(reasons) == 1 else _without_brackets(files[0][1])
        gathered.append(
            ReasonGroup(first if len(bare) == 1 else f"{first}, and the like", tuple(files), len(reasons) == 1)
        )
    return sorted(gathered, key=lambda group: -len(group.files))


def _without_brackets(reason: str) -> str:
    return re.sub(r"\s*\(.*", "", reason) or reason


def _confusion_rows(metrics: Mapping[str, Any]) -> list[tuple[str, int, list[tuple[int, float]]]]:
    """Return for each actual class its name, its n, and for each predicted class count and share of the row."""
    rows = []
    for name, counts in zip(metrics["classes"], metrics["confusion"], strict=True):
        n = sum(counts)
        rows.append((name, n, [(count, count / n if n else 0.0) for count in counts]))
    return rows


def _mix_ups(metrics: Mapping[str, Any]) -> list[tuple[int, str, str]]:
    """Return the commonest confusions, as (count, actual class, predicted class)."""
    classes = metrics["classes"]
    wrong = [
        (count, classes[i], classes[j])
        for i, counts in enumerate(metrics["confusion"])
        for j, count in enumerate(counts)
        if count and i != j
    ]
    return sorted(wrong, key=lambda pair: -pair[0])[:MIX_UPS]


@dataclass(frozen=True)
class _Share:
    """A share out of n as the class table shows it."""

    right: int
    n: int
    value: float
    low: float
    high: float
    drawing: Markup

    @classmethod
    def of(cls, right: int, n: int, value: float | None, interval: Sequence[float] | None) -> _Share | None:
        if value is None or interval is None:
            return None
        low, high = interval
        return cls(right, n, value, low, high, Markup(charts.whisker(value, low, high)))


@dataclass(frozen=True)
class _ClassRow:
    """One class in the class table; a share is None where there was nothing to count."""

    name: str
    recall: _Share | None
    precision: _Share | None

    @classmethod
    def of(cls, name: str, figures: Mapping[str, Any]) -> _ClassRow:
        right = figures["right"]
        return cls(
            name,
            _Share.of(right, figures["n"], figures["recall"], figures["recall_ci95"]),
            _Share.of(right, figures["predicted"], figures["precision"], figures["precision_ci95"]),
        )


@dataclass(frozen=True)
class _HardPhoto:
    """One photo among those with the greatest loss."""

    photo: str
    predicted: str
    predicted_share: float
    actual: str
    actual_share: float
    loss: float
    right: bool
    unknown: bool
    thumbnail: str | None
    glance: Glance | None


def _hardest(content: ReportContent) -> list[_HardPhoto]:
    told = content.predictions
    losses, predicted = told.losses, told.predicted
    return [
        _HardPhoto(
            photo=told.photos[i],
            predicted=told.classes[predicted[i]],
            predicted_share=float(told.probabilities[i, predicted[i]]),
            actual=told.classes[told.actual[i]],
            actual_share=float(told.probabilities[i, told.actual[i]]),
            loss=float(losses[i]),
            right=bool(predicted[i] == told.actual[i]),
            unknown=bool(told.unknown[i]),
            thumbnail=content.thumbnails(told.photos[i]) if content.thumbnails else None,
            glance=content.glances.get(told.photos[i]),
        )
        for i in hardest(told)
    ]


def _flatten(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return names and values as text; what is no text or number as JSON."""
    return [
        (name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str))
        for name, value in values.items()
    ]
