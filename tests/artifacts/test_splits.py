import pytest

from fieldmark.artifacts.splits import folds, halves, read_sides, sides_hash, split_path, write_sides
from fieldmark.errors import FolderError


def test_a_kept_split_comes_back(tmp_path):
    path = split_path(tmp_path / "splits", 42, halves(0.2))
    write_sides(path, 42, halves(0.2), {"a": "train", "b": "valid"})

    assert read_sides(path) == {"a": "train", "b": "valid"}


def test_an_absent_split_is_empty(tmp_path):
    assert read_sides(tmp_path / "none.json") == {}


def test_seeds_and_draws_are_kept_apart(tmp_path):
    draws = (halves(0.1), halves(0.2), folds(5, 1), folds(5, 2), folds(2, 1))

    assert len({split_path(tmp_path, seed, draw) for seed in (1, 2) for draw in draws}) == 10


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": 1}', '{"schema": 1, "sides": 3}'])
def test_a_damaged_split_is_explained(tmp_path, text):
    (tmp_path / "split.json").write_text(text)

    with pytest.raises(FolderError, match="damaged"):
        read_sides(tmp_path / "split.json")


def test_a_newer_split_is_explained(tmp_path):
    (tmp_path / "split.json").write_text('{"schema": 99, "sides": {}}')

    with pytest.raises(FolderError, match="newer"):
        read_sides(tmp_path / "split.json")


def test_the_hash_tells_splits_apart_and_ignores_order():
    assert sides_hash({"a": "train", "b": "valid"}) == sides_hash({"b": "valid", "a": "train"})
    assert sides_hash({"a": "train"}) != sides_hash({"a": "valid"})
