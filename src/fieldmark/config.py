"""Flags and keyword arguments -> frozen settings. The help of every flag stands beside its field."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from fieldmark.errors import WrongUsage, nearest

FITS = ("squish", "crop", "pad-white", "pad-reflect")
"""Ways to bring a photo to the square a network takes; see `classifier.Fit`."""


def setting(default: Any, help: str, parse: Callable[[Any], Any], metavar: str, choices: tuple[str, ...] = ()) -> Any:
    """Declare a field that is a flag as well."""
    return field(default=default, metadata={"help": help, "parse": parse, "metavar": metavar, "choices": choices})


def _text(value: Any) -> str:
    return str(value)


def _integer(value: Any) -> int:
    if isinstance(value, float) and not value.is_integer():
        raise ValueError(value)
    return int(value)


def _rate(value: Any) -> float:
    rate = float(value)
    if not 0 < rate <= HIGHEST_RATE:  # false for NaN too
        raise ValueError(value)
    return rate


def _parts(value: Any) -> list[Any]:
    """`4,4`, `(4, 4)` or `4` as a list."""
    return value.split(",") if isinstance(value, str) else list(value) if isinstance(value, tuple | list) else [value]


def _share(value: Any) -> float:
    """A part of the whole: 0.2, "0.2" or "20%"."""
    text = str(value).strip()
    number = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    if not 0 < number < 1:
        raise ValueError(value)
    return number


def _epochs(value: Any) -> tuple[int, int]:
    """`4,4`, `(4, 4)`, or `4` for stage 1 alone."""
    numbers = [_integer(part) for part in _parts(value)]
    first, second = (*numbers, 0)[:2]
    if len(numbers) > 2 or first < 1 or second < 0:
        raise ValueError(value)
    return first, second


def _rates(value: Any) -> tuple[float, float]:
    """`1e-4,3e-4` for the earliest and the last layers; one number gives the last, the earliest a tenth of it."""
    numbers = [_rate(part) for part in _parts(value)]
    if len(numbers) == 1:
        return numbers[0] / EARLY_SHARE, numbers[0]
    early, late = numbers
    return early, late


HIGHEST_RATE = 10.0
"""No network learns anything at a learning rate above this; AdamW moves a weight by about the rate in each step."""

EARLY_SHARE = 10.0
"""The earliest layers learn this many times slower than the last: edges and colours need little change."""


@dataclass(frozen=True)
class TrainSettings:
    """Everything `fieldmark train` can be told about learning."""

    backbone: str = setting(
        "efficientnet_lite0", "pretrained network: efficientnet_lite0, 1, 2 or any timm name", _text, "NAME"
    )
    weights: str | None = setting(
        None, "weights of that network from a local file instead of the hub", _text, "FILE.safetensors"
    )
    epochs: tuple[int, int] = setting(
        (4, 4), "epochs with the backbone frozen, then with everything unfrozen", _epochs, "N,N"
    )
    size: int = setting(299, "side of the square that the network sees, in pixels", _integer, "PIXELS")
    fit: str = setting("squish", "how a photo becomes square", _text, "HOW", FITS)
    seed: int = setting(42, "decides the split, the order of photos and every augmentation", _integer, "N")
    valid_share: float = setting(0.2, "part of the photos kept aside to judge by", _share, "SHARE")
    batch: int = setting(16, "photos per step", _integer, "N")
    head_lr: float | None = setting(
        None, "highest learning rate of stage 1; the finder suggests one otherwise", _rate, "RATE"
    )
    lr: tuple[float, float] | None = setting(
        None,
        "highest learning rates of stage 2, earliest and last layers; the finder suggests them otherwise",
        _rates,
        "EARLY,LATE",
    )

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Build settings from flags or keyword arguments; None means "as it is by default".

        Raises:
            WrongUsage: a key that does not exist, or a value that makes no sense; the nearest key is named.
        """
        known = {f.name: f for f in dataclasses.fields(cls)}
        parsed = {}
        for key, value in values.items():
            if key not in known:
                raise WrongUsage(f"There is no setting {key!r}.{nearest(key, known)} There are: {', '.join(known)}.")
            if value is not None:
                parsed[key] = _parse(known[key], value)
        return cls(**parsed)

    def __post_init__(self) -> None:
        if not 32 <= self.size <= 1024:
            raise WrongUsage(f"--size {self.size} makes no sense: give 32 to 1024 pixels.")
        if not 2 <= self.batch <= 1024:
            raise WrongUsage(f"--batch {self.batch} makes no sense: give 2 to 1024 photos.")


def _parse(known: dataclasses.Field[Any], value: Any) -> Any:
    flag = "--" + known.name.replace("_", "-")
    try:
        parsed = known.metadata["parse"](value)
    except (ValueError, TypeError):
        raise WrongUsage(
            f"{flag} {value} makes no sense: it takes {known.metadata['metavar']}, {known.metadata['help']}."
        ) from None
    choices = known.metadata["choices"]
    if choices and parsed not in choices:
        raise WrongUsage(f"{flag} {parsed} is not known.{nearest(str(parsed), choices)} It takes {', '.join(choices)}.")
    return parsed
