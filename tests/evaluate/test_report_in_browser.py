from evaluate_samples import tell_with_errors

from fieldmark.evaluate.report import render
from support.chromium import chromium, needs_chromium

pytestmark = needs_chromium


def test_no_report_scrolls_sideways_or_makes_the_browser_complain(content, tmp_path):
    pages = {
        "two": content(unusable=[("a" * 200, "text")], warnings=["w" * 200]),
        "thirty": content(
            tell_with_errors([f"a class with the number {i} and a long name" for i in range(30)], n=300, wrong=30),
            unusable=[("b" * 200, f"reason {i}") for i in range(30)],
        ),
        "long": content(
            tell_with_errors(["x" * 120, "y" * 120], n=40, wrong=5, photos=[f"{i:03}" + "z" * 247 for i in range(40)]),
            title="t" * 200,
        ),
    }
    complaints, wide = [], []
    with chromium() as browser:
        for name, parts in pages.items():
            file = tmp_path / f"{name}.html"
            file.write_text(render(parts), encoding="utf-8")
            page = browser.new_page()
            page.on("console", lambda message: complaints.append(message.text))
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.goto(file.as_uri())
            for width in (320, 390, 1280):
                page.set_viewport_size({"width": width, "height": 844})
                page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
                across = page.evaluate("document.documentElement.scrollWidth")
                if across > width:
                    wide.append((name, width, across))
            page.close()
    assert complaints == []
    assert wide == []
