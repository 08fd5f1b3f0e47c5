"""The packages that answer here -> the same packages in the same versions, for somewhere else."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib import metadata

from fieldmark.errors import TargetError

SERVING = (
    "anyio",
    "httpcore2",
    "httpx2",
    "jinja2",
    "mangum",
    "numpy",
    "onnxruntime",
    "pillow",
    "prometheus-client",
    "python-multipart",
    "simplejpeg",
    "starlette",
)
"""What a function needs that answers with a model file: the server without the part that listens on a port."""


def core() -> list[str]:
    """Return the names of what Fieldmark needs without any extra.

    Raises:
        TargetError: Fieldmark runs from a folder that was never installed, so that nothing says what it needs.
    """
    try:
        asked = metadata.requires("fieldmark") or []
    except metadata.PackageNotFoundError:
        raise TargetError(
            "Fieldmark runs from a folder of source here, and what it needs is known only of one that is installed. "
            "Run: pip install --editable ."
        ) from None
    return sorted(_name(line) for line in asked if "extra ==" not in line)


def pins(names: Iterable[str]) -> dict[str, str]:
    """Return name -> version, as installed here, of packages and of all that they need in turn.

    What is not installed here is left out: it is needed on other systems or Pythons only, and pip will choose.
    """
    found: dict[str, str] = {}
    waiting = list(names)
    while waiting:
        name = _name(waiting.pop())
        if name in found:
            continue
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        found[name] = distribution.version.partition("+")[0]  # a local build's mark is on no index
        waiting += [line for line in distribution.requires or [] if "extra ==" not in line]
    return dict(sorted(found.items()))


def as_requirements(versions: dict[str, str], names: Iterable[str] | None = None) -> str:
    """Return lines for pip: `numpy==2.4.6`, of all or of some of the pinned packages."""
    wanted = versions if names is None else [_name(name) for name in names]
    return "".join(f"{name}=={versions[name]}\n" if name in versions else f"{name}\n" for name in wanted)


def _name(requirement: str) -> str:
    """Return the name at the head of a requirement, in the one spelling that indexes use."""
    head = re.match(r"[A-Za-z0-9._-]+", requirement)
    return re.sub(r"[-_.]+", "-", head[0] if head else requirement).lower()
