"""Photos -> which of them must stay together, because one tells what the other is: copies, or one person's series."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace

from fieldmark.artifacts.photos import PhotoFile


def number_groups(photos: Sequence[PhotoFile], groups: Iterable[Sequence[int]] = ()) -> list[int]:
    """Number photos so that those which must stay together share a number: by bytes, by `group`, by `groups`.

    Args:
        photos: the n photos.
        groups: indices of photos that belong together for other reasons; groups that touch become one.

    Returns:
        n numbers, each the index of a photo of the group.
    """
    of = list(range(len(photos)))

    def head(i: int) -> int:
        while of[i] != i:
            of[i] = i = of[of[i]]
        return i

    together: defaultdict[Hashable, list[int]] = defaultdict(list)
    for i, photo in enumerate(photos):
        together["bytes", photo.sha256].append(i)
        if photo.group is not None:
            together["group", photo.group].append(i)
    for members in (*together.values(), *groups):
        for other in members[1:]:
            of[head(other)] = head(members[0])
    return [head(i) for i in range(len(photos))]


def with_groups(photos: Sequence[PhotoFile], groups: Iterable[Sequence[int]] = ()) -> tuple[PhotoFile, ...]:
    """Return the photos with `group` set to the smallest id of those that must stay together; None where one is alone.

    Args:
        photos: as for `number_groups`; so is `groups`.
    """
    members: defaultdict[int, list[PhotoFile]] = defaultdict(list)
    numbers = number_groups(photos, groups)
    for photo, number in zip(photos, numbers, strict=True):
        members[number].append(photo)
    names = {number: min(p.id for p in some) if len(some) > 1 else None for number, some in members.items()}
    return tuple(replace(photo, group=names[number]) for photo, number in zip(photos, numbers, strict=True))
