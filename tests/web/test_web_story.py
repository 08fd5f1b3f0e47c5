"""The static page in a browser: below a path of a host that knows nothing, with no other host in the world."""

import csv
import io
import re
from contextlib import ExitStack

import pytest

from support.chromium import LAPTOP, PHONE, bars, needs_chromium, one_of, scrolls_sideways, visit
from support.static_host import host
from support.tiny_model import BLUE, RED, picture_bytes, tiny_model_bytes

pytestmark = needs_chromium


def picture(colour, name="photo.png", **options):
    return {"name": name, "mimeType": "image/png", "buffer": picture_bytes(colour, **options)}


def table(page):
    """What the page saves as a table, row by row."""
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as a table").click()
    return list(csv.DictReader(io.StringIO(saved.value.path().read_text("utf-8"))))


def keeps_offline(page):
    page.locator("#offline").wait_for(state="attached")
    page.wait_for_selector("#offline:not([hidden])", state="attached")


def test_a_visitor_gives_photos_and_gives_them_again_when_the_host_is_gone(browser, write_page):
    metrics = {"accuracy": 0.953, "n_valid": 85, "accuracy_ci95": [0.885, 0.982]}
    folder = write_page(tiny_model_bytes(metrics=metrics))
    with ExitStack() as running:
        site = running.enter_context(host(folder))
        with visit(browser, site.url, expected="ERR_CONNECTION_REFUSED") as page:
            assert page.title() == "coral or king? · Fieldmark"
            assert "Your photos never leave this device." in page.locator("main").inner_text()
            assert "95.3\u00a0% of 85 photos" in page.locator("footer").inner_text()

            page.set_input_files("#file", picture(RED, '"><img src=x onerror=alert(1)>.png'))
            names, shares = bars(page)
            assert names == ["coral", "king"] and shares[0].startswith("99.")
            assert page.locator("#announcement").inner_text().startswith("coral, 99.")
            assert page.locator("figcaption").nth(1).inner_text() == '"><img src=x onerror=alert(1)>.png'

            three = [picture(BLUE, "b.png"), picture(RED, "r.png"), {**picture(RED, "no.jpg"), "buffer": b"no picture"}]
            page.set_input_files("#file", three)
            page.locator(one_of()).nth(3).wait_for()
            assert page.locator("#tally").inner_text() == "4 photos: 2 coral, 1 king, 1 without an answer"
            rows = table(page)
            assert [(row["image"], row["prediction"]) for row in rows[:3]] == [
                ("b.png", "king"),
                ("r.png", "coral"),
                ("no.jpg", ""),
            ]
            assert rows[2]["error"] == (
                "That cannot be read as a picture: not a picture in a format this browser knows."
            )

            keeps_offline(page)
            asked_before = len(site.asked)
            running.close()  # the host is gone
            page.reload()
            page.set_input_files("#file", picture(BLUE))
            assert bars(page)[0] == ["king", "coral"]
            assert len(site.asked) == asked_before


def test_nothing_is_fetched_twice(browser, write_page):
    with host(write_page(tiny_model_bytes())) as site, visit(browser, site.url) as page:
        keeps_offline(page)
        large = [name for name in site.asked if name.endswith(".gz")]
        assert len(large) == len(set(large)) == 2


@pytest.mark.parametrize("encodes", [False, True])
def test_a_host_may_or_may_not_unpack_what_is_packed(browser, write_page, encodes):
    with host(write_page(tiny_model_bytes()), encodes=encodes) as site, visit(browser, site.url) as page:
        page.set_input_files("#file", picture(RED))
        assert bars(page)[0] == ["coral", "king"]
        keeps_offline(page)


def test_neither_the_page_nor_its_worker_can_reach_another_host(browser, write_page, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "x").write_text("reached")
    with host(write_page(tiny_model_bytes())) as site, host(tmp_path / "elsewhere") as elsewhere:
        context = browser.new_context(**LAPTOP)
        page = context.new_page()
        page.goto(site.url)
        page.set_input_files("#file", picture(RED))
        bars(page)
        (worker,) = page.workers
        ask = "(url) => fetch(url, {mode: 'no-cors'}).then(() => 'reached', (error) => error.message)"

        assert page.evaluate(ask, f"{elsewhere.url}x") == worker.evaluate(ask, f"{elsewhere.url}x") == "Failed to fetch"
        page.evaluate("(url) => { new Image().src = url; navigator.sendBeacon(url, 'x'); }", f"{elsewhere.url}x")
        page.evaluate("(url) => import(url).catch(() => {})", f"{elsewhere.url}x.js")
        assert elsewhere.asked == []
        # The same question where it is allowed, so that the answer above means something.
        assert page.evaluate(ask, f"{site.url}index.html") == worker.evaluate(ask, f"{site.url}sw.js") == "reached"
        context.close()


def test_a_new_export_takes_over_when_the_visitor_says_so_and_the_old_one_is_whole_until_then(browser, write_page):
    folder = write_page(tiny_model_bytes(("coral", "king")))
    with host(folder) as site, visit(browser, site.url) as page:
        keeps_offline(page)
        page.reload()  # now it comes from what was kept
        page.locator("#loading[hidden]").wait_for(state="attached")
        write_page(tiny_model_bytes(("asp", "boa")))
        page.reload()
        page.get_by_role("button", name="Use it").wait_for()
        page.set_input_files("#file", picture(RED))
        assert page.title() == "coral or king? · Fieldmark" and bars(page)[0] == ["coral", "king"]

        page.get_by_role("button", name="Use it").click()
        page.get_by_role("heading", name="asp or boa?").wait_for()
        page.set_input_files("#file", picture(RED))
        assert bars(page)[0] == ["asp", "boa"]
        kept = page.evaluate("caches.keys()")
        assert len(kept) == 1 and kept[0].endswith(next(folder.glob("v*")).name)


def test_a_half_uploaded_new_version_is_not_taken(browser, write_page):
    folder = write_page(tiny_model_bytes(("coral", "king")))
    with host(folder) as site, visit(browser, site.url, expected="404") as page:
        keeps_offline(page)
        write_page(tiny_model_bytes(("asp", "boa")))
        (model,) = folder.glob("v*/model.onnx.gz")
        model.unlink()
        page.evaluate("navigator.serviceWorker.getRegistration().then((kept) => kept.update()).catch(() => {})")
        page.wait_for_function("() => navigator.serviceWorker.getRegistration().then((kept) => !kept.installing)")
        page.reload()
        page.set_input_files("#file", picture(RED))
        assert bars(page)[0] == ["coral", "king"]
        assert len(page.evaluate("caches.keys()")) == 1


def test_the_camera_is_looked_through_and_a_photo_of_it_answered(browser, write_page):
    with host(write_page(tiny_model_bytes())) as site, visit(browser, site.url, permissions=["camera"]) as page:
        page.get_by_role("button", name="Camera").click()
        dialog = page.get_by_role("dialog", name="Camera")
        dialog.wait_for()
        page.wait_for_function("() => document.querySelector('video').videoWidth > 0")
        page.get_by_role("button", name="Take the photo").click()

        assert sorted(bars(page)[0]) == ["coral", "king"]
        assert not dialog.is_visible()
        assert page.evaluate("document.querySelector('video').srcObject") is None  # its light is out
        assert page.evaluate("document.activeElement.id") == "open-camera"
        assert page.locator(".card figcaption").inner_text() == "From the camera"
        size = page.evaluate(
            "[document.querySelector('.card img').naturalWidth, document.querySelector('.card img').naturalHeight]"
        )
        assert min(size) >= 480


def test_a_camera_that_is_refused_or_missing_gets_a_sentence(browser, write_page):
    refusing = "() => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', '%s')); }"
    with host(write_page(tiny_model_bytes())) as site:
        for reason, words in (("NotAllowedError", "was not allowed"), ("NotFoundError", "has no camera"), ("X", "(X)")):
            with visit(browser, site.url) as page:
                page.evaluate(refusing % reason)
                page.get_by_role("button", name="Camera").click()
                notice = page.get_by_role("alert")
                notice.wait_for()
                assert words in notice.inner_text() and "hoose a photo" in notice.inner_text()


def test_a_page_without_a_safe_origin_offers_the_phones_own_camera(browser, write_page):
    with host(write_page(tiny_model_bytes())) as site:
        context = browser.new_context(**PHONE)
        context.add_init_script(
            "delete Navigator.prototype.mediaDevices; const real = matchMedia;"
            "window.matchMedia = (asked) => asked.includes('coarse') ? {matches: true} : real(asked);"
        )
        page = context.new_page()
        page.goto(site.url)
        assert page.locator("#open-camera").is_hidden() and page.locator("#phone-camera").is_visible()
        page.set_input_files("#camera", picture(RED))
        assert bars(page)[0] == ["coral", "king"]
        context.close()


def test_what_a_mistake_costs_decides_and_none_of_these_is_an_answer(browser, write_page, tmp_path):
    careful = write_page(tiny_model_bytes(sharpness=3.0, cost=["coral->king=1000"]), tmp_path / "careful")
    with host(careful) as site, visit(browser, site.url, **PHONE) as page:
        page.set_input_files("#file", picture(BLUE))
        page.locator(one_of("careful")).wait_for()
        assert page.locator(".card .verdict").inner_text().lower() == "treat it as coral"
        assert page.locator(".card .advice").inner_text().lower() == "taking coral for king is costly."
        assert page.locator(".card .aside").inner_text() == "Most like king:"
        assert page.locator("#announcement").inner_text().startswith("Treat it as coral: taking coral for king")
        page.set_input_files("#file", [picture(RED, "r.png"), {**picture(RED, "no.png"), "buffer": b"no picture"}])
        page.locator(one_of()).nth(2).wait_for()
        said = "3 photos: 1 coral, 1 to treat as coral, 1 without an answer"
        assert page.locator("#tally").inner_text() == said
        assert page.locator(".card[data-state=refused] .no-preview").inner_text() == "No picture to show"
        assert not scrolls_sideways(page)
    doubting = write_page(tiny_model_bytes(sharpness=1.0, threshold=0.3), tmp_path / "doubting")
    with host(doubting) as site, visit(browser, site.url, **PHONE) as page:
        page.set_input_files("#file", picture((90, 90, 90)))
        page.locator(one_of("unknown")).wait_for()
        assert page.locator(".card .verdict").inner_text().lower() == "probably none of these"
        assert page.locator(".card .label").is_hidden()
        assert "none of these" in page.locator("#announcement").inner_text()


def test_too_large_a_photo_gets_a_sentence_and_the_next_one_an_answer(browser, write_page):
    wide = picture(RED, "wide.png", size=(8001, 8000), compress_level=1)
    with host(write_page(tiny_model_bytes())) as site, visit(browser, site.url) as page:
        page.set_input_files("#file", wide)
        page.locator(one_of("refused")).wait_for(timeout=120_000)
        sentence = page.locator(".card .refusal").inner_text()
        assert sentence == (
            "The picture is too large: 8001 x 8000 pixels are more than the 64 million we decode. Give a smaller one."
        )
        page.set_input_files("#file", picture(BLUE))
        assert bars(page)[0] == ["king", "coral"]


def test_a_model_that_cannot_be_fetched_is_said_and_so_is_a_damaged_one(browser, write_page):
    folder = write_page(tiny_model_bytes())
    (model,) = folder.glob("v*/model.onnx.gz")
    model.write_bytes(model.read_bytes()[:-40])
    with host(folder) as site, visit(browser, site.url, expected="404") as page:
        notice = page.get_by_role("alert")
        notice.wait_for()
        assert re.match(r"The model cannot be fetched or opened \(.+\)\. Check the connection", notice.inner_text())
        page.set_input_files("#file", picture(RED))
        page.locator(one_of("refused")).wait_for()
        model.unlink()
        page.reload()
        notice.wait_for()
        assert "(404 for " in notice.inner_text()


def test_it_is_used_by_keyboard_alone_and_fits_the_smallest_phone(browser, write_page):
    names = tuple(f"a species with a very long name, number {n}" for n in range(17))
    with host(write_page(tiny_model_bytes(names))) as site, visit(browser, site.url, **PHONE) as page:
        assert not scrolls_sideways(page)
        stops = []
        for _ in range(3):
            page.keyboard.press("Tab")
            stops.append(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
        assert stops == ["file", "open-camera", "SUMMARY"]
        many = [picture(RED, f"{'x' * 200}{n}.png") for n in range(5)]
        page.set_input_files("#file", many)
        page.locator(one_of()).nth(4).wait_for()
        assert not scrolls_sideways(page)
        page.locator("#file").focus()
        for _ in range(2):
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")  # Clear
        page.locator("#empty").wait_for()
        assert page.evaluate("document.activeElement.id") == "file"
        assert page.locator(".card").count() == 0


def test_opened_as_a_file_or_without_scripts_the_page_says_what_it_needs(browser, write_page):
    folder = write_page(tiny_model_bytes())
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    with host(folder) as site:
        page.goto(site.url)
        assert "scripts are switched off" in page.locator("main").inner_text()
    context.close()
    context = browser.new_context()
    page = context.new_page()
    page.goto((folder / "index.html").as_uri())
    page.locator(".late").wait_for()
    assert "not opened as a file" in page.locator(".late").inner_text()
    context.close()
