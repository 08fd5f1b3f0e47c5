"""`fieldmark export`: a run as a model file, and either of them as what a kind of host takes."""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fieldmark.cli.command import command, print_json
from fieldmark.cli.precision import add_precision, precision_asked_for
from fieldmark.cli.ship import add_target, refuse_without_target, ship
from fieldmark.cli.web import add_page, page_asked_for, write_page
from fieldmark.errors import WrongUsage
from fieldmark.terminal import say

if TYPE_CHECKING:
    from fieldmark.pipeline.export import Exported


def add_export(commands: Any) -> None:
    """Add `fieldmark export`."""
    parser = command(commands, "export", "write a run as one model file that needs no torch", _export)
    parser.add_argument(
        "reference",
        metavar="RUN|MODEL",
        help="id or path of a run; with --target or --web also a model file, which needs no torch",
    )
    parser.add_argument(
        "-o", "--out", metavar="FILE", help="the file, or with --target docker the folder, to write (model.onnx)"
    )
    parser.add_argument("--photos", metavar="DIR", help="where the run's photos lie now, if they have moved")
    parser.add_argument(
        "--cost",
        metavar="coral->king=N",
        action="append",
        default=[],
        help="what a mistake costs, as for `train`, in place of what the run was told; may be given several times",
    )
    add_precision(parser)
    add_page(parser)
    add_target(parser)


def _export(given: argparse.Namespace) -> int:
    if given.target and given.web:
        raise WrongUsage("--target and --web are two ways to put a model online; give one at a time.")
    if not given.target:
        refuse_without_target(given)
    return _export_file(given) if _is_model_file(given.reference) else _export_run(given)


def _is_model_file(reference: str) -> bool:
    """Whether what was given is a file, which a run never is, or is called like a model file."""
    return Path(reference).is_file() or Path(reference).suffix == ".onnx"


def _export_file(given: argparse.Namespace) -> int:
    """Put a model file that is there already into what a host takes."""
    about_a_run = [("-o", given.web and given.out), ("--photos", given.photos), ("--cost", given.cost)]
    about_a_run += [(f"--{given.precision}", given.precision), ("--max-drop", given.max_drop is not None)]
    if others := " and ".join(flag for flag, value in about_a_run if value):
        raise WrongUsage(f"{given.reference} is a model file already, so {others} cannot be given with it.")
    if given.target:
        return ship(given, Path(given.reference))
    page = page_asked_for(given)
    if page is None:
        raise WrongUsage(
            f"{given.reference} is a model file already. To put it online: fieldmark export {given.reference} "
            "--target zip, --target docker or --web DIR, or fieldmark serve"
        )
    told = write_page(page, given.reference)
    if given.json:
        print_json({"model": given.reference, **told})
    return 0


def _export_run(given: argparse.Namespace) -> int:
    """Write a run as a model file, and that as what a host takes."""
    if given.target:
        with tempfile.TemporaryDirectory(prefix="fieldmark-") as scratch:
            model = Path(scratch, "model.onnx")
            _write_model(given, model)
            return ship(given, model)
    page = page_asked_for(given)
    out = given.out or "model.onnx"
    done = _write_model(given, Path(out))
    _say_written(done, out)
    told = write_page(page, done.path) if page else {}
    if given.json:
        print_json({**_facts(done), **told})
    return 0


def _write_model(given: argparse.Namespace, out: Path) -> Exported:
    from fieldmark.artifacts.runs import Run
    from fieldmark.pipeline.export import export

    precision, max_drop = precision_asked_for(given)
    return export(Run.open(given.reference), out, given.photos, given.cost, precision, max_drop)


def _say_written(done: Exported, out: str) -> None:
    in_what = "In float32 it" if done.shrunk else "It"
    before = f", in float32 {done.shrunk.found['bytes_float32'] / 1e6:.1f} MB" if done.shrunk else ""
    say(
        f"Wrote {done.path} ({done.n_bytes / 1e6:.1f} MB{before}). {in_what} answers {done.proof.photos} photos as the "
        f"network does; probabilities differ by {done.proof.largest_difference:.1g} at most."
    )
    for sentence in done.shrunk.sentences() if done.shrunk else ():
        say(sentence)
    card = done.card
    if card.edited:
        say(f"{card.edited.name} was edited and stays as it is; the card of this file is {card.path.name}.")
    else:
        say(f"Its card: {card.path}")
    if done.sealed:
        say(f"It was kept from {done.sealed} sealed photos: fieldmark evaluate {out} DIR --test")
    say(f"next:   fieldmark serve {out}")


def _facts(done: Exported) -> dict[str, Any]:
    """Return what `--json` has of a model file."""
    return {
        "model": str(done.path),
        "bytes": done.n_bytes,
        "proof": dataclasses.asdict(done.proof),
        "sealed": done.sealed,
        "card": str(done.card.path),
        "precision": done.precision,
        **(done.shrunk.to_dict() if done.shrunk else {}),
    }
