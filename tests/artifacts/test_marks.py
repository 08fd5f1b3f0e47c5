"""Which photos a model learned from is known by their marks, whatever a file says."""

import hashlib

import pytest

from fieldmark.artifacts.marks import LENGTH, describe, known_again


def digests(*names):
    return [hashlib.sha256(str(name).encode()).hexdigest() for name in names]


def test_photos_that_were_learned_from_are_known_again_and_no_others():
    learned, others = digests(*range(400)), digests(*range(400, 2000))

    said = describe(reversed(learned))

    assert said["n"] == 400 and said == describe(learned)
    assert len(said["marks"]) <= 400 * LENGTH * 4 / 3 + 4
    assert known_again(said, [*others, *learned[:7]]) == set(learned[:7])
    assert known_again(said, others) == set() == known_again(said, [])


def test_of_a_file_without_marks_all_photos_can_be_told_and_no_part_of_them():
    learned = digests(*range(9))
    said = {name: value for name, value in describe(learned).items() if name != "marks"}

    assert known_again(said, learned[::-1]) == set(learned)
    assert known_again(said, learned[:8]) is None
    assert known_again(said, []) is None


def test_one_that_learned_from_nothing_knows_nothing():
    assert known_again(describe([]), digests(1)) == set()


@pytest.mark.parametrize(
    "marks", ["", "A", "AAA", "not base64!", "\N{SNAKE}", 7, 0.5, True, [], {}, ["AAAA"], "A" * 8000]
)
def test_marks_may_be_anything(marks):
    assert not known_again({"marks": marks}, digests(1, 2))
