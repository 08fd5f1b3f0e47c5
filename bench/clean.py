"""The page of `fieldmark clean` with 5,000 painted photos: first grid, key to answer, memory while scrolling.

    python bench/clean.py [--photos 5000] [--keys 100]

The server is a process of its own; all is measured inside a real Chromium. Thumbnails are made before. "First grid"
runs from the start of the navigation to the frame in which every picture in the window is there; "key to answer" from
the key event to the frame after the photo's mark has changed, with the row written between. Memory is the page's after
its rubbish was collected: once at the top, once after every tenth of the way down and back.

The last line is JSON.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, sync_playwright

from fieldmark.artifacts import findings
from fieldmark.artifacts.findings import Finding
from fieldmark.artifacts.thumbnails import Thumbnails
from fieldmark.artifacts.verdicts import open_journal
from fieldmark.artifacts.workspace import Workspace
from fieldmark.curate.board import Folder

CLASSES = ("coral", "king", "milk", "rat")
DOUBTFUL = ("blurred", "dark", "off_topic", "label")
SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]

SERVE = """
import sys
from fieldmark.artifacts.workspace import Workspace
from fieldmark.curate.server import serve
from fieldmark.terminal import Voice, speaking
with speaking(Voice.STDOUT):
    serve(Workspace.open(sys.argv[1]), 0)
"""

WATCH = """
window.measured = {first: 0, keys: []};
const look = () => {
    const isSeen = (frame) => frame.getBoundingClientRect().top < innerHeight;
    const frames = [...document.querySelectorAll(".tile .frame")].filter(isSeen);
    if (frames.length && frames.every((f) => f.querySelector(".picture.there"))) measured.first = performance.now();
    else requestAnimationFrame(look);
};
requestAnimationFrame(look);
let pressed = 0;
document.addEventListener("keydown", () => { pressed = performance.now(); }, true);
document.addEventListener("DOMContentLoaded", () => new MutationObserver((changes) => {
    const marked = changes.some((c) => c.oldValue !== c.target.dataset.state && c.target.dataset.state);
    if (!pressed || !marked) return;
    const from = pressed;
    pressed = 0;
    requestAnimationFrame(() => setTimeout(() => measured.keys.push(performance.now() - from)));
}).observe(document.body, {subtree: true, attributeFilter: ["data-state"], attributeOldValue: true}));
"""


SCROLL = """
async (sign) => {
    const scroller = document.getElementById("scroller");
    for (let n = 0; n < 40; n += 1) {
        scroller.scrollTop += sign * scroller.scrollHeight / 400;
        await new Promise(requestAnimationFrame);
    }
    return (scroller.scrollTop + scroller.clientHeight) / scroller.scrollHeight;
}
"""


def paint(root: Path, count: int) -> None:
    """Paint photos of 400 x 300 pixels, no two alike, and doubt a third of them."""
    for number in range(count):
        label = CLASSES[number % len(CLASSES)]
        (root / label).mkdir(parents=True, exist_ok=True)
        blocks = np.random.default_rng(number).integers(0, 256, (9, 12, 3), dtype=np.uint8)
        Image.fromarray(blocks).resize((400, 300), Image.Resampling.BICUBIC).save(root / label / f"{number:05}.jpg")
    workspace = Workspace.open(root)
    board = Folder(workspace).look()
    thumbnails = Thumbnails(workspace.memory / "thumbnails")
    for tile in board.tiles:
        thumbnails.get(tile.id, board.files[tile.id])
    rows = [
        Finding(tile.paths[0], tile.id, DOUBTFUL[n % 4], 1 - n / count, f"It is doubtful: {n} of {count}.", n % 2 == 0)
        for n, tile in enumerate(board.tiles[::3])
    ]
    with open_journal(workspace) as catalog:
        findings.write(catalog, rows)


def measure(url: str, keys: int) -> dict[str, float]:
    """Load the page three times, type, and scroll to the end and back."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=SWITCHES)
        firsts = []
        for _ in range(2):
            context, page = load(browser, url)
            firsts.append(page.evaluate("measured.first"))
            context.close()
        context, page = load(browser, url)
        firsts.append(page.evaluate("measured.first"))
        for n in range(keys):
            page.keyboard.press("d" if n % 3 else "Space")
            wait_for(page, f"measured.keys.length > {n}")
            time.sleep(0.1)
        typed = page.evaluate("measured.keys")
        session = context.new_cdp_session(page)
        memory, deepest = [weigh(session)], 0.0
        for sign in [1] * 10 + [-1] * 10:
            deepest = max(deepest, page.evaluate(SCROLL, sign))
            memory.append(weigh(session))
        browser.close()
    return {
        "first_grid_ms": round(statistics.median(firsts)),
        "key_to_answer_ms_median": round(statistics.median(typed), 1),
        "key_to_answer_ms_p95": round(sorted(typed)[int(0.95 * len(typed))], 1),
        "scrolled_down_to": round(deepest, 2),
        "nodes_at_first": memory[0][0],
        "nodes_at_most": max(nodes for nodes, _ in memory),
        "heap_mb_at_first": memory[0][1],
        "heap_mb_at_most": max(heap for _, heap in memory),
        "heap_mb_at_last": memory[-1][1],
    }


def load(browser: Browser, url: str) -> tuple[BrowserContext, Page]:
    """Open the page as a browser does that has never seen it, and wait until the first grid stands."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.add_init_script(WATCH)
    page.goto(url)
    wait_for(page, "measured.first")
    return context, page


def wait_for(page: Page, script: str) -> float:
    """Return what a script gives once that is true; the page's own rules forbid Playwright's way of waiting."""
    while not (found := page.evaluate(script)):
        time.sleep(0.05)
    return found


def weigh(session: CDPSession) -> tuple[int, float]:
    """Return the page's nodes and its JavaScript heap in MB, after its rubbish was collected."""
    session.send("HeapProfiler.collectGarbage")
    counters = session.send("Memory.getDOMCounters")
    usage = session.send("Runtime.getHeapUsage")
    return counters["nodes"], round(usage["usedSize"] / 1e6, 1)


def main() -> None:
    """Paint, serve, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=5000)
    parser.add_argument("--keys", type=int, default=100)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "painted"
        paint(root, asked.photos)
        started = time.monotonic()
        server = subprocess.Popen([sys.executable, "-c", SERVE, str(root)], stdout=subprocess.PIPE, text=True)
        try:
            line = server.stdout.readline()
            starting = time.monotonic() - started
            found = measure(line.split(" at ")[1].split()[0], asked.keys)
        finally:
            server.kill()
            server.wait()
    for name, value in found.items():
        print(f"{name:26} {value}")
    print(json.dumps({"photos": asked.photos, "server_ready_s": round(starting, 2), **found}))


if __name__ == "__main__":
    main()
