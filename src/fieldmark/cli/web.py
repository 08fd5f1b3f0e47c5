"""`fieldmark export --web`: a model file, and a page that answers with it in the browser."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fieldmark.errors import WrongUsage
from fieldmark.terminal import say, warn

if TYPE_CHECKING:
    from fieldmark.pipeline.web import Maker


def add_page(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the page to those of `fieldmark export`."""
    parser.add_argument(
        "--web", metavar="DIR", help="also write a page that answers in the browser, for any host of files"
    )
    parser.add_argument("--runtime", metavar="FILE", help="for --web: npm's package of ONNX Runtime Web, downloaded")


def page_asked_for(given: argparse.Namespace) -> Maker | None:
    """Return what makes the page, with all that it needs at hand; None where none is asked for."""
    if given.web is not None:
        from fieldmark.pipeline.web import Maker

        return Maker(given.web, given.runtime)
    if given.runtime is not None:
        raise WrongUsage("--runtime is for the page that --web DIR writes; name that folder too.")
    return None


def write_page(page: Maker, model: str | Path) -> dict[str, Any]:
    """Write the page and say how large it is. Returns what `--json` has of it."""
    from fieldmark.pipeline.web import AIM

    made = page.make(model)
    size = made.n_bytes / 1e6
    largest = ", ".join(f"{name} {n / 1e6:.1f} MB" for name, n in list(made.sizes.items())[:3])
    say(f"Wrote {made.path}: a page of {size:.1f} MB in {len(made.sizes)} files; the largest are {largest}.")
    if made.n_bytes > AIM:
        warn(f"{size:.1f} MB is much to wait for on a phone: more than {AIM / 1e6:.0f} MB. A smaller --backbone helps.")
    say(f"Any host of files will do. To try it: python -m http.server --bind 127.0.0.1 --directory {made.path}")
    return {"web": {"path": str(made.path), "version": made.version, "bytes": made.n_bytes, "files": made.sizes}}
