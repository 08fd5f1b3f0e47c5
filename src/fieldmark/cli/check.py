"""`fieldmark check` and `fieldmark clean`: what is doubtful about the photos, and what becomes of them."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fieldmark.artifacts.findings import KINDS, TITLES, in_sentences
from fieldmark.cli.command import command, print_json
from fieldmark.errors import WrongUsage, nearest
from fieldmark.terminal import count, printable, say, warn

if TYPE_CHECKING:
    from fieldmark.pipeline.check import Checked
    from fieldmark.pipeline.clean import Cleaned

LISTED = 5
"""Findings of a kind named in the terminal; the page and `--json` name more."""


def add_check(commands: Any) -> None:
    """Add `fieldmark check`."""
    parser = command(commands, "check", "look for what is wrong with the photos; nothing is moved", _check)
    parser.add_argument("folder", metavar="DIR", help="a workspace, or class folders")
    parser.add_argument(
        "--fail-on",
        metavar="KIND",
        action="append",
        default=[],
        help=f"exit with 1 when a photo is surely of this kind: any, or {', '.join(KINDS)}",
    )


def _check(given: argparse.Namespace) -> int:
    from fieldmark.pipeline.check import check

    kinds = _kinds(given.fail_on)
    checked = check(given.folder)
    _say_checked(checked, given.folder)
    counts = checked.counts()
    failed = [kind for kind in kinds if counts[kind]]
    if failed:
        warn("found what --fail-on names: " + ", ".join(f"{counts[kind]} {kind}" for kind in failed))
    if given.json:
        print_json(checked.to_dict())
    return 1 if failed else 0


def _kinds(given: Sequence[str]) -> list[str]:
    names = [name.strip() for text in given for name in text.split(",")]
    for name in names:
        if name not in KINDS and name != "any":
            raise WrongUsage(
                f"--fail-on knows no kind {name!r}.{nearest(name, KINDS)} There are: any, {', '.join(KINDS)}."
            )
    return list(KINDS) if "any" in names else names


def _say_checked(checked: Checked, folder: str) -> None:
    counts = {kind: n for kind, n in checked.counts().items() if n}
    for kind, n in counts.items():
        say(f"{TITLES[kind]}: {n}")
        sure = [finding for finding in checked.findings if finding.kind == kind and finding.sure]
        for finding in sure[:LISTED]:
            say("  " + printable(f"{finding.photo}: {finding.text}", 160))
        if n > LISTED:
            say(f"  ... and {n - LISTED} more")
    for sentence in checked.warnings:
        warn(sentence)
    for sentence in in_sentences(checked.left_out):
        say(sentence)
    total = sum(counts.values())
    photos = count(checked.photos, "photo")
    say(f"{photos} checked, {count(total, 'finding')}." if counts else f"{photos} checked: nothing to complain of.")
    if checked.page:
        say(f"To look at them: {checked.page}")
    if counts:
        say(f"To decide:       fieldmark clean {shlex.quote(folder)}")


def add_clean(commands: Any) -> None:
    """Add `fieldmark clean`."""
    parser = command(commands, "clean", "decide on doubtful photos in a page of this computer", _clean)
    parser.add_argument("folder", metavar="DIR", help="a workspace, or class folders")
    parser.add_argument("--port", metavar="N", help="port of the page (8010, or any that is free)")
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument(
        "--auto", action="store_true", help="no page: take the safe decisions alone, to be undone like any other"
    )
    ways.add_argument("--export", metavar="FILE", help="no page: write what was decided as CSV")
    ways.add_argument(
        "--import", metavar="FILE", dest="table", help="no page: take verdicts from such a CSV, or FastClass's"
    )
    ways.add_argument("--undo", action="store_true", help="no page: take the last decision back")


def _clean(given: argparse.Namespace) -> int:
    if given.auto or given.table:
        return _clean_at_once(given)
    if given.export:
        return _export_verdicts(given)
    if given.undo:
        return _undo(given)
    from fieldmark.curate.server import serve
    from fieldmark.pipeline.clean import prepare

    serve(prepare(given.folder), _port(given.port))
    return 0


def _port(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        port = int(text)
    except ValueError:
        port = -1
    if not 0 <= port <= 65535:
        raise WrongUsage(f"--port {text} is no port. Give a number from 0 to 65535; 0 takes any that is free.")
    return port


def _clean_at_once(given: argparse.Namespace) -> int:
    from fieldmark.pipeline.clean import clean_auto, import_verdicts

    done = clean_auto(given.folder) if given.auto else import_verdicts(given.folder, given.table)
    _say_cleaned(done)
    if done.verdicts:
        say(f"To take all of it back: fieldmark clean {shlex.quote(given.folder)} --undo")
    if given.json:
        print_json(done.to_dict())
    return 0


def _say_cleaned(done: Cleaned) -> None:
    words = {
        "keep": "{} to be kept",
        "reject": "{} rejected",
        "label": "{} given another class",
        "crop": "{} cropped",
        "once": "{} to be counted once",
    }
    counts = ", ".join(words[kind].format(n) for kind, n in done.counts().items())
    say(f"Decided: {counts}." if counts else "Nothing to decide that was not decided before.")
    if done.unknown:
        say(f"{len(done.unknown)} photos of the table are not here, the first: {done.unknown[0]}")
    say("Left: " + ", ".join(f"{n} {name}" for name, n in done.photos.items()) + ".")


def _export_verdicts(given: argparse.Namespace) -> int:
    from fieldmark.pipeline.clean import export_verdicts

    n = export_verdicts(given.folder, given.export)
    say(f"Wrote {given.export}: {n} photo{' has' if n == 1 else 's have'} a verdict.")
    if given.json:
        print_json({"out": given.export, "decided": n})
    return 0


def _undo(given: argparse.Namespace) -> int:
    from fieldmark.pipeline.clean import undo

    n = undo(given.folder)
    say(f"Taken back: the last decision, about {count(n, 'photo')}." if n else "There is nothing to undo.")
    if given.json:
        print_json({"undone": n})
    return 0
