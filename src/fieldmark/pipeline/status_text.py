"""The status of a workspace or folder -> the lines a person reads in the terminal."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from fieldmark.artifacts.searches import Standing
from fieldmark.pipeline.status import Records, RunSummary, Status
from fieldmark.pipeline.steps import STEPS
from fieldmark.terminal import count, printable

SHOWN = 10
"""Groups across classes named in the terminal; `--json` names all."""


def lines(found: Status) -> list[str]:
    """Return the status as a person reads it."""
    return [
        *_class_lines(found),
        *(_record_lines(found.records, found.folder) if found.records else []),
        *_verdict_lines(found.verdicts),
        *_sealed_lines(found.sealed),
        *_run_lines(found.runs),
        *_next_lines(found),
    ]


def _class_lines(found: Status) -> list[str]:
    kind = "workspace" if found.harvested else "plain folder of class folders" if found.classes else "empty folder"
    what = "photo" if found.harvested else "file"  # not opened, so one cannot know
    told = [f"{found.folder}: {kind}, {count(found.photos, what)}, {_megabytes(found.bytes)}"]
    return told + [
        f"  {name:<24} {held.photos:>6}  {_megabytes(held.bytes):>10}" for name, held in found.classes.items()
    ]


def _record_lines(records: Records, folder: str) -> list[str]:
    counts = ", ".join(f"{n} {status}" for status, n in records.candidates.items())
    told = [f"candidates: {sum(records.candidates.values())}" + (f" ({counts})" if counts else "")]
    told += [f"search {_search_line(search)}" for search in records.searches]
    if records.conflicts:
        where = shlex.quote(str(Path(folder) / "conflicts"))
        told.append(f"conflicts: {count(records.conflicts, 'photo')} claimed by two classes, kept out in {where}")
    if records.groups:
        inside = sum(group.photos for group in records.groups)
        told.append(f"near-duplicates: {count(len(records.groups), 'group')} of {count(inside, 'photo')}")
    told += [f"  across classes {' and '.join(group.labels)}: group {group.id}" for group in records.across[:SHOWN]]
    if records.missing:
        named = ", ".join(records.missing[:3]) + (", ..." if len(records.missing) > 3 else "")
        told.append(f"missing: {count(len(records.missing), 'photo')} of the catalog not on the disk: {named}")
    if records.strangers:
        told.append(f"unknown: {count(records.strangers, 'file')} among the photos that the catalog does not know")
    if records.licences.counts:
        told.append("licences: " + ", ".join(f"{n} {code}" for code, n in records.licences.counts.items()))
    return told


def _verdict_lines(verdicts: Mapping[str, int]) -> list[str]:
    return ["verdicts: " + ", ".join(f"{n} {name}" for name, n in verdicts.items())] if verdicts else []


def _sealed_lines(sealed: Mapping[str, int]) -> list[str]:
    if not sealed["photos"]:
        return []
    opened = f"opened {count(sealed['opened'], 'time')}" if sealed["opened"] else "never opened"
    return [f"sealed: {count(sealed['photos'], 'photo')} that no training sees, {opened}"]


def _search_line(search: Standing) -> str:
    reason = f": {search.reason}" if search.reason else ""
    return printable(
        f"{search.outcome or 'unfinished'}: {search.provider}, {search.query!r} for {search.label}{reason}"
    )


def _run_lines(found: Sequence[RunSummary]) -> list[str]:
    told = []
    for run in found:
        rate = f"error rate {run.error_rate:.1%} of {run.n_valid}" if run.error_rate is not None else "no figures"
        age = f", {_age(run.days)}" if run.days is not None else ""
        changes = f"; stale: {run.changes}" if run.changes else ""
        unsure = "; it does not say which photos it learned from" if run.changes is None else ""
        told.append(f"run {run.id}: {rate}{age}{changes}{unsure}")
    return told


def _next_lines(found: Status) -> list[str]:
    stale = [step for step in STEPS if step.state(found.signs) == "stale"]
    told = [f"{step.name} is stale: {step.stale_when}" for step in stale]
    told += [f"next: {command}" for command in found.next]
    if found.records and found.photos:
        told.append(f"      fieldmark credits {shlex.quote(found.folder)} -o CREDITS.md")
    return told


def _megabytes(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:,.1f} MB"


def _age(days: float) -> str:
    if days < 1 / 24:
        return "just now"
    return f"{count(round(days * 24), 'hour')} ago" if days < 2 else f"{count(round(days), 'day')} ago"
