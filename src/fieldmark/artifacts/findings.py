"""The table `findings`: what `check` has to say of photos, kept for the page on which a person decides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fieldmark.artifacts.catalog import Catalog
from fieldmark.artifacts.workspace import Workspace

TITLES: Mapping[str, str] = {
    "unreadable": "Unreadable",
    "small": "Too small",
    "shape": "Odd shape",
    "blank": "Blank",
    "dark": "Too dark",
    "bright": "Too bright",
    "blurred": "Blurred",
    "duplicate": "Exact copies",
    "near_duplicate": "Near-duplicates",
    "conflict": "In two classes",
    "placeholder": "Placeholders",
    "not_a_photo": "Probably no photo",
    "off_topic": "Off topic",
    "label": "Perhaps another class",
}
"""What a person reads for each kind, in the terminal and on every page."""

KINDS = tuple(TITLES)
"""The closed list (a contract)."""

PAGE = "check.html"
"""The page that a whole check leaves beside the findings; where it is not, none was made."""

RANKINGS = ("off_topic", "label")
"""Kinds that list their most doubtful photos whether or not they are sure."""


@dataclass(frozen=True)
class Finding:
    """One thing that one photo is doubtful for.

    Attributes:
        photo: its path below the photos, with forward slashes.
        photo_id: its id; of a file that is no photo, the same of its bytes, or "" where these cannot be read.
        kind: one of `KINDS`.
        score: the greater the more doubtful; comparable within a kind only.
        text: a sentence for a person.
        sure: whether the score is past the threshold of its kind.
        group: what photos that were found together share; of copies the id of the best one.
    """

    photo: str
    photo_id: str
    kind: str
    score: float
    text: str
    sure: bool = True
    group: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as `check --json` prints it."""
        shown = {"photo": self.photo, "kind": self.kind, "score": self.score, "text": self.text, "sure": self.sure}
        return shown if self.group is None else {**shown, "group": self.group}


@dataclass(frozen=True)
class LeftOut:
    """A check that was not made.

    Attributes:
        kind: one of `KINDS`.
        reason: a sentence.
        part: what it was not made of, such as a class; empty where it was not made at all.
    """

    kind: str
    reason: str
    part: str = ""

    def to_dict(self) -> dict[str, str]:
        """Return it as `check --json` prints it."""
        return {"kind": self.kind, "reason": self.reason, "part": self.part}


def in_sentences(left_out: Iterable[LeftOut]) -> list[str]:
    """Say what was not checked, in a sentence per reason, with each kind called by its title."""
    together: dict[str, list[str]] = {}
    for entry in left_out:
        name = f'"{TITLES[entry.kind]}"' + (f" ({entry.part})" if entry.part else "")
        together.setdefault(entry.reason, []).append(name)
    return [
        f"{' and '.join(filter(None, [', '.join(names[:-1]), names[-1]]))} {'was' if len(names) == 1 else 'were'} "
        f"not checked. {reason}"
        for reason, names in together.items()
    ]


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Sort findings by kind, the most doubtful of each kind first; photos found together stay together."""
    found = list(findings)
    worst: dict[tuple[str, str], float] = {}
    for finding in found:
        key = (finding.kind, finding.group or finding.photo)
        worst[key] = max(finding.score, worst.get(key, finding.score))

    def place(finding: Finding) -> tuple[int, float, str, float, str]:
        own = finding.group or finding.photo
        return KINDS.index(finding.kind), -worst[finding.kind, own], own, -finding.score, finding.photo

    return sorted(found, key=place)


def write(catalog: Catalog, findings: Iterable[Finding]) -> None:
    """Replace what the last check found."""
    rows, places = [], dict.fromkeys(KINDS, 0)
    for finding in in_order(findings):
        places[finding.kind] += 1
        rows.append(
            (
                *(finding.kind, places[finding.kind], finding.photo, finding.photo_id),
                *(finding.score, finding.text, int(finding.sure), finding.group),
            )
        )
    with catalog.writing():
        catalog.run("DELETE FROM findings")
        catalog.run_many(
            "INSERT INTO findings (kind, place, photo, photo_id, score, text, sure, group_id) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )


def forget(catalog: Catalog, photo_ids: Iterable[str]) -> None:
    """Remove what was found about some photos."""
    catalog.run_many("DELETE FROM findings WHERE photo_id = ?", [(id_,) for id_ in photo_ids])


def read(catalog: Catalog) -> list[Finding]:
    """Return what the last check found, in its order; nothing where there was none."""
    rows = catalog.rows(
        "SELECT photo, photo_id, kind, score, text, sure, group_id AS 'group' FROM findings ORDER BY kind, place"
    )
    found = [Finding(**{**dict(row), "sure": bool(row["sure"])}) for row in rows]
    return sorted(found, key=lambda finding: KINDS.index(finding.kind))


def read_kept(workspace: Workspace) -> list[Finding]:
    """Return the findings kept with the journal; where that is elsewhere and has none, those of the workspace.

    Raises:
        WorkspaceError: a catalog cannot be read.
    """
    for path in dict.fromkeys([workspace.journal, workspace.catalog]):
        if path.is_file():
            with Catalog.open_reading(path) as catalog:
                found = read(catalog)
            if found:
                return found
    return []


def is_whole(workspace: Workspace) -> bool:
    """Whether they are those of a whole check, by the page that it leaves; `clean` itself looks at pixels alone."""
    return (workspace.memory / PAGE).is_file()
