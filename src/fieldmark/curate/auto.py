"""Findings -> the decisions that need no person: what cannot be read, copies beside a better one, placeholders."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from fieldmark.artifacts.findings import Finding
from fieldmark.artifacts.photos import PhotoFile
from fieldmark.artifacts.verdicts import Decision, Verdict

BY = "auto"


def safe_verdicts(
    findings: Iterable[Finding], photos: Sequence[PhotoFile], decisions: Mapping[str, Decision]
) -> list[Verdict]:
    """Return the safe verdicts about what nobody has decided yet.

    Of a group of near-duplicates the best copy stays. A group is left alone when its photos are of several classes,
    which only a person can settle, or when its best copy was rejected.

    Args:
        findings: of the last check.
        photos: as they lie there.
        decisions: what holds already.
    """
    by_kind: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        if finding.sure and finding.photo_id:
            by_kind[finding.kind].append(finding)
    made = {
        **{found.photo_id: Verdict(found.photo_id, "reject", found.text) for found in by_kind["unreadable"]},
        **{found.photo_id: Verdict(found.photo_id, "reject", found.text) for found in by_kind["placeholder"]},
        **_extras(by_kind["near_duplicate"], photos, decisions),
    }
    undecided = [verdict for id_, verdict in made.items() if decisions.get(id_, Decision()).state is None]
    return undecided + _once(by_kind["duplicate"], decisions, made)


def _extras(
    found: Iterable[Finding], photos: Sequence[PhotoFile], decisions: Mapping[str, Decision]
) -> dict[str, Verdict]:
    """Reject the copies of each group beside its best one, whose id is the group's name."""
    classes: dict[str, set[str]] = defaultdict(set)
    for photo in photos:
        decided = decisions.get(photo.id, Decision()).label
        classes[photo.id].add(decided or photo.label)
    groups: dict[str, list[Finding]] = defaultdict(list)
    for finding in found:
        groups[finding.group or ""].append(finding)
    verdicts = {}
    for best, copies in groups.items():
        labels = set[str]().union(*(classes[id_] for id_ in [best, *(copy.photo_id for copy in copies)]))
        if best in classes and len(labels) == 1 and decisions.get(best, Decision()).state != "reject":
            verdicts.update(
                {copy.photo_id: Verdict(copy.photo_id, "reject", copy.text) for copy in copies if copy.photo_id != best}
            )
    return verdicts


def _once(
    found: Iterable[Finding], decisions: Mapping[str, Decision], rejected: Mapping[str, Verdict]
) -> list[Verdict]:
    """Let one of several equal files count."""
    ids = dict.fromkeys(finding.photo_id for finding in found)
    return [
        Verdict(id_, "once", "equal files count once")
        for id_ in ids
        if not decisions.get(id_, Decision()).once and id_ not in rejected
    ]
