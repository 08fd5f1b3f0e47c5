import random
from dataclasses import replace

import pytest

from fieldmark.artifacts.photos import PhotoFile
from fieldmark.checks.shortcuts import CLUES, Clue, audit, clue_of
from fieldmark.imaging.hashing import Fingerprint
from fieldmark.imaging.measures import Measures

MEASURES = Measures(
    width=500,
    height=400,
    n_bytes=1000,
    dark_end=10,
    middle=100,
    bright_end=240,
    contrast=50,
    sharpness=0.5,
    entropy=7,
    content=40,
    ground=0.1,
    plain=0.1,
    colours=300,
    quality=90,
    border=(0.1, 0, 0.1, 0),
    border_level=255,
    fingerprint=Fingerprint("0" * 16, bytes(256)),
)


def rows(n=200, seed=0, king=0.5, **clue):
    """Photos without any clue to their class, but for what `clue` says: a function of the class and the dice."""
    dice = random.Random(seed)
    made = []
    for number in range(n):
        label = "king" if dice.random() < king else "coral"
        row = Clue(
            id=f"{number:016x}",
            label=label,
            group=f"{number:016x}",
            host=dice.choice(["a.org", "b.org", "c.org"]),
            size=dice.uniform(1e5, 1e6),
            aspect=dice.uniform(0.6, 1.8),
            quality=dice.choice([75, 85, 90, None]),
            border=dice.choice(["none", "white"]),
        )
        made.append(replace(row, **{name: value(label, dice) for name, value in clue.items()}))
    return made


def warned(found):
    return [shortcut.clue for shortcut in found if shortcut.warned]


@pytest.mark.parametrize("seed", range(5))
def test_photos_without_a_clue_raise_no_warning(seed):
    found = audit(rows(seed=seed))

    assert sorted(shortcut.clue for shortcut in found) == sorted(CLUES)
    assert warned(found) == []


@pytest.mark.parametrize(
    ("clue", "field", "value"),
    [
        ("host", "host", lambda label, dice: f"{label}.org" if dice.random() < 0.8 else "a.org"),
        ("size", "size", lambda label, dice: dice.gauss(3e5 if label == "king" else 6e5, 1e5)),
        ("aspect", "aspect", lambda label, dice: 1.0 if label == "king" and dice.random() < 0.7 else 1.5),
        ("JPEG quality", "quality", lambda label, dice: 75 if label == "king" else 92),
        ("border", "border", lambda label, dice: "white" if label == "king" else "none"),
    ],
)
def test_each_clue_that_gives_the_class_away_is_warned_of_and_is_the_first(clue, field, value):
    found = audit(rows(**{field: value}))

    assert warned(found) == [clue] and found[0].clue == clue
    assert f"The photo's {clue} alone tells coral from king in" in found[0].text


def test_a_middle_size_between_two_others_is_a_shortcut_too():
    found = audit(rows(size=lambda label, dice: 5e5 if label == "king" else dice.choice([1e5, 9e5])))

    assert warned(found) == ["size"]


def test_the_figures_are_those_of_the_sentence():
    found = audit(rows(100, king=0.3, host=lambda label, dice: f"{label}.org"))[0]

    assert found.right == found.n == 100
    assert found.p == 0.005
    assert f"in 100 of 100 photos (always saying coral: {found.commonest}; 100 photos judged" in found.text
    assert found.to_dict()["warned"] is True


def test_a_host_for_every_photo_predicts_nothing():
    dice = iter(range(1000))

    assert "host" not in warned(audit(rows(host=lambda label, _: f"{next(dice)}.org")))


def test_copies_count_once_so_that_a_host_of_one_photo_served_often_is_no_shortcut():
    plain = rows(60)
    copies = [replace(plain[0], id=f"f{number:015x}", host="mirror.org") for number in range(200)]
    found = audit([*plain, *copies])

    assert {shortcut.n for shortcut in found} == {60}
    assert warned(found) == []


def test_the_order_of_the_photos_changes_nothing():
    photos = rows(host=lambda label, dice: f"{label}.org" if dice.random() < 0.5 else "a.org")
    shuffled = random.Random(1).sample(photos, len(photos))

    assert audit(photos) == audit(shuffled)


def test_a_clue_with_one_value_for_all_is_not_tried():
    found = audit(rows(border=lambda label, dice: "none", host=lambda label, dice: None))

    assert sorted(shortcut.clue for shortcut in found) == ["JPEG quality", "aspect", "size"]


@pytest.mark.parametrize("photos", [[], rows(19), [replace(row, label="king") for row in rows(50)]])
def test_of_few_photos_or_one_class_nothing_is_said(photos):
    assert audit(photos) == []


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://farm6.staticflickr.com/1/2.jpg", "staticflickr.com"),
        ("https://www.example.org/x.jpg", "example.org"),
        ("https://upload.wikimedia.org/a.png", "upload.wikimedia.org"),
        ("https://example2.org/x.jpg", "example2.org"),
        ("http://[broken/x.jpg", None),
        ("", None),
        (None, None),
    ],
)
def test_hosts_are_taken_from_urls_without_the_numbers_of_their_machines(url, host):
    photo = PhotoFile("king/1.jpg", "king", None, "a" * 64)

    assert clue_of(photo, MEASURES, url).host == host


def test_a_clue_holds_what_was_measured():
    photo = PhotoFile("king/1.jpg", "king", None, "a" * 64, group="g")
    clue = clue_of(photo, MEASURES)

    assert (clue.id, clue.label, clue.group) == ("a" * 16, "king", "g")
    assert (clue.size, clue.aspect, clue.quality, clue.border) == (200_000, 1.25, 90, "white")
    assert clue_of(photo, replace(MEASURES, border_level=None)).border == "none"
    assert clue_of(photo, replace(MEASURES, border_level=3)).border == "black"
