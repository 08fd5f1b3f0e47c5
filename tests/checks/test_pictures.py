"""Pictures painted from one's own photos teach what is no photo."""

import numpy as np
import pytest
from PIL import Image

from fieldmark.artifacts.photos import PhotoFile, read_folder
from fieldmark.checks.painted import KINDS, paintings
from fieldmark.checks.pictures import FEWEST, not_photos, plain_edge, why_not
from support.flat import paint_flat


@pytest.fixture
def folder(tmp_path):
    return paint_flat(tmp_path / "colours", {"red": 4, "blue": 4})


def photos(n):
    return [PhotoFile(f"coral/{i:03}.jpg", "coral", None, f"{i:064x}") for i in range(n)]


def test_every_kind_is_painted_from_every_photo_the_same_each_time(folder):
    found = read_folder(folder).photos
    planned = paintings(found, folder)

    assert len(planned) == 8 * len(KINDS) and len({painting.key for painting in planned}) == len(planned)
    for painting in planned:
        picture = painting.paint()
        assert picture.dtype == np.uint8 and picture.ndim == 3 and min(picture.shape[:2]) >= 24
        assert np.array_equal(picture, painting.paint())


@pytest.mark.parametrize("size", [(1, 1), (3, 900), (900, 3)])
def test_photos_of_any_shape_are_painted_from(tmp_path, size):
    (tmp_path / "odd").mkdir()
    Image.new("RGB", size, "green").save(tmp_path / "odd" / "a.png")

    assert all(painting.paint().ndim == 3 for painting in paintings(read_folder(tmp_path).photos, tmp_path))


def test_what_lies_where_drawings_lie_is_called_a_drawing():
    rng = np.random.default_rng(0)
    vectors = np.eye(20)[np.zeros(120, int)] * 3 + rng.normal(0, 0.3, (120, 20))
    vectors[7] += 3 * np.eye(20)[1] - 3 * np.eye(20)[0]
    kinds = [kind for kind in KINDS for _ in range(30)]
    sources = [i for _ in KINDS for i in range(30)]
    painted = 3 * np.eye(20)[[1 + KINDS.index(kind) for kind in kinds]] + rng.normal(0, 0.3, (len(kinds), 20))
    greys = rng.integers(0, 255, (120, 96, 96)).astype(np.uint8)
    found = not_photos(photos(120), vectors.astype(np.float32), greys, painted.astype(np.float32), kinds, sources)

    assert [finding.photo for finding in found] == ["coral/007.jpg"]
    assert "a drawing or painting" in found[0].text and found[0].sure and found[0].score > 0.9


def test_a_plain_light_edge_is_seen_and_a_blank_or_dark_picture_has_none():
    rng = np.random.default_rng(0)
    cut_out = np.full((96, 96), 250, np.uint8)
    cut_out[20:80, 20:80] = rng.integers(0, 255, (60, 60))
    night = cut_out.copy()
    night[cut_out == 250] = 3
    shares = plain_edge(np.stack([cut_out, night, np.full((96, 96), 250, np.uint8), rng.integers(0, 255, (96, 96))]))

    assert shares[0] == 1 and shares[1] == 0 and shares[2] == 0 and shares[3] < 0.2


def test_few_photos_teach_nothing_and_a_sentence_says_so():
    assert str(FEWEST - 1) in why_not(photos(FEWEST - 1)).reason and why_not(photos(FEWEST)) is None
