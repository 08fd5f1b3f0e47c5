import math

import pytest

from fieldmark.training.finder import find_rate, suggest


def test_the_suggestion_is_a_tenth_of_the_last_rate_before_the_loss_breaks_away():
    assert suggest([1e-4, 1e-3, 1e-2, 1e-1], [0.7, 0.2, 0.25, 0.9]) == pytest.approx(1e-3)


def test_a_rough_and_flat_curve_is_read_where_it_breaks():
    assert suggest([1e-5, 1e-4, 1e-3, 1e-2], [0.20, 0.31, 0.29, 0.8]) == pytest.approx(1e-4)


def test_rates_grow_evenly_on_a_logarithmic_scale():
    found = find_rate(1, lambda rate: 1.0, 1e-4, 1e-1, 4, (0.0, 1.0))

    assert found.rates == pytest.approx((1e-4, 1e-3, 1e-2, 1e-1))
    assert found.losses == pytest.approx((1.0,) * 4)


def test_it_stops_once_the_loss_only_climbs():
    found = find_rate(1, lambda rate: 0.1 if rate < 1e-2 else 100.0, 1e-5, 1.0, 100, (0.0, 1.0))

    assert max(found.rates) < 2e-2


def test_it_stops_at_a_loss_that_is_no_number():
    found = find_rate(1, lambda rate: math.nan if rate > 1e-2 else 0.5, 1e-5, 1.0, 50, (0.0, 1.0))

    assert all(math.isfinite(loss) for loss in found.losses) and max(found.rates) <= 1e-2


def test_a_rough_curve_cannot_suggest_beyond_the_bounds():
    falling = iter(range(1000, 0, -1))

    assert find_rate(2, lambda rate: next(falling), 1e-5, 1.0, 20, (1e-4, 3e-3)).suggestion == 3e-3


def test_a_curve_of_nothing_suggests_the_lower_bound():
    assert find_rate(1, lambda rate: math.nan, 1e-5, 1.0, 20, (3e-4, 1e-2)).suggestion == 3e-4
