"""Folders to decide on, painted in a moment, with findings, and clients that speak as the page does."""

import re
import subprocess
import sys
import time
import uuid
from pathlib import Path

import httpx2
import numpy as np
from PIL import Image

from fieldmark.artifacts import findings
from fieldmark.artifacts.findings import Finding
from fieldmark.artifacts.verdicts import open_journal
from fieldmark.artifacts.workspace import Workspace
from fieldmark.curate.board import Folder

RUN = """
import sys
from fieldmark.artifacts.workspace import Workspace
from fieldmark.curate.server import serve
from fieldmark.terminal import Voice, speaking
with speaking(Voice.STDOUT):
    serve(Workspace.open(sys.argv[1]), int(sys.argv[2]))
"""


def paint(root, classes=("coral", "king"), each=30, size=48):
    """Paint `each` photos a class, no two alike."""
    for number, label in enumerate(classes):
        (root / label).mkdir(parents=True)
        for place in range(each):
            blocks = np.random.default_rng((number, place)).integers(0, 256, (3, 4, 3), dtype=np.uint8)
            Image.fromarray(blocks).resize((size * 4 // 3, size)).save(root / label / f"{place:04}.jpg")
    return root


def ids_of(root):
    """Map the path of every photo to its id."""
    board = Folder(Workspace.open(root)).look()
    return {path: tile.id for tile in board.tiles for path in tile.paths}


def find(root, *found):
    """Write findings down, each as (path, kind, score, sure, path of the best of its group or None)."""
    ids = ids_of(root)
    rows = [
        Finding(path, ids[path], kind, score, f"{kind}: its number is {score}.", sure, ids[best] if best else None)
        for path, kind, score, sure, best in found
    ]
    with open_journal(Workspace.open(root)) as catalog:
        findings.write(catalog, rows)


class Visitor:
    """What the page does, without a browser."""

    def __init__(self, url):
        self.url = url
        page = httpx2.get(url, trust_env=False)
        self.token = re.search(r'name="token" content="([0-9a-f]+)"', page.text)[1]
        self.cookies = dict(page.cookies)

    def get(self, path, headers=None):
        given = {"X-Fieldmark-Token": self.token, **(headers or {})}
        return httpx2.get(self.url + path, headers=given, trust_env=False, timeout=10)

    def send(self, path, headers=None, **body):
        given = {"X-Fieldmark-Token": self.token, **(headers or {})}
        return httpx2.post(self.url + path, headers=given, trust_env=False, timeout=10, **body)

    def board(self):
        return self.get("/api/board").json()

    def post(self, path, **body):
        return self.send(path, json={"act": str(uuid.uuid4()), **body})

    def decide(self, *verdicts, **body):
        return self.post(
            "/api/acts",
            verdicts=[{"photo": photo, "kind": kind, "value": value} for photo, kind, value in verdicts],
            **body,
        )


class Process:
    """`serve` in a process of its own, which can be killed."""

    def __init__(self, root, port=0):
        self.popen = subprocess.Popen(
            [sys.executable, "-c", RUN, str(root), str(port)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        line = self.popen.stdout.readline()
        if "http://" not in line:
            raise AssertionError(line + self.popen.stderr.read())
        self.url = re.search(r"http://[0-9.:]+", line)[0]
        self.port = int(self.url.rsplit(":", 1)[1])

    def kill(self):
        self.popen.kill()
        self.popen.communicate()


def wait_for(condition, seconds=10):
    """Return what `condition` gives once that is true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("it did not come to that in time")


def files(root: Path):
    """Bytes of every photo, to see that none is touched."""
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.glob("*/*.jpg"))}
