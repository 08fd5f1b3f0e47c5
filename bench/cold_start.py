"""A model file -> how long `fieldmark serve` takes from nothing to its first answer, in seconds and processor seconds.

    python bench/cold_start.py MODEL [--rounds 9] [--photo FILE]

Each round starts a server anew and asks it as soon as it says where it is. Processor seconds are those of the server
and its worker; they wander less than seconds do where other work runs beside.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

from processes import cpu
from target import Server, painted


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--photo", type=Path, help="painted otherwise")
    given = parser.parse_args()
    photo = given.photo.read_bytes() if given.photo else painted(1)[0]
    walls, works = [], []
    for _ in range(given.rounds):
        started = time.perf_counter()
        with Server(given.model) as server:
            if not server.is_well(photo):
                raise SystemExit("The server did not answer.")
            walls.append(time.perf_counter() - started)
            works.append(sum(cpu(pid) for pid in (server.process.pid, *server.workers())))
    print("| | median | least | most |\n|---|---:|---:|---:|")
    for name, seconds in (("seconds", walls), ("processor seconds", works)):
        print(f"| {name} | {statistics.median(seconds):.2f} | {min(seconds):.2f} | {max(seconds):.2f} |")


if __name__ == "__main__":
    main()
