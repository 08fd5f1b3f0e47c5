"""A process -> it and all that it started, and what they take of the machine. Linux alone. Not a bench by itself."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def family(pid: int) -> list[int]:
    """Return the ids of a process and of all below it that are there now."""
    found = [pid]
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += family(int(child))
    return found


def pss(pid: int) -> float:
    """Return what one process holds, in MiB, its part of pages that several share; 0.0 where it is gone."""
    return _mib(pid, "smaps_rollup", "Pss")


def peak(pid: int) -> float:
    """Return the most that one process has held of memory so far, in MiB; 0.0 where it is gone."""
    return _mib(pid, "status", "VmHWM")


def cpu(pid: int) -> float:
    """Return the processor seconds that one process has taken so far; 0.0 where it is gone."""
    with contextlib.suppress(OSError):
        user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
    return 0.0


def _mib(pid: int, table: str, name: str) -> float:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/{table}").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) / 1024
    return 0.0
