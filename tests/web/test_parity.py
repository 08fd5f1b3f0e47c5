"""The page against Python: the same pixels, the same answers, for every awkward picture and for real snakes."""

import base64
import csv
import io
from contextlib import ExitStack

import numpy as np
import pytest

from fieldmark.artifacts.modelfile import Model
from fieldmark.cli import main
from fieldmark.imaging.decode import MAX_PIXELS, decode
from support.awkward import UNKNOWN_TO_BROWSERS, pictures
from support.chromium import needs_chromium, one_of, visit
from support.static_host import host
from support.tiny_model import tiny_model_bytes

pytestmark = needs_chromium

TOLERANCE = 0.02  # of a probability

SEEN = """async ([version, packed, most]) => {
    const { readPixels } = await import(`./${version}/pixels.js`);
    const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
    const { data, height, width } = await readPixels(new Blob([bytes]), most);
    let text = "";
    for (let i = 0; i < data.length; i += 32768) text += String.fromCharCode(...data.subarray(i, i + 32768));
    return [height, width, btoa(text)];
}"""


def answers(page, photos):
    """Give photos and return, by name, what the page saves of its answers."""
    page.set_input_files("#file", photos)
    page.locator(one_of()).nth(len(photos) - 1).wait_for(timeout=300_000)
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as a table").click()
    text = saved.value.path().read_text("utf-8")
    page.get_by_role("button", name="Clear").click()
    return {row["image"]: row for row in csv.DictReader(io.StringIO(text))}


def file(name, content):
    return {"name": name, "mimeType": "image/x-whatever", "buffer": content}


@pytest.fixture(scope="module")
def readable():
    return {name: content for name, content in pictures().items() if name not in UNKNOWN_TO_BROWSERS}


def test_the_browser_sees_the_pixels_that_python_sees(browser, write_page, readable):
    folder = write_page(tiny_model_bytes())
    (version,) = folder.glob("v*")
    with host(folder) as site, visit(browser, site.url) as page:
        for name, content in readable.items():
            packed = base64.b64encode(content).decode()
            height, width, data = page.evaluate(SEEN, [version.name, packed, MAX_PIXELS])
            theirs = np.frombuffer(base64.b64decode(data), np.uint8).reshape(height, width, 3).astype(int)
            ours = decode(content).astype(int)
            if name == "huge.jpg":  # halved there: means of squares of four pixels
                ours = ours.reshape(height, 2, width, 2, 3).mean(axis=(1, 3))
            assert theirs.shape == ours.shape, name
            assert np.abs(theirs - ours).mean() < 1.0, name
            assert np.quantile(np.abs(theirs - ours), 0.999) <= 6, name


def test_awkward_pictures_get_the_answers_of_the_model(browser, write_page, tiny_model_file, readable):
    model = Model(tiny_model_file)
    with host(write_page(tiny_model_file.read_bytes())) as site, visit(browser, site.url) as page:
        found = answers(page, [file(name, content) for name, content in readable.items()])
        refused = answers(page, [file(name, pictures()[name]) for name in UNKNOWN_TO_BROWSERS])

    assert found.keys() == readable.keys()
    theirs = np.array([[float(row[f"p:{name}"]) for name in model.classes] for row in found.values()])
    ours = np.array(
        [[dict(model.predict(content).predictions)[name] for name in model.classes] for content in readable.values()]
    )
    assert np.ptp(ours, axis=0).min() > 0.05  # the pictures are not all one to it
    assert dict(zip(readable, np.abs(theirs - ours).max(axis=1).round(4), strict=True)) == pytest.approx(
        dict.fromkeys(readable, 0.0), abs=TOLERANCE
    )
    assert [row["error"].partition(":")[0] for row in refused.values()] == ["That cannot be read as a picture"] * 2


def test_eight_bits_answer_in_the_page_as_they_do_in_python(browser, write_page, tiny_int8_file, readable):
    model = Model(tiny_int8_file)
    with host(write_page(tiny_int8_file.read_bytes())) as site, visit(browser, site.url) as page:
        found = answers(page, [file(name, content) for name, content in readable.items()])

    ours = {name: dict(model.predict(content).predictions)["red"] for name, content in readable.items()}
    apart = {name: abs(float(found[name]["p:red"]) - said) for name, said in ours.items()}
    halved = apart.pop("huge.jpg")  # the page sees other pixels of it, and 8 bits round what differs once more
    assert model.info.precision == "int8" and np.ptp(list(ours.values())) > 0.05
    assert apart == pytest.approx(dict.fromkeys(apart, 0.0), abs=TOLERANCE) and halved < 3 * TOLERANCE


@pytest.mark.photos
@pytest.mark.long
def test_fifty_snakes_get_the_answers_of_the_model_with_and_without_the_host(
    browser, write_page, real_photos, tmp_path_factory
):
    folder = tmp_path_factory.mktemp("snakes")
    assert main(["train", str(real_photos / "snakes" / "classes"), "--effort", "quick", "-o", str(folder / "run")]) == 0
    assert main(["export", str(folder / "run"), "-o", str(folder / "snakes.onnx")]) == 0
    model = Model(folder / "snakes.onnx")
    photos = sorted((real_photos / "snakes" / "classes").glob("*/*.jpg"))[::8][:50]
    expected = {f"{photo.parent.name} {photo.name}": model.predict(photo) for photo in photos}
    given = [file(name, photo.read_bytes()) for name, photo in zip(expected, photos, strict=True)]

    with ExitStack() as running:
        site = running.enter_context(host(write_page((folder / "snakes.onnx").read_bytes())))
        with visit(browser, site.url, expected="ERR_CONNECTION_REFUSED") as page:
            assert agree(answers(page, given), expected) == 50
            page.wait_for_selector("#offline:not([hidden])", state="attached")
            running.close()
            page.reload()
            assert agree(answers(page, given), expected) == 50


def agree(found, expected):
    """How many answers have the same top class, the same "none of these" and probabilities within the tolerance."""
    return sum(
        found[name]["prediction"] == answer.label
        and found[name]["unknown"] == str(int(answer.unknown))
        and all(abs(float(found[name][f"p:{label}"]) - p) <= TOLERANCE for label, p in answer.predictions)
        for name, answer in expected.items()
    )
