"""A file -> the JSON that a server of our own answers about it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2

from fieldmark.errors import FetchFailed


def post_file(url: str, path: Path, timeout: float = 30.0) -> dict[str, Any]:
    """Upload one picture as the multipart field `file`.

    Not guarded and past any proxy: the URL is one that this process serves itself.

    Raises:
        FetchFailed: no answer, or one that is not 200.
    """
    try:
        with httpx2.Client(timeout=timeout, trust_env=False) as client:
            response = client.post(url, files={"file": (path.name, path.read_bytes())})
    except httpx2.HTTPError as error:
        raise FetchFailed(f"{url} did not answer: {error}") from error
    if response.status_code != 200:
        raise FetchFailed(f"{url} answered {response.status_code}: {response.text[:200]}")
    answer: dict[str, Any] = response.json()
    return answer
