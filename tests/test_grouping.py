"""What must stay together does, and alone photos have no group."""

from hashlib import sha256

from fieldmark.artifacts.photos import PhotoFile
from fieldmark.grouping import number_groups, with_groups


def photo(name: str, content: str | None = None, group: str | None = None) -> PhotoFile:
    return PhotoFile(f"a/{name}.jpg", "a", None, sha256((content or name).encode()).hexdigest(), group=group)


def test_bytes_groups_and_whatever_else_is_known_are_joined_when_they_touch():
    photos = [photo("1", "x"), photo("2", "x"), photo("3", group="g"), photo("4", group="g"), photo("5"), photo("6")]

    numbers = number_groups(photos, [[1, 2]])

    assert numbers[0] == numbers[1] == numbers[2] == numbers[3]
    assert len({numbers[0], numbers[4], numbers[5]}) == 3


def test_a_group_is_named_after_its_smallest_id_whatever_the_order():
    photos = [photo("1"), photo("2"), photo("3")]

    grouped = with_groups(photos, [[0, 2]])
    turned = with_groups(photos[::-1], [[2, 0]])

    assert [p.group for p in grouped] == [min(photos[0].id, photos[2].id), None, min(photos[0].id, photos[2].id)]
    assert [p.group for p in turned] == [p.group for p in grouped[::-1]]
