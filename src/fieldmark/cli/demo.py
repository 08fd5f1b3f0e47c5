"""`fieldmark demo`: all of it, with no network."""

from __future__ import annotations

import argparse
from typing import Any

from fieldmark.cli.command import command, print_json


def add_demo(commands: Any) -> None:
    """Add `fieldmark demo`."""
    parser = command(
        commands, "demo", "harvest painted snakes, learn them, export and serve: all of it, with no network", _demo
    )
    parser.add_argument("-o", "--out", metavar="DIR", default="fieldmark-demo", help="where to put it (fieldmark-demo)")


def _demo(given: argparse.Namespace) -> int:
    from fieldmark.demo.tour import tour

    facts = tour(given.out)
    if given.json:
        print_json(facts)
    return 0
