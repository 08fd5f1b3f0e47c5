"""A person at the page, in a real Chromium."""

import os
import re
from contextlib import contextmanager

import pytest

from curate.desks import Process, files, find, ids_of, paint, wait_for
from fieldmark.artifacts.findings import TITLES
from fieldmark.artifacts.verdicts import Verdict, append, open_journal, read_journal
from fieldmark.artifacts.workspace import Workspace
from fieldmark.curate.server import serving
from support.chromium import needs_chromium

pytestmark = needs_chromium


@contextmanager
def visit(browser, url, gone=False, **options):
    """Open the page and, at the end, insist that it complained of nothing and asked nobody else."""
    complaints, elsewhere = [], []
    context = browser.new_context(**{"viewport": {"width": 1200, "height": 800}, **options})
    page = context.new_page()
    page.set_default_timeout(10_000)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda message: (
            message.type in ("error", "warning")
            and "the server responded with a status of 4" not in message.text
            and not (gone and "net::ERR" in message.text)  # the server is killed on purpose
            and complaints.append(message.text)
        ),
    )
    page.on("request", lambda request: request.url.startswith(url) or elsewhere.append(request.url))
    page.goto(url)
    page.locator(".tile.focused").wait_for()
    yield page
    assert complaints == []
    assert elsewhere == []
    context.close()


def status(page):
    return page.locator("#status").inner_text()


def press(page, key, said):
    """Press a key and wait until the page says so."""
    page.keyboard.press(key)
    page.locator("#status", has_text=re.compile(said)).wait_for()


def on_screen(page):
    """What the page shows of every photo: class, state, crop."""
    return page.evaluate(
        """async () => {
            const seen = {};
            const scroller = document.getElementById("scroller");
            for (let top = 0; ; top += 300) {
                scroller.scrollTop = top;
                await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
                for (const tile of document.querySelectorAll(".tile")) {
                    seen[tile.dataset.id] = [tile.dataset.state, tile.querySelector(".class").textContent,
                        tile.getAttribute("aria-label").includes("cropped")];
                }
                if (top > scroller.scrollHeight) return seen;
            }
        }"""
    )


def on_disk(root):
    """The same, from the journal."""
    decisions = read_journal(Workspace.open(root)).decisions()
    shown = {}
    for path, id_ in ids_of(root).items():
        decision = decisions.get(id_)
        label = path.split("/")[0]
        shown[id_] = (
            [decision.state or "", decision.label or label, decision.crop is not None]
            if decision
            else ["", label, False]
        )
    return shown


def scrolls_sideways(page):
    return page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")


@pytest.fixture
def snakes(tmp_path):
    root = paint(tmp_path / "snakes", each=30)
    blurred = [(f"coral/{n:04}.jpg", "blurred", 2 - n / 100, True, None) for n in range(28)]
    alike = [(f"king/{n:04}.jpg", "near_duplicate", 0.9, True, "king/0003.jpg") for n in (1, 2, 3)]
    find(root, *blurred, *alike, ("king/0020.jpg", "label", 0.9, False, None))
    return root


def test_a_person_decides_by_keyboard_alone_and_a_killed_server_loses_nothing(browser, snakes):
    before = files(snakes)
    server = Process(snakes)
    with visit(browser, server.url, gone=True) as page:
        # 30 decisions; each moves on to the next photo.
        for n in range(28):
            press(page, "d" if n % 3 == 0 else "Space", f"coral/{n:04}.jpg")
        press(page, "Space", "king/0003.jpg")  # the best copy stands first in its group
        press(page, "d", "king/0001.jpg")
        assert page.locator("#progress-text").inner_text() == "30 of 31 doubtful ones decided"

        for n in range(5):
            page.keyboard.press("u")
            page.locator("#progress-text", has_text=re.compile(f"^{29 - n} of 31")).wait_for()
        assert status(page).startswith("Undone: coral/0025.jpg")
        press(page, "Control+y", "Done again: coral/0025.jpg")
        press(page, "Control+z", "Undone: coral/0025.jpg")

        for n in (25, 26, 27):
            press(page, "2", f"king: coral/{n:04}.jpg")
        press(page, "g", "Kept king/0003.jpg, rejected 2 look-alikes")

        page.keyboard.press("Home")
        page.keyboard.press("c")
        page.locator("#crop").wait_for()
        for key in ("ArrowLeft", "ArrowLeft", "Shift+ArrowLeft", "Shift+ArrowUp"):
            page.keyboard.press(key)
        press(page, "Enter", "Cropped: coral/0000.jpg")

        shown = on_screen(page)
        assert shown == on_disk(snakes)
        ids = ids_of(snakes)
        assert shown[ids["coral/0000.jpg"]] == ["reject", "coral", True]
        assert [shown[ids[f"coral/{n:04}.jpg"]] for n in (25, 26, 27)] == [["keep", "king", False]] * 3
        assert [shown[ids[f"king/{n:04}.jpg"]][0] for n in (1, 2, 3)] == ["reject", "reject", "keep"]

        page.reload()
        page.locator(".tile.focused").wait_for()
        assert on_screen(page) == shown

        # Killed in mid-typing: keys go on coming, and none of them is shown as done that is not.
        page.keyboard.press("n")
        for n in range(12):
            page.keyboard.press("d" if n % 2 else "Space")
            if n == 5:
                server.kill()
        page.locator("#banner", has_text="Not saved yet").wait_for()
        again = Process(snakes, server.port)
        page.locator("#banner").wait_for(state="hidden")
        wait_for(lambda: page.evaluate("sessionStorage.getItem('pending')") is None)
        page.wait_for_timeout(300)
        kept = on_screen(page)
        assert kept == on_disk(snakes)
        assert sum(kept[id_] != shown[id_] for id_ in kept) >= 6
        page.reload()
        page.locator(".tile.focused").wait_for()
        assert on_screen(page) == kept
        again.kill()
    assert files(snakes) == before


def test_two_tabs_stay_in_step_and_see_what_a_command_decides(browser, snakes):
    with serving(Workspace.open(snakes)) as url, visit(browser, url) as one, visit(browser, url) as two:
        press(one, "d", "Rejected: coral/0000.jpg")
        two.locator('.tile[data-state="reject"]').wait_for()
        press(two, "Space", "Kept: coral/0000.jpg")
        one.locator('.tile[data-state="keep"]').wait_for()
        press(one, "u", "Undone: coral/0000.jpg")
        press(one, "u", "Undone: coral/0000.jpg")
        two.locator('.tile[data-state="keep"]').wait_for(state="detached")
        photo = ids_of(snakes)["coral/0004.jpg"]
        with open_journal(Workspace.open(snakes)) as catalog:
            append(catalog, "from-elsewhere", [Verdict(photo, "reject", "a copy")], by="auto")
        for page in (one, two):
            page.locator(f'.tile[data-id="{photo}"][data-state="reject"]').wait_for()
        assert on_screen(one) == on_screen(two) == on_disk(snakes)


def test_ranges_and_whole_pages_are_decided_with_one_key_and_undone_with_one(browser, snakes):
    with serving(Workspace.open(snakes)) as url, visit(browser, url) as page:
        for _ in range(3):
            page.keyboard.press("Shift+ArrowRight")
        press(page, "d", "Rejected: 4 photos")
        page.locator(".tile").nth(5).click()
        page.locator(".tile").nth(7).click(modifiers=["Shift"])
        assert page.locator('.tile[aria-selected="true"]').count() == 3
        press(page, "2", "king: 3 photos")
        assert page.locator(".tile[data-state=reject]").count() == 4
        press(page, "u", "Undone: 3 photos")
        page.keyboard.press("Home")
        press(page, "Shift+G", r"Kept: \d+ photos")
        kept = sum(state == "keep" for state, _, _ in on_screen(page).values())
        assert kept >= 8
        press(page, "u", f"Undone: {kept} photos")
        assert sum(state == "keep" for state, _, _ in on_screen(page).values()) == 0


def test_a_crop_is_dragged_with_a_mouse_and_stored_as_parts_of_the_picture(browser, snakes):
    with serving(Workspace.open(snakes)) as url, visit(browser, url) as page:
        page.locator(".actions [data-do=crop]").click()
        page.locator("#zoom-frame.cropping").wait_for()
        wait_for(lambda: page.evaluate("document.getElementById('zoom-photo').naturalWidth > 0"))
        box = wait_for(lambda: page.locator("#zoom-frame").bounding_box())
        at = lambda x, y: (box["x"] + x * box["width"], box["y"] + y * box["height"])  # noqa: E731
        page.mouse.move(*at(0.02, 0.05))
        page.mouse.down()
        page.mouse.move(*at(0.3, 0.3))
        page.mouse.move(*at(0.5, 0.75))
        page.mouse.up()
        press(page, "Enter", "Cropped: coral/0000.jpg")
        decision = read_journal(Workspace.open(snakes)).decisions()[ids_of(snakes)["coral/0000.jpg"]]
        assert decision.state == "keep"
        crop = (decision.crop.left, decision.crop.top, decision.crop.right, decision.crop.bottom)
        assert crop == pytest.approx((0.02, 0.05, 0.5, 0.75), abs=0.02)
        page.keyboard.press("Home")
        page.keyboard.press("c")
        press(page, "Delete", "Whole picture again: coral/0000.jpg")
        assert read_journal(Workspace.open(snakes)).decisions()[ids_of(snakes)["coral/0000.jpg"]].crop is None


def test_the_smallest_phone_shows_everything_without_sideways_scroll_and_decides_by_touch(browser, snakes):
    phone = {"viewport": {"width": 320, "height": 640}, "has_touch": True, "is_mobile": True}
    with serving(Workspace.open(snakes)) as url, visit(browser, url, **phone) as page:
        assert not scrolls_sideways(page)
        page.locator(".actions [data-do=reject]").tap()
        page.locator(".tile[data-state=reject]").wait_for()
        page.locator("#filters-button").tap()
        page.locator("#by-kind").select_option("near_duplicate")
        assert page.locator(".tile").count() == 3
        assert not scrolls_sideways(page)
        page.locator(".actions [data-do=group]").tap()
        page.locator("#status", has_text="rejected 2 look-alikes").wait_for()
        page.locator(".actions [data-do=zoom]").tap()
        page.locator("#zoom-photo").wait_for()
        assert not scrolls_sideways(page)
        page.locator("#zoom [data-do=close]").tap()


def test_a_filter_that_nothing_matches_offers_the_way_back(browser, snakes):
    with serving(Workspace.open(snakes)) as url, visit(browser, url) as page:
        page.locator("#by-text").fill("no such name")
        page.get_by_role("button", name="Show all photos").wait_for()
        assert page.locator(".actions [data-do=keep]").is_disabled()
        page.get_by_role("button", name="Show all photos").click()
        page.locator(".tile.focused").wait_for()
        assert page.locator("#by-text").input_value() == ""
        assert page.locator(".actions [data-do=keep]").is_enabled()


def test_a_kind_is_called_the_same_on_the_page_as_in_python(browser, snakes):
    with serving(Workspace.open(snakes)) as url, visit(browser, url) as page:
        assert page.locator(".heading h2").first.inner_text() == TITLES["blurred"]
        options = page.locator("#by-kind option").all_inner_texts()
        assert options[1:] == [f"{TITLES['blurred']} (28)", f"{TITLES['near_duplicate']} (3)", f"{TITLES['label']} (1)"]


def test_files_that_vanish_are_shown_as_missing_with_their_verdicts(browser, snakes):
    with serving(Workspace.open(snakes)) as url, visit(browser, url) as page:
        press(page, "d", "Rejected: coral/0000.jpg")
        (snakes / "coral" / "0000.jpg").unlink()
        page.reload()
        missing = page.locator(".tile.missing")
        missing.wait_for()
        assert missing.get_attribute("data-state") == "reject"
        assert "missing from the disk" in missing.get_attribute("aria-label")


def test_a_second_clean_of_a_folder_shows_it_and_says_who_has_it(browser, snakes):
    with (
        serving(Workspace.open(snakes)) as url,
        serving(Workspace.open(snakes)) as other,
        visit(browser, other) as page,
    ):
        assert (
            f"Another fieldmark clean, at {url} (process {os.getpid()}), has this folder open"
            in page.locator("#banner").inner_text()
        )
        press(page, "d", "Reading only")
        assert page.locator(".tile[data-state=reject]").count() == 0


def test_the_grid_tells_a_screen_reader_where_one_is(browser, snakes):
    with serving(Workspace.open(snakes)) as url, visit(browser, url) as page:
        grid = page.get_by_role("grid", name="Photos")
        assert int(grid.get_attribute("aria-rowcount")) > 5
        assert page.locator('.tile[tabindex="0"]').count() == 1
        assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "coral/0000.jpg, coral, blurred"
        page.keyboard.press("End")
        page.locator("#scroller").evaluate("element => { element.scrollTop = 0 }")
        page.wait_for_timeout(100)
        assert page.evaluate("document.activeElement.getAttribute('role')") == "gridcell"  # out of sight, not lost
        page.keyboard.press("?")
        assert page.get_by_role("dialog", name="Keys").is_visible()


def test_what_is_no_picture_is_not_kept_and_of_a_range_the_others_are(browser, snakes):
    (snakes / "coral" / "0001.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut short")
    find(snakes, *((f"coral/{n:04}.jpg", "unreadable" if n == 1 else "dark", 2 - n, True, None) for n in range(3)))
    with serving(Workspace.open(snakes)) as url, visit(browser, url) as page:
        press(page, "Space", "^Nothing to keep: coral/0001.jpg cannot be read as a picture. Press d to reject")
        press(page, "2", "^Nothing to keep")
        assert read_journal(Workspace.open(snakes)).decisions() == {}
        page.keyboard.press("Shift+ArrowRight")
        press(page, "Space", "^Kept: coral/0000.jpg; 1 that cannot be read left as they were")
        page.keyboard.press("Home")
        press(page, "d", "^Rejected: coral/0001.jpg")
        page.keyboard.press("Home")
        press(page, "Shift+G", "^Kept: ")
        states = {id_: decision.state for id_, decision in read_journal(Workspace.open(snakes)).decisions().items()}
        assert states[ids_of(snakes)["coral/0001.jpg"]] == "reject"


def test_where_nothing_can_be_decided_no_button_offers_it(browser, snakes):
    with serving(Workspace.open(snakes)) as url, visit(browser, url) as page:
        deciding = page.locator(
            ".class-button, .actions [data-do=keep], .actions [data-do=reject], .actions [data-do=crop]"
        )
        assert deciding.evaluate_all("buttons => buttons.every((button) => !button.disabled)")
        page.locator("#by-text").fill("no such name")
        page.get_by_role("button", name="Show all photos").wait_for()
        assert deciding.evaluate_all("buttons => buttons.length >= 5 && buttons.every((button) => button.disabled)")


def test_who_may_only_look_finds_the_way_to_who_decides_and_takes_over_when_that_ends(browser, snakes):
    first = Process(snakes)
    with serving(Workspace.open(snakes)) as other, visit(browser, other) as page:
        link = page.locator("#banner a")
        assert link.get_attribute("href") == first.url == link.inner_text()
        buttons = page.locator(".class-button, .actions button:not([data-do=zoom])")
        assert buttons.evaluate_all("buttons => buttons.every((button) => button.disabled)")
        assert page.locator(".actions [data-do=zoom]").is_enabled()
        first.kill()
        page.locator("#banner").wait_for(state="hidden")
        assert page.locator(".class-button").first.is_enabled()
        page.locator(".actions [data-do=reject]").click()
        page.locator("#status", has_text="Rejected: coral/0000.jpg").wait_for()
