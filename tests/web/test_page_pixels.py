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
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([data]));
    link.download = "pixels";
    link.click();
    return [height, width, 3];
}"""


def seen(page, version, content):
    """What the page reads of a picture; as a file, since millions of levels pass slowly through a script's answer."""
    with page.expect_download() as saved:
        shape = page.evaluate(SEEN, [version, base64.b64encode(content).decode(), MAX_PIXELS])
    return np.frombuffer(saved.value.path().read_bytes(), np.uint8).reshape(shape)


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
