"""Flags and keyword arguments -> frozen settings. The help of every flag stands beside its field."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from fieldmark.errors import WrongUsage, nearest

SETTINGS_FILE = "fieldmark.toml"
"""Where a person keeps defaults of their own; see `cli.defaults`."""

FITS = ("squish", "crop", "pad-white", "pad-reflect")
"""Ways to bring a photo to the square a network takes; see `classifier.Fit`."""


def setting(
    default: Any,
    help: str,
    parse: Callable[[Any], Any],
    metavar: str,
    choices: tuple[str, ...] = (),
    letter: str | None = None,
) -> Any:
    """Declare a field that is a flag as well; `letter` is its short form."""
    return field(
        default=default,
        metadata={"help": help, "parse": parse, "metavar": metavar, "choices": choices, "letter": letter},
    )


def switch(default: bool, help: str, letter: str | None = None, off_letter: str | None = None) -> Any:
    """Declare a field that is switched on by `--name` and off by `--no-name`."""
    return field(
        default=default,
        metadata={
            "help": help,
            "parse": _truth,
            "metavar": "yes|no",
            "choices": (),
            "letter": letter,
            "off": off_letter,
        },
    )


def _text(value: Any) -> str:
    return str(value)


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(value)
    return value


def _words(value: Any) -> tuple[str, ...]:
    """`a,b`, `["a", "b"]` or `["a,b"]`, as a repeated flag gives them."""
    return tuple(word.strip() for part in _parts(value) for word in str(part).split(",") if word.strip())


def _count(value: Any) -> int:
    number = _integer(value)
    if number < 1:
        raise ValueError(value)
    return number


def _amount(value: Any) -> int:
    number = _integer(value)
    if number < 0:
        raise ValueError(value)
    return number


def _ratio(value: Any) -> float:
    number = float(value)
    if not 1 <= number < 1e6:  # false for NaN too
        raise ValueError(value)
    return number


def _seconds(value: Any) -> float:
    number = float(value)
    if not 0 < number <= 3600:
        raise ValueError(value)
    return number


def _integer(value: Any) -> int:
    if isinstance(value, float) and not value.is_integer():
        raise ValueError(value)
    return int(value)


def _requests(value: Any) -> str:
    """`60/minute`; also a second, an hour or a day. Kept as text, so that it is shown as it was given."""
    text = str(value).strip().replace(" ", "")
    number, _, unit = text.partition("/")
    if not (number.isascii() and number.isdigit() and 1 <= int(number) <= 1_000_000 and unit in SECONDS_OF):
        raise ValueError(value)
    return f"{int(number)}/{unit}"


def _origins(value: Any) -> tuple[str, ...]:
    """`https://example.org`, `http://localhost:3000` or `*`: what a browser sends as `Origin`, or all of them."""
    origins = _words(value)
    for origin in origins:
        if origin != "*" and not re.fullmatch(r"https?://[^/\s*?#@]+", origin):
            raise ValueError(origin)
    return tuple(origin.lower() for origin in origins)


def _rate(value: Any) -> float:
    rate = float(value)
    if not 0 < rate <= HIGHEST_RATE:  # false for NaN too
        raise ValueError(value)
    return rate


def _parts(value: Any) -> list[Any]:
    """`4,4`, `(4, 4)` or `4` as a list."""
    return value.split(",") if isinstance(value, str) else list(value) if isinstance(value, tuple | list) else [value]


def _prices(value: Any) -> tuple[str, ...]:
    """`"coral->king=1000"`, several of them, or a table `{"coral->king": 1000}`."""
    if isinstance(value, Mapping):
        return tuple(f"{mistake}={cost}" for mistake, cost in value.items())
    return tuple(str(part) for part in ([value] if isinstance(value, str) else value))


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


def _folds(value: Any) -> int:
    """0 for none, else at least 2: with one fold there would be nothing to learn from."""
    number = _integer(value)
    if number < 0 or number == 1:
        raise ValueError(value)
    return number


def _rates(value: Any) -> tuple[float, float]:
    """`1e-4,3e-4` for the earliest and the last layers; one number gives the last, the earliest a tenth of it."""
    numbers = [_rate(part) for part in _parts(value)]
    if len(numbers) == 1:
        return numbers[0] / EARLY_SHARE, numbers[0]
    early, late = numbers
    return early, late


HIGHEST_RATE = 10.0
"""No network learns anything at a learning rate above this; AdamW moves a weight by about the rate in each step."""

LARGEST_SEED = 10**18 - 1
"""What PyTorch and SQLite can both hold."""

EARLY_SHARE = 10.0
"""The earliest layers learn this many times slower than the last: edges and colours need little change."""


@dataclass(frozen=True)
class Settings:
    """What the settings of every command share."""

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


EPOCHS_OF = {"quick": (4, 0), "normal": (4, 4), "thorough": (4, 12)}
EFFORTS = tuple(EPOCHS_OF)
"""How long a person is ready to wait; each ends with the same artifacts."""


def decided_by(effort: str) -> dict[str, Any]:
    """Return the settings that an effort decides; none where it is not known."""
    return {"epochs": EPOCHS_OF[effort]} if effort in EPOCHS_OF else {}


@dataclass(frozen=True)
class TrainSettings(Settings):
    """Everything `fieldmark train` can be told about learning."""

    backbone: str = setting(
        "efficientnet_lite0", "pretrained network: efficientnet_lite0, 1, 2 or any timm name", _text, "NAME"
    )
    weights: str | None = setting(
        None, "weights of that network from a local file instead of the hub", _text, "FILE.safetensors"
    )
    epochs: tuple[int, int] = setting((4, 4), "epochs with the backbone frozen, then with it unfrozen", _epochs, "N,N")
    effort: str = setting(
        "normal",
        "how long to try: quick keeps the backbone frozen, thorough trains it three times as long; decides --epochs",
        _text,
        "EFFORT",
        EFFORTS,
    )
    size: int = setting(299, "side of the square that the network sees, in pixels", _integer, "PIXELS")
    fit: str = setting("squish", "how a photo becomes square", _text, "HOW", FITS)
    seed: int = setting(42, "decides the split, the order of photos and every augmentation", _integer, "N")
    valid_share: float = setting(0.2, "part of the photos kept aside to judge by", _share, "SHARE")
    test: float | None = setting(
        None,
        "seal a part of the photos: no training in this folder sees them from now on, `evaluate --test` opens them",
        _share,
        "SHARE",
    )
    folds: int = setting(
        0, "judge every photo by one of N trainings that did not see it, then train on all of them", _folds, "N"
    )
    repeats: int = setting(1, "times that the folds are cut anew", _count, "N")
    group_by: str | None = setting(
        None,
        "keep photos of one origin together, in a workspace, as copies always are",
        _text,
        "ORIGIN",
        ("author", "host", "album"),
    )
    cost: tuple[str, ...] = setting(
        (),
        "what a mistake costs, in common mistakes: a coral called king; may be given several times; "
        "`->unknown=N` and `->expert=N` make those answers possible",
        _prices,
        "coral->king=N",
    )
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
        """Build settings as `Settings.of` does; what the effort decides is taken from it where it is not given."""
        given = {key: value for key, value in values.items() if value is not None}
        return super().of({**decided_by(str(given.get("effort", "normal"))), **given})

    def __post_init__(self) -> None:
        if not -LARGEST_SEED <= self.seed <= LARGEST_SEED:
            raise WrongUsage(f"--seed {self.seed} makes no sense: give a number of at most 18 digits.")
        if not 32 <= self.size <= 1024:
            raise WrongUsage(f"--size {self.size} makes no sense: give 32 to 1024 pixels.")
        if not 2 <= self.batch <= 1024:
            raise WrongUsage(f"--batch {self.batch} makes no sense: give 2 to 1024 photos.")
        if self.repeats > 1 and not self.folds:
            raise WrongUsage(f"--repeats {self.repeats} cuts folds anew, and there are none. Add --folds 5.")


@dataclass(frozen=True)
class HarvestSettings(Settings):
    """Everything `fieldmark harvest` can be told about searching and fetching."""

    provider: tuple[str, ...] = setting(
        (),
        "where to search; may be given several times (openverse, commons, inaturalist); `all`: wherever one can",
        _words,
        "PROVIDER",
        letter="-c",
    )
    max: int = setting(500, "most pictures from each provider for each query", _count, "N", letter="-m")
    size: int = setting(
        500, "longer side of the photos, in pixels; 0 keeps them as they came", _amount, "PIXELS", letter="-s"
    )
    keep: bool = switch(False, "store the bytes as they came as well, in originals/", letter="-k")
    pad: bool = switch(False, "lay each photo on a white square", off_letter="-p")
    licence: tuple[str, ...] = setting(
        (), "take pictures under these licences only, such as cc0,cc-by,cc-by-sa", _words, "CODES"
    )
    min_side: int = setting(128, "shortest side of a picture to take, in pixels", _amount, "PIXELS")
    max_aspect: float = setting(5.0, "longer over shorter side of a picture to take, at most", _ratio, "RATIO")
    contact: str = setting(
        "",
        "e-mail or web address at which those who run the sites reach you; it goes into the User-Agent",
        _text,
        "WHERE",
    )
    robots: bool = switch(True, "obey robots.txt")
    opt_out: bool = switch(True, "leave out pictures whose owners opt out of machine learning (X-Robots-Tag: noai)")
    max_mb: int = setting(32, "most megabytes to read from one URL", _count, "MB")
    timeout: float = setting(30.0, "seconds that one URL may take", _seconds, "SECONDS")
    retry: bool = switch(False, "try those again that gave up, timed out or answered with an error in an earlier run")
    log: bool = switch(False, "write a FastClass log per class, DIR/<class>.log: image,source")
    dry_run: bool = switch(False, "search and fetch nothing")

    def __post_init__(self) -> None:
        if any(not (character.isascii() and character.isprintable()) for character in self.contact):
            raise WrongUsage("--contact takes an e-mail or web address in plain ASCII.")


SECONDS_OF = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
LOGS = ("text", "json", "none")
"""How `fieldmark serve` writes down what happened."""


@dataclass(frozen=True)
class ServeSettings(Settings):
    """Everything `fieldmark serve` can be told, but for the model and where to listen."""

    workers: int = setting(1, "processes that answer; one that dies is replaced", _count, "N")
    threads: int = setting(0, "pictures that a process looks at at a time; 0 is one for each processor", _amount, "N")
    queue: int = setting(64, "pictures of a process that may wait for their turn; more get 503", _amount, "N")
    max_mb: int = setting(16, "largest picture, sent or fetched, in MiB; more gets 413", _count, "MB")
    max_megapixels: int = setting(64, "largest picture, in millions of pixels; more gets 413", _count, "N")
    batch: int = setting(16, "most pictures in one request to /batch", _count, "N")
    upload_seconds: float = setting(60.0, "most seconds that a request may take to arrive", _seconds, "SECONDS")
    fetch_seconds: float = setting(10.0, "most seconds that the URL of a request may take", _seconds, "SECONDS")
    picture_seconds: float = setting(
        30.0,
        "most seconds for one picture once it is there; a process that is stuck in one for longer is replaced",
        _seconds,
        "SECONDS",
    )
    fetches: int = setting(8, "URLs that a process may be fetching at a time; more get 503", _count, "N")
    connections: int = setting(1000, "open connections of a process; past that the longest idle is closed", _count, "N")
    grace: float = setting(
        8.0, "seconds that requests in hand may take once the server is told to stop", _seconds, "SECONDS"
    )
    rate: str | None = setting(
        None,
        "pictures that one address may ask about, such as 60/minute; more get 429",
        _requests,
        "N/UNIT",
    )
    trust_proxy: int = setting(
        0, "proxies in front of this server, whose X-Forwarded-For is believed; needed for --rate there", _amount, "N"
    )
    key_file: str | None = setting(
        None,
        "file with a key that every request must bring as `Authorization: Bearer KEY` ($FIELDMARK_KEY)",
        _text,
        "FILE",
    )
    allow_origin: tuple[str, ...] = setting(
        (),
        "other web pages whose scripts may ask, such as https://example.org; may be given several times",
        _origins,
        "ORIGIN",
    )
    allow_host: tuple[str, ...] = setting(
        (),
        "names under which it is asked, where only this computer can reach it; may be given several times",
        _words,
        "NAME",
    )
    log: str = setting("text", "a line on stderr for every request: to read, as JSON, or none", _text, "HOW", LOGS)


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
