"""`fieldmark harvest`, `providers`: from queries to a workspace of photos."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from fieldmark.cli.command import STOPPED, add_settings, command, print_json, settings_given
from fieldmark.config import HarvestSettings
from fieldmark.terminal import say

if TYPE_CHECKING:
    from fieldmark.pipeline.providers import Listed


def add_harvest(commands: Any) -> None:
    """Add `fieldmark harvest`."""
    parser = command(commands, "harvest", "search for photos, fetch them, and keep what they are and whose", _harvest)
    parser.add_argument(
        "sources",
        metavar="SOURCE",
        nargs="+",
        help="a query sheet (CSV: searchterm,exclude), a list of URLs, a FastClass .log, a folder, or a workspace",
    )
    parser.add_argument("-o", "--out", metavar="DIR", help="the workspace (a folder here, called after the source)")
    add_settings(parser, HarvestSettings)


def _harvest(given: argparse.Namespace) -> int:
    from fieldmark.pipeline.harvest import harvest

    try:
        result = harvest(given.sources, settings_given(HarvestSettings, given), given.out)
    except KeyboardInterrupt:
        sentence = "Stopped. What was fetched is kept; the same command goes on from here."
        print(f"fieldmark harvest: {sentence}", file=sys.stderr)
        if given.json:
            print_json({"error": sentence})
        return STOPPED
    if given.json:
        print_json(result.to_dict())
    return 0 if result.ok else 1


def add_providers(commands: Any) -> None:
    """Add `fieldmark providers`."""
    parser = command(commands, "providers", "list where photos can be searched for, and what each needs", _providers)
    parser.add_argument("--check", action="store_true", help="ask each for one photo, and say how it answers")
    parser.add_argument("--contact", metavar="WHERE", help="as for harvest: e-mail or web address, for the User-Agent")


def _providers(given: argparse.Namespace) -> int:
    from fieldmark.pipeline.providers import list_providers

    entries = list_providers(given.check, given.contact or "")
    _say_providers(entries)
    if given.json:
        print_json([entry.to_dict() for entry in entries])
    return 1 if given.check and any(entry.failed for entry in entries) else 0


def _say_providers(entries: Sequence[Listed]) -> None:
    """Two lines for each: what it needs and gives, and what it has; a third with its health, when that was asked."""
    for entry in entries:
        say(f"{entry.name:<12} {' · '.join(_facts(entry))}")
        say(f"{'':<12} {entry.about}")
        if entry.outcome is not None:
            say(f"{'':<12} -> {entry.outcome}{': ' + entry.reason if entry.reason else ''}")


def _facts(entry: Listed) -> Iterator[str]:
    if entry.local:
        yield "given as a source: fieldmark harvest PATH"
        return
    keys = " or ".join(" + ".join(together) for together in entry.keys)
    yield "no key needed" if not keys else f"key set ({keys})" if entry.ready else f"needs {keys}, which is not set"
    yield "licences known" if entry.licences else "licences unknown"
    yield f"at most {entry.cap:,} a query" if entry.cap else "no known cap"
