"""`fieldmark export --int8`, `--int8-weights`, `--fp16`: in which precision a file is, and what it may lose."""

from __future__ import annotations

import argparse

from fieldmark.errors import WrongUsage


def add_precision(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the precision to those of `fieldmark export`."""
    smaller = parser.add_mutually_exclusive_group()
    smaller.add_argument(
        "--int8", dest="precision", action="store_const", const="int8", help="answer in 8 bits: smaller, often faster"
    )
    smaller.add_argument(
        "--int8-weights",
        dest="precision",
        action="store_const",
        const="int8-weights",
        help="store in 8 bits, answer in float32: as small, and loses less",
    )
    smaller.add_argument(
        "--fp16",
        dest="precision",
        action="store_const",
        const="float16",
        help="store in 16 bits, answer in float32: half the size, the same answers",
    )
    parser.add_argument(
        "--max-drop",
        metavar="POINTS",
        type=float,
        help="points of accuracy that 8 bits may lose, rounded up to a whole photo (0.5)",
    )


def precision_asked_for(given: argparse.Namespace) -> tuple[str, float]:
    """Return in which precision the file is to be, and how many points of accuracy it may lose."""
    from fieldmark.evaluate.drop import MAX_DROP

    precision = given.precision or "float32"
    if given.max_drop is not None and not precision.startswith("int8"):
        raise WrongUsage("--max-drop is what 8 bits may lose, so it goes with --int8 or --int8-weights.")
    return precision, MAX_DROP if given.max_drop is None else given.max_drop
