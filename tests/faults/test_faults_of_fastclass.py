"""Faults of FastClass's downloader, `fcd`: for each, a test that we do not have it."""

import csv
import hashlib
import sqlite3
import subprocess
import sys
import threading
import time

import pytest
from PIL import Image

from faults.listed import encoded, ends, harvest_lists, only_photo, photos_of, put_photos
from fieldmark.cli import main
from fieldmark.config import HarvestSettings
from fieldmark.demo.smallweb import SmallWeb, cheap
from fieldmark.errors import WrongUsage
from support.harvesting import run, set_environment, sheet_in, statuses_by_url


def test_what_a_killed_harvest_had_fetched_is_on_disk_and_is_not_fetched_again(host, tmp_path):
    """FastClass: the whole harvest lives in a temporary folder, so that a crash loses everything."""
    urls = put_photos(host, "/0.jpg", "/1.jpg", "/2.jpg", "/3.jpg")
    go_on = threading.Event()
    host.hooks["/last.jpg"] = lambda asked: (200, {}, cheap("coral", 99)) if go_on.wait(60) else (500, {}, b"")
    (tmp_path / "coral.txt").write_text("\n".join([*urls, host.url("/last.jpg")]))
    command = [sys.executable, "-m", "fieldmark", "harvest", str(tmp_path / "coral.txt"), "-o", str(tmp_path / "w")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while _count_ok(tmp_path / "w") < len(urls):
        assert process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.wait()
    assert len(list((tmp_path / "w" / "photos").rglob("*.jpg"))) == len(urls)
    go_on.set()
    assert harvest_lists(tmp_path, {"coral": [*urls, host.url("/last.jpg")]}).photos == {"coral": 5}
    assert [host.asked(f"/{n}.jpg") for n in range(4)] == [1, 1, 1, 1]


def _count_ok(workspace):
    try:
        return list(statuses_by_url(workspace).values()).count("ok")
    except sqlite3.OperationalError:  # there is no catalog yet
        return 0


def test_a_web_page_called_jpg_ends_as_no_image_and_the_run_goes_on(host, tmp_path):
    """FastClass: `Image.open` outside its `try`, so that one HTML page saved as .jpg ends the run."""
    first, last = put_photos(host, "/first.jpg", "/last.jpg")
    page = host.picture("/page.jpg", b"<!DOCTYPE html><html><body>Please log in.</body></html>", "image/jpeg")
    assert harvest_lists(tmp_path, {"coral": [first, page, last]}).ok
    assert ends(tmp_path / "w") == {first: "ok", page: "not_an_image", last: "ok"}


def test_a_corrupt_picture_ends_as_no_image_and_the_run_goes_on(host, tmp_path):
    """FastClass, pull request 24: corrupt images stop the run."""
    first, last = put_photos(host, "/first.jpg", "/last.jpg")
    whole = cheap("king", 1)
    cut = host.picture("/cut.jpg", whole[: len(whole) // 2])
    noise = host.picture("/noise.jpg", whole[:200] + bytes(5000))
    assert harvest_lists(tmp_path, {"coral": [first, cut, noise, last]}).ok
    assert ends(tmp_path / "w") == {first: "ok", cut: "not_an_image", noise: "not_an_image", last: "ok"}


def test_a_photo_found_for_two_classes_is_in_neither(host, tmp_path):
    """FastClass: duplicates are looked for in each class folder by itself."""
    both, copy, coral, king = put_photos(host, "/both.jpg", "/copy.jpg", "/coral.jpg", "/king.jpg")
    host.answers["/copy.jpg"] = host.answers["/both.jpg"]
    result = harvest_lists(tmp_path, {"coral": [both, coral], "king": [copy, king]})
    assert result.photos == {"coral": 1, "king": 1}
    assert ends(tmp_path / "w") == {both: "conflict", copy: "conflict", coral: "ok", king: "ok"}


def test_a_recompressed_copy_is_grouped_with_its_photo(host, tmp_path):
    """FastClass: only copies that are equal byte for byte count as duplicates."""
    photo, _ = put_photos(host, "/photo.jpg", "/another.jpg")
    with Image.open(_file(tmp_path, host.answers["/photo.jpg"][2])) as image:
        copy = host.picture("/copy.jpg", encoded(image, "JPEG", quality=40))
    harvest_lists(tmp_path, {"coral": [photo, host.url("/another.jpg"), copy]})
    group_of = {each.source: each.group_id for each in photos_of(tmp_path / "w")}
    assert group_of[photo] is not None and group_of[photo] == group_of[copy]
    assert group_of[host.url("/another.jpg")] is None


def _file(folder, data):
    path = folder / "picture.bin"
    path.write_bytes(data)
    return path


def test_the_source_of_a_photo_is_the_url_that_gave_its_bytes(host, tmp_path):
    """FastClass: one registry, keyed by file name, for all engines and classes, so that sources get mixed up."""
    urls = put_photos(host, "/a/000001.jpg", "/b/000001.jpg", "/c/000001.jpg", "/d/000001.jpg")
    harvest_lists(tmp_path, {"coral": urls[:2], "king": urls[2:]}, log=True)
    logged = {}
    for label in ("coral", "king"):
        with (tmp_path / "w" / f"{label}.log").open() as log:
            logged |= {row["source"]: row["image"] for row in csv.DictReader(log)}
    assert sorted(logged) == sorted(urls)
    for photo in photos_of(tmp_path / "w"):
        served = host.answers[photo.source.removeprefix(host.url(""))][2]
        assert photo.sha256 == hashlib.sha256(served).hexdigest()
        assert logged[photo.source].startswith(photo.id)


def test_a_comma_in_a_quoted_query_belongs_to_the_query(small_web, tmp_path):
    """FastClass: lines are split at every comma."""
    sheet = sheet_in(tmp_path, 'searchterm,exclude\n"micrurus tener, Texas",texas\n')
    result = run(tmp_path, sheet, provider="openverse", dry_run=True)
    assert [(standing.query, standing.label) for standing in result.standings] == [
        ("micrurus tener, Texas", "micrurus_tener,")
    ]


def test_a_last_line_without_line_end_keeps_its_last_letter(small_web, tmp_path):
    """FastClass: the last character of each line is cut off, be it a line end or not."""
    sheet = sheet_in(tmp_path, "searchterm\nmicrurus tener")
    result = run(tmp_path, sheet, provider="openverse", dry_run=True)
    assert [standing.query for standing in result.standings] == ["micrurus tener"]


def test_a_folder_that_is_there_is_added_to_without_a_question(host, tmp_path, monkeypatch):
    """FastClass: its question is checked by `choice != "y" and not "n"`, so that it never asks again."""
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("a question was asked"))
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "notes.txt").write_text("mine")
    first, second = put_photos(host, "/first.jpg", "/second.jpg")
    harvest_lists(tmp_path, {"coral": [first]})
    before = {path.name for path in (tmp_path / "w" / "photos").rglob("*.jpg")}
    harvest_lists(tmp_path, {"coral": [second]})
    after = {path.name for path in (tmp_path / "w" / "photos").rglob("*.jpg")}
    assert before < after and len(after) == 2
    assert (tmp_path / "w" / "notes.txt").read_text() == "mine"


def test_a_switch_takes_no_text(tmp_path):
    """FastClass: `--nocopy` takes text, so that `--nocopy False` is true."""
    with pytest.raises(WrongUsage, match="--keep False makes no sense"):
        HarvestSettings.of({"keep": "False"})
    with pytest.raises(SystemExit) as ended:
        main(["harvest", "--keep=False", sheet_in(tmp_path), "-o", str(tmp_path / "w")])
    assert ended.value.code == 2 and not (tmp_path / "w").exists()


def test_the_least_size_holds_for_every_provider(small_web, tmp_path):
    """FastClass: `min_size` is not passed to Bing."""
    run(tmp_path, provider="bing,flickr,openverse", min_side=180)
    assert all(min(photo.width, photo.height) >= 180 for photo in photos_of(tmp_path / "snakes"))
    for provider in ("bing", "flickr", "openverse"):
        statuses = set(statuses_by_url(tmp_path / "snakes", provider=provider).values())
        assert statuses >= {"ok", "too_small"}


def test_a_photo_that_lies_on_its_side_is_turned_upright(host, tmp_path):
    """FastClass: the EXIF orientation is lost, so that photos of phones lie on their side."""
    upright = Image.new("RGB", (200, 300), "blue")
    upright.paste("red", (0, 0, 200, 150))
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = encoded(upright.transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif.tobytes())
    harvest_lists(tmp_path, {"coral": [host.picture("/phone.jpg", stored)]})
    photo = only_photo(tmp_path / "w")
    assert photo.size == (200, 300)
    assert photo.getpixel((100, 20))[0] > 200 and photo.getpixel((100, 280))[2] > 200


@pytest.mark.parametrize("pad", [False, True], ids=["as it is", "padded"])
def test_what_is_transparent_becomes_white(host, tmp_path, pad):
    """FastClass: a transparent PNG is pasted without its mask, which shows the colours that were hidden."""
    drawing = Image.new("RGBA", (300, 200), (0, 0, 0, 0))
    drawing.paste((255, 0, 0, 255), (150, 0, 300, 200))
    harvest_lists(tmp_path, {"coral": [host.picture("/drawing.png", encoded(drawing, "PNG"))]}, pad=pad, size=300)
    photo = only_photo(tmp_path / "w")
    middle = photo.height // 2
    assert min(photo.getpixel((50, middle))) > 245
    assert photo.getpixel((250, middle))[0] > 245 and photo.getpixel((250, middle))[1] < 10


def test_a_photo_keeps_its_shape_unless_a_white_square_is_asked_for(host, tmp_path):
    """FastClass: pads every photo with white, for which the author of the snakes forked it (as img2dataset does)."""
    url = host.picture("/wide.jpg", encoded(Image.new("RGB", (300, 150), "green"), "JPEG"))
    for name, pad, size in (("plain", None, (300, 150)), ("padded", True, (300, 300))):
        (tmp_path / name).mkdir()
        harvest_lists(tmp_path / name, {"coral": [url]}, pad=pad, size=300)
        assert only_photo(tmp_path / name / "w").size == size


def test_google_without_a_key_is_a_sentence_and_the_others_go_on(small_web, tmp_path, monkeypatch, capsys):
    """FastClass, issue 27: Google returns nothing, then it crashes."""
    monkeypatch.delenv("SERPAPI_KEY")
    given = ["harvest", sheet_in(tmp_path), "-o", str(tmp_path / "snakes"), "-c", "google", "-c", "openverse"]
    assert main(given) == 1
    shown = capsys.readouterr()
    assert "Google has no interface without a key" in " ".join((shown.out + shown.err).split())
    assert "Traceback" not in shown.out + shown.err
    assert len(photos_of(tmp_path / "snakes")) > 5


def test_pages_are_asked_for_until_all_that_a_site_lists_is_named(tmp_path, monkeypatch):
    """FastClass, issue 32: "downloading too few images", 20 to 40 a class."""
    with SmallWeb(per_class=120, paint=cheap) as web:
        set_environment(monkeypatch, web.environment())
        run(tmp_path, provider="bing", dry_run=True)
        for label, query in (("coral", "micrurus tener -king"), ("king", "Lampropeltis elapsoides")):
            named = {key.removeprefix("bing ") for key in statuses_by_url(tmp_path / "snakes", label=label)}
            assert named == {listed.url for listed in web.expected("bing", query)} and len(named) > 70


def test_every_picture_that_gave_no_photo_says_why(small_web, tmp_path):
    """FastClass, issue 32: too few images, and nothing says where the others went."""
    result = run(tmp_path, provider="bing")
    with sqlite3.connect(tmp_path / "snakes" / "catalog.db") as catalog:
        unexplained = catalog.execute("SELECT url FROM candidates WHERE status != 'ok' AND reason = ''").fetchall()
    document = result.to_dict()
    assert unexplained == []
    assert sum(document["statuses"].values()) == document["candidates"] > document["statuses"]["ok"] > 0
