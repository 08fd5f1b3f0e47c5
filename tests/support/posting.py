"""Files -> the JSON that a server sends back, over HTTP as browsers and curl do it."""

from __future__ import annotations

import json
import ssl
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

BOUNDARY = b"a-line-that-no-picture-holds"


def post_form(
    url: str,
    files: Sequence[tuple[str, bytes]],
    headers: Mapping[str, str] | None = None,
    context: ssl.SSLContext | None = None,
) -> Any:
    """Send files, each a name and its content, as the fields called `file` of one form."""
    request = urllib.request.Request(
        url, b"".join(_part(*file) for file in files) + b"--" + BOUNDARY + b"--\r\n", dict(headers or {}), method="POST"
    )
    request.add_header("Content-Type", f"multipart/form-data; boundary={BOUNDARY.decode()}")
    with urllib.request.urlopen(request, timeout=120, context=context) as response:
        return json.load(response)


def _part(name: str, content: bytes) -> bytes:
    head = f'Content-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    return b"--" + BOUNDARY + b"\r\n" + head.encode() + content + b"\r\n"
