"""`check` on real photos with known faults: wrong labels, strangers and plain pictures in one folder; a raw harvest."""

import json
import shutil
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from fieldmark.cli import main

pytestmark = [pytest.mark.photos, pytest.mark.timeout(900)]

FLIPPED, STRANGERS, PLAIN = 21, 40, 20


def checked(folder, capsys):
    assert main(["check", str(folder), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["findings"]
    return {kind: [f for f in found if f["kind"] == kind] for kind in {f["kind"] for f in found}}


@pytest.fixture
def spoilt(real_photos, tmp_path):
    """The snakes with some under the other name, strangers and plain pictures among them; and which these are."""
    folder, rng = tmp_path / "snakes", np.random.default_rng(7)
    shutil.copytree(real_photos / "snakes" / "classes", folder)
    other = {"coral": "king", "king": "coral"}
    photos = sorted(folder.glob("*/*.jpg"))
    flipped = {folder / other[p.parent.name] / f"flip-{p.name}": p for p in rng.choice(photos, FLIPPED, replace=False)}
    strange = rng.choice(sorted((real_photos / "offtopic").glob("*.JPEG")), STRANGERS, replace=False)
    strangers = {folder / rng.choice(["coral", "king"]) / f"far-{i}.jpg": path for i, path in enumerate(strange)}
    for new, old in flipped.items():
        old.rename(new)
    for new, old in strangers.items():
        shutil.copy(old, new)
    plain = [folder / rng.choice(["coral", "king"]) / f"plain-{i}.png" for i in range(PLAIN)]
    for path in plain:
        Image.new("RGB", (300, 200), tuple(rng.integers(0, 256, 3).tolist())).save(path)
    return folder, *({p.relative_to(folder).as_posix() for p in some} for some in (flipped, strangers, plain))


def test_wrong_labels_strangers_and_plain_pictures_are_told_apart_in_one_folder(spoilt, capsys):
    folder, flipped, strangers, plain = spoilt

    found = checked(folder, capsys)
    first = {kind: [finding["photo"] for finding in found[kind]] for kind in ("label", "off_topic", "blank")}

    # One draw of the ten in docs/checks.md, whose mean is what is promised; the least of those had 16 of 21.
    assert len(flipped & set(first["label"][:42])) >= 15
    assert len(strangers & set(first["off_topic"][:50])) >= 38
    assert set(first["blank"]) == plain
    assert not plain & (set(first["label"]) | set(first["off_topic"]))  # a plain picture is no wrong label as well


def test_what_is_wrong_with_a_raw_harvest_is_found(real_photos, tmp_path, capsys):
    found = checked(shutil.copytree(real_photos / "bears_raw", tmp_path / "bears"), capsys)

    assert Counter(f["text"].split(":")[0].split(" (")[0] for f in found["unreadable"]).total() == 6
    assert {"black/00000015.jpg", "grizzly/00000148.jpg"} == {f["photo"] for f in found["conflict"]}
