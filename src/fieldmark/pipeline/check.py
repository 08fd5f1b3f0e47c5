"""A workspace or class folders -> findings, kept for `clean`, and a page with the photos in question."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fieldmark.artifacts import candidates, contents, findings
from fieldmark.artifacts.atomic import write_text
from fieldmark.artifacts.candidates import Claim
from fieldmark.artifacts.catalog import Catalog, now
from fieldmark.artifacts.contents import Content
from fieldmark.artifacts.findings import KINDS, Finding, LeftOut
from fieldmark.artifacts.photos import PhotoFile, PhotoFolder
from fieldmark.artifacts.reading import read_photos
from fieldmark.artifacts.verdicts import open_journal, read_journal
from fieldmark.artifacts.workspace import Workspace
from fieldmark.checks import copies, gallery, pixels, placeholders, shortcuts
from fieldmark.engines.local import map_threads
from fieldmark.errors import MissingExtra, NotAPhoto, WorkspaceError
from fieldmark.imaging.decode import read_bytes
from fieldmark.imaging.measures import Measures, measure
from fieldmark.pipeline.extra import training
from fieldmark.pipeline.telling import thumbnails
from fieldmark.terminal import track, warn


@dataclass(frozen=True)
class Checked:
    """What a check found.

    Attributes:
        photos: how many were checked.
        findings: in the order of `findings.in_order`.
        warnings: what the shortcut audit has to say.
        left_out: checks that were not made.
        page: `check.html`; None where it cannot be written.
    """

    photos: int
    findings: tuple[Finding, ...]
    warnings: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    page: Path | None

    def counts(self) -> dict[str, int]:
        """Return for each kind how many findings are sure."""
        counted = Counter(finding.kind for finding in self.findings if finding.sure)
        return {kind: counted[kind] for kind in KINDS}

    def to_dict(self) -> dict[str, Any]:
        """Return the document that `check --json` prints."""
        return {
            "photos": self.photos,
            "findings": [finding.to_dict() for finding in self.findings],
            "counts": self.counts(),
            "warnings": list(self.warnings),
            "left_out": [entry.to_dict() for entry in self.left_out],
            "page": str(self.page) if self.page else None,
        }


def check(folder: str | os.PathLike[str]) -> Checked:
    """Look for what is wrong with the photos of a folder, as the verdicts leave them. Nothing is moved.

    Checks that need features are made where the training extra is installed.

    Raises:
        FieldmarkError: the folder cannot be read, or holds no photo at all.
    """
    workspace = Workspace.open(folder)
    photos = read_photos(workspace)
    known = _Known.of(workspace)
    measured = _measure(photos)
    hashed = copies.near_groups(photos.photos, measured)
    found = _by_pixels(workspace, photos, measured, known)
    try:
        seen = training("fieldmark.pipeline.check_features").check_features(workspace, photos, hashed)
        groups, left_out = seen.groups, seen.left_out
        found += seen.findings
    except MissingExtra as error:
        groups, left_out = hashed, _without_features(str(error))
    found += copies.as_findings(groups, copies.sizes_of(photos.photos, measured, known.contents))
    ordered = tuple(findings.in_order(_settled(found)))
    warnings = tuple(_shortcuts(photos, measured, groups, known))
    _keep(workspace, ordered)
    page = _write_page(workspace, photos, ordered, warnings, left_out, os.fspath(folder))
    return Checked(len(photos.photos), ordered, warnings, left_out, page)


def check_pixels_alone(workspace: Workspace, photos: PhotoFolder) -> list[Finding]:
    """Return what pixels and hashes tell, in seconds; nothing is kept."""
    known, measured = _Known.of(workspace), _measure(photos)
    near = copies.near(photos.photos, measured, known.contents)
    return [*_by_pixels(workspace, photos, measured, known), *near]


def check_pixels_first(workspace: Workspace) -> None:
    """Keep for `clean` what pixels and hashes tell, where nobody has checked yet; no page says that it was a check.

    Raises:
        FieldmarkError: the folder cannot be read, or holds no photo at all.
    """
    found = check_pixels_alone(workspace, read_photos(workspace))
    _keep(workspace, findings.in_order(found))


def _by_pixels(
    workspace: Workspace, photos: PhotoFolder, measured: Mapping[str, Measures], known: _Known
) -> list[Finding]:
    """Find what needs no network, near-duplicates aside."""
    found = [*pixels.unreadable(photos.unusable), *copies.exact(photos.photos)]
    found += copies.claimed(known.claims, workspace.conflicts, known.decided)
    for photo in photos.photos:
        if photo.path in measured:
            found += pixels.check_pixels(photo, measured[photo.path])
    return found + placeholders.find_placeholders(photos.photos, measured, known.addresses)


FEATURE_KINDS = ("not_a_photo", "off_topic", "label")
"""Kinds that are found by what a pretrained network sees."""


def _without_features(why: str) -> tuple[LeftOut, ...]:
    return (*(LeftOut(kind, why) for kind in FEATURE_KINDS), LeftOut("near_duplicate", why, "crops"))


@dataclass(frozen=True)
class _Known:
    """What the catalog of a workspace says beside the photos; nothing in a plain folder.

    Attributes:
        contents: by photo id, the bytes as they came.
        sources: by photo id, the URL.
        addresses: by photo id, how many URLs gave the same bytes.
        claims: of the photos in conflict.
        decided: photos about which a verdict holds.
    """

    contents: Mapping[str, Content]
    sources: Mapping[str, str]
    addresses: Mapping[str, int]
    claims: Sequence[Claim]
    decided: frozenset[str]

    @classmethod
    def of(cls, workspace: Workspace) -> _Known:
        decided = frozenset(read_journal(workspace).decisions())
        if not workspace.harvested:
            return cls({}, {}, {}, (), decided)
        with Catalog.open_reading(workspace.catalog) as catalog:
            return cls(
                {content.id: content for content in contents.contents_of_photos(catalog)},
                {photo.id: photo.source for photo in contents.photos(catalog)},
                candidates.addresses(catalog),
                candidates.claims(catalog),
                decided,
            )


def _measure(photos: PhotoFolder) -> dict[str, Measures]:
    """Measure every photo, from one decoding each, by its path; one that went away meanwhile is left out."""

    def of(photo: PhotoFile) -> Measures | None:
        try:
            return measure(read_bytes(photos.root / photo.path), photo.crop)
        except NotAPhoto:
            return None

    told = track(map_threads(of, photos.photos), "measuring photos", total=len(photos.photos))
    pairs = zip(photos.photos, told, strict=True)
    return {photo.path: measures for photo, measures in pairs if measures is not None}


def _settled(found: Iterable[Finding]) -> list[Finding]:
    """Say of a photo that shows no picture nothing that is said of pictures: a blank one is no label mistake."""
    told = list(found)
    empty = {finding.photo for finding in told if finding.kind in ("blank", "placeholder") and finding.sure}
    return [finding for finding in told if finding.photo not in empty or finding.kind not in FEATURE_KINDS]


def _shortcuts(
    photos: PhotoFolder, measured: Mapping[str, Measures], groups: Sequence[Sequence[PhotoFile]], known: _Known
) -> list[str]:
    group_of = {photo.path: group[0].id for group in groups for photo in group}
    clues = [
        shortcuts.clue_of(photo, measured[photo.path], known.sources.get(photo.id), group_of.get(photo.path))
        for photo in photos.photos
        if photo.path in measured
    ]
    return [shortcut.text for shortcut in shortcuts.audit(clues) if shortcut.warned]


def _keep(workspace: Workspace, found: Sequence[Finding]) -> None:
    """Keep the findings for `clean`; a journal that cannot be written to is no failure."""
    try:
        with open_journal(workspace) as catalog:
            findings.write(catalog, found)
    except (WorkspaceError, OSError) as error:
        warn(f"The findings could not be kept for `fieldmark clean`: {error}")


def _write_page(
    workspace: Workspace,
    photos: PhotoFolder,
    found: Sequence[Finding],
    warnings: Sequence[str],
    left_out: Sequence[LeftOut],
    folder: str,
) -> Path | None:
    page = workspace.memory / findings.PAGE
    content = gallery.GalleryContent(
        title=workspace.root.name,
        created=now(),
        photos=len(photos.photos),
        findings=found,
        thumbnails=thumbnails(photos),
        warnings=warnings,
        left_out=left_out,
        command=f"fieldmark clean {shlex.quote(folder)}",
    )
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
        write_text(page, gallery.render(content))
    except OSError as error:
        warn(f"{page} could not be written: {error.strerror or error}")
        return None
    return page
