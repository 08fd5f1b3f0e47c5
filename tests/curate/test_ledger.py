import csv
import io
from pathlib import Path

import pytest

from fieldmark.artifacts.photos import Listing, PhotoFile, PhotoFolder, Unusable
from fieldmark.artifacts.verdicts import Decision, Verdict
from fieldmark.curate.ledger import COLUMNS, as_csv, read_csv
from fieldmark.errors import VerdictError
from fieldmark.imaging.crop import Crop

A, B, C = (letter * 16 for letter in "abc")
PHOTOS = [
    PhotoFile(f"{label}/{n}.jpg", label, None, n * 64)
    for n, label in zip("abc", ("coral", "coral", "king"), strict=True)
]
FOLDER = PhotoFolder(
    Path(), ("coral", "king"), tuple(PHOTOS), (Unusable("king/page.jpg", "no photo", "e" * 16),), Listing((), ())
)


def read(text, name="verdicts.csv", decisions=None):
    return read_csv(text, name, FOLDER, decisions or {})


def test_what_was_written_is_read_again():
    decisions = {
        A: Decision("reject", by="person", at="2026-01-01T00:00:00+00:00", why="=blurred, very"),
        B: Decision("keep", "king", Crop(0.1, 0.2, 0.9, 1.0)),
        C: Decision(once=True),
    }
    text = as_csv(FOLDER, decisions)
    assert tuple(next(csv.reader(io.StringIO(text)))) == COLUMNS
    assert read(text).verdicts == (
        Verdict(A, "reject", "=blurred, very"),
        Verdict(B, "crop", "0.1,0.2,0.9,1"),
        Verdict(B, "label", "king"),
        Verdict(C, "once"),
    )
    assert read(text, decisions=decisions).verdicts == ()


def test_a_photo_that_is_gone_is_written_too():
    rows = list(csv.DictReader(io.StringIO(as_csv(FOLDER, {"d" * 16: Decision("reject")}))))
    assert [row["photo"] for row in rows] == ["coral/a.jpg", "coral/b.jpg", "king/c.jpg", ""]
    assert (rows[-1]["id"], rows[-1]["decision"]) == ("d" * 16, "reject")


def test_a_file_that_is_no_photo_is_written_and_read_when_it_was_decided_on():
    text = as_csv(FOLDER, {"e" * 16: Decision("reject")})
    assert "king/page.jpg,eeeeeeeeeeeeeeee,,reject" in text
    assert read(text).verdicts == (Verdict("e" * 16, "reject"),)
    assert "page.jpg" not in as_csv(FOLDER, {})


def test_a_relabelled_photo_that_was_rejected_stays_rejected():
    assert read(as_csv(FOLDER, {A: Decision("reject", "king")})).verdicts[-1].kind == "reject"


def test_photos_that_are_not_here_are_named_and_the_others_taken():
    found = read(f"photo,id,decision\nx/y.jpg,{'f' * 16},reject\ncoral/a.jpg,{A.upper()},Reject\n")
    assert found.unknown == ("x/y.jpg",)
    assert found.verdicts == (Verdict(A, "reject"),)
    assert found.rows == 2


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no column 'id'. Its columns: none"),
        ("a;b\n1;2\n", "no column 'id'"),
        ("id,class\n", "no column 'decision'"),
        (f"id,decision,class\n{A},keep,kinf\n", "row 1: there is no class 'kinf'. Did you mean king"),
        (f"id,decision\n{A},yes\n", "the decision is 'yes'"),
        (f'id,decision,crop\n{A},,"0,0,2,1"\n', "four numbers from 0 to 1"),
        (f"id,decision,crop\n{A},,left\n", "four numbers from 0 to 1"),
    ],
)
def test_a_table_that_cannot_be_meant_is_refused_whole(text, complaint):
    with pytest.raises(VerdictError) as failure:
        read(text)
    assert complaint in str(failure.value)


def test_rows_that_are_too_short_or_too_long_are_read_as_far_as_they_go():
    assert read(f"id,decision\n{A}\n{B},keep,more,and more\n").verdicts == (Verdict(B, "keep"),)


def test_fastclass_says_what_was_deleted():
    found = read(
        "file;rank\nharvest/coral/a.jpg;1\nharvest/coral/b.jpg;D\nking/c.jpg;?\nking/z.jpg;2\n", "coral_report_all.csv"
    )
    assert found.verdicts == (Verdict(A, "keep", "FastClass: 1"), Verdict(B, "reject", "FastClass: D"))
    assert found.unknown == ("king/z.jpg",)


def test_what_fastclass_left_out_of_its_clean_report_was_deleted():
    found = read("file;rank\r\nC:\\photos\\coral\\a.jpg;?\r\n", "coral_report_clean.csv")
    assert found.verdicts == (Verdict(B, "reject", "FastClass: not in its clean report"),)
