"""The fire drill: everything that strangers do to a server, against a real one, with its memory watched.

    python bench/fire.py MODEL [--minutes 10] [--uploads 10000] [--connections 500] [--slow 200] [--photos DIR]
    python bench/fire.py MODEL --only fuzz --only stop_in_mid_load

Each drill ends with the question whether the server still answers. It may answer anything but 5xx to damaged pictures,
and 503 to more than it can take; no request that it accepted may be lost, unless its own worker was killed, and no
traceback may stand in its log. Memory is that of all processes of the server, shared pages counted once (PSS). The last
line is JSON; exit code 1 when a drill failed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import load
from inward import inward
from strangers import damaged_http, excess, fuzzed, mixture
from target import Server, painted, small_web

FLAT = 1.10
"""Memory is flat when the last quarter of the mixed load has at most this much of what the first quarter had."""


EXPECTED = """
[checks]
negative_data_rejection.expected-statuses = [400, 404, 405, 413, 415, 422]
"""
"""How schemathesis hears that 413 refuses too: a seventeenth picture, which it knows from `maxItems`."""


@dataclass
class Row:
    """How one drill ended."""

    drill: str
    told: str
    ok: bool
    mib: float = 0.0  # of the server afterwards
    facts: dict[str, object] = field(default_factory=dict)


# The drills


def fuzz(server: Server, given: argparse.Namespace) -> Row:
    """Damaged pictures, most as files of forms; one in ten the form or the JSON itself is damaged."""
    requests = fuzzed(server.url, given.uploads)
    outcome = asyncio.run(_all(server.url, requests, clients=8))
    bad = {status: n for status, n in outcome.statuses.items() if status >= 500}
    told = f"{len(outcome.seconds):,} answered: {_counts(outcome.statuses)}; slowest {max(outcome.seconds):.2f} s"
    return Row("fuzzed uploads", told, not bad and not outcome.lost, facts={"lost": outcome.lost, "5xx": bad})


def explode(server: Server, given: argparse.Namespace) -> Row:
    """Bombs, lies and excess, one after the other; a photo must be answered beside each."""
    ended: dict[str, object] = {}
    for name, request in excess(server.url):
        outcome = load.Outcome()
        photo = load.upload_of(given.pictures[0], server.url)

        async def both(request: bytes = request, outcome: load.Outcome = outcome, photo: bytes = photo) -> None:
            beside = load.Outcome()
            forever = time.monotonic() + 600
            await asyncio.gather(
                load.client(server.url, [request], outcome, forever), load.client(server.url, [photo], beside, forever)
            )
            outcome.statuses[-1] = beside.statuses[200]  # whether the photo was answered

        asyncio.run(both())
        beside = outcome.statuses.pop(-1)
        ended[name] = f"{_counts(outcome.statuses) or 'closed'} in {sum(outcome.seconds):.2f} s"
        if not beside or any(status >= 500 for status in outcome.statuses):
            return Row("bombs and lies", f"{name}: {ended[name]}, photo beside it: {beside}", False, facts=ended)
    return Row("bombs and lies", f"{len(ended)} refused or answered, a photo answered beside each", True, facts=ended)


def speak_no_http(server: Server, given: argparse.Namespace) -> Row:
    """What is no HTTP, or two kinds of it at once, over raw connections; each ends with an answer or is closed."""

    async def one(sent: bytes) -> None:
        async with few:
            reader, writer = await asyncio.open_connection(server.host, int(server.port))
            answer = b""
            try:
                writer.write(sent)
                writer.write_eof()
                async with asyncio.timeout(60):
                    answer = await reader.read()
            except TimeoutError:
                hanging.append(sent[:60])
            except OSError:
                pass  # closed while we were still sending
            finally:
                writer.close()
            statuses[int(answer[9:12]) if answer.startswith(b"HTTP/1.1 ") else 0] += 1

    async def drill() -> None:
        await asyncio.gather(*(one(sent) for sent in damaged_http(given.uploads // 10)))

    few, statuses, hanging = asyncio.Semaphore(50), Counter[int](), list[bytes]()
    asyncio.run(drill())
    ok = not hanging and not any(status >= 500 for status in statuses)
    told = f"{sum(statuses.values()):,} connections: {_counts(statuses)} (0: closed without an answer)"
    return Row("damaged HTTP", told, ok, facts={"hanging": [repr(sent) for sent in hanging]})


def describe_and_test(server: Server, given: argparse.Namespace) -> Row:
    """Requests made up from the OpenAPI document by schemathesis."""
    command = shutil.which("schemathesis") or shutil.which("st")
    if command is None:
        return Row("schemathesis", "not installed: pip install schemathesis", False)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "schemathesis.toml").write_text(EXPECTED)
        words = [command, "run", f"{server.url}/openapi.json", "--max-examples", str(given.examples), "--seed", "1"]
        words += ["--exclude-checks", "positive_data_acceptance", "--suppress-health-check", "all"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=1800, cwd=folder)
    last = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    told = next((line for line in last if "generated," in line), last[-1] if last else "nothing said")
    return Row(
        "schemathesis",
        told,
        done.returncode == 0,
        facts={} if done.returncode == 0 else {"output": done.stdout[-3000:]},
    )


def slow_clients(server: Server, given: argparse.Namespace) -> Row:
    """Clients who send their head or body byte by byte, or take no answer; visitors must hardly notice."""

    async def drill() -> tuple[load.Outcome, int]:
        crowd = [asyncio.create_task(_slow_client(server, n)) for n in range(given.slow)]
        await asyncio.sleep(2)
        requests = [load.upload_of(picture, server.url) for picture in given.pictures]
        visitors = await load.load(server.url, requests, clients=4, seconds=given.slow_seconds)
        still = sum(not task.done() for task in crowd)
        for task in crowd:
            task.cancel()
        await asyncio.gather(*crowd, return_exceptions=True)
        return visitors, still

    visitors, still = asyncio.run(drill())
    ok = visitors.statuses[200] > 0 and not visitors.lost and set(visitors.statuses) == {200}
    told = (
        f"{given.slow} of them for {given.slow_seconds:g} s, {still} left at the end; {visitors.statuses[200]} "
        f"visitors answered meanwhile, p99 {1000 * visitors.quantile(0.99):.0f} ms, {visitors.lost} lost"
    )
    return Row("slow clients", told, ok, facts={"statuses": visitors.statuses})


async def _slow_client(server: Server, n: int) -> None:
    _, writer = await asyncio.open_connection(server.host, int(server.port))
    head = b"POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    try:
        if n % 3 == 0:  # never a whole head
            for byte in head + b"X-Slow: 1\r\n" * 10_000:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0.5)
        elif n % 3 == 1:  # never a whole body
            writer.write(head + b"Content-Length: 100000\r\n\r\n")
            for _ in range(100_000):
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.5)
        else:  # asks again and again, and reads nothing
            writer.write(b"GET /page.js HTTP/1.1\r\nHost: localhost\r\n\r\n" * 2000)
            await asyncio.sleep(10_000)
    except OSError:
        return  # sent away
    finally:
        writer.close()


def many_connections(server: Server, given: argparse.Namespace) -> Row:
    """So many connections at once, each with a photo; who is told to come back does so."""

    async def one(picture: bytes, outcome: load.Outcome) -> None:
        reader, writer = await asyncio.open_connection(server.host, int(server.port))
        await start.wait()
        started, request = time.perf_counter(), load.upload_of(picture, server.url)
        try:
            for _ in range(200):
                writer.write(request)
                await writer.drain()
                status, headers, _ = await load.answer_of(reader)
                outcome.statuses[status] += 1
                if status == 200:
                    outcome.seconds.append(time.perf_counter() - started)
                    return
                await asyncio.sleep(float(headers.get("retry-after", "1")) * random.uniform(0.5, 1.5))
        except (OSError, asyncio.IncompleteReadError):
            outcome.lost += 1
        finally:
            writer.close()

    async def drill() -> load.Outcome:
        outcome = load.Outcome()
        tasks = [
            asyncio.create_task(one(given.pictures[n % len(given.pictures)], outcome)) for n in range(given.connections)
        ]
        await asyncio.sleep(1)
        start.set()
        await asyncio.gather(*tasks)
        return outcome

    start = asyncio.Event()
    outcome = asyncio.run(drill())
    told = (
        f"{given.connections} at once: {outcome.statuses[200]} answered, after {outcome.statuses[503]} times 'come "
        f"back', {outcome.lost} lost; the last after {max(outcome.seconds, default=0):.1f} s"
    )
    ok = outcome.statuses[200] == given.connections and set(outcome.statuses) <= {200, 503}
    return Row("connections", told, ok, facts={"statuses": outcome.statuses})


def mixed_load(server: Server, given: argparse.Namespace) -> Row:
    """All kinds of requests for minutes, with memory looked at every few seconds."""
    requests, seen = mixture(server.url, given.pictures, given.web), []
    done = threading.Event()

    def watch() -> None:
        while not done.wait(max(0.5, min(5.0, given.minutes * 1.5))):
            seen.append(server.mib())

    watcher = threading.Thread(target=watch)
    watcher.start()
    outcome = asyncio.run(load.load(server.url, requests, clients=12, seconds=60 * given.minutes))
    done.set()
    watcher.join()
    quarter = max(1, len(seen) // 4)
    first, last = statistics.median(seen[:quarter]), statistics.median(seen[-quarter:])
    bad = {status: n for status, n in outcome.statuses.items() if status >= 500 and status != 503}
    told = (
        f"{given.minutes:g} min: {_counts(outcome.statuses)}, {outcome.lost} lost; "
        f"p50 {1000 * outcome.quantile(0.5):.0f} ms, p99 {1000 * outcome.quantile(0.99):.0f} ms; "
        f"{first:.0f} MiB in its first quarter, {last:.0f} in its last"
    )
    ok = not bad and not outcome.lost and last <= FLAT * first
    return Row("mixed load", told, ok, facts={"5xx": bad, "first_mib": first, "last_mib": last, "most_mib": max(seen)})


def inward_urls(server: Server, given: argparse.Namespace) -> Row:
    """Every spelling of an address inside, redirects and names that lead there; a canary listens for who calls."""
    with socket.create_server(("127.0.0.1", 0)) as canary:
        port = canary.getsockname()[1]
        called = []
        canary.settimeout(0.2)
        urls = [*inward(port), *(f"{given.web}/redirect?{target}" for target in inward(port))]
        statuses: Counter[int] = Counter()
        for url in urls:
            outcome = load.Outcome()
            body = json.dumps({"url": url}).encode()
            request = load.request_of("POST", server.url, "/classify-url", {"Content-Type": "application/json"}, body)
            asyncio.run(load.client(server.url, [request], outcome, time.monotonic() + 60))
            statuses.update(outcome.statuses)
            with contextlib.suppress(TimeoutError, BlockingIOError):
                canary.settimeout(0.005)
                canary.accept()[0].close()
                called.append(url)
    told = f"{len(urls)} URLs: {_counts(statuses)}; {len(called)} calls came through"
    return Row("inward URLs", told, set(statuses) == {422} and not called, facts={"called": called})


def kill_a_worker(server: Server, given: argparse.Namespace) -> Row:
    """SIGKILL for a worker in the middle of a load."""

    async def drill() -> load.Outcome:
        requests = [load.upload_of(picture, server.url) for picture in given.pictures]
        running = asyncio.create_task(load.load(server.url, requests, clients=8, seconds=8))
        await asyncio.sleep(3)
        os.kill(victim, signal.SIGKILL)
        return await running

    victim = server.workers()[0]
    outcome = asyncio.run(drill())
    now = server.workers()
    replaced = len(now) == given.workers and victim not in now
    told = (
        f"{_counts(outcome.statuses)}; {outcome.lost} of its own lost, worker replaced: {'yes' if replaced else 'no'}"
    )
    ok = replaced and not outcome.refused and outcome.lost <= 8
    return Row("a worker killed", told, ok, facts={"lost": outcome.lost})


def stop_in_mid_load(server: Server, given: argparse.Namespace) -> Row:
    """SIGTERM in the middle of a load: what was accepted is answered."""

    async def drill() -> tuple[load.Outcome, float]:
        requests = [load.upload_of(picture, server.url) for picture in given.pictures]
        running = asyncio.create_task(load.load(server.url, requests, clients=32, seconds=600))
        await asyncio.sleep(3)
        started = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        outcome = await running
        return outcome, time.monotonic() - started

    outcome, seconds = asyncio.run(drill())
    code = server.process.wait(60)
    told = f"{_counts(outcome.statuses)}; {outcome.lost} lost, stopped after {seconds:.1f} s with exit code {code}"
    return Row("SIGTERM in mid-load", told, not outcome.lost and code == 0, facts={"lost": outcome.lost})


# The rest


async def _all(url: str, requests: Iterator[bytes], clients: int) -> load.Outcome:
    outcome, forever = load.Outcome(), time.monotonic() + 24 * 3600
    await asyncio.gather(*(load.client(url, requests, outcome, forever) for _ in range(clients)))
    return outcome


def _counts(statuses: Counter[int]) -> str:
    return ", ".join(f"{n:,} x {status}" for status, n in sorted(statuses.items()))


DRILLS: tuple[Callable[[Server, argparse.Namespace], Row], ...] = (
    fuzz,
    explode,
    speak_no_http,
    describe_and_test,
    slow_clients,
    many_connections,
    mixed_load,
    inward_urls,
    kill_a_worker,
    stop_in_mid_load,
)


def main() -> int:
    """Run every drill against one server and print a table."""
    given = _parse()
    given.pictures = load.pictures_in(given.photos) if given.photos else painted()
    rows = []
    with small_web(given.pictures) as given.web:
        allowed = {"FIELDMARK_ALLOW_HOSTS": given.web.removeprefix("http://")}
        with Server(given.model, "--workers", str(given.workers), rebind=True, env=allowed) as server:
            print(
                f"{server.mib():.0f} MiB before\n\n| drill | what happened | MiB after | |\n|---|---|---:|---|",
                flush=True,
            )
            for drill in [drill for drill in DRILLS if not given.only or drill.__name__ in given.only]:
                row = drill(server, given)
                if drill is not stop_in_mid_load:
                    row.mib = server.mib()
                    row.ok = row.ok and server.is_well(given.pictures[0])
                if "Traceback" in server.complaints():
                    row.ok, row.facts["complaints"] = False, server.complaints()[-3000:]
                rows.append(row)
                print(f"| {row.drill} | {row.told} | {row.mib:.0f} | {'ok' if row.ok else '**failed**'} |", flush=True)
    print(json.dumps([row.__dict__ for row in rows]))
    return 0 if all(row.ok for row in rows) else 1


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--uploads", type=int, default=10_000)
    parser.add_argument("--connections", type=int, default=500)
    parser.add_argument("--slow", type=int, default=200)
    parser.add_argument("--slow-seconds", type=float, default=45.0)
    parser.add_argument("--examples", type=int, default=100, help="of schemathesis for each operation")
    names = [drill.__name__ for drill in DRILLS]
    parser.add_argument("--only", action="append", choices=names, help="this drill, and others named alike")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--photos", type=Path, help="a folder of real ones; painted otherwise")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
