"""Three servers in turns, the same photos and loads: `fieldmark serve`, the original's way, and LitServe.

    python bench/serve.py [DIR] [--model MODEL] [--rounds 3] [--seconds 15] [--work WORK] [--python PYTHON]

DIR holds class folders of photos; without it the snakes of the data that lie beside this repository are taken. MODEL is
a model file; without it one is trained on DIR and exported. LitServe (`serve_litserve.py`) answers with the same file,
the original's way (`serve_fastai.py`) with a fastai learner of the same backbone. What is needed is made in WORK, once:
an environment for each of the two, which takes minutes and 7 GB. PYTHON is that of fastai's environment where there is
one already. `--lit-workers` lets LitServe have more than its one process that answers.

In each round each server is started, warmed up, asked by 1, 8 and 64 clients for so many seconds each, and stopped.
Clients are closed loops on connections that they keep; each posts the photos as they are, one after the other. 503 with
`Retry-After` is counted and obeyed, and the time until the answer goes on; whatever else is not 200, and every request
without an answer, is lost. The clients are one process on the same processors, whose share is shown.

A cold start lasts from the start of the process to the first answer to a photo; memory is the most that all processes
of a server held, shared pages counted once (PSS). Everything shown is the median of the rounds. The last line is JSON:
how many times the original's way takes for one client (p50), how many times its and LitServe's requests a second
64 clients get from us, and how many requests we lost.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import fastai_folds
import load
from processes import cpu, family, pss

HERE = Path(__file__).resolve().parent
SNAKES = HERE.parents[1] / "shared" / "data" / "snakes" / "classes"
CLIENTS = (1, 8, 64)
PHOTOS = 50
WARM_UP = 3.0  # seconds, by eight clients
STARTS = 3  # of which a cold start is the median, at least
PATIENCE = 300.0  # seconds for a server to begin

OURS, ORIGINAL, LITSERVE = "Fieldmark", "fastai", "LitServe"


@dataclass
class Seen:
    """What one server did, over all rounds."""

    loads: dict[int, list[load.Outcome]] = field(default_factory=lambda: {clients: [] for clients in CLIENTS})
    cpu: dict[int, list[float]] = field(
        default_factory=lambda: {clients: [] for clients in CLIENTS}
    )  # ms of the server's processes for an answer
    client_share: list[float] = field(default_factory=list)  # of one processor, that the clients took
    cold: list[float] = field(default_factory=list)  # seconds
    mib: list[float] = field(default_factory=list)

    def median(self, clients: int, figure: str) -> float:
        """Return a figure under one load: `rate`, or the quantile `p50` or `p99` in milliseconds."""
        outcomes = self.loads[clients]
        if figure == "rate":
            return statistics.median(outcome.rate for outcome in outcomes)
        share = int(figure.removeprefix("p")) / 100
        return statistics.median(outcome.quantile(share) for outcome in outcomes) * 1000

    def lost(self, clients: int) -> int:
        """Return how many requests got no answer, or another than 200 in the end."""
        return sum(outcome.unserved for outcome in self.loads[clients])


# The servers


def commands(given: argparse.Namespace, work: Path) -> dict[str, list[str | Path]]:
    """Make what is missing, and return how each server is started; the port comes last."""
    model = given.model.absolute() if given.model else trained(given.folder, work)
    python = given.python or fastai_folds.environment(work)
    learner = exported(python, given.folder, work)
    lit = lit_environment(work)
    serve = [sys.executable, "-m", "fieldmark", "serve", model, "--log", "none"]
    return {
        ORIGINAL: [python, HERE / "serve_fastai.py", "serve", learner],
        LITSERVE: [lit, HERE / "serve_litserve.py", model, str(given.lit_workers)],
        OURS: [*serve, "--port"],
    }


def trained(folder: Path, work: Path) -> Path:
    """Train a model of ours and export it, once."""
    model, run, photos = work / "model.onnx", work / "run", work / "photos"
    if not model.exists():
        shutil.rmtree(photos, ignore_errors=True)
        shutil.copytree(folder, photos, ignore=shutil.ignore_patterns(".*"))
        for words in (["train", photos, "-o", run, "--effort", "quick"], ["export", run, "-o", model]):
            subprocess.run([sys.executable, "-m", "fieldmark", *words], check=True, stdout=sys.stderr)
    return model


def lit_environment(work: Path) -> Path:
    """Make LitServe's environment, once, with the libraries that we have, and return its Python."""
    python, whole = work / "lit" / "bin" / "python", work / "lit" / "whole"
    if not whole.exists():
        same = [f"{name}=={version(name)}" for name in ("onnxruntime", "pillow", "numpy", "python-multipart")]
        subprocess.run([sys.executable, "-m", "venv", "--clear", work / "lit"], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "litserve==0.2.19", *same], check=True)
        whole.touch()
    return python


def exported(python: Path, photos: Path, work: Path) -> Path:
    """Have fastai write its learner, once."""
    learner = work / "learner.pkl"
    if not learner.exists():
        classes = sorted(path.name for path in photos.iterdir() if path.is_dir() and path.name[0] != ".")
        names = [f"{name}/{path.name}" for name in classes for path in sorted((photos / name).iterdir())[:20]]
        job = {"root": str(photos.absolute()), "classes": classes, "train": names[::2], "valid": names[1::2]}
        (work / "learner.json").write_text(json.dumps(job))
        program = HERE / "serve_fastai.py"
        subprocess.run([python, program, "export", work / "learner.json", learner], check=True)
    return learner


@contextmanager
def started(command: Sequence[str | Path], photo: bytes) -> Iterator[tuple[str, int, float]]:
    """Start a server; yield its URL, its process id, and the seconds until it answered about a photo."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    plain = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    with tempfile.TemporaryFile("w+") as said:
        begun = time.perf_counter()
        process = subprocess.Popen(
            [*map(str, command), str(port)], stdout=said, stderr=said, env=plain, start_new_session=True
        )
        try:
            if not asyncio.run(has_answered(url, load.upload_of(photo, url), process, begun + PATIENCE)):
                said.seek(0)
                raise SystemExit(f"{command[0]} did not begin:\n{said.read()[-4000:]}")
            yield url, process.pid, time.perf_counter() - begun
        finally:
            stop(process)


async def has_answered(url: str, request: bytes, process: subprocess.Popen[bytes], until: float) -> bool:
    """Ask until there is an answer with 200. False where the process ended, or the time."""
    while time.perf_counter() < until and process.poll() is None:
        outcome = load.Outcome()
        await load.client(url, [request], outcome, time.monotonic() + PATIENCE)
        if outcome.statuses[200]:
            return True
        await asyncio.sleep(0.01)
    return False


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a server and all that it started."""
    process.send_signal(signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(10)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


# The measuring


@contextmanager
def watched(pid: int) -> Iterator[list[float]]:
    """Look twice a second what a server holds, in MiB, while a block lasts."""
    seen: list[float] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.5):
            seen.append(sum(map(pss, family(pid))))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def cpu_of(pid: int) -> float:
    """Return the processor seconds that all processes of a server have taken."""
    return sum(map(cpu, family(pid)))


def one_round(command: Sequence[str | Path], photos: list[bytes], seconds: float, seen: Seen) -> None:
    """Start a server, load it, and stop it."""
    with started(command, photos[0]) as (url, pid, cold), watched(pid) as mib:
        seen.cold.append(cold)
        requests = [load.upload_of(photo, url) for photo in photos]
        asyncio.run(load.load(url, requests, 8, WARM_UP))
        for clients in CLIENTS:
            before, own = cpu_of(pid), time.process_time()
            outcome = asyncio.run(load.load(url, requests, clients, seconds, obeys=True))
            seen.client_share.append((time.process_time() - own) / outcome.wall)
            seen.cpu[clients].append(1000 * (cpu_of(pid) - before) / max(1, outcome.statuses[200]))
            seen.loads[clients].append(outcome)
    seen.mib.append(max(mib))


def measure(given: argparse.Namespace, starts: dict[str, list[str | Path]], photos: list[bytes]) -> dict[str, Seen]:
    """Take turns."""
    everybody = {name: Seen() for name in starts}
    for number in range(given.rounds):
        for name, command in starts.items():
            one_round(command, photos, given.seconds, everybody[name])
            print(f"round {number + 1} of {given.rounds}: {name} is through", file=sys.stderr, flush=True)
    for _ in range(given.rounds, STARTS):
        for name, command in starts.items():
            with started(command, photos[0]) as (_, _, cold):
                everybody[name].cold.append(cold)
    return everybody


# What is shown


def show(everybody: dict[str, Seen]) -> dict[str, float]:
    """Print the tables; return the ratios."""
    print("| who | clients | requests a second | p50 ms | p99 ms | CPU ms an answer | 503 | lost | of |")
    print("|-----|--------:|------------------:|-------:|-------:|-----------------:|----:|-----:|---:|")
    for clients in CLIENTS:
        for name, seen in everybody.items():
            outcomes = seen.loads[clients]
            figures = [f"{seen.median(clients, figure):,.1f}" for figure in ("rate", "p50", "p99")]
            figures.append(f"{statistics.median(seen.cpu[clients]):.1f}")
            busy = sum(outcome.obeyed for outcome in outcomes)
            sent = sum(len(outcome.seconds) + outcome.lost + outcome.refused for outcome in outcomes)
            print(f"| {name} | {clients} | {' | '.join(figures)} | {busy} | {seen.lost(clients)} | {sent:,} |")
    print("\n| who | cold start, s | peak MiB | clients' share of a processor, at most |")
    print("|-----|--------------:|---------:|---------------------------------------:|")
    for name, seen in everybody.items():
        cold, mib = statistics.median(seen.cold), statistics.median(seen.mib)
        print(f"| {name} | {cold:.2f} | {mib:,.0f} | {max(seen.client_share):.0%} |")
    ours, original, litserve = (everybody[name] for name in (OURS, ORIGINAL, LITSERVE))
    return {
        "p50_ratio": round(original.median(1, "p50") / ours.median(1, "p50"), 2),
        "rps64_ratio": round(ours.median(64, "rate") / original.median(64, "rate"), 2),
        "litserve_rps64_ratio": round(ours.median(64, "rate") / litserve.median(64, "rate"), 2),
        "lost": sum(ours.lost(clients) for clients in CLIENTS),
    }


def main() -> None:
    """Make what is missing, take turns, and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=SNAKES)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "fieldmark-bench-serve")
    parser.add_argument("--python", type=Path)
    parser.add_argument("--lit-workers", type=int, default=1)
    given = parser.parse_args()
    if not given.folder.is_dir():
        parser.error(f"there is no folder {given.folder}: name one that holds a folder of photos per class")
    if given.model and not given.model.is_file():
        parser.error(f"there is no model file {given.model}: `fieldmark export` writes one")
    work = given.work.absolute()
    work.mkdir(parents=True, exist_ok=True)
    every = load.pictures_in(given.folder, sys.maxsize)
    photos = every[:: max(1, len(every) // PHOTOS)][:PHOTOS]
    print(json.dumps(show(measure(given, commands(given, work), photos))))


if __name__ == "__main__":
    main()
