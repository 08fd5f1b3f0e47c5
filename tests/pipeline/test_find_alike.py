"""Photos are laid over each other once, whoever asks: the second time only what is new."""

from pathlib import Path

import numpy as np
import pytest

from fieldmark.artifacts import overlays
from fieldmark.artifacts.photos import PhotoFile
from fieldmark.artifacts.workspace import Workspace
from fieldmark.checks import lookalikes
from fieldmark.embed import Features
from fieldmark.pipeline.find_alike import find_alike
from fieldmark.terminal import Voice, speaking


@pytest.fixture(scope="module")
def clouds():
    """Five pictures none like another, then the mirror image of the first."""
    rng = np.random.default_rng(0)
    made = [
        np.kron(rng.uniform(0, 90, (24, 24)), np.ones((4, 4))) + np.kron(rng.uniform(0, 90, (6, 6)), np.ones((16, 16)))
        for _ in range(5)
    ]
    return np.stack([*made, made[0][:, ::-1]]).astype(np.uint8)


@pytest.fixture
def workspace(tmp_path):
    (tmp_path / "coral").mkdir()
    return Workspace.open(tmp_path)


@pytest.fixture
def laid(monkeypatch):
    """The pairs that were laid since the test began."""
    asked = []

    def lay(greys, shapes, wanted):
        asked.extend(wanted)
        return lay_as_ever(greys, shapes, wanted)

    lay_as_ever = lookalikes.lay
    monkeypatch.setattr(lookalikes, "lay", lay)
    return asked


def seen(clouds, rows):
    """Features of these pictures, all alike to the backbone."""
    photos = tuple(PhotoFile(f"coral/{row}.jpg", "coral", None, f"{row:064x}"[::-1]) for row in rows)
    return Features(photos, np.ones((len(rows), 4), np.float32), clouds[rows], np.full((len(rows), 2), 96, np.int32))


def test_a_second_look_lays_nothing_and_finds_the_same(workspace, clouds, laid):
    first = find_alike(workspace, seen(clouds, [0, 1, 2, 5]))
    assert first == [[0, 3]] and len(laid) == 12

    laid.clear()
    assert find_alike(workspace, seen(clouds, [0, 1, 2, 5])) == first and not laid


def test_it_finds_what_is_found_without_memory(workspace, clouds):
    features = seen(clouds, [0, 1, 2, 3, 4, 5])
    plain = lookalikes.groups(features.vectors, features.greys, features.shapes, [[1, 2]])

    assert find_alike(workspace, features, [[1, 2]]) == plain == [[0, 5], [1, 2]]
    assert find_alike(workspace, features, [[1, 2]]) == plain


def test_of_new_photos_only_their_own_pairs_are_laid_though_all_have_other_places(workspace, clouds, laid):
    find_alike(workspace, seen(clouds, [1, 2, 5]))
    laid.clear()

    assert find_alike(workspace, seen(clouds, [0, 5, 2, 1])) == [[0, 1]]
    assert sorted(laid) == [(0, 1), (0, 2), (0, 3), (1, 0), (2, 0), (3, 0)]


def test_photos_that_are_gone_are_remembered_for_when_they_come_back(workspace, clouds, laid):
    find_alike(workspace, seen(clouds, [0, 1, 5]))
    find_alike(workspace, seen(clouds, [1, 2]))
    laid.clear()

    assert find_alike(workspace, seen(clouds, [0, 1, 5])) == [[0, 2]] and not laid


def test_a_damaged_memory_and_another_method_cost_time_alone(workspace, clouds, laid, monkeypatch):
    find_alike(workspace, seen(clouds, [0, 1, 5]))
    path = overlays.path_of(workspace)
    path.write_bytes(path.read_bytes()[:-40])
    laid.clear()
    assert find_alike(workspace, seen(clouds, [0, 1, 5])) == [[0, 2]] and len(laid) == 6

    monkeypatch.setattr(lookalikes, "METHOD", "another")
    laid.clear()
    assert find_alike(workspace, seen(clouds, [0, 1, 5])) == [[0, 2]] and len(laid) == 6


def test_a_disk_that_takes_nothing_costs_one_warning(workspace, clouds, capsys):
    (workspace.memory / "features").mkdir(parents=True)
    overlays.path_of(workspace).mkdir()  # no file can be renamed to it

    with speaking(Voice.STDERR):
        assert find_alike(workspace, seen(clouds, [0, 1, 5])) == [[0, 2]]
    assert capsys.readouterr().err.count("not kept for the next time") == 1


def test_no_photo_has_no_look_alike_and_nothing_is_written(workspace):
    none = Features((), np.zeros((0, 0), np.float32), np.zeros((0, 96, 96), np.uint8), np.zeros((0, 2), np.int32))

    assert find_alike(workspace, none) == [] and not Path(overlays.path_of(workspace)).exists()


def test_the_method_names_the_constants():
    for constant in (lookalikes.PROMISING, lookalikes.ALIKE, lookalikes.SMALLEST):
        assert str(constant) in lookalikes.METHOD.split()
