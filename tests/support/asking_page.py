"""Photos -> what the page says of them, as the table that it saves."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

from support.chromium import one_of

Rows = dict[str, dict[str, str]]


def rows_of(table: str) -> Rows:
    """Read a table of the page or of `fieldmark predict --csv`: name of the picture -> its row."""
    return {row["image"]: row for row in csv.DictReader(io.StringIO(table))}


def ask_page(page: Any, photos: Mapping[str, bytes]) -> Rows:
    """Give photos to an open page, wait for what it has to say, and clear it away again."""
    given = [{"name": name, "mimeType": "image/x-whatever", "buffer": content} for name, content in photos.items()]
    page.set_input_files("#file", given)
    page.locator(one_of()).nth(len(photos) - 1).wait_for(timeout=300_000)
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as a table").click()
    text = saved.value.path().read_text("utf-8")
    page.get_by_role("button", name="Clear").click()
    return rows_of(text)
