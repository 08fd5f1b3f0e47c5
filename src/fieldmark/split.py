"""Photos -> two sides, or folds: stratified, groups whole, and they stay as they are while photos are added."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence

from fieldmark.artifacts.photos import PhotoFile
from fieldmark.artifacts.splits import Sides
from fieldmark.errors import FolderError


def split(photos: Sequence[PhotoFile], seed: int, share: float, kept: Mapping[str, str]) -> Sides:
    """Put every photo on the side "train" or "valid".

    Each class gives `share` of its photos to "valid", rounded so that the whole set gives `share` too, and at least one
    photo to either side, as nearly as near-duplicates allow: a group of them, like identical bytes, is on one side as a
    whole. Which photos are drawn depends on the seed and on their bytes alone, not on names or order.

    Args:
        photos: the usable photos; those with a `side` of their own keep it.
        seed: another seed draws another split.
        share: the part that goes to "valid", above 0 and below 1.
        kept: sides that were drawn earlier; they stand.

    Returns:
        Photo id -> side, for every photo given.

    Raises:
        FolderError: there are fewer than two classes, a class has fewer than two different photos, or nothing of it
            is on a side that needs it.
    """
    labels = _label_by_id(photos)
    _check_enough(labels)
    # Of identical bytes under train/ and valid/ the latter decides, as its paths come last: nothing leaks.
    given = {photo.id: photo.side for photo in photos if photo.side in ("train", "valid")}
    sides = {id_: str(side) for id_, side in given.items()} if "valid" in given.values() else {}
    groups = {photo.id: photo.group or photo.id for photo in photos}
    sides = sides or _draw(labels, groups, seed, share, kept)
    _check_sides(labels, sides)
    return sides


def draw_test(photos: Sequence[PhotoFile], seed: int, share: float) -> Sides:
    """Draw the photos to seal: by class and in whole groups as `split` does, with lots of its own.

    Returns:
        Photo id -> "test" or "train", for every photo given.

    Raises:
        FolderError: the share is too small for one photo, or so large that too little is left to learn from.
    """
    labels = _label_by_id(photos)
    _check_enough(labels)
    groups = {photo.id: photo.group or photo.id for photo in photos}
    drawn = _draw(labels, groups, seed, share, {}, "test:")
    if "valid" not in drawn.values():
        raise FolderError(f"No photo could be sealed: each belongs to a group larger than {share:.0%} of its class.")
    for name in sorted(set(labels.values())):
        left = {groups[id_] for id_, side in drawn.items() if side == "train" and labels[id_] == name}
        if len(left) < 2:
            raise FolderError(
                f"With {share:.0%} of the photos sealed, class {name!r} would have {len(left)} left that "
                f"{'is' if len(left) == 1 else 'are'} not copies of each other, and two are needed: one to learn from "
                "and one to be judged by. Seal a smaller share, or add photos of it."
            )
    return {id_: "test" if side == "valid" else "train" for id_, side in drawn.items()}


def cut_folds(photos: Sequence[PhotoFile], seed: int, k: int, repeat: int, kept: Mapping[str, str]) -> Sides:
    """Put every photo into one of k folds, each with about its share of every class.

    Groups go whole, the largest first, each to the fold that has least of what it brings, as in scikit-learn's
    StratifiedGroupKFold; which of equals comes first depends on the seed and the bytes of the photos alone.

    Args:
        photos: the usable photos.
        seed: another seed draws other folds.
        k: how many, 2 or more.
        repeat: counted from 1; each repeat cuts anew.
        kept: folds that were drawn earlier; they stand.

    Returns:
        Photo id -> "1" to "k", for every photo given.

    Raises:
        FolderError: there are fewer than two classes, fewer photos than folds, or a class whose photos are all of one
            group, so that it cannot be learned from where it is judged.
    """
    labels = _label_by_id(photos)
    _check_enough(labels)
    groups = {photo.id: photo.group or photo.id for photo in photos}
    _check_foldable(labels, groups, k)
    members: dict[str, list[str]] = {}
    for id_ in sorted(labels):
        members.setdefault(groups[id_], []).append(id_)
    totals = Counter(labels.values())
    filled: list[Counter[str]] = [Counter() for _ in range(k)]
    sides: Sides = {}

    def put(ids: Sequence[str], fold: int) -> None:
        sides.update(dict.fromkeys(ids, str(fold + 1)))
        filled[fold].update(labels[id_] for id_ in ids)

    def crowding(fold: int, brought: Mapping[str, int]) -> tuple[float, int]:
        """How full a fold already is of what comes; of equals, how full it is of anything."""
        share = sum(n * filled[fold][label] / totals[label] for label, n in brought.items())
        return share, filled[fold].total()

    drawn = sorted(members.items(), key=lambda entry: (-len(entry[1]), _lot(seed, f"{repeat}:{entry[0]}")))
    for _, ids in drawn:
        known = sorted({kept[id_] for id_ in ids if id_ in kept})
        if known and known[0].isdigit() and 1 <= int(known[0]) <= k:
            put(ids, int(known[0]) - 1)
    for _, ids in drawn:
        if ids[0] not in sides:
            brought = Counter(labels[id_] for id_ in ids)
            put(ids, min(range(k), key=lambda fold: crowding(fold, brought)))
    return sides


def _check_foldable(labels: Mapping[str, str], groups: Mapping[str, str], k: int) -> None:
    if len(labels) < k:
        raise FolderError(
            f"{len(labels)} different photos cannot be cut into {k} folds. Give --folds {max(2, len(labels) // 5)} or "
            "fewer, or harvest more."
        )
    for name in sorted(set(labels.values())):
        own = {groups[id_] for id_, label in labels.items() if label == name}
        if len(own) < 2:
            raise FolderError(
                f"All {sum(label == name for label in labels.values())} photos of class {name!r} are of one group "
                "(copies of each other, or one source by --group-by), so it cannot be learned where it is judged. "
                "It needs photos of at least two."
            )


def _label_by_id(photos: Sequence[PhotoFile]) -> dict[str, str]:
    """One label per photo id; where identical bytes lie under two labels, the first path decides for both."""
    labels: dict[str, str] = {}
    for photo in photos:
        labels.setdefault(photo.id, photo.label)
    return labels


def _check_enough(labels: Mapping[str, str]) -> None:
    classes = sorted(set(labels.values()))
    if len(classes) < 2:
        raise FolderError(
            f"There is only one class with usable photos, {classes[0]!r}. A classifier needs two or more class folders."
        )
    for name in classes:
        different = sum(label == name for label in labels.values())
        if different < 2:
            raise FolderError(
                f"Class {name!r} has only {different} usable photo of its own. It needs at least two different ones: "
                "one to learn from and one to be judged by."
            )


def _check_sides(labels: Mapping[str, str], sides: Mapping[str, str]) -> None:
    learned = {labels[id_] for id_, side in sides.items() if side == "train"}
    for name in sorted(set(labels.values()) - learned):
        raise FolderError(
            f"All photos of class {name!r} are on the validation side, so there is nothing to learn it from."
        )
    if "valid" not in sides.values():
        raise FolderError("No photo is left on the validation side of the kept split. Use another --seed to draw anew.")


def _draw(
    labels: Mapping[str, str],
    groups: Mapping[str, str],
    seed: int,
    share: float,
    kept: Mapping[str, str],
    lots: str = "",
) -> Sides:
    """Put ids on the sides "train" and "valid"; other lots draw other photos from the same seed."""
    by_class: dict[str, list[str]] = {}
    for id_, label in labels.items():
        by_class.setdefault(label, []).append(id_)
    targets = _targets({name: len(ids) for name, ids in by_class.items()}, share)
    sides: Sides = {id_: kept[id_] for id_ in labels if id_ in kept}
    decided = {groups[id_]: side for id_, side in sides.items()}
    for name, ids in by_class.items():
        sides |= {id_: decided[groups[id_]] for id_ in ids if id_ not in sides and groups[id_] in decided}
        wanted = targets[name] - sum(sides.get(id_) == "valid" for id_ in ids)
        for group, members in _in_order([id_ for id_ in ids if id_ not in sides], groups, seed, lots):
            decided[group] = "valid" if len(members) <= wanted else "train"
            wanted -= len(members) if decided[group] == "valid" else 0
            sides |= dict.fromkeys(members, decided[group])
    return sides


def _in_order(ids: Sequence[str], groups: Mapping[str, str], seed: int, lots: str) -> list[tuple[str, list[str]]]:
    """Return the groups of `ids`, each with its members, in the order in which the seed draws them."""
    members: dict[str, list[str]] = {}
    for id_ in ids:
        members.setdefault(groups[id_], []).append(id_)
    return sorted(members.items(), key=lambda entry: _lot(seed, lots + entry[0]))


def _lot(seed: int, id_: str) -> bytes:
    return hashlib.sha256(f"{seed}:{id_}".encode("ascii")).digest()


def _targets(counts: Mapping[str, int], share: float) -> dict[str, int]:
    """How many photos of each class go to "valid": largest remainders, so that the total is `share` of all."""
    exact = {name: share * n for name, n in counts.items()}
    targets = {name: int(x) for name, x in exact.items()}
    missing = round(share * sum(counts.values())) - sum(targets.values())
    by_remainder = sorted(counts, key=lambda name: (targets[name] - exact[name], name))
    for name in by_remainder[:missing]:
        targets[name] += 1
    return {name: min(max(n, 1), counts[name] - 1) for name, n in targets.items()}
