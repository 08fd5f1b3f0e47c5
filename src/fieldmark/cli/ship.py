"""`fieldmark export --target`: a run or a model file as a functions host or a container takes it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from fieldmark.cli.command import print_json
from fieldmark.errors import WrongUsage
from fieldmark.terminal import say

if TYPE_CHECKING:
    from fieldmark.pipeline.ship import Shipped

TARGETS = ("zip", "docker")


def add_target(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say for which kind of host, and of what make."""
    parser.add_argument(
        "--target",
        choices=TARGETS,
        help="write a zip for functions hosts, or a folder that a container is built from, of a run or of a model file "
        "(MODEL.zip, MODEL-docker)",
    )
    parser.add_argument("--python", metavar="3.N", help="version of the host's Python, for --target (this one's)")
    parser.add_argument(
        "--arch", metavar="x86_64|arm64", help="processor of the functions host, for --target zip (x86_64)"
    )
    parser.add_argument(
        "--max-mb", metavar="MB", type=int, help="most megabytes that the functions host takes, for --target zip (50)"
    )


def refuse_without_target(given: argparse.Namespace) -> None:
    """Raise WrongUsage for what is about a host where none is named."""
    for name in ("python", "arch", "max_mb"):
        if getattr(given, name) is not None:
            raise WrongUsage(f"--{name.replace('_', '-')} is about a host: add --target zip or --target docker.")


def ship(given: argparse.Namespace, model: Path) -> int:
    """Write what was asked for of a model file."""
    from fieldmark.deploy.host import Host
    from fieldmark.pipeline.ship import ship

    if given.target == "docker" and (given.arch or given.max_mb):
        raise WrongUsage(
            "--arch and --max-mb are about a zip. For another processor: docker build --platform linux/arm64"
        )
    out = given.out or f"{model.stem}{'.zip' if given.target == 'zip' else '-docker'}"
    done = ship(model, given.target, out, Host.of(given.python, given.arch), given.max_mb)
    _say_shipped(done, out)
    if given.json:
        print_json(done.to_dict())
    return 0


def _say_shipped(done: Shipped, out: str) -> None:
    from fieldmark.deploy.gate import say_mb

    heaviest = ", ".join(f"{name} {say_mb(size)}" for name, size in list(done.weight.parts.items())[:3])
    if done.target == "docker":
        say(
            f"Wrote {done.path}. With its packages the image adds about {say_mb(done.weight.unpacked)} to Python's own."
        )
        say(f"Heaviest: {heaviest}.")
        say(f"next:   docker build -t classifier {out} && docker run --rm -p 8080:8080 classifier")
        return
    say(f"Wrote {done.path} for {done.host}: {say_mb(done.weight.sent)}, unpacked {say_mb(done.weight.unpacked)}.")
    say(f"Heaviest: {heaviest}.")
    if done.first_answer is None:
        say(f"It was not tried: this is not {done.host}.")
    else:
        say(f"Its first answer came {done.first_answer:.1f} s after the start of its process, and is the model's.")
    say("next:   upload it; the handler is handler.handler, for ASGI main:app")
