"""A Python version and a processor, as a person names them -> what pip needs to know to install for them."""

from __future__ import annotations

import platform
import re
import sys
from dataclasses import dataclass

from fieldmark.errors import WrongUsage

ARCHES = {"x86_64": "x86_64", "arm64": "aarch64"}
"""Processors as hosts call them, and as Linux wheels do."""

OLDEST = 11
"""The minor version of the oldest Python 3 that Fieldmark runs on."""

NEWEST_GLIBC = 28
"""ONNX Runtime's wheels ask for glibc 2.28, so whatever has that can be given anything up to it."""


@dataclass(frozen=True)
class Host:
    """A Linux machine on which something of ours shall run.

    Attributes:
        python: "3.12".
        arch: a key of `ARCHES`.
    """

    python: str
    arch: str

    @classmethod
    def of(cls, python: str | None = None, arch: str | None = None) -> Host:
        """Read what a person gave; None is this Python, and the processor that most hosts have.

        Raises:
            WrongUsage: no version of Python that Fieldmark runs on, or no processor that has wheels.
        """
        python = python or f"3.{sys.version_info.minor}"
        found = re.fullmatch(r"3\.(\d{1,2})", python)
        if not found or int(found[1]) < OLDEST:
            raise WrongUsage(f"--python {python} makes no sense: give 3.{OLDEST} or newer, such as 3.12.")
        arch = arch or "x86_64"
        if arch not in ARCHES:
            raise WrongUsage(f"--arch {arch} makes no sense: give {' or '.join(ARCHES)}.")
        return cls(python, arch)

    @property
    def has_this_python(self) -> bool:
        """Whether its Python reads what this one compiles."""
        return self.python == f"3.{sys.version_info.minor}"

    @property
    def is_like_this(self) -> bool:
        """Whether what is made for it runs on this machine, under this Python."""
        return sys.platform == "linux" and platform.machine() == ARCHES[self.arch] and self.has_this_python

    def wheel_tags(self) -> list[str]:
        """Return the platform tags of wheels that run there; pip wants each by name, the newest first."""
        machine = ARCHES[self.arch]
        return [*(f"manylinux_2_{n}_{machine}" for n in range(NEWEST_GLIBC, 16, -1)), f"manylinux2014_{machine}"]

    def __str__(self) -> str:
        return f"Python {self.python} on {self.arch}"
