"""Pinned packages -> a folder of them, for another Python and processor than this one. The only user of pip."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from fieldmark.deploy.host import Host
from fieldmark.deploy.pins import as_requirements, pins
from fieldmark.errors import TargetError


def install(names: Sequence[str], host: Host, folder: Path) -> None:
    """Install packages into `folder` for `host`, in the versions that are installed here.

    Raises:
        TargetError: pip is missing, offline, or finds no wheel of a package for that host; its words are passed on.
    """
    if find_spec("pip") is None:
        raise TargetError(
            "pip is not installed beside this Python, and packages are fetched with it. Run: python -m ensurepip "
            "(in an environment of uv: uv pip install pip)"
        )
    versions = pins(names)
    with tempfile.TemporaryDirectory() as scratch:
        constraints = Path(scratch, "constraints.txt")
        constraints.write_text(as_requirements(versions), "utf-8")
        done = subprocess.run(_command(names, host, folder, constraints), capture_output=True, text=True)
    if done.returncode:
        raise TargetError(
            f"The packages could not be had for {host}. pip says: {_last_words(done.stderr)} Wheels come from the "
            "package index, so this needs a network; versions are those installed here, and one that is older or newer "
            "than the host's Python may have no wheel for it."
        )


def _command(names: Sequence[str], host: Host, folder: Path, constraints: Path) -> list[str]:
    platforms = [word for tag in host.wheel_tags() for word in ("--platform", tag)]
    return [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"),
        *("--no-compile", "--target", str(folder), "--only-binary=:all:", "--implementation", "cp"),
        *("--python-version", host.python, *platforms, "--constraint", str(constraints), *names),
    ]


def _last_words(complaint: str) -> str:
    """Return pip's own account of what failed, without its warnings."""
    lines = [line.removeprefix("ERROR: ").strip() for line in complaint.splitlines() if line.startswith("ERROR: ")]
    return " ".join(lines)[-600:] or complaint.strip()[-300:] or "nothing."
