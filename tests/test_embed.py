"""Photos are looked at once, and again only when something about them has changed."""

import inspect
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from fieldmark import embed as room
from fieldmark.artifacts import features as cache
from fieldmark.artifacts.photos import read_folder
from fieldmark.artifacts.workspace import Workspace
from fieldmark.config import TrainSettings
from fieldmark.embed import embed, embed_pictures
from fieldmark.imaging.crop import Crop
from support.flat import paint_flat

SIZE = 64


@pytest.fixture
def folder(tmp_path):
    return paint_flat(tmp_path / "colours", {"red": 3, "blue": 3})


def look(folder, photos=None):
    found = read_folder(folder).photos if photos is None else photos
    return embed(Workspace.open(folder), found, folder, size=SIZE)


@pytest.fixture
def looked_at(monkeypatch):
    """How many pictures the network has seen."""
    seen = []
    network = room._network

    def counting(*given):
        inner = network(*given)

        def count(keys, pictures):
            seen.extend(keys)
            return inner(keys, pictures)

        return count

    monkeypatch.setattr(room, "_network", counting)
    return seen


def test_rows_are_the_photos_in_their_order(folder):
    found = look(folder)

    assert found.vectors.shape == (6, 1280) and found.vectors.dtype == np.float32
    assert [photo.label for photo in found.photos] == ["blue"] * 3 + ["red"] * 3
    assert found.ids == tuple(photo.id for photo in found.photos)
    assert found.shapes.tolist() == [[60, 80]] * 6 and found.greys.dtype == np.uint8
    unit = found.vectors / np.linalg.norm(found.vectors, axis=1, keepdims=True)
    assert unit[0] @ unit[1] > unit[0] @ unit[4]  # blue is more like blue than like red


def test_the_second_time_nothing_is_looked_at_and_the_answer_is_the_same(folder, looked_at):
    first = look(folder)
    assert len(looked_at) == 6

    again = look(folder)
    assert len(looked_at) == 6 and np.array_equal(first.vectors, again.vectors)


def test_only_a_new_photo_is_looked_at(folder, looked_at):
    look(folder)
    paint_flat(folder, {"green": 1})

    assert len(look(folder).photos) == 7 and len(looked_at) == 7


def test_a_cropped_photo_is_looked_at_anew_and_by_its_crop(folder, looked_at):
    whole = look(folder)
    cropped = [replace(whole.photos[0], crop=Crop(0, 0, 0.5, 0.5)), *whole.photos[1:]]
    found = look(folder, cropped)

    assert len(looked_at) == 7 and found.shapes[0].tolist() == [30, 40]
    assert not np.array_equal(found.vectors[0], whole.vectors[0])


def test_a_damaged_cache_is_made_again(folder, looked_at):
    first = look(folder)
    path = next((folder / ".fieldmark" / cache.FOLDER).iterdir())
    path.write_bytes(path.read_bytes()[:1000])

    assert np.array_equal(look(folder).vectors, first.vectors) and len(looked_at) == 12


def test_a_mirrored_photo_has_the_same_vector(folder):
    photos = read_folder(folder).photos
    image = Image.open(folder / photos[0].path)
    image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(folder / photos[1].path)
    vectors = look(folder, None).vectors

    assert np.linalg.norm(vectors[0] - vectors[1]) < 0.2 * np.linalg.norm(vectors[0] - vectors[2])


def test_a_photo_that_went_away_is_named_and_the_rest_are_looked_at(folder):
    photos = read_folder(folder).photos
    (folder / photos[2].path).unlink()
    found = look(folder, photos)

    assert len(found.photos) == 5 and [lost.path for lost in found.lost] == [photos[2].path]


def test_a_disk_that_takes_nothing_costs_a_warning_and_no_features(folder, monkeypatch, capsys):
    from fieldmark.terminal import Voice, speaking

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache, "whole_file", full)
    with speaking(Voice.STDERR):
        found = look(folder)

    assert found.vectors.shape == (6, 1280)
    assert capsys.readouterr().err.count("not kept for the next time") == 1


def test_painted_pictures_are_kept_beside_the_photos(folder, looked_at):
    sources = {"grey": lambda: np.full((20, 30, 3), 90, np.uint8)}
    first = embed_pictures(Workspace.open(folder), sources, size=SIZE)
    again = embed_pictures(Workspace.open(folder), sources, size=SIZE)

    assert len(looked_at) == 1 and np.array_equal(first["grey"], again["grey"]) and first["grey"].shape == (1280,)


def test_check_and_train_look_at_photos_in_the_same_way_so_that_one_look_serves_both():
    check = {name: parameter.default for name, parameter in inspect.signature(embed).parameters.items()}
    train = TrainSettings()

    assert (check["backbone"], check["size"], check["fit"]) == (train.backbone, train.size, train.fit)
