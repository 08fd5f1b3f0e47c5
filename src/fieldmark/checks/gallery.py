"""Findings -> `check.html`: one page with the photos in question, which asks no other computer for anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from fieldmark.artifacts.findings import KINDS, RANKINGS, TITLES, Finding, LeftOut, in_sentences
from fieldmark.engines.local import map_threads
from fieldmark.paper import fit_for_a_file, templates
from fieldmark.version import __version__

PER_KIND = 60
"""Photos shown of one kind at most, the most doubtful ones."""

BUDGET = 7_000_000
"""Characters of pictures that a page holds at most."""

MEANINGS: Mapping[str, str] = {
    "unreadable": "Files that are no picture, or not a whole one. Nothing learns from them.",
    "small": "Photos with few pixels.",
    "shape": "Photos much longer than wide, or wider than long.",
    "blank": "Pictures of one plain colour, or nearly.",
    "dark": "Photos in which little can be seen for want of light.",
    "bright": "Photos in which little can be seen for too much light.",
    "blurred": "Photos without a sharp edge.",
    "duplicate": "The very same file more than once. It should count once.",
    "near_duplicate": "Photos recompressed, resized, mirrored or cropped from one another. The best copy is marked.",
    "conflict": "The same photo under two classes. At least one of the labels is wrong.",
    "placeholder": "Pictures that say that there is no picture.",
    "not_a_photo": "Probably drawings, screenshots, collages, text or cut-outs.",
    "off_topic": "Photos far from those of every class.",
    "label": "Photos that look like another class to a model that did not learn from them.",
}
"""What each kind says of a photo."""


@dataclass(frozen=True)
class _Shown:
    finding: Finding
    image: str | None


@dataclass(frozen=True)
class _Section:
    """One kind: how many photos are surely of it, those found together side by side, and the next most doubtful."""

    kind: str
    title: str
    meaning: str
    n: int
    groups: list[list[_Shown]]
    doubtful: list[_Shown]
    hidden: int

    @property
    def together(self) -> bool:
        return any(len(group) > 1 for group in self.groups)


@dataclass(frozen=True)
class GalleryContent:
    """What the page is made of.

    Attributes:
        title: name of the folder.
        created: ISO 8601, UTC.
        photos: how many were checked.
        findings: in their order; see `findings.in_order`.
        thumbnails: a photo's path -> a `data:` URI, or None when it cannot be read.
        warnings: sentences of the shortcut audit.
        left_out: checks that were not made.
        command: what to type to decide about them.
    """

    title: str
    created: str
    photos: int
    findings: Sequence[Finding]
    thumbnails: Callable[[str], str | None]
    warnings: Sequence[str] = ()
    left_out: Sequence[LeftOut] = ()
    command: str = ""


def render(content: GalleryContent) -> str:
    """Return the page as HTML, without scripts."""
    sections = list(_sections(content))
    sure = {section.kind for section in sections if section.n}
    unmade = [entry.kind for entry in content.left_out if not entry.part]
    page = (
        templates("fieldmark.checks")
        .get_template("check.html")
        .render(
            title=content.title,
            created=content.created,
            date=content.created[:16].replace("T", " ") + " UTC",
            tool_version=__version__,
            photos=content.photos,
            sections=sections,
            clean=[TITLES[kind] for kind in KINDS if kind not in sure and kind not in unmade],
            warnings=content.warnings,
            left_out=in_sentences(content.left_out),
            command=content.command,
        )
    )
    return fit_for_a_file(page)


def _sections(content: GalleryContent) -> Iterator[_Section]:
    room = BUDGET
    for kind, some in groupby(content.findings, lambda finding: finding.kind):
        found = list(some)
        shown = found[:PER_KIND]
        images = []
        for image in map_threads(content.thumbnails, (finding.photo for finding in shown)):
            room -= len(image or "")
            images.append(image if room >= 0 else None)
        pictures = [_Shown(finding, image) for finding, image in zip(shown, images, strict=True)]
        first = [shown for shown in pictures if shown.finding.sure or kind not in RANKINGS]
        yield _Section(
            kind=kind,
            title=TITLES[kind],
            meaning=MEANINGS[kind],
            n=sum(finding.sure for finding in found),
            groups=[list(group) for group in _together(first)],
            doubtful=pictures[len(first) :],
            hidden=len(found) - len(shown),
        )


def _together(pictures: Iterable[_Shown]) -> Iterator[Iterator[_Shown]]:
    for _, group in groupby(pictures, lambda shown: shown.finding.group or shown.finding.photo):
        yield group
