"""A model of `fieldmark demo` -> docs/pictures/fieldmark.jpg: painted snakes, and the page that tells them apart.

    python docs/picture.py fieldmark-demo/snakes.onnx fieldmark-demo/snakes

Needs playwright and Debian's chromium. Every snake in it is painted.
"""

import io
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from fieldmark.artifacts.modelfile import Model
from fieldmark.serve.server import BackgroundServer

SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
ROWS, COLUMNS, CELL = 4, 3, (200, 160)


def photograph_page(model: Path, photo: Path) -> Image.Image:
    """Serve a model, give its page a photo, and return what is seen."""
    with BackgroundServer(Model(model)) as server, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=SWITCHES)
        page = browser.new_page(viewport={"width": 940, "height": 640})
        page.goto(server.url)
        page.locator("input[type=file]").first.set_input_files(photo)
        page.get_by_text("%").first.wait_for()
        page.wait_for_timeout(500)
        seen = page.screenshot()
        browser.close()
    return Image.open(io.BytesIO(seen))


def lay_out(photos: list[Path]) -> Image.Image:
    """Lay pictures out as a sheet."""
    width, height = CELL
    sheet = Image.new("RGB", (COLUMNS * width, ROWS * height))
    for i, path in enumerate(photos[: ROWS * COLUMNS]):
        picture = Image.open(path).convert("RGB").resize(CELL, Image.Resampling.LANCZOS)
        sheet.paste(picture, (i % COLUMNS * width, i // COLUMNS * height))
    return sheet


def main() -> None:
    """Make the picture."""
    model, folder = map(Path, sys.argv[1:3])
    pairs = zip(sorted((folder / "coral").iterdir()), sorted((folder / "king").iterdir()), strict=False)
    sheet = lay_out([path for pair in pairs for path in pair][8:])
    page = photograph_page(model, folder / "king" / "0002.jpg")
    whole = Image.new("RGB", (sheet.width + page.width, page.height))
    whole.paste(sheet, (0, 0))
    whole.paste(page.convert("RGB"), (sheet.width, 0))
    target = Path(__file__).parent / "pictures" / "fieldmark.jpg"
    target.parent.mkdir(exist_ok=True)
    whole.save(target, quality=82, optimize=True)


if __name__ == "__main__":
    main()
