from itertools import pairwise

import numpy as np
import pytest

from fieldmark.demo import paint, snake
from fieldmark.imaging.decode import decode

SIZE = (240, 180)


def neighbours_of_red(kind, seed):
    names = [name for name, _ in paint.draw_bands(kind, np.random.default_rng(seed), slenderness=18)]
    pairs = [*pairwise(names), *zip(names[1:], names, strict=False)]
    return {b for a, b in pairs if a == "red"}


@pytest.mark.parametrize("seed", range(8))
def test_red_touches_yellow_on_a_coral_snake_and_black_on_a_kingsnake(seed):
    assert neighbours_of_red("coral", seed) == {"yellow"}
    assert neighbours_of_red("king", seed) == {"black"}


@pytest.mark.parametrize("kind", paint.KINDS)
def test_band_widths_are_positive_and_sum_to_the_whole_snake(kind):
    widths = [width for _, width in paint.draw_bands(kind, np.random.default_rng(3), slenderness=18)]
    assert min(widths) > 0
    assert sum(widths) == pytest.approx(1)


def test_both_kinds_wear_the_same_amounts_of_every_colour_on_average():
    def share(kind, colour):
        drawn = [paint.draw_bands(kind, np.random.default_rng(seed), slenderness=18) for seed in range(300)]
        return np.mean([sum(width for name, width in bands if name == colour) for bands in drawn])

    for colour in paint.COLOURS:
        assert share("coral", colour) == pytest.approx(share("king", colour), abs=0.02)


@pytest.mark.parametrize("scene", [snake.EASY, snake.ORDINARY, snake.HARD])
@pytest.mark.parametrize("kind", paint.KINDS)
def test_a_painted_snake_is_pixels_of_the_size_asked_for(kind, scene):
    pixels = paint.paint_snake(kind, np.random.default_rng(1), SIZE, scene)
    assert pixels.shape == (180, 240, 3)
    assert pixels.dtype == np.uint8
    assert pixels.std() > 10


def test_the_same_seed_paints_the_same_pixels_and_another_seed_others():
    first, again, other = (paint.paint_snake("king", np.random.default_rng(seed), SIZE) for seed in (4, 4, 5))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_strays_of_every_sort_are_pixels_too():
    for seed in range(9):
        pixels = paint.paint_stray(np.random.default_rng(seed), SIZE)
        assert pixels.shape == (180, 240, 3)
        assert pixels.dtype == np.uint8


def test_an_unknown_kind_is_refused():
    with pytest.raises(KeyError):
        paint.paint_snake("adder", np.random.default_rng(0), SIZE)


def test_a_folder_holds_as_many_of_each_kind_as_asked_for_and_all_decode(tmp_path):
    paths = paint.paint_folder(tmp_path / "snakes", per_class=4, seed=1)
    assert [path.parent.name for path in paths] == ["coral"] * 4 + ["king"] * 4
    shapes = [decode(path.read_bytes()).shape for path in paths]
    assert all(360 <= max(shape) <= 500 for shape in shapes)
    assert len(set(shapes)) > 1
    assert sorted(tmp_path.rglob("*.*")) == sorted(paths)


def test_the_same_seed_paints_the_same_bytes(tmp_path):
    first = paint.paint_folder(tmp_path / "a", per_class=2, seed=9)
    again = paint.paint_folder(tmp_path / "b", per_class=2, seed=9)
    other = paint.paint_folder(tmp_path / "c", per_class=2, seed=10)
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]
    assert all(a.read_bytes() != b.read_bytes() for a, b in zip(first, other, strict=True))


def test_a_second_call_paints_what_is_missing_and_leaves_the_rest_alone(tmp_path):
    paths = paint.paint_folder(tmp_path, per_class=2, seed=1)
    missing = paths[1].read_bytes()
    paths[1].unlink()
    paths[2].write_bytes(b"kept as it is")
    assert paint.paint_folder(tmp_path, per_class=2, seed=1) == paths
    assert paths[1].read_bytes() == missing
    assert paths[2].read_bytes() == b"kept as it is"


def test_more_pictures_later_do_not_change_the_earlier_ones(tmp_path):
    few = {
        path.name: path.read_bytes()
        for path in paint.paint_folder(tmp_path / "few", 1, seed=2)
        if path.parent.name == "king"
    }
    more = {
        path.name: path.read_bytes()
        for path in paint.paint_folder(tmp_path / "more", 2, seed=2)
        if path.parent.name == "king"
    }
    assert few.items() <= more.items()
