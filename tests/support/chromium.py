"""Debian's Chromium, driven by Playwright: pages that must neither complain nor ask anybody but their own host."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = Path("/usr/bin/chromium")
SWITCHES = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # there is no other host in the world
    *("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"),
)

needs_chromium = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no {CHROMIUM} to drive"),
]

LAPTOP = {"viewport": {"width": 1000, "height": 800}}
PHONE = {"viewport": {"width": 320, "height": 640}, "has_touch": True, "is_mobile": True}


@contextmanager
def chromium() -> Iterator[Any]:
    """Start a browser. Skips the test where Playwright is not installed."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=SWITCHES)
        yield browser
        browser.close()


@contextmanager
def visit(browser: Any, url: str, expected: str = "", **options: Any) -> Iterator[Any]:
    """Open a page and, at the end, insist that it complained of nothing and asked nobody else.

    Chromium reports every answer from 400 on; `expected` is a part of what it says that the test has brought about.
    """
    complaints: list[str] = []
    elsewhere: list[str] = []
    context = browser.new_context(**{**LAPTOP, **options})
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: message.type in ("error", "warning") and complaints.append(message.text))
    context.on("request", lambda asked: asked.url.startswith((url, "blob:", "data:")) or elsewhere.append(asked.url))
    page.goto(url)
    yield page
    complained = [text for text in complaints if not expected or expected not in text]
    assert not complained, complained
    assert not elsewhere, elsewhere
    context.close()


def scrolls_sideways(page: Any) -> bool:
    """Whether a page is wider than its window."""
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


def bars(page: Any) -> tuple[list[str], list[str]]:
    """Names and shares on the newest card, once it has them."""
    card = page.locator(".card").first
    card.locator(".answer").wait_for()
    return card.locator(".bars .name").all_inner_texts(), card.locator(".bars .share").all_inner_texts()


def one_of(*states: str) -> str:
    """Return what selects cards in one of these states; without any, in which there is no more to wait for."""
    return ", ".join(
        f'.card[data-state="{state}"]' for state in states or ("answered", "unknown", "careful", "refused")
    )
