import base64

from fieldmark.artifacts.modelfile import Model
from fieldmark.serve.server import BackgroundServer
from support.bad_web import bad_web
from support.chromium import PHONE, bars, needs_chromium, one_of, scrolls_sideways, visit
from support.tiny_model import BLUE, RED, picture_bytes, tiny_model_bytes

pytestmark = needs_chromium

# Chromium itself reports every answer from 400 on; those are what the page is being tested with.
REFUSED = "the server responded with a status of 4"


def picture(colour, name="photo.png"):
    return {"name": name, "mimeType": "image/png", "buffer": picture_bytes(colour)}


def test_a_visitor_gives_photos_in_every_way_and_reads_what_they_show(browser, monkeypatch, tmp_path):
    metrics = {"accuracy": 0.953, "n_valid": 85, "accuracy_ci95": [0.885, 0.982]}
    model = Model(tiny_model_bytes(metrics=metrics))
    with (
        bad_web() as web,
        BackgroundServer(model) as server,
        visit(browser, server.url, expected=REFUSED) as page,
    ):
        monkeypatch.setenv("FIELDMARK_ALLOW_HOSTS", web.endpoint)
        assert page.title() == "coral or king? · Fieldmark"
        assert page.locator(".names li").all_inner_texts() == ["coral", "king"]
        newest, said = page.locator(".card").first, page.locator("#announcement")

        # By keyboard: the first stop is the file chooser, and one sees where one is.
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "file"
        outline = "getComputedStyle(document.querySelector('label[for=file]')).outlineStyle"
        assert page.evaluate(outline) == "solid"

        page.set_input_files("#file", picture(RED, '"><img src=x onerror=alert(1)>.png'))
        names, shares = bars(page)
        assert names == ["coral", "king"]
        assert shares[0].startswith("99.")
        assert newest.locator(".verdict").inner_text().lower() == "coral"
        assert said.inner_text().startswith("coral, 99.")
        assert newest.locator("img").get_attribute("src").startswith("blob:")
        assert newest.locator("figcaption").inner_text() == '"><img src=x onerror=alert(1)>.png'

        page.set_input_files("#file", {"name": "b.jpg", "mimeType": "image/jpeg", "buffer": b"no picture at all"})
        newest.locator(".refusal").wait_for()
        sentence = "That cannot be read as a picture: text, not a picture."
        assert newest.locator(".refusal").inner_text() == said.inner_text() == sentence
        assert not newest.locator(".answer").is_visible()
        assert not newest.locator("img").is_visible()

        page.fill("#url", web.picture("/blue.png", picture_bytes(BLUE)))
        page.keyboard.press("Enter")
        page.locator(".cards > :nth-child(3)").wait_for()
        assert bars(page)[0] == ["king", "coral"]
        assert newest.locator("img").get_attribute("src").startswith("data:image/jpeg;base64,")

        page.fill("#url", "http://169.254.169.254/latest/meta-data/")
        page.get_by_role("button", name="Look").click()
        newest.locator(".refusal").wait_for()
        assert "where we do not go" in newest.locator(".refusal").inner_text()

        page.fill("#url", " ")
        page.keyboard.press("Enter")
        assert "Give the address of a photo first" in page.get_by_role("alert").inner_text()

        give(page, "drop", "dataTransfer", picture_bytes(RED))
        page.locator(".cards > :nth-child(5)").wait_for()
        assert bars(page)[0] == ["coral", "king"]
        assert not page.locator("#notice").is_visible()
        give(page, "paste", "clipboardData", picture_bytes(BLUE))
        page.locator("#announcement", has_text="king").wait_for(state="attached")
        assert bars(page)[0] == ["king", "coral"]

        (tmp_path / "big.png").write_bytes(bytes(17 * 2**20))
        page.set_input_files("#file", tmp_path / "big.png")
        newest.locator(".refusal").wait_for()
        assert newest.locator(".refusal").inner_text() == "This file is larger than 16 MiB. Give a smaller one."

        page.get_by_role("button", name="Clear").click()
        assert page.locator(".card").count() == 0 and page.locator("#empty").is_visible()


def give(page, event, carrier, content):
    script = """([event, carrier, content]) => {
        const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
        const transfer = new DataTransfer();
        transfer.items.add(new File([bytes], "given.png", {type: "image/png"}));
        const kind = event === "paste" ? ClipboardEvent : DragEvent;
        document.body.dispatchEvent(new kind(event, {[carrier]: transfer, bubbles: true, cancelable: true}));
    }"""
    page.evaluate(script, [event, carrier, base64.b64encode(content).decode()])


def test_a_photo_chosen_before_the_script_of_the_page_has_come_is_looked_at_too(browser):
    with BackgroundServer(Model(tiny_model_bytes())) as server, visit(browser, server.url) as page:
        on_its_way = []
        page.route("**/giving.js", lambda route: on_its_way.append(route))
        with page.expect_request("**/giving.js"):
            page.reload(wait_until="commit")
        page.set_input_files("#file", picture(RED))
        page.wait_for_function("() => document.querySelector('#file').files.length")
        assert page.locator(".card").count() == 0

        on_its_way[0].continue_()
        assert bars(page)[0] == ["coral", "king"]


def test_several_photos_at_once_are_counted_and_announced_together(browser):
    with BackgroundServer(Model(tiny_model_bytes())) as server, visit(browser, server.url) as page:
        page.set_input_files("#file", [picture(RED, f"{n}.png") for n in range(4)] + [picture(BLUE, "b.png")])
        page.locator(one_of()).nth(4).wait_for()
        assert page.locator("#tally").inner_text() == "5 photos: 4 coral, 1 king"
        assert page.locator("#announcement").inner_text() == "5 photos: 4 coral, 1 king."
        assert page.locator("figcaption").all_inner_texts()[1:] == [f"{n}.png" for n in range(4)] + ["b.png"]


def test_a_server_that_is_busy_is_asked_again_when_it_said(browser):
    with BackgroundServer(Model(tiny_model_bytes())) as server, visit(browser, server.url, expected="503") as page:
        busy = {"status": 503, "headers": {"Retry-After": "1"}, "body": '{"error": "The server is busy."}'}
        page.route("**/upload", lambda route: route.fulfill(**busy), times=2)
        page.set_input_files("#file", picture(RED))
        assert bars(page)[0] == ["coral", "king"]
        page.route("**/upload", lambda route: route.fulfill(**{**busy, "headers": {}}))
        page.set_input_files("#file", picture(RED))
        page.locator(one_of("refused")).wait_for()
        assert page.locator(".card .refusal").first.inner_text() == "The server is busy."


def test_the_servers_page_may_use_the_camera(browser):
    model = Model(tiny_model_bytes())
    with BackgroundServer(model) as server, visit(browser, server.url, permissions=["camera"]) as page:
        page.get_by_role("button", name="Camera").click()
        page.wait_for_function("() => document.querySelector('video').videoWidth > 0")
        page.get_by_role("button", name="Take the photo").click()
        assert sorted(bars(page)[0]) == ["coral", "king"]


def test_of_many_classes_five_are_shown_and_all_on_request_also_on_the_smallest_phone(browser):
    names = tuple(f"a species with a very long name, number {n}" for n in range(17))
    model = Model(tiny_model_bytes(names, threshold=0.5))
    with BackgroundServer(model) as server, visit(browser, server.url, expected=REFUSED, **PHONE) as page:
        assert not scrolls_sideways(page)
        page.set_input_files("#file", picture((90, 90, 90), "x" * 300 + ".png"))
        assert len(bars(page)[0]) == 5
        assert page.locator(".verdict").first.inner_text().lower() == "probably none of these"
        page.get_by_role("button", name="Show all 17").click()
        assert len(bars(page)[0]) == 17
        assert not scrolls_sideways(page)
        page.fill("#url", "http://127.0.0.1/" + "x" * 500)
        page.keyboard.press("Enter")
        page.locator(one_of("refused")).wait_for()
        assert not scrolls_sideways(page)
        page.goto(f"{server.url}/docs")
        assert not scrolls_sideways(page)


def test_a_dear_mistake_is_warned_of_and_the_next_photo_has_its_own_answer(browser):
    model = Model(tiny_model_bytes(sharpness=3.0, cost=["coral->king=1000"]))
    with BackgroundServer(model) as server, visit(browser, server.url, **PHONE) as page:
        page.set_input_files("#file", picture(BLUE))
        page.locator(one_of("careful")).wait_for()
        assert page.locator(".card .verdict").first.inner_text().lower() == "treat it as coral"
        assert "Treat it as coral" in page.locator("#announcement").inner_text()
        assert not scrolls_sideways(page)
        page.set_input_files("#file", picture(RED))
        page.locator(one_of("answered")).wait_for()
        assert bars(page)[0][0] == "coral"
        assert not page.locator(".card .advice").first.is_visible()


def test_without_javascript_the_form_still_sends_a_photo(browser):
    model = Model(tiny_model_bytes())
    # Beside an answer that is no page, Chromium may or may not look for /favicon.ico.
    with (
        BackgroundServer(model) as server,
        visit(browser, server.url, expected="status of 404", java_script_enabled=False) as page,
    ):
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
    page.locator(one_of("refused")).wait_for()
    assert page.locator(".card .refusal").inner_text() == "The server does not answer. Is it still running?"
    context.close()
