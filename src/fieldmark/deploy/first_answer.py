"""An unpacked functions zip -> what it answers in a process of its own, and how long that takes from nothing."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fieldmark.errors import TargetError

# Nothing of this environment is on its path: only the standard library and the folder.
_ASK = """
import json, sys
sys.path.insert(0, sys.argv[1])
import handler
json.dump(handler.handler(json.load(sys.stdin), None), sys.stdout)
"""

SECONDS = 120.0
"""What a first answer may take before we give up on it, on a machine however busy."""


@dataclass(frozen=True)
class FirstAnswer:
    """What came back first.

    Attributes:
        seconds: from the start of the process to its end, the answer included.
        reply: the JSON of the answer, as the server's contract has it.
    """

    seconds: float
    reply: dict[str, Any]


def ask_fresh(folder: Path, picture: bytes) -> FirstAnswer:
    """Start the handler in `folder` as a host would, and ask it about one picture.

    Raises:
        TargetError: it does not start, does not end, or answers with anything but an answer.
    """
    begun = time.perf_counter()
    command = [sys.executable, "-I", "-S", "-B", "-c", _ASK, str(folder)]
    try:
        done = subprocess.run(
            command, input=json.dumps(event_for(picture)), capture_output=True, text=True, timeout=SECONDS
        )
    except subprocess.TimeoutExpired:
        raise TargetError(f"The handler did not answer within {SECONDS:g} seconds. Nothing was written.") from None
    seconds = time.perf_counter() - begun
    if done.returncode:
        words = (done.stderr.strip().splitlines() or ["nothing"])[-1]
        raise TargetError(f"The handler does not run: {words}. Nothing was written. Please report this.")
    answered = json.loads(done.stdout)
    if answered["statusCode"] != 200:
        raise TargetError(
            f"The handler refused a picture: {answered['body']}. Nothing was written. Please report this."
        )
    return FirstAnswer(seconds, json.loads(answered["body"]))


def event_for(picture: bytes, kind: str = "image/png") -> dict[str, Any]:
    """Return the event by which a function URL or an HTTP API (payload 2.0) hands over a picture sent to /upload."""
    return {
        "version": "2.0",
        "rawPath": "/upload",
        "rawQueryString": "",
        "headers": {"content-type": kind, "host": "function.example"},
        "requestContext": {
            "http": {"method": "POST", "path": "/upload", "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7"}
        },
        "body": base64.b64encode(picture).decode("ascii"),
        "isBase64Encoded": True,
    }
