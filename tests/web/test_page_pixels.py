"""Photo -> pixels in the browser, against the decoder of Python: before any network has looked at them."""

import base64

import numpy as np

from fieldmark.imaging.decode import MAX_PIXELS, decode
from support.awkward import UNKNOWN_TO_BROWSERS, pictures
from support.chromium import needs_chromium, visit
from support.static_host import host
from support.tiny_model import tiny_model_bytes

pytestmark = needs_chromium

SEEN = """async ([version, packed, most]) => {
    const { readPixels } = await import(`./${version}/pixels.js`);
    const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
    const { data, height, width } = await readPixels(new Blob([bytes]), most);
    const reader = new FileReader();
    const whole = new Promise((resolve) => { reader.onload = resolve; });
    reader.readAsDataURL(new Blob([data]));
    await whole;
    return [reader.result, height, width];
}"""


def seen(page, version, content):
    """What the page reads of a picture; in base64, since millions of numbers pass slowly through a script's answer."""
    url, height, width = page.evaluate(SEEN, [version, base64.b64encode(content).decode(), MAX_PIXELS])
    return np.frombuffer(base64.b64decode(url.partition(",")[2]), np.uint8).reshape(height, width, 3)


def test_the_browser_sees_the_pixels_that_python_sees(browser, write_page):
    folder = write_page(tiny_model_bytes())
    (version,) = folder.glob("v*")
    with host(folder) as site, visit(browser, site.url) as page:
        for name, content in pictures().items():
            if name in UNKNOWN_TO_BROWSERS:
                continue
            theirs, ours = seen(page, version.name, content).astype(np.int16), decode(content).astype(np.int16)
            if name == "huge.jpg":  # halved there: means of squares of four pixels
                ours = (ours[::2, ::2] + ours[1::2, ::2] + ours[::2, 1::2] + ours[1::2, 1::2] + 2) // 4
            assert theirs.shape == ours.shape, name
            off = np.bincount(np.abs(theirs - ours).ravel(), minlength=256) / ours.size
            assert off @ np.arange(256) < 1.0, name
            assert off[7:].sum() <= 0.001, name
