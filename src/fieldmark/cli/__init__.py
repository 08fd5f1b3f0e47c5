"""The commands: parse the line, call the pipeline, print what came of it."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence

from fieldmark.cli.check import add_check, add_clean
from fieldmark.cli.command import STOPPED, print_json
from fieldmark.cli.defaults import apply_defaults
from fieldmark.cli.demo import add_demo
from fieldmark.cli.export import add_export
from fieldmark.cli.harvest import add_harvest, add_providers
from fieldmark.cli.predict import add_predict, add_serve
from fieldmark.cli.study import add_compare, add_curve
from fieldmark.cli.train import add_evaluate, add_train
from fieldmark.cli.workspace import add_credits, add_export_folder, add_forget, add_status
from fieldmark.errors import FieldmarkError, explain_os_error
from fieldmark.terminal import Voice, speaking
from fieldmark.version import __version__


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 a failure it explains, 2 wrong usage."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a console that knows no snake in Chinese must not stop us
    parser = build_parser()
    given = parser.parse_args(arguments)
    if not hasattr(given, "run"):
        parser.print_help()
        return 0
    try:
        given = apply_defaults(parser, given, arguments)
        with speaking(Voice.STDERR if given.json else Voice.STDOUT):
            code: int = given.run(given)
            sys.stdout.flush()
            return code
    except FieldmarkError as error:
        return _fail(str(error), error.exit_code, given)
    except BrokenPipeError:
        # Whoever read our output has seen enough; Python must not complain of it while it shuts down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return _fail(explain_os_error(error), FieldmarkError.exit_code, given)
    except KeyboardInterrupt:
        return _fail("Stopped. Nothing half-made was left behind.", STOPPED, given)


def _fail(sentence: str, code: int, given: argparse.Namespace) -> int:
    print(f"fieldmark {given.command}: {sentence}", file=sys.stderr)
    if given.json:
        print_json({"error": sentence})
    return code


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of every command; the docs are made from it too."""
    parser = argparse.ArgumentParser(
        prog="fieldmark",
        description="From a search query to an image classifier you can trust and put online.",
        epilog="Begin with `fieldmark demo`. Exit codes: 0 done, 1 a failure it explains, 2 wrong usage.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"fieldmark {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    for add in COMMANDS:
        add(commands)
    return parser


COMMANDS = (
    add_harvest,
    add_providers,
    add_credits,
    add_export_folder,
    add_forget,
    add_status,
    add_check,
    add_clean,
    add_curve,
    add_compare,
    add_train,
    add_evaluate,
    add_export,
    add_predict,
    add_serve,
    add_demo,
)
"""In the order in which one comes to need them."""
