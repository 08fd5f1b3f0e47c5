"""Verdicts <-> CSV, to be kept beside the photos, sent to somebody, or brought along from FastClass."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath

from fieldmark.artifacts.photos import PhotoFile, PhotoFolder
from fieldmark.artifacts.verdicts import Decision, Verdict
from fieldmark.errors import VerdictError, nearest
from fieldmark.imaging.crop import Crop

COLUMNS = ("photo", "id", "folder", "decision", "class", "crop", "once", "by", "at", "why")
"""`folder` is the class a photo lies below, `class` the one it was given; `decision` is keep, reject or empty."""

FASTCLASS = ("file", "rank")
"""The columns of FastClass's reports, between semicolons; a rank is 1 to 9, D for deleted, or ? for not looked at."""

LISTED = 5
"""Rows named in a sentence."""


def as_csv(folder: PhotoFolder, decisions: Mapping[str, Decision]) -> str:
    """Write what was decided, a row per photo, in the order of their paths; photos that are gone come last.

    Args:
        folder: the photos as they lie; files that are none are written when a verdict speaks of them.
        decisions: what holds.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    here = {file.id: (file.path, "") for file in reversed(folder.unusable) if file.id in decisions}
    here |= {photo.id: (photo.path, photo.label) for photo in reversed(folder.photos)}
    gone = {id_: ("", "") for id_ in sorted(decisions) if id_ not in here}
    for id_, (path, label) in [*sorted(here.items(), key=lambda item: item[1]), *gone.items()]:
        told = decisions.get(id_, Decision())
        once = "yes" if told.once else ""
        table.writerow(
            [path, id_, label, told.state or "", told.label or "", told.crop or "", once, told.by, told.at, told.why]
        )
    return text.getvalue()


@dataclass(frozen=True)
class Import:
    """What a table says.

    Attributes:
        verdicts: that change something.
        unknown: photos that are not here, as the table names them.
        rows: number of its rows.
    """

    verdicts: tuple[Verdict, ...]
    unknown: tuple[str, ...]
    rows: int


def read_csv(text: str, name: str, folder: PhotoFolder, decisions: Mapping[str, Decision]) -> Import:
    """Read a table of ours, or a report of FastClass.

    Args:
        text: the table.
        name: of its file; FastClass's `*_report_clean.csv` leaves out what was deleted.
        folder: the photos as they lie; its classes are those that a photo may be given.
        decisions: what holds; verdicts that say no more are left out.

    Raises:
        VerdictError: it has other columns, or a row says what cannot be; nothing of it is taken then.
    """
    header = text.lstrip("\ufeff").partition("\n")[0]
    if header.strip().lower() == ";".join(FASTCLASS):
        verdicts, unknown, n = _read_fastclass(text, name, folder.photos)
    else:
        verdicts, unknown, n = _read_ours(text, name, folder)
    news = tuple(verdict for verdict in verdicts if _is_news(verdict, decisions.get(verdict.photo_id, Decision())))
    return Import(news, tuple(unknown), n)


def _is_news(verdict: Verdict, held: Decision) -> bool:
    if verdict.kind == "crop":
        return verdict.value != str(held.crop or "")
    if verdict.kind == "label":
        return (held.state, held.label) != ("keep", verdict.value)
    return not held.once if verdict.kind == "once" else held.state != verdict.kind


def _read_ours(text: str, name: str, folder: PhotoFolder) -> tuple[list[Verdict], list[str], int]:
    table = csv.DictReader(io.StringIO(text.lstrip("\ufeff")))
    missing = [column for column in ("id", "decision") if column not in (table.fieldnames or ())]
    if missing:
        found = ", ".join(table.fieldnames or ()) or "none"
        raise VerdictError(
            f"{name} has no column {missing[0]!r}. Its columns: {found[:200]}. Needed are id and decision, and class, "
            f"crop and once where they are wanted; or FastClass's file;rank."
        )
    here = {photo.id for photo in folder.photos} | {file.id for file in folder.unusable if file.id}
    verdicts, unknown, n = [], [], 0
    for n, row in enumerate(table, 1):
        id_ = (row["id"] or "").strip().lower()
        if id_ in here:
            verdicts += _verdicts_of(id_, row, f"{name}, row {n}", folder.classes)
        else:
            unknown.append(row.get("photo") or id_ or f"row {n}")
    return verdicts, unknown, n


def _verdicts_of(id_: str, row: Mapping[str, str | None], where: str, classes: Sequence[str]) -> list[Verdict]:
    """Read one row; its crop and class come first, so that the decision has the last word."""
    decision, label, crop, once = ((row.get(key) or "").strip() for key in ("decision", "class", "crop", "once"))
    found = []
    if label and label not in classes:
        raise VerdictError(f"{where}: there is no class {label!r}.{nearest(label, classes)} Nothing was imported.")
    if decision.lower() not in ("", "keep", "reject"):
        raise VerdictError(
            f"{where}: the decision is {decision!r}; it may be keep, reject or empty. Nothing was imported."
        )
    if crop:
        try:
            found.append(Verdict(id_, "crop", str(Crop.parse(crop))))
        except ValueError as error:
            raise VerdictError(f"{where}: {error}. Nothing was imported.") from error
    if once:
        found.append(Verdict(id_, "once"))
    if label:
        found.append(Verdict(id_, "label", label))
    if decision and not (label and decision.lower() == "keep"):
        found.append(Verdict(id_, decision.lower(), (row.get("why") or "").strip()[:200]))
    return found


def _read_fastclass(text: str, name: str, photos: Sequence[PhotoFile]) -> tuple[list[Verdict], list[str], int]:
    """Read a report of FastClass. Its digits are ratings or classes of one's own making, so they mean "keep" here."""
    rows = list(csv.reader(io.StringIO(text.lstrip("\ufeff")), delimiter=";"))[1:]
    verdicts, unknown, listed = [], [], set()
    for row in filter(None, rows):
        photo = _photo_named(row[0], photos)
        if photo is None:
            unknown.append(row[0])
            continue
        listed.add(photo)
        rank = row[1].strip() if len(row) > 1 else "?"
        if rank != "?":
            verdicts.append(Verdict(photo.id, "reject" if rank.upper() == "D" else "keep", f"FastClass: {rank[:9]}"))
    if name.endswith("_report_clean.csv"):
        folders = {PurePosixPath(photo.path).parent for photo in listed}
        verdicts += [
            Verdict(photo.id, "reject", "FastClass: not in its clean report")
            for photo in photos
            if PurePosixPath(photo.path).parent in folders and photo not in listed
        ]
    return verdicts, unknown, len(rows)


def _photo_named(text: str, photos: Iterable[PhotoFile]) -> PhotoFile | None:
    """Find a photo by the last two parts of a path, whichever way its slashes lean."""
    parts = PureWindowsPath(text).parts[-2:]
    return next((photo for photo in photos if PurePosixPath(photo.path).parts[-2:] == parts), None)
