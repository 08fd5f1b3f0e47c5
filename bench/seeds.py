"""Train a folder with several seeds and print a table: how much one figure means, how long it takes, how much memory.

    python bench/seeds.py DIR [--seeds 1,2,3,4,5]

The last line is JSON: the mean error of the kept epochs, and each run.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def train(folder: Path, seed: int, out: Path) -> dict:
    """Train in a process of its own and return what it printed, with its wall time (s) and peak memory (MiB)."""
    command = [sys.executable, "-m", "fieldmark", "train", str(folder), "--seed", str(seed), "-o", str(out), "--json"]
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"seed {seed} failed")
    return {**json.loads(printed), "wall": time.perf_counter() - start, "peak": memory(usage)}


def memory(usage: resource.struct_rusage) -> float:
    """Peak resident memory in MiB; Linux counts in KiB, macOS in bytes."""
    return usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def main() -> None:
    """Train with every seed and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", default="1,2,3,4,5")
    given = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        photos = Path(scratch) / "photos"  # a copy: what we remember about a folder lies inside it
        shutil.copytree(given.folder, photos)
        print("| seed | stage 1 error | kept error | wrong of | kept epoch | seconds | peak MiB |", flush=True)
        print("|-----:|--------------:|-----------:|---------:|-----------:|--------:|---------:|", flush=True)
        for seed in map(int, given.seeds.split(",")):
            row = train(photos, seed, Path(scratch) / f"run{seed}")
            kept = f"{row['kept']['stage']}.{row['kept']['epoch']}"
            print(
                f"| {seed} | {row['stage1']['error_rate']:.1%} | {row['error_rate']:.1%} | {row['wrong']} of "
                f"{row['n_valid']} | {kept} | {row['wall']:.0f} | {row['peak']:.0f} |",
                flush=True,
            )
            rows.append({key: row[key] for key in ("seed", "error_rate", "wrong", "n_valid", "kept", "wall", "peak")})
    mean = sum(row["error_rate"] for row in rows) / len(rows)
    print(json.dumps({"mean_error": mean, "runs": rows}))


if __name__ == "__main__":
    main()
