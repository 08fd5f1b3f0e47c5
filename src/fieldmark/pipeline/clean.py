"""A folder and what was found in it -> verdicts: by a person in a browser, by rules that are safe, from a table."""

from __future__ import annotations

import os
import shlex
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fieldmark.artifacts import findings, verdicts
from fieldmark.artifacts.atomic import write_text
from fieldmark.artifacts.photos import PhotoFolder
from fieldmark.artifacts.reading import decided, read_as_they_lie, read_photos
from fieldmark.artifacts.verdicts import Verdict, open_journal, read_journal
from fieldmark.artifacts.workspace import Workspace, given_path
from fieldmark.curate import auto, ledger
from fieldmark.errors import VerdictError
from fieldmark.pipeline.check import check_pixels_alone, check_pixels_first
from fieldmark.terminal import say

LARGEST_TABLE = 64 * 2**20
"""Bytes of a table of verdicts; 100,000 photos take 10 MiB."""


@dataclass(frozen=True)
class Cleaned:
    """What a command decided.

    Attributes:
        verdicts: that were written down.
        unknown: photos of an imported table that are not here.
        photos: how many are left, per class.
    """

    verdicts: tuple[Verdict, ...]
    unknown: tuple[str, ...]
    photos: dict[str, int]

    def counts(self) -> dict[str, int]:
        """Return the number of verdicts per kind."""
        counted = Counter(verdict.kind for verdict in self.verdicts)
        return {kind: counted[kind] for kind in verdicts.KINDS if counted[kind]}

    def to_dict(self) -> dict[str, Any]:
        """Return the document that `clean --auto --json` and `clean --import --json` print."""
        listed = [{"photo": v.photo_id, "kind": v.kind, "value": v.value} for v in self.verdicts]
        return {"verdicts": listed, "counts": self.counts(), "unknown": list(self.unknown), "photos": self.photos}


def prepare(folder: str | os.PathLike[str]) -> Workspace:
    """Return the workspace to decide on. Where it was never checked, pixels and hashes are looked at first.

    A whole check takes ten times as long, and a person would wait for it in front of no page.

    Raises:
        FieldmarkError: the folder cannot be read, or holds no photo at all.
    """
    workspace = Workspace.open(folder)
    if not findings.is_whole(workspace):
        command = f"fieldmark check {shlex.quote(os.fspath(folder))}"
        say("Not checked yet: the page shows what pixels and hashes tell.")
        say(f"`{command}` takes longer, and finds probable label mistakes, off-topic photos and crops as well.")
        say("It may run while the page is open; load the page anew when it has ended.")
        if not findings.read_kept(workspace):
            check_pixels_first(workspace)
    return workspace


def clean_auto(folder: str | os.PathLike[str]) -> Cleaned:
    """Take the decisions that pixels and hashes make safe, as verdicts by `auto`: one act, undone as one.

    Raises:
        FieldmarkError: the folder cannot be read, or its journal cannot be written to.
    """
    workspace = Workspace.open(folder)
    photos = read_photos(workspace)
    found = check_pixels_alone(workspace, photos)
    made = auto.safe_verdicts(found, photos.before, read_journal(workspace).decisions())
    _append(workspace, made, auto.BY)
    return Cleaned(tuple(made), (), _left(workspace, photos))


def export_verdicts(folder: str | os.PathLike[str], out: str | os.PathLike[str]) -> int:
    """Write what was decided as CSV, a row per photo; return how many photos a verdict holds for."""
    workspace = Workspace.open(folder)
    decisions = read_journal(workspace).decisions()
    write_text(given_path(out).absolute(), ledger.as_csv(read_as_they_lie(workspace), decisions))
    return len(decisions)


def import_verdicts(folder: str | os.PathLike[str], table: str | os.PathLike[str]) -> Cleaned:
    """Take the verdicts of a table that `export_verdicts` wrote, or of a report of FastClass: one act, undone as one.

    Raises:
        VerdictError: the table cannot be read, says what cannot be, or names no photo that is here.
    """
    workspace = Workspace.open(folder)
    path = given_path(table)
    photos = read_as_they_lie(workspace)
    decisions = read_journal(workspace).decisions()
    read = ledger.read_csv(_text_of(path), path.name, photos, decisions)
    if read.rows and len(read.unknown) == read.rows:
        raise VerdictError(f"No photo that {path.name} names is in {folder}; its first is {read.unknown[0]}.")
    _append(workspace, read.verdicts, "import")
    return Cleaned(read.verdicts, read.unknown, _left(workspace, photos))


def undo(folder: str | os.PathLike[str]) -> int:
    """Take the last act back; return how many photos it was about, 0 when there is none."""
    workspace = Workspace.open(folder)
    before = read_journal(workspace)
    with open_journal(workspace) as catalog:
        act = verdicts.undo(catalog, uuid.uuid4().hex)
    return len(before.photos_of(act)) if act else 0


def _append(workspace: Workspace, made: Sequence[Verdict], by: str) -> None:
    if made:
        with open_journal(workspace) as catalog:
            verdicts.append(catalog, uuid.uuid4().hex, made, by)


def _left(workspace: Workspace, photos: PhotoFolder) -> dict[str, int]:
    """Count the photos that are left per class, without opening any again."""
    decisions = read_journal(workspace).decisions()
    counted = Counter(photo.label for photo in decided(photos.before, decisions))
    return {name: counted[name] for name in photos.classes}


def _text_of(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST_TABLE:
            raise VerdictError(f"{path} is larger than {LARGEST_TABLE // 2**20} MiB, so it is no table of verdicts.")
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise VerdictError(f"{path} is no text in UTF-8.") from error
    except FileNotFoundError as error:
        raise VerdictError(f"There is no file {path}.") from error
    except IsADirectoryError as error:
        raise VerdictError(f"{path} is a folder. Name a CSV file.") from error
