import base64
from contextlib import contextmanager
from pathlib import Path

import pytest

from fieldmark.artifacts.modelfile import Model
from fieldmark.serve.server import BackgroundServer
from support.bad_web import bad_web
from support.tiny_model import BLUE, RED, picture_bytes, tiny_model_bytes

CHROMIUM = Path("/usr/bin/chromium")
SWITCHES = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no {CHROMIUM} to drive"),
]


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=SWITCHES)
        yield browser
        browser.close()


@contextmanager
def visit(browser, url, **options):
    """Open the page and, at the end, insist that it complained of nothing and asked nobody else."""
    complaints, elsewhere = [], []
    context = browser.new_context(**{"viewport": {"width": 1000, "height": 800}, **options})
    page = context.new_page()
    page.set_default_timeout(10_000)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    # Chromium itself reports every answer from 400 on; those are what the page is being tested with.
    page.on(
        "console",
        lambda message: (
            message.type in ("error", "warning")
            and "the server responded with a status of 4" not in message.text
            and complaints.append(message.text)
        ),
    )
    page.on(
        "request",
        lambda request: request.url.startswith((url, "blob:", "data:")) or elsewhere.append(request.url),
    )
    page.goto(url)
    yield page
    assert complaints == []
    assert elsewhere == []
    context.close()


def bars(page):
    page.locator(".answer").wait_for()
    return page.locator(".bars .name").all_inner_texts(), page.locator(".bars .share").all_inner_texts()


def picture(colour, name="photo.png"):
    return {"name": name, "mimeType": "image/png", "buffer": picture_bytes(colour)}


def scrolls_sideways(page):
    return page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")


def test_a_visitor_gives_photos_in_every_way_and_reads_what_they_show(browser, monkeypatch, tmp_path):
    metrics = {"accuracy": 0.953, "n_valid": 85, "accuracy_ci95": [0.885, 0.982]}
    model = Model(tiny_model_bytes(metrics=metrics))
    with bad_web() as web, BackgroundServer(model) as server, visit(browser, server.url) as page:
        monkeypatch.setenv("FIELDMARK_ALLOW_HOSTS", web.endpoint)
        assert page.title() == "coral or king? · Fieldmark"
        assert page.locator(".names li").all_inner_texts() == ["coral", "king"]

        # By keyboard: the first stop is the file chooser, and one sees where one is.
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "file"
        outline = "getComputedStyle(document.querySelector('label[for=file]')).outlineStyle"
        assert page.evaluate(outline) == "solid"

        page.set_input_files("#file", picture(RED, '"><img src=x onerror=alert(1)>.png'))
        names, shares = bars(page)
        assert names == ["coral", "king"]
        assert shares[0].startswith("99.")
        assert page.locator("#verdict").inner_text().lower() == "coral"
        assert page.locator("#announcement").inner_text().startswith("coral, 99.")
        assert page.locator("#preview").get_attribute("src").startswith("blob:")
        assert page.locator("#caption").inner_text() == '"><img src=x onerror=alert(1)>.png'

        page.set_input_files("#file", {"name": "b.jpg", "mimeType": "image/jpeg", "buffer": b"no picture at all"})
        refusal = page.locator(".refusal")
        refusal.wait_for()
        assert refusal.inner_text() == "That cannot be read as a picture: text, not a picture."
        assert refusal.get_attribute("role") == "alert"
        assert not page.locator(".answer").is_visible()
        assert not page.locator("#preview").is_visible()

        page.fill("#url", web.picture("/blue.png", picture_bytes(BLUE)))
        page.keyboard.press("Enter")
        assert bars(page)[0] == ["king", "coral"]
        assert page.locator("#preview").get_attribute("src").startswith("data:image/jpeg;base64,")
        assert not refusal.is_visible()

        page.fill("#url", "http://169.254.169.254/latest/meta-data/")
        page.get_by_role("button", name="Look").click()
        refusal.wait_for()
        assert "where we do not go" in refusal.inner_text()

        give(page, "drop", "dataTransfer", picture_bytes(RED))
        assert bars(page)[0] == ["coral", "king"]
        give(page, "paste", "clipboardData", picture_bytes(BLUE))
        page.locator("#announcement", has_text="king").wait_for(state="attached")
        assert bars(page)[0] == ["king", "coral"]

        (tmp_path / "big.png").write_bytes(bytes(17 * 2**20))
        page.set_input_files("#file", tmp_path / "big.png")
        refusal.wait_for()
        assert refusal.inner_text() == "This file is larger than 16 MiB. Give a smaller one."


def give(page, event, carrier, content):
    script = """([event, carrier, content]) => {
        const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
        const transfer = new DataTransfer();
        transfer.items.add(new File([bytes], "given.png", {type: "image/png"}));
        const kind = event === "paste" ? ClipboardEvent : DragEvent;
        document.body.dispatchEvent(new kind(event, {[carrier]: transfer, bubbles: true, cancelable: true}));
    }"""
    page.evaluate(script, [event, carrier, base64.b64encode(content).decode()])


def test_of_many_classes_five_are_shown_and_all_on_request_also_on_the_smallest_phone(browser):
    names = tuple(f"a species with a very long name, number {n}" for n in range(17))
    phone = {"viewport": {"width": 320, "height": 640}, "has_touch": True, "is_mobile": True}
    model = Model(tiny_model_bytes(names, threshold=0.5))
    with BackgroundServer(model) as server, visit(browser, server.url, **phone) as page:
        assert not scrolls_sideways(page)
        page.set_input_files("#file", picture((90, 90, 90), "x" * 300 + ".png"))
        assert len(bars(page)[0]) == 5
        assert page.locator("#verdict").inner_text().lower() == "probably none of these"
        page.get_by_role("button", name="Show all 17").click()
        assert len(bars(page)[0]) == 17
        assert not scrolls_sideways(page)
        page.fill("#url", "http://127.0.0.1/" + "x" * 500)
        page.keyboard.press("Enter")
        page.locator(".refusal").wait_for()
        assert not scrolls_sideways(page)
        page.goto(f"{server.url}/docs")
        assert not scrolls_sideways(page)


def test_a_dear_mistake_is_warned_of_and_the_warning_goes_with_the_photo(browser):
    model = Model(tiny_model_bytes(sharpness=3.0, cost=["coral->king=1000"]))
    with BackgroundServer(model) as server, visit(browser, server.url, viewport={"width": 320, "height": 640}) as page:
        page.set_input_files("input[type=file]", picture(BLUE))
        page.locator(".advice").wait_for()
        assert page.locator(".advice").inner_text().startswith("Treat it as coral")
        assert "Treat it as coral" in page.locator("#announcement").inner_text()
        assert not scrolls_sideways(page)
        page.set_input_files("input[type=file]", picture(RED))
        page.locator(".advice").wait_for(state="hidden")
        assert bars(page)[0][0] == "coral"


def test_without_javascript_the_form_still_sends_a_photo(browser):
    model = Model(tiny_model_bytes())
    with BackgroundServer(model) as server, visit(browser, server.url, java_script_enabled=False) as page:
        page.set_input_files("#file", picture(RED))
        page.get_by_role("button", name="Send it").click()
        page.wait_for_url("**/upload")
        assert '[["coral"' in page.content()


def test_a_server_that_is_gone_gets_a_sentence(browser):
    with BackgroundServer(Model(tiny_model_bytes())) as server:
        context = browser.new_context()
        page = context.new_page()
        page.goto(server.url)
    page.set_input_files("#file", picture(RED))
    page.locator(".refusal").wait_for()
    assert page.locator(".refusal").inner_text() == "The server does not answer. Is it still running?"
    context.close()
