"""An owner's request -> photos, files and names that are gone, and a note not to take them again."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fieldmark.artifacts import contents, features, findings, forgotten, runs, thumbnails
from fieldmark.artifacts.candidates import STATUSES
from fieldmark.artifacts.catalog import NAME, Catalog
from fieldmark.artifacts.contents import Photo
from fieldmark.artifacts.forgotten import Affected, Forgotten, Kind
from fieldmark.artifacts.store import PhotoStore
from fieldmark.artifacts.workspace import Workspace, given_path
from fieldmark.errors import WorkspaceError, WrongUsage
from fieldmark.pipeline.harvest import alone_in, group_near_duplicates
from fieldmark.yields.page import NAME as PAGE
from fieldmark.yields.page import write_page

_HOST = re.compile(r"[\w-]{1,63}(?:\.[\w-]{1,63})+\.?(?::\d{1,5})?")

KINDS: tuple[Kind, ...] = ("url", "host", "author")


@dataclass(frozen=True)
class Request:
    """What an owner named: a URL, a host with all below it, or an author."""

    kind: Kind
    value: str

    def wanted(self) -> Forgotten:
        """Return it as what is not to be taken."""
        value = forgotten.folded(self.kind, self.value)
        urls, hosts, authors = (frozenset({value} if self.kind == kind else ()) for kind in KINDS)
        return Forgotten(urls, hosts, authors)


@dataclass(frozen=True)
class Forgetting:
    """What went, or would go.

    Attributes:
        requests: what was asked for, as it was understood.
        unmatched: those of them that covered nothing.
        candidates: number of candidates by the status they had.
        photos: the photos among them, as they were.
        files: the files that go, relative to the workspace; those that a killed run left among them.
        look_alikes: photos that stay, though they are near-duplicates of some that go.
        runs: paths of the runs that may have learned from them.
        dry_run: whether nothing was changed.
    """

    requests: tuple[Request, ...]
    unmatched: tuple[Request, ...]
    candidates: dict[str, int]
    photos: tuple[Photo, ...]
    files: tuple[str, ...]
    look_alikes: tuple[Photo, ...]
    runs: tuple[Path, ...]
    dry_run: bool

    def counts(self) -> dict[str, int]:
        """Return the number of photos that go, per class."""
        return dict(sorted(Counter(photo.label for photo in self.photos).items()))

    def to_dict(self) -> dict[str, Any]:
        """Return the document that `forget --json` prints."""
        return {
            "asked": [{"kind": request.kind, "value": request.value} for request in self.requests],
            "unmatched": [request.value for request in self.unmatched],
            "candidates": self.candidates,
            "photos": self.counts(),
            "removed": [photo.file for photo in self.photos],
            "files": list(self.files),
            "look_alikes": [photo.file for photo in self.look_alikes],
            "runs": [str(run) for run in self.runs],
            "dry_run": self.dry_run,
        }


def split_arguments(words: Sequence[str]) -> tuple[str, list[str]]:
    """Tell the workspace from what is to be forgotten: `DIR WHAT...`, `WHAT... DIR`, or `WHAT...` in a workspace.

    Raises:
        WrongUsage: nothing is named that could be forgotten.
        WorkspaceError: no workspace is named, and the current folder is none.
    """
    choices = ((words[0], words[1:]), (words[-1], words[:-1]), (".", words))
    folder, what = next((choice for choice in choices if _is_workspace(choice[0])), (None, words))
    other = next((word for word in (words[0], words[-1]) if given_path(word).is_dir()), None)
    if folder is None or (folder == "." and other):
        named = f"{other} is a folder, but no workspace" if other else "The current folder is no workspace"
        raise WorkspaceError(f"{named}: it has no {NAME}. Give the workspace first: fieldmark forget DIR WHAT")
    if not what:
        raise WrongUsage("Say what to forget: a URL, a host name or an author. fieldmark forget DIR WHAT")
    return folder, list(what)


def _is_workspace(folder: str) -> bool:
    return (given_path(folder) / NAME).is_file()


def forget(
    folder: str | os.PathLike[str], what: Sequence[str], kind: Kind | None = None, dry_run: bool = False
) -> Forgetting:
    """Remove what an owner asks to have removed, and remember not to take it again.

    Candidates go by URL or page, by host or a host above it, or by author; with them all others of the same bytes.
    Their rows stay, without author, title and attribution, so that the URL is not fetched again. The rows are written
    before the files are removed: a run that was killed is finished by the next.

    Args:
        folder: the workspace.
        what: URLs, host names, authors.
        kind: what these are; None tells by their looks.
        dry_run: say what would go, and change nothing.

    Raises:
        FieldmarkError: there is no such workspace, it is at work or cannot be written to; or `what` names nothing.
    """
    workspace = Workspace.open_harvested(folder)
    if dry_run:
        with Catalog.open_reading(workspace.catalog) as catalog:
            requests = [_request(catalog, text, kind) for text in what]
            return _outlook(workspace, catalog, {r: forgotten.affected_by(catalog, r.wanted()) for r in requests}, True)
    with alone_in(workspace.root), Catalog.open(workspace.catalog) as catalog:
        requests = [_request(catalog, text, kind) for text in what]
        with catalog.writing():
            affected = {request: forgotten.affected_by(catalog, request.wanted()) for request in requests}
            outlook = _outlook(workspace, catalog, affected, False)
            for request, entries in affected.items():
                forgotten.remember(catalog, request.kind, request.value, _ids(entries))
                forgotten.erase(catalog, entries)
        ids = forgotten.photo_ids(catalog)
        PhotoStore(workspace).remove_all(ids)
        findings.forget(catalog, ids)
        _remove_what_was_made_of(workspace, ids)
        group_near_duplicates(catalog)
        if (workspace.root / PAGE).exists():  # it shows the photos
            write_page(workspace.root / PAGE, workspace, catalog)
    return outlook


def _remove_what_was_made_of(workspace: Workspace, ids: Iterable[str]) -> None:
    """Remove small pictures of photos: thumbnails, the page of findings, and features, which hold grey ones."""
    for id_ in ids:
        (workspace.memory / thumbnails.FOLDER / f"{id_}.jpg").unlink(missing_ok=True)
    for path in (workspace.memory / features.FOLDER).glob("*"):
        path.unlink(missing_ok=True)
    (workspace.memory / findings.PAGE).unlink(missing_ok=True)


def _request(catalog: Catalog, text: str, kind: Kind | None) -> Request:
    """Understand what is named. What looks like a host, such as "j.smith", may be an author if it is no known host."""
    text = text.strip()
    head = text.partition("/")[0]
    if kind is None:
        if "://" in text:
            kind = "url"
        elif _HOST.fullmatch(head):
            kind = "host" if head == text else "url"
        else:
            kind = "author"
        if kind == "host" and not forgotten.affected_by(catalog, Request("host", text).wanted()):
            kind = "author" if forgotten.affected_by(catalog, Request("author", text).wanted()) else "host"
    request = Request(kind, f"https://{text}" if kind == "url" and "://" not in text else text)
    if not forgotten.folded(request.kind, request.value) or not text:
        raise WrongUsage(f"{text!r} is no {kind}. Give a URL, a host name or an author.")
    return request


def _ids(entries: Iterable[Affected]) -> set[str]:
    return {entry.photo_id for entry in entries if entry.photo_id}


def _outlook(
    workspace: Workspace, catalog: Catalog, affected: Mapping[Request, Sequence[Affected]], dry_run: bool
) -> Forgetting:
    """Say what goes, while it is still there."""
    entries = {entry.key: entry for found in affected.values() for entry in found}.values()
    ids = _ids(entries)
    counts = Counter(entry.status for entry in entries)
    files = PhotoStore(workspace).files_of(ids | forgotten.photo_ids(catalog))
    photos = tuple(photo for photo in contents.photos(catalog) if photo.id in ids)
    return Forgetting(
        requests=tuple(affected),
        unmatched=tuple(request for request, found in affected.items() if not found),
        candidates={status: counts[status] for status in STATUSES if counts[status] and status != "forgotten"},
        photos=photos,
        files=tuple(path.relative_to(workspace.root).as_posix() for path in files),
        look_alikes=tuple(contents.look_alikes(catalog, ids)),
        runs=tuple(run.path for run in runs.whole_runs(workspace.runs)) if photos else (),
        dry_run=dry_run,
    )
