"""The fire drill: everything that strangers do to a server, against a real one, with its memory watched.

    python bench/fire.py MODEL [--minutes 10] [--uploads 10000] [--connections 500] [--slow 200] [--photos DIR]

Each drill ends with the question whether the server still answers. It may answer anything but 5xx to damaged pictures,
and 503 to more than it can take; no request that it accepted may be lost, unless its own worker was killed. Memory is
that of all processes of the server, shared pages counted once (PSS). The last line is JSON; exit code 1 when a drill
failed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
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
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import load
from mutants import bombs, mutants
from PIL import Image
from processes import family, pss

# Before it serves, the process may be told to resolve names as a hostile resolver does.
PROGRAM = """
import itertools, socket, sys
from fieldmark.cli import main
if sys.argv[1] == "rebind":
    real, turns = socket.getaddrinfo, itertools.count()
    def getaddrinfo(host, port, *args, **kwargs):
        if str(host).endswith(".rebind.example"):
            first = "93.184.216.34" if host.startswith("late") and next(turns) % 2 == 0 else "127.0.0.1"
            found = [first] if host.startswith("late") else ["93.184.216.34", "127.0.0.1"]
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]
        return real(host, port, *args, **kwargs)
    socket.getaddrinfo = getaddrinfo
if __name__ == "__main__":
    sys.exit(main(sys.argv[2:]))
"""

FLAT = 1.10
"""Memory is flat when the last quarter of the mixed load has at most this much of what the first quarter had."""


@dataclass
class Row:
    """How one drill ended."""

    drill: str
    told: str
    ok: bool
    mib: float = 0.0  # of the server afterwards
    facts: dict[str, object] = field(default_factory=dict)


class Server:
    """A `fieldmark serve` of its own."""

    def __init__(self, model: Path, *flags: str, rebind: bool = False, env: dict[str, str] | None = None) -> None:
        self._home = tempfile.TemporaryDirectory()
        program = Path(self._home.name) / "program.py"
        program.write_text(PROGRAM)
        words = ["rebind" if rebind else "-", "serve", str(model), "--port", "0", "--log", "none", *flags]
        self.process = subprocess.Popen(
            [sys.executable, str(program), *words], stdout=subprocess.PIPE, text=True, env={**os.environ, **(env or {})}
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if " at http" not in line:
            sys.exit("The server did not begin.")
        self.url = line.split(" at ")[1].split()[0]
        self.host, self.port = self.url.removeprefix("http://").rsplit(":", 1)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self._home.cleanup()

    def workers(self) -> list[int]:
        """Return the process ids of the workers."""
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def mib(self) -> float:
        """Return the memory of all processes, in MiB, a page that several share counted once."""
        return sum(map(pss, family(self.process.pid)))

    def is_well(self, photo: bytes) -> bool:
        """Whether it answers about a photo."""
        outcome = load.Outcome()
        asyncio.run(load.client(self.url, [load.upload_of(photo, self.url)], outcome, time.monotonic() + 60))
        return outcome.statuses[200] == 1


# The drills


def fuzz(server: Server, given: argparse.Namespace) -> Row:
    """Damaged pictures, most as files of forms; one in ten the form or the JSON itself is damaged."""
    requests = _fuzzed(server.url, given.uploads)
    outcome = asyncio.run(_all(server.url, requests, clients=8))
    bad = {status: n for status, n in outcome.statuses.items() if status >= 500}
    told = f"{len(outcome.seconds):,} answered: {_counts(outcome.statuses)}; slowest {max(outcome.seconds):.2f} s"
    return Row("fuzzed uploads", told, not bad and not outcome.lost, facts={"lost": outcome.lost, "5xx": bad})


def _fuzzed(url: str, count: int) -> Iterator[bytes]:
    chance = random.Random(7)
    for n, picture in zip(range(count), mutants(7), strict=False):
        whole = load.upload_of(picture, url)
        if n % 20 == 10:
            head, _, body = whole.partition(b"\r\n\r\n")
            damaged = bytearray(body)
            for _ in range(chance.randint(1, 30)):
                damaged[chance.randrange(min(len(damaged), 300))] = chance.randrange(256)
            yield head + b"\r\n\r\n" + bytes(damaged)
        elif n % 20 == 11:
            text = json.dumps({"url": f"http://127.0.0.1:{n}/{chance.random()}", "thumbnail": True}).encode()
            damaged = bytearray(text)
            for _ in range(chance.randint(0, 8)):
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
            yield load.request_of("POST", url, "/classify-url", {"Content-Type": "application/json"}, bytes(damaged))
        else:
            yield whole


def explode(server: Server, given: argparse.Namespace) -> Row:
    """Bombs, lies and excess, one after the other; a photo must be answered beside each."""
    ended: dict[str, object] = {}
    for name, request in _excess(server.url):
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


def _excess(url: str) -> Iterator[tuple[str, bytes]]:
    for name, picture in bombs().items():
        yield name, load.upload_of(picture, url)
    form = {"Content-Type": "multipart/form-data; boundary=b"}
    part = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n'
    as_json = {"Content-Type": "application/json"}
    yield "10,000 parts", load.request_of("POST", url, "/upload", form, part * 10_000 + b"--b--\r\n")
    yield "no boundary", load.request_of("POST", url, "/upload", {"Content-Type": "multipart/form-data"}, part)
    yield "20 MB", load.upload_of(bytes(20_000_000), url)
    yield (
        "5 MB of JSON",
        load.request_of("POST", url, "/classify-url", as_json, json.dumps({"url": "x" * 5_000_000}).encode()),
    )
    long = json.dumps({"url": "https://example.org/" + "x" * 20_000}).encode()
    yield "a URL of 20,000 characters", load.request_of("POST", url, "/classify-url", as_json, long)
    yield "JSON 60,000 deep", load.request_of("POST", url, "/classify-url", as_json, b"[" * 60_000)
    yield "a path of 20,000 characters", load.request_of("GET", url, "/" + "x" * 20_000, {})
    whole = load.upload_of(b"no picture", url)
    yield "a length that is too short", whole.replace(b"Content-Length: ", b"Content-Length: 5\r\nX-Was: ", 1)


def describe_and_test(server: Server, given: argparse.Namespace) -> Row:
    """Requests made up from the OpenAPI document by schemathesis."""
    command = shutil.which("schemathesis") or shutil.which("st")
    if command is None:
        return Row("schemathesis", "not installed: pip install schemathesis", True)
    words = [command, "run", f"{server.url}/openapi.json", "--max-examples", str(given.examples), "--seed", "1"]
    words += ["--exclude-checks", "positive_data_acceptance", "--suppress-health-check", "all"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=1800)
    last = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    told = next((line for line in last if "generated" in line), last[-1] if last else "nothing said")
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
    requests, seen = _mixture(server.url, given), []
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


def _mixture(url: str, given: argparse.Namespace) -> list[bytes]:
    chance, damaged, requests = random.Random(11), mutants(11), []
    large = _enlarged(given.pictures[0], 3000)
    for n in range(400):
        picture = given.pictures[n % len(given.pictures)]
        requests.append(load.upload_of(picture, url))
        if n % 2 == 0:
            requests.append(load.upload_of(next(damaged), url))
        if n % 5 == 0:
            web = json.dumps({"url": f"{given.web}/{n % 7}.jpg", "thumbnail": n % 2 == 0}).encode()
            requests.append(load.request_of("POST", url, "/classify-url", {"Content-Type": "application/json"}, web))
        if n % 8 == 0:
            requests.append(_batch_of(url, [given.pictures[(n + k) % len(given.pictures)] for k in range(4)]))
        if n % 40 == 0:
            requests.append(load.upload_of(large, url))
        if n % 10 == 0:
            path = chance.choice(("/", "/docs", "/healthz", "/metrics", "/openapi.json", "/page.js", "/nothing"))
            requests.append(load.request_of("GET", url, path, {}))
    chance.shuffle(requests)
    return requests


def _batch_of(url: str, pictures: list[bytes]) -> bytes:
    parts = b"".join(
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + picture + b"\r\n"
        for picture in pictures
    )
    return load.request_of(
        "POST", url, "/batch", {"Content-Type": "multipart/form-data; boundary=b"}, parts + b"--b--\r\n"
    )


def _enlarged(picture: bytes, side: int) -> bytes:
    buffer = io.BytesIO()
    Image.open(io.BytesIO(picture)).convert("RGB").resize((side, side)).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def inward_urls(server: Server, given: argparse.Namespace) -> Row:
    """Every spelling of an address inside, redirects and names that lead there; a canary listens for who calls."""
    with socket.create_server(("127.0.0.1", 0)) as canary:
        port = canary.getsockname()[1]
        called = []
        canary.settimeout(0.2)
        urls = [*_inward(port), *(f"{given.web}/redirect?{target}" for target in _inward(port))]
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


def _inward(port: int) -> list[str]:
    names = (
        *(
            "127.0.0.1",
            "localhost",
            "localhost.",
            "127.1",
            "127.0.1",
            "0",
            "0.0.0.0",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
        ),
        *(
            "017700000001",
            "0177.0.0.1",
            "0177.0.0x1",
            "00000177.1",
            "127.000.000.001",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
        ),
        *("[::ffff:7f00:1]", "[0:0:0:0:0:ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b::127.0.0.1]"),
        *(
            "[2002:7f00:1::]",
            "[2001::1]",
            "[fe80::1]",
            "[fc00::1]",
            "[fd00:ec2::254]",
            "169.254.169.254",
            "169.254.170.2",
        ),
        *(
            "168.63.129.16",
            "100.100.100.200",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.0.1",
            "100.64.0.1",
            "198.18.0.1",
            "224.0.0.1",
        ),
        *(
            "255.255.255.255",
            "192.0.2.1",
            "metadata.google.internal",
            "１２７.０.０.１",
            "①②⑦.0.0.1",
            "127。0。0。1",
            "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
        ),
        *("both.rebind.example", "late.rebind.example", "late2.rebind.example"),
    )
    urls = [f"http://{name}:{port}/a.jpg" for name in names]
    urls += [
        f"http://user:secret@127.0.0.1:{port}/",
        f"http://example.org@127.0.0.1:{port}/",
        f"http://127.0.0.1:{port}\\@example.org/",
    ]
    urls += [
        f"http://127.0.0.1:{port}#@example.org/",
        f"http://example.org:80@127.0.0.1:{port}/",
        f"//127.0.0.1:{port}/",
    ]
    urls += [
        f"{scheme}://127.0.0.1:{port}/" for scheme in ("ftp", "gopher", "file", "dict", "ldap", "ws", "jar", "data")
    ]
    return [
        *urls,
        "file:///etc/passwd",
        "data:image/png;base64,AAAA",
        "http://127.0.0.1:0/",
        "http://127.0.0.1:99999/",
        "http://",
    ]


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


@contextlib.contextmanager
def small_web(pictures: list[bytes]) -> Iterator[str]:
    """Serve a few photos, and redirects to wherever one asks for."""

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/redirect?"):
                self.send_response(302)
                self.send_header("Location", self.path.partition("?")[2])
                self.end_headers()
                return
            body = pictures[sum(self.path.encode()) % len(pictures)]
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as site:
        threading.Thread(target=site.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{site.server_port}"
        site.shutdown()


def painted(count: int = 24) -> list[bytes]:
    """Paint photos, where none are given."""
    chance, pictures = random.Random(5), []
    for _ in range(count):
        noise = Image.frombytes("RGB", (12, 9), chance.randbytes(12 * 9 * 3))
        buffer = io.BytesIO()
        noise.resize((500, 375), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=85)
        pictures.append(buffer.getvalue())
    return pictures


DRILLS: tuple[Callable[[Server, argparse.Namespace], Row], ...] = (
    fuzz,
    explode,
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
            for drill in DRILLS:
                row = drill(server, given)
                if drill is not stop_in_mid_load:
                    row.mib = server.mib()
                    row.ok = row.ok and server.is_well(given.pictures[0])
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
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--photos", type=Path, help="a folder of real ones; painted otherwise")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
