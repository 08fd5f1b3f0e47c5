"""Photos and their fingerprints -> what is there twice, which copy is the best, and what two classes claim."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from fieldmark.artifacts.candidates import Claim
from fieldmark.artifacts.contents import Content
from fieldmark.artifacts.findings import Finding
from fieldmark.artifacts.photos import PhotoFile
from fieldmark.duplicates import Copy, best_copy, near_duplicate_groups
from fieldmark.imaging.measures import Measures

SAME_BYTES, SAME_PICTURE, LIKE = 3.0, 2.0, 1.0
"""Scores of conflicts: the very same file, a fetched photo that two classes claim, a near-duplicate."""


def exact(photos: Sequence[PhotoFile]) -> list[Finding]:
    """Find files of the same bytes: `duplicate` within a class, `conflict` across classes.

    Of the duplicates the first path is the best copy: its own finding says so and is not sure, the others are. Photos
    of which a different part counts are different photos.
    """
    same: dict[tuple[str, str], list[PhotoFile]] = {}
    for photo in sorted(photos, key=lambda photo: photo.path):
        same.setdefault((photo.sha256, str(photo.crop)), []).append(photo)
    found: list[Finding] = []
    for group in same.values():
        for members in _by_label(group):
            if len(members) > 1:
                found += _duplicates(members)
        if len(_labels(group)) > 1:
            found += [_conflict(photo, group, "The same file", SAME_BYTES, group[0].id) for photo in group]
    return found


def _duplicates(members: Sequence[PhotoFile]) -> Iterator[Finding]:
    best, *extras = members
    copies = f"{len(extras)} more files hold" if len(extras) > 1 else f"{extras[0].path} holds"
    yield Finding(best.path, best.id, "duplicate", 0.0, f"The copy to keep: {copies} the same bytes.", False, best.id)
    for extra in extras:
        yield Finding(extra.path, extra.id, "duplicate", 1.0, f"The same bytes as {best.path}.", True, best.id)


def near(
    photos: Sequence[PhotoFile], measured: Mapping[str, Measures], known: Mapping[str, Content] | None = None
) -> list[Finding]:
    """Find near-duplicates by hashes and thumbnails; files of the same bytes count once, as `exact` names them.

    Args:
        photos: among which to look.
        measured: measures by `PhotoFile.path`; a photo without is passed over.
        known: as for `sizes_of`.
    """
    return as_findings(near_groups(photos, measured), sizes_of(photos, measured, known or {}))


def near_groups(photos: Sequence[PhotoFile], measured: Mapping[str, Measures]) -> list[list[PhotoFile]]:
    """Group the photos that are near-duplicates by hashes; of files of the same bytes in one class the first stands."""
    first: dict[tuple[str, str, str], PhotoFile] = {}
    for photo in sorted(photos, key=lambda photo: photo.path):
        if photo.path in measured:
            first.setdefault((photo.sha256, str(photo.crop), photo.label), photo)
    singles = list(first.values())
    marks = [measured[photo.path].fingerprint for photo in singles]
    groups = near_duplicate_groups([mark.phash for mark in marks], [mark.detail for mark in marks])
    return [[singles[index] for index in group] for group in groups]


def sizes_of(
    photos: Iterable[PhotoFile], measured: Mapping[str, Measures], known: Mapping[str, Content]
) -> dict[str, Copy]:
    """Return by `PhotoFile.path` what decides which copy is the best.

    Args:
        photos: the photos.
        measured: measures by path; a photo without is left out.
        known: by photo id what the catalog says of the photo as it came, before it was shrunk; that goes first.
    """
    sizes = {}
    for photo in photos:
        if photo.path in measured:
            size = known.get(photo.id) or measured[photo.path]
            sizes[photo.path] = Copy(photo.id, size.width, size.height, size.n_bytes)
    return sizes


def as_findings(groups: Iterable[Sequence[PhotoFile]], sizes: Mapping[str, Copy]) -> list[Finding]:
    """Turn groups of photos that show one picture into findings: `near_duplicate` in a class, `conflict` across.

    The best copy of each class has the lowest score, is not sure, and says that it is the best. Members of a conflict
    that have the same bytes are left to `exact`.

    Args:
        groups: photos that are near-duplicates of each other, however that was found.
        sizes: by `PhotoFile.path`, as `sizes_of` returns them.
    """
    found: list[Finding] = []
    for group in groups:
        for members in _by_label(group):
            if len(members) > 1:
                found += _near_duplicates(members, sizes)
        if len(_labels(group)) > 1:
            best = _best(group, sizes)
            found += [
                _conflict(photo, group, "Nearly the same picture", LIKE, best.id)
                for photo in group
                if any(other.label != photo.label and other.sha256 != photo.sha256 for other in group)
            ]
    return found


def _near_duplicates(members: Sequence[PhotoFile], sizes: Mapping[str, Copy]) -> Iterator[Finding]:
    best = _best(members, sizes)
    of = f"The best of {len(members)} near copies: {_size(sizes[best.path])}."
    for photo in members:
        if photo is best:
            yield Finding(photo.path, photo.id, "near_duplicate", 0.0, of, False, best.id)
        else:
            text = f"Nearly the same picture as {best.path}, {_against(sizes[best.path], sizes[photo.path])}."
            yield Finding(photo.path, photo.id, "near_duplicate", 1.0, text, True, best.id)


def _best(members: Sequence[PhotoFile], sizes: Mapping[str, Copy]) -> PhotoFile:
    best = best_copy(sizes[photo.path] for photo in members)
    return next(photo for photo in members if sizes[photo.path] == best)


def _size(copy: Copy) -> str:
    return f"{copy.width} x {copy.height} pixels, {copy.n_bytes:,} bytes"


def _against(best: Copy, other: Copy) -> str:
    if (best.width, best.height) == (other.width, other.height):
        return f"which is as large and has more bytes ({best.n_bytes:,} against {other.n_bytes:,})"
    return f"which is larger ({best.width} x {best.height} pixels against {other.width} x {other.height})"


def _conflict(photo: PhotoFile, group: Sequence[PhotoFile], what: str, score: float, group_id: str) -> Finding:
    others = [other for other in group if other.label != photo.label]
    more = f" and {len(others) - 1} more" if len(others) > 1 else ""
    text = f"{what} lies under {others[0].label} too: {others[0].path}{more}. At most one label is right."
    return Finding(photo.path, photo.id, "conflict", score, text, True, group_id)


def _labels(group: Iterable[PhotoFile]) -> set[str]:
    return {photo.label for photo in group}


def _by_label(group: Iterable[PhotoFile]) -> list[list[PhotoFile]]:
    ordered = sorted(group, key=lambda photo: (photo.label, photo.path))
    return [list(members) for _, members in groupby(ordered, key=lambda photo: photo.label)]


def claimed(claims: Iterable[Claim], conflicts: Path, decided: Collection[str] = ()) -> list[Finding]:
    """Find the photos of a workspace that searches for several classes found, and that lie in `conflicts/`.

    Args:
        claims: as `candidates.claims` returns them, photo by photo.
        conflicts: the folder in which they lie; one whose file is gone is passed over.
        decided: ids of the photos about which a verdict holds already.
    """
    found = []
    for photo_id, group in groupby(claims, key=lambda claim: claim.photo_id):
        path = conflicts / f"{photo_id}.jpg"
        if photo_id not in decided and path.is_file():
            relative = Path("..", conflicts.name, path.name).as_posix()
            text = f"Claimed by {_claimants(list(group))}. It is used once a person says of which class it is."
            found.append(Finding(relative, photo_id, "conflict", SAME_PICTURE, text, True, photo_id))
    return found


def _claimants(claims: Sequence[Claim]) -> str:
    """Name each class with its first search: `coral (search "Micrurus") and king (search "king snake")`."""
    queries = {claim.label: claim.query for claim in reversed(claims)}
    times = Counter(claim.label for claim in claims)
    named = [
        f'{label} (search "{queries[label]}"{f" and {times[label] - 1} more" if times[label] > 1 else ""})'
        for label in sorted(queries)
    ]
    return " and ".join(named)
