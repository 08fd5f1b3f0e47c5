"""What was laid over what: whole or absent, and never trusted when it was laid otherwise."""

import io
import json

import numpy as np
import pytest

from fieldmark.artifacts import overlays

METHOD = "1 0.6"
LAID = {("a", "b"): True, ("b", "a"): False, ("c", "a@0 0 0.5 1"): False, ("a", "a"): True}


@pytest.fixture
def kept(tmp_path):
    path = tmp_path / "features" / overlays.NAME
    overlays.write(path, METHOD, LAID)
    return path


def rewrite(path, **changed):
    with np.load(path) as file:
        fields = {**dict(file), **changed}
    buffer = io.BytesIO()
    np.savez(buffer, **{name: field for name, field in fields.items() if field is not None})
    path.write_bytes(buffer.getvalue())


def test_what_was_written_is_read(kept):
    assert overlays.read(kept, METHOD) == LAID


def test_nothing_laid_can_be_kept_too(kept):
    overlays.write(kept, METHOD, {})

    assert overlays.read(kept, METHOD) == {}


def test_no_file_and_a_folder_hold_nothing(tmp_path):
    assert overlays.read(tmp_path / "none.npz", METHOD) == {} == overlays.read(tmp_path, METHOD)


def test_a_file_that_was_cut_short_counts_as_absent(kept):
    whole = kept.read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        kept.write_bytes(whole[:length])
        assert overlays.read(kept, METHOD) == {}


def test_a_flipped_bit_counts_as_absent(kept):
    rewrite(kept)  # stored as it is, so that the bit is one of the answers'
    damaged = bytearray(kept.read_bytes())
    damaged[damaged.find(b"inside.npy") + 138] ^= 1
    kept.write_bytes(bytes(damaged))

    assert overlays.read(kept, METHOD) == {}


def test_what_was_laid_by_another_method_counts_as_absent(kept):
    assert overlays.read(kept, "2 0.6") == {}


@pytest.mark.parametrize("change", [{"schema": 2}, {"pictures": [1, 48]}, {"pictures": None}, {"more": 1}])
def test_another_schema_or_other_pictures_count_as_absent(kept, change):
    with np.load(kept) as file:
        about = json.loads(str(file["about"]))
    rewrite(kept, about=np.array(json.dumps({**about, **change})))

    assert overlays.read(kept, METHOD) == {}


@pytest.mark.parametrize(
    "change",
    [
        {"about": np.array("no JSON")},
        {"about": None},
        {"keys": None},
        {"keys": np.array(["a", "b"])},  # a pair names a fourth
        {"keys": np.array([["a", "b", "c", "d"]])},
        {"keys": np.array([1, 2, 3, 4])},
        {"keys": np.array([b"a", b"b", b"c", b"d"])},
        {"pairs": np.array([[0, 1], [1, 0], [2, 3], [0, 4]], np.int32)},
        {"pairs": np.array([[0, 1], [1, 0], [2, 3], [0, -1]], np.int32)},
        {"pairs": np.array([[0, 1], [1, 0], [2, 3], [0, 0]], np.int64)},
        {"pairs": np.array([[0, 1], [1, 0], [2, 3], [0, 0]], np.float32)},
        {"pairs": np.zeros((4, 3), np.int32)},
        {"pairs": np.zeros(4, np.int32)},
        {"pairs": np.array(3, np.int32)},
        {"inside": np.zeros(3, bool)},
        {"inside": np.zeros((4, 1), bool)},
        {"inside": np.zeros(4, np.uint8)},
        {"inside": np.array(True)},
    ],
    ids=lambda change: " ".join(f"{name} {getattr(field, 'shape', field)}" for name, field in change.items()),
)
def test_fields_of_another_form_count_as_absent(kept, change):
    rewrite(kept, **change)

    assert overlays.read(kept, METHOD) == {}


def test_a_pickle_is_not_opened(kept):
    rewrite(kept, inside=np.array([True, False, False, None], dtype=object))

    assert overlays.read(kept, METHOD) == {}
