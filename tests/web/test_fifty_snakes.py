"""Real photos on the static page: what `fm.Model` answers, with the host and when it is gone."""

from contextlib import ExitStack

import pytest

from fieldmark.artifacts.modelfile import Model
from fieldmark.cli import main
from support.asking_page import ask_page
from support.chromium import needs_chromium, visit
from support.static_host import host

pytestmark = [*needs_chromium, pytest.mark.photos, pytest.mark.long, pytest.mark.timeout(1200)]

TOLERANCE = 0.02  # of a probability


def test_fifty_snakes_get_the_answers_of_the_model_with_and_without_the_host(
    browser, write_page, real_photos, tmp_path_factory
):
    folder = tmp_path_factory.mktemp("snakes")
    assert main(["train", str(real_photos / "snakes" / "classes"), "--effort", "quick", "-o", str(folder / "run")]) == 0
    assert main(["export", str(folder / "run"), "-o", str(folder / "snakes.onnx")]) == 0
    model = Model(folder / "snakes.onnx")
    photos = sorted((real_photos / "snakes" / "classes").glob("*/*.jpg"))[::8][:50]
    given = {f"{photo.parent.name} {photo.name}": photo.read_bytes() for photo in photos}
    expected = {name: model.predict(content) for name, content in given.items()}

    with ExitStack() as running:
        site = running.enter_context(host(write_page((folder / "snakes.onnx").read_bytes())))
        with visit(browser, site.url, expected="ERR_CONNECTION_REFUSED") as page:
            assert agree(ask_page(page, given), expected) == 50
            page.wait_for_selector("#offline:not([hidden])", state="attached")
            running.close()
            page.reload()
            assert agree(ask_page(page, given), expected) == 50


def agree(found, expected):
    """How many answers have the same top class, the same "none of these" and probabilities within the tolerance."""
    return sum(
        found[name]["prediction"] == answer.label
        and found[name]["unknown"] == str(int(answer.unknown))
        and all(abs(float(found[name][f"p:{label}"]) - p) <= TOLERANCE for label, p in answer.predictions)
        for name, answer in expected.items()
    )
