import csv
import math
from dataclasses import replace

import numpy as np
import pytest

from fieldmark.artifacts.predictions import SMALLEST_PROBABILITY, Predictions
from fieldmark.errors import RunError


def three(classes=("coral", "king")):
    return Predictions(
        classes=classes,
        photos=("coral/a.jpg", 'king/with, comma and "quotes".jpg', "king/grün.jpg"),
        ids=("0" * 16, "1" * 16, "f" * 16),
        actual=np.array([0, 1, 1], dtype=np.int64),
        probabilities=np.array([[0.75, 0.25], [0.5, 0.5], [1.0, 0.0]]),
        unknown=np.array([False, True, False]),
    )


def test_the_most_probable_class_is_predicted_and_of_equals_the_first():
    assert three().predicted.tolist() == [0, 0, 0]
    assert three().predicted.dtype == np.int64
    assert len(three()) == 3


def test_losses_are_minus_log_of_what_the_truth_was_given_and_never_infinite():
    assert three().losses.tolist() == pytest.approx([-math.log(0.75), -math.log(0.5), -math.log(SMALLEST_PROBABILITY)])


def test_what_was_written_is_read_back(tmp_path):
    path = tmp_path / "predictions.csv"
    three().write(path)
    again = Predictions.read(path)
    assert (again.classes, again.photos, again.ids) == (three().classes, three().photos, three().ids)
    assert np.array_equal(again.actual, three().actual)
    assert np.array_equal(again.unknown, three().unknown)
    assert np.allclose(again.probabilities, three().probabilities, rtol=1e-7)
    assert (again.actual.dtype, again.probabilities.dtype, again.unknown.dtype) == (np.int64, np.float64, np.bool_)


def test_folds_and_groups_come_back_and_an_older_table_has_none(tmp_path):
    judged = replace(three(), folds=("1.1", "1.2", "1.1"), groups=("g", "g", "alone"))
    judged.write(tmp_path / "new.csv")
    again = Predictions.read(tmp_path / "new.csv")
    assert (again.folds, again.groups) == (judged.folds, judged.groups)

    old = "photo,id,actual,predicted,loss,unknown,p:a,p:b\nx.jpg,00,a,a,0.1,0,0.9,0.1\n"
    (tmp_path / "old.csv").write_text(old)
    assert Predictions.read(tmp_path / "old.csv").folds == ()


def test_what_was_wrong_is_told_photo_by_photo_and_repeat_by_repeat():
    rows = Predictions(
        classes=("a", "b"),
        photos=("x", "y", "z", "y", "x", "z"),
        ids=("0", "1", "2", "1", "0", "2"),
        actual=np.array([0, 1, 1, 1, 0, 1]),
        probabilities=np.array([[0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.2, 0.8], [0.3, 0.7], [0.4, 0.6]]),
        unknown=np.zeros(6, dtype=np.bool_),
        folds=("1.1", "1.1", "1.2", "2.1", "2.2", "2.2"),
        groups=("g", "h", "g", "h", "g", "g"),
    )

    wrong, actual, groups = rows.wrong()

    assert wrong.tolist() == [[False, True, False], [True, False, False]]
    assert actual.tolist() == [0, 1, 1] and groups[0] == groups[2] != groups[1]
    assert (rows.repeats, rows.n_photos) == (2, 3)


def test_small_probabilities_survive_the_file(tmp_path):
    tiny = Predictions(
        ("a", "b"), ("x",), ("0" * 16,), np.array([1]), np.array([[1 - 3.1415926e-9, 3.1415926e-9]]), np.array([False])
    )
    tiny.write(tmp_path / "p.csv")
    again = Predictions.read(tmp_path / "p.csv")
    assert again.probabilities[0, 1] == pytest.approx(3.1415926e-9, rel=1e-7)
    assert again.losses == pytest.approx(tiny.losses)


def test_the_table_says_in_words_what_any_spreadsheet_can_read(tmp_path):
    three().write(tmp_path / "p.csv")
    with (tmp_path / "p.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        "photo",
        "id",
        "actual",
        "predicted",
        "loss",
        "unknown",
        "fold",
        "group",
        "p:coral",
        "p:king",
    ]
    assert rows[1]["photo"] == 'king/with, comma and "quotes".jpg'
    assert [row["actual"] for row in rows] == ["coral", "king", "king"]
    assert [row["predicted"] for row in rows] == ["coral", "coral", "coral"]
    assert [row["unknown"] for row in rows] == ["0", "1", "0"]
    assert [float(row["loss"]) for row in rows] == pytest.approx(three().losses.tolist(), abs=1e-6)


def test_class_names_may_hold_anything_a_folder_name_may(tmp_path):
    odd = three(classes=("p:coral, red", 'Königs"natter'))
    odd.write(tmp_path / "p.csv")
    assert Predictions.read(tmp_path / "p.csv").classes == odd.classes


def test_a_table_of_no_photos_is_a_table(tmp_path):
    none = Predictions(("a", "b"), (), (), np.zeros(0, np.int64), np.zeros((0, 2)), np.zeros(0, np.bool_))
    none.write(tmp_path / "p.csv")
    again = Predictions.read(tmp_path / "p.csv")
    assert len(again) == 0
    assert again.probabilities.shape == (0, 2)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "photo,id,actual,predicted,loss,unknown,p:a\nx,0,b,a,0.1,0,1.0\n",
        "photo,id,actual,predicted,loss,unknown,p:a\nx,0,a,a,0.1,0,much\n",
        "photo,id,actual,predicted,loss,unknown,p:a,p:b\nx,0,a,a,0.1,0,1.0\n",
        "photo,id,actual,predicted,loss,unknown,p:a\nx,0\n",
    ],
)
def test_what_is_no_such_table_is_refused_by_name(tmp_path, text):
    (tmp_path / "p.csv").write_text(text)
    with pytest.raises(RunError, match=r"p\.csv cannot be read as a table of predictions"):
        Predictions.read(tmp_path / "p.csv")


def test_a_missing_or_binary_table_is_refused(tmp_path):
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00" * 20)
    for name in ("missing.csv", "binary.csv"):
        with pytest.raises(RunError, match="cannot be read"):
            Predictions.read(tmp_path / name)


def test_a_failed_write_keeps_the_older_table(tmp_path):
    path = tmp_path / "p.csv"
    three().write(path)
    before = path.read_bytes()
    broken = three()
    object.__setattr__(broken, "ids", broken.ids[:1])
    with pytest.raises(ValueError):
        broken.write(path)
    assert path.read_bytes() == before
