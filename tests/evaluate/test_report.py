import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from evaluate_samples import EPOCHS, tell, tell_with_errors

from fieldmark.evaluate.report import group_by_reason, prose, render

PIXEL = "data:image/jpeg;base64,/9j/4AAQ"
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>'


class Page(HTMLParser):
    """What a browser would make of a report: its tags with their attributes, and the text a person sees."""

    VOID = frozenset({"meta", "img", "br", "link", "input"})

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.unclosed: list[str] = []
        self.pieces: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.unclosed.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.unclosed.pop() == tag

    def handle_data(self, data):
        if "style" not in self.unclosed:
            self.pieces.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.pieces).split())

    def all(self, tag: str, kind: str | None = None) -> list[dict[str, str | None]]:
        return [a for name, a in self.tags if name == tag and (kind is None or kind in (a.get("class") or "").split())]


def test_the_headline_says_how_many_were_right_and_how_sure_that_is(content):
    sentence = "81 of 85 photos right: 95.3 %; the true share is probably between 88.5 % and 98.2 %."
    page = Page(render(content()))
    assert sentence in page.text
    assert {"name": "description", "content": sentence} in page.all("meta")


def test_a_training_report_says_that_the_epoch_was_chosen_on_the_same_photos(content, judged_only):
    sentence = "The epoch that was kept was chosen on these same 85 photos, so this figure flatters a little."
    assert sentence in Page(render(content())).text
    assert "flatters" not in Page(render(judged_only())).text


def test_the_baseline_stands_beside_the_figure(content):
    assert "always saying “coral”, 43 of 85 would be right" in Page(render(content())).text


def test_later_epochs_that_overfit_are_named(content):
    text = Page(render(content())).text
    assert "Validation loss was best at epoch 2 of stage 2 and rose after it; the weights of that epoch" in text


def test_every_epoch_stands_in_a_table_and_the_kept_one_is_marked(content):
    page = Page(render(content()))
    for row in EPOCHS:
        assert f"{row.train_loss:.4f}" in page.text
    assert len(page.all("tr", "kept")) == 1
    assert "2 kept0.17000.14004.7 %20.0 s" in page.text


def test_every_curve_of_the_finder_is_drawn_and_listed(content):
    page = Page(render(content()))
    assert {"used 1e-3, as suggested", "suggested 3e-4"} <= set(
        re.findall(r">([^<>]*suggested[^<>]*)</text>", render(content()))
    )
    assert page.text.count("This curve in numbers") == 2


def test_without_training_there_are_no_curves_and_no_training_counts(judged_only):
    text = Page(render(judged_only())).text
    assert "How it learned" not in text
    assert "How fast it may learn" not in text
    assert "learned from" not in text
    assert "What it was judged on" in text


def test_what_went_in_is_counted_per_class_and_in_all(content):
    text = Page(render(content(class_counts={"coral": (1161, 44), "king": (180, 41)}))).text
    assert "coral1,16144" in text.replace(" ", "")
    assert "All1,34185" in text.replace(" ", "")


def test_the_stages_say_how_they_ended(content):
    text = Page(render(content())).text
    assert "Stage 1, the head alone: 5 of 85 wrong (5.9 %), validation loss 0.3000, at epoch 2." in text
    assert "Stage 2, the later layers too: 4 of 85 wrong (4.7 %)" in text


@pytest.mark.parametrize("c", [2, 30])
def test_the_confusion_table_has_a_cell_for_every_pair_of_classes(content, c):
    page = Page(render(content(tell_with_errors([f"class {i}" for i in range(c)], n=10 * c, wrong=c))))
    assert len(page.all("td", "right")) == c
    assert len(page.all("td", "wrong")) == c * (c - 1)


def test_confusions_are_listed_the_commonest_first(content):
    actual, taken = [0] * 5 + [1] * 5, [1, 1, 1, 0, 0, 0, 1, 1, 1, 1]
    rows = [(0.9, 0.1) if t == 0 else (0.1, 0.9) for t in taken]
    text = Page(render(content(tell(["coral", "king"], actual, rows)))).text
    assert text.index("3 coral taken for king") < text.index("1 king taken for coral")


def test_recall_and_precision_show_share_count_and_interval(content):
    text = Page(render(content())).text
    assert "95.3 % 41 of 43 84.5 % to 98.7 %" in text
    assert "95.2 % 40 of 42 84.2 % to 98.7 %" in text


def test_a_class_without_photos_shows_no_figure(content):
    text = Page(render(content(tell(["coral", "king", "milk"], [0, 1], [(0.9, 0.1, 0), (0.1, 0.9, 0)])))).text
    assert "no photo of this class" in text
    assert "no photo was given this name" in text


def test_no_mistake_is_said_to_be_none(content):
    text = Page(render(content(tell_with_errors(["coral", "king"], n=20, wrong=0)))).text
    assert "20 of 20 photos right: 100 %; the true share is probably between 83.9 % and 100 %." in text
    assert "No photo was taken for another class." in text
    assert "None was wrong; these came closest." in text


def test_the_hardest_photos_come_first_and_only_they_are_looked_up(content, snakes):
    asked = []

    def thumbnail(photo):
        asked.append(photo)
        return PIXEL if len(asked) > 1 else None

    page = Page(render(content(thumbnails=thumbnail)))
    by_loss = sorted(range(85), key=lambda i: -snakes.losses[i])
    assert asked == [snakes.photos[i] for i in by_loss[:12]]
    assert [image["src"] for image in page.all("img")] == [PIXEL] * 11
    assert page.text.count("no longer on the disk") == 1


def test_a_hard_photo_is_captioned_with_prediction_actual_loss_and_probability(content):
    predictions = tell(["coral", "king"], [0, 1], [(0.02, 0.98), (0.1, 0.9)], photos=["coral/a.jpg", "king/b.jpg"])
    text = Page(render(content(predictions))).text
    caption = "Prediction king Actual coral Loss 3.9120 Probability 98.0 % actual 2.0 % coral/a.jpg"
    assert caption in text


def test_a_few_unusable_files_are_listed_with_their_reasons(content):
    text = Page(render(content(unusable=[("king/readme.txt", "text, not a picture")]))).text
    assert "What could not be used: 1 file king/readme.txttext, not a picture" in text


def test_a_thousand_unusable_files_fold_away_by_reason_and_none_is_lost(content):
    unusable = [
        (f"king/{i}.jpg", "an empty file, not a picture" if i % 4 else f"cut short ({i} bytes)") for i in range(1000)
    ]
    page = Page(render(content(unusable=unusable)))
    assert "What could not be used: 1,000 files" in page.text
    assert "750 an empty file, not a picture" in page.text
    assert "250 cut short" in page.text
    assert all(f"king/{i}.jpg" in page.text for i in range(1000))
    assert "cut short (996 bytes)" in page.text


def test_reasons_that_differ_in_numbers_alone_make_one_group():
    groups = group_by_reason([("a", "9 x 9 pixels are too many"), ("b", "text"), ("c", "8 x 8 pixels are too many")])
    assert [(group.reason, len(group.files), group.alike) for group in groups] == [
        ("9 x 9 pixels are too many, and the like", 2, False),
        ("text", 1, True),
    ]


def test_a_hint_in_brackets_stays_when_all_files_share_it():
    hint = "a Git LFS pointer (run `git lfs pull`)"
    assert group_by_reason([("a", hint), ("b", hint)])[0].reason == hint


def test_warnings_are_shown(content):
    assert "Classes are very unequal." in Page(render(content(warnings=["Classes are very unequal."]))).text


def test_unknown_photos_are_spoken_of(content):
    predictions = tell(["coral", "king"], [0, 1], [(0.9, 0.1), (0.1, 0.9)], unknown=[True, False])
    assert "1 of the 2 photos (50.0 %) the model said “none of these”" in Page(render(content(predictions))).text


def test_settings_versions_and_times_are_kept(content):
    text = Page(render(content())).text
    assert "size299" in text
    assert "epochs[4, 4]" in text
    assert "numpy2.3" in text
    assert "training3 min 34 s" in text


def test_hostile_names_stay_text(content):
    predictions = tell([HOSTILE, "king"], [0, 1], [(0.2, 0.8), (0.1, 0.9)], photos=[HOSTILE, "b.jpg"])
    page = Page(
        render(
            content(
                predictions,
                title=HOSTILE,
                created=HOSTILE,
                unusable=[(HOSTILE, HOSTILE)],
                warnings=[HOSTILE],
                split_note=HOSTILE,
                settings={HOSTILE: HOSTILE},
                versions={HOSTILE: [HOSTILE]},
                thumbnails=lambda photo: PIXEL,
            )
        )
    )
    assert not page.all("script")
    assert [image["src"] for image in page.all("img")] == [PIXEL, PIXEL]
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert page.text.count(HOSTILE) >= 10


def test_the_page_asks_no_computer_for_anything(content):
    html = render(content(thumbnails=lambda photo: PIXEL))
    page = Page(html)
    policy = {
        "http-equiv": "Content-Security-Policy",
        "content": "default-src 'none'; style-src 'unsafe-inline'; img-src data:",
    }
    assert policy in page.all("meta")
    asked = [
        value for _, attributes in page.tags for name, value in attributes.items() if name in ("src", "href", "srcset")
    ]
    assert all(value.startswith("data:") for value in asked)
    assert not page.all("script") + page.all("link") + page.all("iframe")
    assert not re.search(r"https?://|@import|url\(", html)


def test_ids_on_the_page_are_its_own(content):
    page = Page(render(content()))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    pointed = {i for _, a in page.tags for i in (a.get("aria-labelledby") or "").split()}
    assert pointed <= set(ids)


def test_every_tag_is_closed(content):
    assert Page(render(content(unusable=[(f"{i}", "text") for i in range(20)]))).unclosed == []


def test_a_file_name_that_is_no_utf_8_can_be_written(content):
    html = render(content(unusable=[("king/\udcff.jpg", "an empty file")]))
    assert "king/\\udcff.jpg" in html.encode("utf-8").decode("utf-8")


def test_a_date_that_is_none_is_shown_as_it_came(content):
    assert "23 November 2026, 14:05 UTC" in Page(render(content())).text
    assert "some day" in Page(render(content(created="some day"))).text


def test_prose_keeps_numbers_with_their_sign_and_sets_commands_as_code():
    assert prose("5 % <b> `fieldmark train`") == "5&nbsp;% &lt;b&gt; <code>fieldmark train</code>"


def test_nothing_heavy_is_loaded_to_judge_and_report():
    code = (
        "import sys, fieldmark.evaluate.judge, fieldmark.evaluate.report;"
        "print(sorted({'torch', 'scipy', 'sklearn', 'timm'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
