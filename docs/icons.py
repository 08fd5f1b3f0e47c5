"""Our favicon -> the icons under which a phone keeps a static page: src/fieldmark/web/page/icon-*.png.

    python docs/icons.py

A phone cuts its own shape out of an icon, so the ground goes to the edge and the drawing keeps to the middle. Needs
playwright and Debian's chromium.
"""

import io
import re
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from fieldmark.paper import favicon

SIDES = (192, 512)
FOLDER = Path(__file__).parents[1] / "src" / "fieldmark" / "web" / "page"


def main() -> None:
    """Draw both."""
    ground, *drawing = re.findall(r"<(?:rect|circle|path)[^>]*/>", favicon().decode())
    colour = re.search(r'fill="(#\w+)"', ground)[1]
    inner = f'<g transform="translate(16 16) scale(0.78) translate(-16.8 -16.8)">{"".join(drawing)}</g>'
    svg = f'<svg viewBox="0 0 32 32"><rect width="32" height="32" fill="{colour}"/>{inner}</svg>'
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"])
        for side in SIDES:
            page = browser.new_page(viewport={"width": side, "height": side})
            page.set_content(f"<style>body{{margin:0}}svg{{display:block;width:100vw}}</style>{svg}")
            seen = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
            seen.quantize(64).save(FOLDER / f"icon-{side}.png", optimize=True)
        browser.close()


if __name__ == "__main__":
    main()
