"""The catalog of a workspace -> who took each photo, under which licence, as Markdown or CSV."""

from __future__ import annotations

import csv
import io
import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from itertools import groupby
from urllib.parse import quote, unquote, urlsplit

from fieldmark.artifacts import contents
from fieldmark.artifacts.catalog import Catalog
from fieldmark.artifacts.contents import Photo
from fieldmark.artifacts.licences import name_of
from fieldmark.artifacts.workspace import Workspace
from fieldmark.search.licences import url_of
from fieldmark.terminal import count

COLUMNS = (
    "file",
    "class",
    "title",
    "author",
    "licence",
    "licence_version",
    "licence_url",
    "source",
    "page",
    "provider",
    "attribution",
)
"""The columns of the CSV, in order: the fields of `Credit`."""

# C0, C1, line and paragraph separators, and what turns the direction of text: nothing that a name needs.
_UNPRINTED = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")

_MARKDOWN = re.compile(r"([\\`*_\[\]|~$])")

# After OWASP, "CSV Injection": a cell that begins like this is a formula to a spreadsheet; the wide forms count too.
_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")


@dataclass(frozen=True)
class Credit:
    """Where one photo comes from: text of strangers, free of line breaks and control characters.

    Attributes:
        file: where the photo lies.
        label: its class.
        source: URL of the picture; the bare name of a file that was on this machine's disk.
        page: URL of the page it stands on; empty where none is known.
        attribution: the line to print with it: the provider's, else one made of what is known.
    """

    file: str
    label: str
    title: str
    author: str
    licence: str
    licence_version: str
    licence_url: str
    source: str
    page: str
    provider: str
    attribution: str

    @property
    def licence_name(self) -> str:
        """The licence as people write it: "CC BY-SA 4.0"."""
        return name_of(self.licence, self.licence_version)

    def to_dict(self) -> dict[str, str]:
        """Return the fields under the names of the columns."""
        return dict(zip(COLUMNS, astuple(self), strict=True))

    def row(self) -> list[str]:
        """Return the fields as cells of a CSV that is safe to open in a spreadsheet."""
        return [guarded(field) for field in astuple(self)]


def credits_of(folder: str | os.PathLike[str]) -> list[Credit]:
    """Return a credit for every photo of a workspace, by class and id.

    Raises:
        FieldmarkError: there is no such folder, it is no workspace, or its catalog cannot be read.
    """
    workspace = Workspace.open_harvested(folder)
    with Catalog.open_reading(workspace.catalog) as catalog:
        return [credit_of(photo) for photo in contents.photos(catalog)]


def credit_of(photo: Photo, file: str | None = None, label: str | None = None) -> Credit:
    """Return the credit of a photo that lies at `file` under the class `label`, by default where the catalog has it."""
    title, author, given = (_plain(text) for text in (photo.title, photo.author, photo.attribution))
    page = _plain(photo.page)
    source = _plain(photo.source)
    if urlsplit(source).scheme == "file":  # where a photo lay on this disk is nobody's business
        source = unquote(source.rpartition("/")[2])
    licence = name_of(photo.licence, photo.licence_version) if photo.licence != "unknown" else ""
    return Credit(
        file=file or photo.file,
        label=label or photo.label,
        title=title,
        author=author,
        licence=photo.licence,
        licence_version=_plain(photo.licence_version),
        licence_url=_plain(photo.licence_url) or url_of(photo.licence, photo.licence_version),
        source=source,
        page=page,
        provider=photo.provider,
        attribution=given or _composed(title, author, licence, page),
    )


def _composed(title: str, author: str, licence: str, page: str) -> str:
    """Name title, author, page and licence, as Creative Commons asks; empty where author and licence are unknown."""
    if not author and not licence:
        return ""
    parts = [" ".join(part for part in (title and f'"{title}"', author and f"by {author}") if part), page, licence]
    return ", ".join(part for part in parts if part)


@dataclass(frozen=True)
class Licences:
    """How many photos there are under each licence code, the most frequent first."""

    counts: dict[str, int]

    @classmethod
    def of(cls, codes: Iterable[str]) -> Licences:
        """Count licence codes."""
        return cls(dict(sorted(Counter(codes).items(), key=lambda pair: (-pair[1], pair[0]))))

    @property
    def unknown(self) -> int:
        """How many photos have no licence that we know of."""
        return self.counts.get("unknown", 0)

    @property
    def no_derivatives(self) -> int:
        """How many may not be shared in a changed form."""
        return sum(n for code, n in self.counts.items() if code.endswith("-nd"))

    @property
    def non_commercial(self) -> int:
        """How many may not be used commercially."""
        return sum(n for code, n in self.counts.items() if "-nc" in code)

    def sentences(self) -> list[str]:
        """Return what a person should know before they share the photos."""
        told = []
        if self.unknown:
            told.append(
                f"No licence is known of {count(self.unknown, 'photo')}. That does not make them free: treat them as "
                "all rights reserved, and ask before you share or publish them."
            )
        if reserved := self.counts.get("arr", 0):
            told.append(f"All rights are reserved on {count(reserved, 'photo')}: ask before you share or publish them.")
        if self.no_derivatives:
            told.append(
                f"ND (no derivatives) stands on {count(self.no_derivatives, 'photo')}: share no changed copies. A "
                "photo made smaller may count as one."
            )
        if self.non_commercial:
            told.append(f"NC (non-commercial) stands on {count(self.non_commercial, 'photo')}: no commercial use.")
        return told

    def to_dict(self) -> dict[str, object]:
        """Return the counts as JSON values."""
        return {
            "licences": self.counts,
            "without_licence": self.unknown,
            "no_derivatives": self.no_derivatives,
            "non_commercial": self.non_commercial,
        }


def as_csv(credits: Iterable[Credit]) -> str:
    """Return a table with a row per photo, with `COLUMNS` on top; no cell of it is a formula."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    table.writerows(credit.row() for credit in credits)
    return text.getvalue()


def as_markdown(title: str, credits: Sequence[Credit]) -> str:
    """Return a page: how many photos are under which licence, then a table per class."""
    lines = [f"# Photo credits: {escaped(title)}", "", *licence_table(credits), ""]
    lines += ["The photos may have been made smaller, turned upright, converted to sRGB and saved as JPEG.", ""]
    for label, group in groupby(credits, key=lambda credit: credit.label):
        members = list(group)
        lines += [f"## {escaped(label)} ({count(len(members), 'photo')})", ""]
        lines += [
            "| File | Title | Author | Licence | Source | Provider | Attribution |",
            "|---|---|---|---|---|---|---|",
        ]
        lines += [_markdown_row(credit) for credit in members] + [""]
    return "\n".join(lines)


def licence_table(credits: Iterable[Credit]) -> list[str]:
    """Return lines of Markdown: photos per licence and version, and what that means."""
    credits = list(credits)
    counts = Counter(credit.licence_name for credit in credits)
    lines = ["| Licence | Photos |", "|---|---|"]
    lines += [f"| {escaped(name)} | {n} |" for name, n in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))]
    for sentence in Licences.of(credit.licence for credit in credits).sentences():
        lines += ["", sentence]
    return lines


def _markdown_row(credit: Credit) -> str:
    links = [linked("picture", credit.source), linked("page", credit.page)]
    cells = [
        escaped(credit.file),
        escaped(credit.title),
        escaped(credit.author),
        linked(credit.licence_name, credit.licence_url),
        ", ".join(link for link in links if link not in ("picture", "page")) or escaped(credit.source),
        escaped(credit.provider),
        escaped(credit.attribution),
    ]
    return f"| {' | '.join(cells)} |"


def escaped(text: str) -> str:
    """Return text that Markdown shows as it is, inside a table cell too: no markup, no HTML, one line."""
    plain = _plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKDOWN.sub(r"\\\1", plain)


def linked(text: str, url: str) -> str:
    """Return a Markdown link where `url` is one of http or https, else the text alone."""
    if not re.match(r"https?://[^/\s]", url, re.IGNORECASE):
        return escaped(text)
    # What could end the link, the cell or the line is percent-encoded; what is encoded already stays.
    return f"[{escaped(text)}]({quote(url, safe=':/?#@!$&+,;=%~*')})"


def guarded(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula: one that begins like one gets an apostrophe before it."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _plain(text: str) -> str:
    """Put text of strangers on one line, without control characters and turns of direction."""
    return " ".join(_UNPRINTED.sub(" ", text).split())
