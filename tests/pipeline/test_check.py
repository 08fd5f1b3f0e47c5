import json
import shutil

import numpy as np
import pytest
from PIL import Image

from fieldmark.artifacts import findings
from fieldmark.artifacts.catalog import Catalog
from fieldmark.artifacts.findings import TITLES, LeftOut
from fieldmark.artifacts.workspace import Workspace
from fieldmark.cli import main
from fieldmark.errors import FolderError
from fieldmark.pipeline.check import check
from support import kept


@pytest.fixture
def folder(tmp_path):
    """Sixteen pictures unlike each other in each of two classes, and one of each fault that pixels tell."""
    root = tmp_path / "snakes"
    for number in range(32):
        path = root / ("coral" if number % 2 else "king") / f"{number:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(number).save(path)
    shutil.copy(root / "king" / "000.png", root / "king" / "copy.png")
    shutil.copy(root / "coral" / "001.png", root / "king" / "strayed.png")
    picture(3).transpose(Image.Transpose.FLIP_LEFT_RIGHT).resize((240, 180)).save(root / "coral" / "mirrored.jpg")
    Image.new("RGB", (300, 220), (90, 120, 30)).save(root / "coral" / "plain.png")
    (root / "coral" / "page.jpg").write_text("<html>not found</html>")
    return root


def picture(number):
    rng = np.random.default_rng(number)
    soft = Image.fromarray(rng.integers(0, 256, (7, 9, 3), dtype=np.uint8)).resize((320, 240), Image.Resampling.BICUBIC)
    grain = Image.fromarray(rng.integers(0, 256, (240, 320, 3), dtype=np.uint8))
    return Image.blend(soft, grain, 0.2)


def photos_of(checked, kind):
    return sorted(found.photo for found in checked.findings if found.kind == kind and found.sure)


@pytest.fixture
def without_features(monkeypatch):
    """As where the training extra is not installed."""
    from fieldmark.errors import MissingExtra
    from fieldmark.pipeline import check as module

    def missing(name):
        raise MissingExtra("Looking at photos", "train")

    monkeypatch.setattr(module, "training", missing)


def test_every_fault_is_found_and_nothing_is_moved(folder, without_features):
    before = sorted(path.relative_to(folder) for path in folder.rglob("*.*"))

    checked = check(folder)

    assert photos_of(checked, "unreadable") == ["coral/page.jpg"]
    assert photos_of(checked, "duplicate") == ["king/copy.png"]
    assert photos_of(checked, "conflict") == ["coral/001.png", "king/strayed.png"]
    assert photos_of(checked, "near_duplicate") == ["coral/mirrored.jpg"]
    assert photos_of(checked, "blank") == ["coral/plain.png"]
    assert sorted(p.relative_to(folder) for p in folder.rglob("*.*") if ".fieldmark" not in p.parts) == before


def test_without_the_training_extra_it_says_what_it_left_out(folder, without_features):
    left_out = check(folder).left_out
    assert [(entry.kind, entry.part) for entry in left_out] == [
        ("not_a_photo", ""),
        ("off_topic", ""),
        ("label", ""),
        ("near_duplicate", "crops"),
    ]
    assert all("pip install 'fieldmark[train]'" in entry.reason for entry in left_out)


def test_findings_are_kept_for_clean_in_their_order(folder, without_features):
    checked = check(folder)
    with Catalog.open_reading(Workspace.open(folder).journal) as catalog:
        assert findings.read(catalog) == list(checked.findings)


@pytest.mark.long
def test_features_find_the_rest(folder):
    checked = check(folder)
    (left_out,) = checked.left_out
    assert left_out == LeftOut("not_a_photo", "36 photos are too few to learn from; 100 are needed.")
    ranked = [found for found in checked.findings if found.kind == "label"]
    assert len(ranked) >= 20 and {found.sure for found in ranked} <= {True, False}
    assert (folder / ".fieldmark" / "features").is_dir()
    assert checked.page.is_file()


def test_what_was_rejected_is_not_complained_of_again(folder, without_features):
    main(["clean", str(folder), "--auto"])
    checked = check(folder)
    assert photos_of(checked, "near_duplicate") == photos_of(checked, "duplicate") == []
    assert photos_of(checked, "unreadable") == []


def test_a_sentence_ends_with_a_full_stop_and_does_not_begin_with_its_kind(folder):
    told = check(folder).findings
    assert {"unreadable", "duplicate", "conflict", "near_duplicate", "blank", "label", "off_topic"} <= {
        found.kind for found in told
    }
    for found in told:
        assert found.text.endswith(".") and not found.text.endswith("..") and found.text[:1].isupper(), found.text
        assert not found.text.startswith(TITLES[found.kind]), found.text


def test_the_exit_code_says_whether_a_kind_was_found(folder, without_features, capsys):
    assert main(["check", str(folder)]) == 0
    assert main(["check", str(folder), "--fail-on", "dark"]) == 0
    assert main(["check", str(folder), "--fail-on", "blank", "--json"]) == 1
    told = json.loads(capsys.readouterr().out.partition("\n{")[2].join(["{", ""]))
    assert told["photos"] == 36 and told["counts"]["blank"] == 1
    assert {"photo", "kind", "score", "text", "sure"} <= set(told["findings"][0])
    assert {"kind": "near_duplicate", "part": "crops"}.items() <= told["left_out"][-1].items()


def test_a_kind_that_does_not_exist_is_wrong_usage(folder, capsys):
    assert main(["check", str(folder), "--fail-on", "blury"]) == 2
    assert "Did you mean blurred?" in capsys.readouterr().err


def test_a_folder_without_photos_is_said(tmp_path):
    (tmp_path / "coral").mkdir()
    with pytest.raises(FolderError):
        check(tmp_path)


def test_conflicts_of_a_workspace_are_findings(tmp_path, without_features):
    root = kept.made(tmp_path / "snakes")
    for number in range(4):
        kept.keep(root, number, f"https://x.org/{number}.jpg", label=("coral", "king")[number % 2])
    disputed = kept.keep(root, 9, "https://x.org/9.jpg", label="coral")
    kept.keep(root, 9, "https://x.org/also9.jpg", label="king")

    checked = check(root)

    assert photos_of(checked, "conflict") == [f"../conflicts/{disputed}.jpg"]
    assert 'src="data:image/jpeg' in checked.page.read_text()
