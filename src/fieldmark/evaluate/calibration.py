"""What a model said of photos and the truth -> figures of its certainty for `metrics.json`, and the words for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldmark.evaluate.reliability import (
    ECE_BINS,
    REPEATS,
    bootstrap,
    brier,
    chance_ece,
    expected_calibration_error,
    log_loss,
    reliability,
)
from fieldmark.evaluate.temperature import fit_or_refuse, probabilities_at
from fieldmark.evaluate.wording import photos as say_photos

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


def summarize_calibration(
    logits: Floats | None,
    probabilities: Floats,
    actual: Indices,
    groups: Indices | None = None,
    *,
    photos: Indices | None = None,
    fitted_on: str = "",
    bins: int = ECE_BINS,
    repeats: int = REPEATS,
    seed: int = 0,
) -> dict[str, Any]:
    """Return the figures of a model's certainty as they stand in `metrics.json` under "calibration".

    Args:
        logits: float `[n, c]`, to fit the temperature of the model file on; None where a finished model is judged.
        probabilities: float `[n, c]`, n at least 1: what is judged. Where a temperature is fitted, those of
            `cross_fitted`; one judged on the rows it was fitted on would flatter. Where none can be, those of the
            network itself, whatever is given here.
        actual: int64 `[n]`.
        groups: int64 `[n]`, rows that tell of each other, drawn together for the intervals; None: those of `photos`.
        photos: int64 `[n]`, which photo each row is about, where repeats make several rows of one.
        fitted_on: says which predictions the temperature was fitted on, such as "5 x 2 out-of-fold predictions".
        bins: of the calibration error.
        repeats: draws behind an interval.
        seed: decides the draws.

    Returns:
        plain numbers, lists and words. `temperature` is None where nothing was to be fitted and 1.0 where it was
        refused, `refused` then says why. `log_loss_before` and `ece_before` are at temperature 1, the others those of
        what is judged. Each `..._ci95` is None where there are fewer than two groups.

    Raises:
        ValueError: there is no row, the parts do not fit together, or a figure is no number.
    """
    refused, temperature = None, None
    if logits is not None:
        refused, temperature = fit_or_refuse(logits, actual, photos)
        if refused:
            probabilities = probabilities_at(logits, 1.0)
    probabilities = np.asarray(probabilities, dtype=np.float64)
    intervals = bootstrap(
        probabilities, actual, photos if groups is None else groups, bins=bins, repeats=repeats, seed=seed
    )
    mean, p95 = chance_ece(probabilities, repeats, seed, bins=bins, photos=photos)
    after = log_loss(probabilities, actual)
    before = probabilities if logits is None else probabilities_at(logits, 1.0)
    return {
        "n": len(actual) if photos is None else len(np.unique(photos)),
        "temperature": temperature,
        "fitted_on": fitted_on if temperature is not None and not refused else "",
        "log_loss_before": log_loss(before, actual),
        "log_loss_after": after,
        "log_loss_ci95": _as_list(intervals.log_loss),
        "ece": expected_calibration_error(probabilities, actual, bins),
        "ece_ci95": _as_list(intervals.ece),
        "ece_by_chance": {"mean": mean, "p95": p95},
        "ece_before": expected_calibration_error(before, actual, bins),
        "brier": brier(probabilities, actual),
        "brier_ci95": _as_list(intervals.brier),
        "confidence": float(probabilities.max(axis=1).mean()),
        "right": float((probabilities.argmax(axis=1) == actual).mean()),
        "bins": [one.to_dict() for one in reliability(probabilities, actual, photos=photos)],
        "refused": refused,
    }


def say_calibration(figures: Mapping[str, Any]) -> str:
    """Say in plain words whether the model's certainty can be believed, from what `summarize_calibration` returned."""
    error, by_chance, n = figures["ece"], figures["ece_by_chance"], figures["n"]
    interval = figures["ece_ci95"]
    span = f" (probably between {_points(interval[0])} and {_points(interval[1])})" if interval else ""
    parts = [
        f"On average the model says it is {_points(figures['confidence'])} % sure and is right about "
        f"{_points(figures['right'])} % of {say_photos(n)}.",
        f"Its certainty and how often it is right lie {_points(error)} percentage points apart{span}; of a model whose "
        f"certainties are exactly right, chance alone would make {_points(by_chance['mean'])}, and one time in twenty "
        f"more than {_points(by_chance['p95'])}, with as many photos.",
    ]
    if error <= by_chance["p95"]:
        parts.append("So these photos give no reason to doubt its certainty.")
    elif figures["confidence"] > figures["right"]:
        parts.append("That is more than chance explains: it is surer than it should be.")
    else:
        parts.append("That is more than chance explains: it is right more often than it says.")
    if figures["refused"]:
        parts.append(figures["refused"])
    elif figures["temperature"] is not None:
        parts.append(_say_temperature(figures["temperature"], figures["fitted_on"]))
    return " ".join(parts)


def sum_up(figures: Mapping[str, Any]) -> str:
    """Say in one sentence, for a terminal, how far the certainty is off, what chance would make, and what was done."""
    by_chance, n = figures["ece_by_chance"], figures["n"]
    said = (
        f"Certainty: off by {_points(figures['ece'])} points on average over {say_photos(n)} (calibration error; "
        f"chance alone {_points(by_chance['mean'])}, one time in twenty over {_points(by_chance['p95'])})"
    )
    if figures["refused"]:
        return f"{said}. {figures['refused']}"
    if figures["temperature"] is None:
        return f"{said}."
    return f"{said}; temperature {figures['temperature']:.2f}, fitted on {figures['fitted_on']}."


def _say_temperature(value: float, fitted_on: str) -> str:
    done = "toned down" if value > 1.005 else "raised" if value < 0.995 else "left as they were"
    where = f", fitted on {fitted_on}" if fitted_on else ""
    return f"The network's own certainties were {done} (temperature {value:.2f}{where})."


def _points(share: float) -> str:
    return f"{share * 100:.1f}"


def _as_list(interval: tuple[float, float] | None) -> list[float] | None:
    return None if interval is None else list(interval)
