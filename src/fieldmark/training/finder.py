"""Steps at ever higher learning rates -> the curve of their losses, and a rate read off it.

The learning-rate range test of L. N. Smith, "Cyclical Learning Rates for Training Neural Networks" (2017).
"""

from __future__ import annotations

import math
from collections.abc import Callable

from fieldmark.artifacts.runs import Finder

SMOOTHING = 0.8
"""Weight of the past in the running mean of the loss; single batches of 16 photos are noisy."""

GIVE_UP = 3.0
"""Stop once the smoothed loss is this many times its lowest value: from there it only climbs."""

NEAR = 1.5
"""A smoothed loss up to this many times the lowest is still near it."""


def find_rate(
    stage: int, step: Callable[[float], float], first: float, last: float, steps: int, bounds: tuple[float, float]
) -> Finder:
    """Take optimiser steps at rates that grow evenly on a logarithmic scale, and suggest the rate to train with.

    Args:
        stage: the stage this is for, as noted in the result.
        step: takes one optimiser step at the rate given and returns the loss before it, in nats.
        first: the lowest rate.
        last: the highest rate.
        steps: how many steps lie between them.
        bounds: the suggestion is kept within these, since few photos make a rough curve.
    """
    rates: list[float] = []
    losses: list[float] = []
    mean = 0.0
    for number in range(steps):
        rate = first * (last / first) ** (number / (steps - 1))
        mean = SMOOTHING * mean + (1 - SMOOTHING) * step(rate)
        smoothed = mean / (1 - SMOOTHING ** (number + 1))
        if not math.isfinite(smoothed):
            break
        rates.append(rate)
        losses.append(smoothed)
        if smoothed > GIVE_UP * min(losses):
            break
    low, high = bounds
    return Finder(stage, tuple(rates), tuple(losses), min(max(suggest(rates, losses), low), high))


def suggest(rates: list[float], losses: list[float]) -> float:
    """Return a tenth of the last rate at which the loss was still near its lowest: fast, and far from breaking.

    Before stage 2 the loss is low already, so its curve is flat and rough until it breaks; where it breaks is plain,
    where it falls fastest is not.
    """
    near = [rate for rate, loss in zip(rates, losses, strict=True) if loss <= NEAR * min(losses)]
    return near[-1] / 10 if near else 0.0
