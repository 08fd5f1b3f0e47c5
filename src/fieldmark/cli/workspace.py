"""`fieldmark credits`, `export-folder`, `forget`, `status`: what one does with a workspace besides learning from it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fieldmark.cli.command import command, print_json
from fieldmark.errors import WrongUsage
from fieldmark.terminal import count, printable, say

if TYPE_CHECKING:
    from fieldmark.pipeline.forget import Forgetting

LISTED = 50
"""Photos named in the terminal; `--json` names all of them."""

LONGEST = 500
"""Characters of a line that names a photo and its URL."""


def add_credits(commands: Any) -> None:
    """Add `fieldmark credits`."""
    parser = command(commands, "credits", "say who took each photo, and under which licence", _credits)
    parser.add_argument("folder", metavar="DIR", help="a workspace")
    parser.add_argument("-o", "--out", metavar="FILE", help="the file to write, .md or .csv (stdout)")
    parser.add_argument("--format", choices=("md", "csv"), help="the format (by the file's suffix, else md)")


def _credits(given: argparse.Namespace) -> int:
    from fieldmark.artifacts.atomic import write_text
    from fieldmark.artifacts.workspace import given_path
    from fieldmark.pipeline.credits import Licences, as_csv, as_markdown, credits_of

    out = given_path(given.out) if given.out else None
    if out and (out.is_dir() or not out.absolute().parent.is_dir()):
        raise WrongUsage(f"{out} cannot be written: it is a folder, or lies in one that does not exist.")
    credits = credits_of(given.folder)
    form = given.format or ("csv" if out and out.suffix.lower() == ".csv" else "md")
    text = as_csv(credits) if form == "csv" else as_markdown(Path(given.folder).resolve().name, credits)
    licences = Licences.of(credit.licence for credit in credits)
    if out:
        write_text(out.absolute(), text)
        say(f"Wrote {out}: {count(len(credits), 'photo')}.")
        for sentence in licences.sentences():
            say(sentence)
    elif not given.json:
        # Bytes, so that the names in it come out as they are, whatever the terminal's encoding.
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode("utf-8"))
    if given.json:
        rows = [credit.to_dict() for credit in credits]
        print_json({"photos": len(credits), **licences.to_dict(), "out": str(out) if out else None, "credits": rows})
    return 0


def add_export_folder(commands: Any) -> None:
    """Add `fieldmark export-folder`."""
    parser = command(commands, "export-folder", "copy the photos, laid out for another tool", _export_folder)
    parser.add_argument("folder", metavar="DIR", help="a workspace, or class folders")
    parser.add_argument("out", metavar="OUT", help="the folder to make; it does not exist, or is empty")
    parser.add_argument(
        "--layout",
        metavar="imagefolder|fastai|hf",
        default="imagefolder",
        help="OUT/CLASS/*, OUT/train|valid|test/CLASS/*, or OUT/train/* for Hugging Face (imagefolder)",
    )
    parser.add_argument("--seed", metavar="N", help="fastai: which split, as for train (42)")
    parser.add_argument(
        "--valid-share", metavar="SHARE", help="fastai: part of the photos in valid, as for train (0.2)"
    )


def _export_folder(given: argparse.Namespace) -> int:
    from fieldmark.config import TrainSettings
    from fieldmark.pipeline.export_folder import export_folder

    settings = TrainSettings.of({"seed": given.seed, "valid_share": given.valid_share})
    done = export_folder(given.folder, given.out, given.layout, settings.seed, settings.valid_share)
    counts = ", ".join(f"{n} {name}" for name, n in done.photos.items())
    say(f"Wrote {done.path}: {count(sum(done.photos.values()), 'photo')}: {counts}.")
    if done.sides:
        say(", ".join(f"{n} in {side}" for side, n in done.sides.items()) + ".")
    if done.sealed and not done.sides:
        say(f"{done.sealed} of them are sealed here; in the copy nothing tells them from the others. fastai has test/.")
    if done.conflicts:
        say(f"{done.conflicts} left out: two classes hold the same photo.")
    if done.copies:
        say(f"{done.copies} left out: the same file is there already.")
    if done.without_origin:
        say(f"Nothing is known of where {done.without_origin} of them come from.")
    if given.json:
        print_json(done.to_dict())
    return 0


def add_forget(commands: Any) -> None:
    """Add `fieldmark forget`."""
    parser = command(commands, "forget", "remove photos as their owner asks, and do not take them again", _forget)
    parser.add_argument(
        "words",
        metavar="DIR|WHAT",
        nargs="+",
        help="a workspace (the current folder), and what to forget: a URL, a host name, or an author",
    )
    parser.add_argument("--as", dest="kind", choices=("url", "host", "author"), help="what it is (told by its looks)")
    parser.add_argument("--dry-run", action="store_true", help="say what would go, and change nothing")


def _forget(given: argparse.Namespace) -> int:
    from fieldmark.pipeline.forget import forget, split_arguments

    folder, what = split_arguments(given.words)
    done = forget(folder, what, given.kind, given.dry_run)
    _say_forgotten(done)
    if given.json:
        print_json(done.to_dict())
    return 0


def _say_forgotten(done: Forgetting) -> None:

    for request in done.unmatched:
        say(f"Nothing here is of the {request.kind} {request.value}.")
    would = "would go" if done.dry_run else "went"
    named = count(sum(done.candidates.values()), "candidate")
    if done.photos:
        counts = ", ".join(f"{n} {name}" for name, n in done.counts().items())
        say(f"{count(len(done.photos), 'photo')} {would}: {counts}; {named} in all.")
        _say_list([printable(f"{photo.file}  {photo.source}", LONGEST) for photo in done.photos])
    elif done.candidates:
        say(f"No photo, but {named} {would}.")
    if done.files:
        say(f"{count(len(done.files), 'file')} {would}: photos, conflicts and originals.")
    if not done.dry_run:
        named = ", ".join(f"{request.kind} {request.value}" for request in done.requests)
        say(f"Remembered, so that no harvest takes them again: {named}.")
    if done.look_alikes:
        say("These look alike and stay, as others have put them there; look at them:")
        _say_list([printable(f"{photo.file}  {photo.source}", LONGEST) for photo in done.look_alikes])
    if done.runs:
        names = ", ".join(run.name for run in done.runs)
        say(f"Runs trained before may have learned from them, and their reports may show them: {names}.")
        say("Train again, and remove these runs, the models exported from them, and copies that export-folder made.")


def _say_list(entries: list[str]) -> None:
    for entry in entries[:LISTED]:
        say(f"  {entry}")
    if len(entries) > LISTED:
        say(f"  ... and {len(entries) - LISTED} more; --json names all of them.")


def add_status(commands: Any) -> None:
    """Add `fieldmark status`."""
    parser = command(commands, "status", "say what is there, what is stale, and what to run next", _status)
    parser.add_argument("folder", metavar="DIR", nargs="?", default=".", help="a workspace, or class folders (here)")


def _status(given: argparse.Namespace) -> int:
    from fieldmark.pipeline.status import status
    from fieldmark.pipeline.status_text import lines

    found = status(given.folder)
    for line in lines(found):
        say(line)
    if given.json:
        print_json(found.to_dict())
    return 0
