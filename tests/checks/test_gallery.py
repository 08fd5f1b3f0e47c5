import re

import pytest

from fieldmark.artifacts.findings import KINDS, TITLES, Finding, LeftOut, in_order
from fieldmark.checks import gallery
from fieldmark.checks.gallery import MEANINGS, PER_KIND, GalleryContent, render

BARE = [("not_a_photo", ""), ("label", ""), ("near_duplicate", "crops")]
IMAGE = "data:image/jpeg;base64,AAAA"


def page(findings, thumbnails=lambda photo: IMAGE, **more):
    return render(GalleryContent("snakes", "2026-01-02T03:04:05+00:00", 60, in_order(findings), thumbnails, **more))


def found(photo, kind="blurred", score=1.0, sure=True, group=None, text="it is blurred"):
    return Finding(photo, photo, kind, score, text, sure, group)


def test_every_kind_has_a_title_and_a_meaning():
    assert tuple(TITLES) == tuple(MEANINGS) == KINDS


def test_a_photo_is_shown_with_what_is_said_of_it():
    html = page([found("coral/a.jpg")])
    assert "coral/a.jpg" in html and "it is blurred" in html and IMAGE in html
    assert "Nothing found: Unreadable" in html


def test_a_folder_without_findings_says_so():
    assert "Nothing to complain of." in page([])


def test_a_check_that_was_not_made_is_not_said_to_have_found_nothing():
    few = LeftOut("off_topic", "3 small photos are too few.")
    bare = [LeftOut(kind, "The extra is missing.", part) for kind, part in BARE]
    html = page([], left_out=[few, *bare])
    clean = re.search(r"Nothing found: (.*?)\.</p>", html)[1].split(", ")
    assert clean == [TITLES[kind] for kind in KINDS if kind not in ("not_a_photo", "off_topic", "label")]
    told = re.sub("&#34;|&quot;", '"', html)
    assert '"Off topic" was not checked. 3 small photos are too few.' in told
    named = '"Probably no photo", "Perhaps another class" and "Near-duplicates" (crops)'
    assert f"{named} were not checked. The extra is missing." in told


def test_a_mere_ranking_is_no_complaint():
    html = page([found("a", "label", 0.1, sure=False)])
    assert "Nothing to complain of." in html and "<b>" not in html
    assert f'Not sure, but listed below: <a href="#label">{TITLES["label"]}</a>' in html


def test_names_and_sentences_of_strangers_stay_text():
    html = page(
        [found("<script>alert(1)</script>.jpg", text="looks like <b>king</b>")], command="fieldmark clean '<x>'"
    )
    assert "<script" not in html and "<b>king" not in html and "<x>" not in html


def test_a_page_asks_no_other_computer_for_anything():
    html = page([found("coral/a.jpg")])
    assert "default-src 'none'" in html
    assert not re.search(r"(?:src|href)=\"(?!data:|#)", html)


def test_photos_found_together_stand_together_and_the_best_copy_is_marked():
    findings = [
        found("a.jpg", "near_duplicate", 0.0, False, "a.jpg", "the best copy"),
        found("b.jpg", "near_duplicate", 0.9, True, "a.jpg", "a copy of a.jpg"),
        found("c.jpg", "near_duplicate", 0.8, True, "d.jpg", "a copy of d.jpg"),
        found("d.jpg", "near_duplicate", 0.0, False, "d.jpg", "the best copy"),
    ]
    html = page(findings)
    groups = re.findall(r'<ul class="strip group">(.*?)</ul>', html, re.DOTALL)
    assert [re.findall(r'alt="(.*?)"', group) for group in groups] == [["b.jpg", "a.jpg"], ["c.jpg", "d.jpg"]]
    assert html.count('class="badge"') == html.count('<li class="best">') == 2


def test_a_ranking_tells_the_sure_from_the_doubtful():
    html = page([found("a", "label", 0.9), *(found(f"b{n}", "label", 0.1, sure=False) for n in range(20))])
    assert "The 20 next most doubtful; most of these are right" in html
    assert html.index("<img") < html.index("<details>") < html.rindex("<img")


def test_of_very_many_the_most_doubtful_are_shown_and_the_others_counted():
    html = page([found(f"{n:03}.jpg", score=-n) for n in range(PER_KIND + 7)])
    assert html.count("<img") == PER_KIND
    assert "7 more are in" in html


def test_a_page_stays_small_however_large_the_pictures_are(monkeypatch):
    monkeypatch.setattr(gallery, "BUDGET", 1000)
    html = page([found(f"{n}.jpg", score=-n) for n in range(20)], lambda photo: IMAGE + "A" * 200)
    assert 3 <= html.count("<img") <= 5
    assert "no picture to show" in html


def test_a_photo_that_cannot_be_read_is_named_all_the_same():
    html = page([found("coral/page.jpg", "unreadable", text="an HTML page, not a picture")], lambda photo: None)
    assert "no picture to show" in html and "an HTML page" in html


@pytest.mark.parametrize("name", ["a\udcff.jpg", "‮gpj.exe"])
def test_a_name_that_is_no_text_does_not_break_the_page(name):
    page([found(name)]).encode("utf-8")
