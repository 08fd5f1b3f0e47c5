"""`--vary KEY=a,b,c` -> the recipes to compare: settings that differ in one thing."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fieldmark.config import TrainSettings, decided_by
from fieldmark.errors import WrongUsage, nearest

VARIED = ("backbone", "weights", "effort", "epochs", "size", "fit", "seed", "batch", "head_lr", "lr")
"""Settings that decide how is learned. The others decide by what is judged, and have to be the same for all."""

WITH_COMMAS = ("epochs", "lr")
"""Settings whose values hold commas; their values are parted by semicolons."""


@dataclass(frozen=True)
class Arms:
    """Recipes that differ in one setting.

    Attributes:
        key: the setting.
        settings: name -> settings, two or more, in the order given.
        reference: the name of the one that the others are compared with.
    """

    key: str
    settings: Mapping[str, TrainSettings]
    reference: str


def read_arms(vary: str, base: TrainSettings) -> Arms:
    """Read `fit=squish,crop`; values that hold commas are parted by semicolons: `epochs=2,2;4,4`.

    The reference is the value that the base settings have, where it is among them, else the first.

    Args:
        vary: as it was given.
        base: what all recipes share.

    Raises:
        WrongUsage: the setting does not exist or cannot vary, a value makes no sense, or there are fewer than two.
    """
    key, equals, text = vary.partition("=")
    key = key.strip().removeprefix("--").replace("-", "_")
    if not equals or key not in VARIED:
        what = "fit=squish,crop" if not equals else f"{key!r} cannot vary.{nearest(key, VARIED)}"
        start = f"--vary {vary} makes no sense: write what varies and its values, such as " if not equals else ""
        raise WrongUsage(f"{start}{what}. What can vary: {', '.join(VARIED)}.")
    values = [part.strip() for part in text.split(";" if key in WITH_COMMAS else ",") if part.strip()]
    settings = {value: _with(base, key, value) for value in values}
    if len(set(settings.values())) < 2:
        hint = f"{key}=2,2;4,4" if key in WITH_COMMAS else f"{key}=one,other"
        raise WrongUsage(f"--vary {vary} makes no sense: it takes two different values or more, such as {hint}.")
    same = [value for value, found in settings.items() if found == base]
    return Arms(key, settings, same[0] if same else next(iter(settings)))


def _with(base: TrainSettings, key: str, value: Any) -> TrainSettings:
    values = dataclasses.asdict(base)
    if key == "effort":  # what the base's effort decided, another decides anew; what a person gave stays
        values = {name: own for name, own in values.items() if decided_by(base.effort).get(name) != own}
    return TrainSettings.of({**values, key: value})
