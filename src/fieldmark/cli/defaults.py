"""`fieldmark.toml` -> defaults of flags. A flag that is given wins.

The file has a table per command, and in it the command's flags by their long names:

    [harvest]
    contact = "ana@example.org"
    max = 300
    provider = ["openverse", "commons"]

    [train]
    size = 224

and one for every command that takes `--cost`:

    [costs]
    "coral->king" = 1000
"""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fieldmark.config import SETTINGS_FILE
from fieldmark.errors import WrongUsage, nearest

COSTS = "costs"
"""The table that is not of one command."""


def apply_defaults(
    parser: argparse.ArgumentParser, given: argparse.Namespace, arguments: Sequence[str] | None
) -> argparse.Namespace:
    """Parse the line again with the defaults of the `fieldmark.toml` that belongs to it, if there is one.

    That of the workspace the command is about counts; where it is about none, that of the folder one is in.

    Raises:
        WrongUsage: the file is no TOML, or has a table or key that does not exist; the nearest is named.
    """
    path = _folder_of(given) / SETTINGS_FILE
    if not path.is_file() or getattr(given, "again", None) is not None:  # a run is repeated with its own settings
        return given
    parsers, lists, tables = _parsers(parser), {}, _read(path)
    if COSTS in tables:
        costs = _costs(path, tables.pop(COSTS))
        if "cost" in given:
            lists["cost"] = costs
    for command, values in tables.items():
        if command not in parsers:
            raise WrongUsage(
                f"{path}: there is no command {command!r}.{nearest(command, [*parsers, COSTS])} "
                "The file has a table per command, such as [harvest]."
            )
        if not isinstance(values, dict):
            raise WrongUsage(f"{path}: {command} must be a table of flags: [{command}]")
        defaults = dict(_flag(path, parsers[command], command, key, value) for key, value in values.items())
        if command == given.command:
            lists |= {dest: value for dest, value in defaults.items() if isinstance(value, list)}
            parsers[command].set_defaults(**{dest: v for dest, v in defaults.items() if dest not in lists})
    given = parser.parse_args(arguments)
    for dest, value in lists.items():  # argparse would add what is given to such a default, not put it in its place
        if getattr(given, dest) is None:
            setattr(given, dest, value)
    return given


def _folder_of(given: argparse.Namespace) -> Path:
    """Return the workspace that a command is about, or the folder one is in."""
    if given.command == "harvest":
        return _workspace_of_harvest(given)
    words = getattr(given, "words", None) or [getattr(given, "folder", None)]
    folder = next((word for word in words if word and Path(word).is_dir()), None)
    return Path(folder) if folder else Path()


def _workspace_of_harvest(given: argparse.Namespace) -> Path:
    from fieldmark.search.sources import default_workspace

    try:
        return Path(given.out) if given.out else default_workspace(given.sources)
    except WrongUsage:  # said again, and to the point, by the command itself
        return Path()


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise WrongUsage(f"{path} is not TOML: {error}.") from None


def _costs(path: Path, table: Any) -> list[str]:
    """Return the table of costs as `--cost` would have given it; which names there are, the command knows."""
    if not isinstance(table, dict):
        raise WrongUsage(f'{path}: {COSTS} must be a table, such as [{COSTS}] with "coral->king" = 1000 below it.')
    for names, cost in table.items():
        if isinstance(cost, bool) or not isinstance(cost, int | float):
            raise WrongUsage(f'{path}: in [{COSTS}], "{names}" takes a number, not {cost!r}.')
    return [f"{names}={cost}" for names, cost in table.items()]


def _parsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    action = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    return dict(action.choices)


def _flag(path: Path, parser: argparse.ArgumentParser, command: str, key: str, value: Any) -> tuple[str, Any]:
    """Return where a flag's value belongs, and the value as the command line would have given it."""
    flags = {
        option.removeprefix("--"): action
        for action in parser._actions
        for option in action.option_strings
        if option.startswith("--") and action.dest not in ("help", "json")
    }
    name = key.replace("_", "-")
    if name not in flags:
        shown = [flag for flag in flags if flag.removeprefix("no-") not in flags or not flag.startswith("no-")]
        raise WrongUsage(
            f"{path}: `fieldmark {command}` has no flag --{name}.{nearest(name, shown)} It has: {', '.join(shown)}."
        )
    action = flags[name]
    if action.nargs == 0:
        if not isinstance(value, bool):
            raise WrongUsage(f"{path}: {key} is switched on or off: true or false, not {value!r}.")
        return action.dest, value != name.startswith("no-")
    if isinstance(value, dict | bool):
        raise WrongUsage(f"{path}: {key} takes {action.metavar}, not {value!r}.")
    if isinstance(action, argparse._AppendAction):
        return action.dest, [str(part) for part in value] if isinstance(value, list) else [str(value)]
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    if action.choices and text not in action.choices:
        known = [str(choice) for choice in action.choices]
        raise WrongUsage(f"{path}: {key} {text!r} is not known.{nearest(text, known)} It takes {', '.join(known)}.")
    return action.dest, text
