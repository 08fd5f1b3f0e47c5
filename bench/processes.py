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
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0


def peak(pid: int) -> float:
    """Return the most that one process has held of memory so far, in MiB (VmHWM); 0.0 where it is gone."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return 0.0


def cpu(pid: int) -> float:
    """Return the processor seconds that one process has taken so far; 0.0 where it is gone."""
    with contextlib.suppress(OSError):
        user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
    return 0.0
