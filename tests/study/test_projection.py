"""A power law is found again, and the band holds what comes true about as often as it says."""

import numpy as np
import pytest

from fieldmark.study.projection import FURTHEST, fit, fit_points

SIZES = np.array([20, 32, 51, 81, 130, 207])


def answers(law, n=300, repeats=3, seed=0):
    """Photos, each with its own difficulty, that are got wrong as often as a law says on average."""
    rng = np.random.default_rng(seed)
    hard = rng.random(n)
    return np.stack([(hard[None] < law(size)).repeat(repeats, 0) for size in SIZES]).astype(np.float32)


@pytest.mark.parametrize(("floor", "scale", "exponent"), [(0.0, 0.6, 0.4), (0.05, 0.8, 0.5), (0.0, 1.0, 1.0)])
def test_a_law_without_noise_is_found_again(floor, scale, exponent):
    laws = fit_points(SIZES.astype(float), (floor + scale * SIZES**-exponent)[None])

    assert laws.errors(800)[0] == pytest.approx(floor + scale * 800**-exponent, abs=1e-4)
    assert (laws.floor[0], laws.exponent[0]) == pytest.approx((floor, exponent), abs=0.01)


def test_an_error_that_rises_is_taken_for_flat_and_none_falls_below_nothing():
    laws = fit_points(SIZES.astype(float), np.stack([SIZES / 1000, 0.5 - SIZES / 500.0]))

    assert laws.scale[0] == 0 and laws.errors(10_000)[0] == laws.errors(100)[0]
    assert laws.floor[1] >= 0 and laws.errors(1e9)[1] >= 0


def test_the_band_holds_the_truth_about_as_often_as_it_says():
    def law(n):
        return 0.03 + 0.6 * n**-0.5

    held, widths = 0, []
    for seed in range(40):
        band = fit(SIZES, answers(law, seed=seed), np.arange(300), seed).error(800)
        held += band.low <= law(800) <= band.high
        widths.append(band.high - band.low)

    assert held >= 32 and np.median(widths) < 0.08


def test_copies_make_the_band_no_narrower():
    wrong = answers(lambda n: 0.6 * n**-0.4, n=60)
    alone = fit(SIZES, wrong, np.arange(60)).error(800)
    thrice = fit(SIZES, wrong.repeat(3, axis=2), np.repeat(np.arange(60), 3)).error(800)

    assert thrice.high - thrice.low == pytest.approx(alone.high - alone.low, rel=0.05)


def test_half_the_error_is_named_where_the_law_reaches_it():
    steep = fit(SIZES, answers(lambda n: 0.9 * n**-0.5, n=3000), np.arange(3000)).photos_for_half(207)
    flat = fit(SIZES, answers(lambda n: 0.2 + 0 * n), np.arange(300)).photos_for_half(207)

    assert steep.low <= 4 * 207 * 1.1 and steep.high < FURTHEST * 207
    assert steep.low <= steep.value <= steep.high
    assert flat.value == flat.low == np.inf


def test_what_falls_is_a_part_of_the_error():
    fall = fit(SIZES, answers(lambda n: 0.9 * n**-0.5, n=3000), np.arange(3000)).fall(207, 828)

    assert 0 <= fall.low <= fall.value <= fall.high <= 1 and fall.value == pytest.approx(0.5, abs=0.08)
