"""What every command shares: `--json`, settings as flags, and how a document is printed."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from fieldmark.config import Settings

STOPPED = 130  # what a shell expects of a command that Ctrl-C ended: 128 + SIGINT

AnySettings = TypeVar("AnySettings", bound=Settings)


def command(commands: Any, name: str, help: str, run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
    """Add a command that `run` carries out, and return its parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=help, description=help[0].upper() + help[1:] + ".", allow_abbrev=False
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document on stdout, all else on stderr")
    parser.set_defaults(run=run)
    return parser


def add_settings(parser: argparse.ArgumentParser, settings: type[Settings]) -> None:
    """Make a flag of every field of a settings class; one that is not given is None, and the default holds."""
    for field in dataclasses.fields(settings):
        if field.metadata["metavar"] == "yes|no":
            _add_switch(parser, field)
        else:
            _add_flag(parser, field)


def settings_given(settings: type[AnySettings], given: argparse.Namespace) -> AnySettings:
    """Return the settings that the flags amount to. Raises WrongUsage for a value that makes no sense."""
    return settings.of({field.name: getattr(given, field.name) for field in dataclasses.fields(settings)})


def _add_flag(parser: argparse.ArgumentParser, field: dataclasses.Field[Any]) -> None:
    names = [name for name in (field.metadata["letter"], "--" + field.name.replace("_", "-")) if name]
    default = "" if field.default in (None, (), "") else f" ({_shown(field.default)})"
    several = field.default == ()
    parser.add_argument(
        *names,
        metavar="|".join(field.metadata["choices"]) or field.metadata["metavar"],
        help=field.metadata["help"].replace("%", "%%") + default,
        **({"action": "append"} if several else {}),  # type: ignore[arg-type]
    )


def _add_switch(parser: argparse.ArgumentParser, field: dataclasses.Field[Any]) -> None:
    name, text = field.name.replace("_", "-"), field.metadata["help"].replace("%", "%%")
    on = [name for name in (field.metadata["letter"], f"--{name}") if name]
    off = [name for name in (field.metadata["off"], f"--no-{name}") if name]
    both = parser.add_mutually_exclusive_group()
    default = " (the default)"
    is_on = field.default is True
    both.add_argument(*on, dest=field.name, action="store_const", const=True, default=None, help=text + default * is_on)
    both.add_argument(*off, dest=field.name, action="store_const", const=False, help=f"do not{default * (not is_on)}")


def _shown(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def print_json(value: Any) -> None:
    """Print the one JSON document of a command; a reader who has left is no error."""
    with suppress(BrokenPipeError):
        print(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))
