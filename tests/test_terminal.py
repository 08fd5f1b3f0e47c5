"""What stands in the lines of a terminal."""

from hypothesis import given
from hypothesis import strategies as st

from fieldmark.terminal import count, printable


@given(st.text())
def test_no_text_of_a_stranger_moves_the_cursor(text):
    assert printable(text).isprintable()
    assert len(printable(text, 20)) <= 20


def test_escape_sequences_and_direction_marks_lose_their_power():
    assert printable("\x1b[2Jred\u202egnp.exe\n") == "[2Jred gnp.exe"


def test_one_is_singular_and_thousands_are_set_apart():
    assert [count(1, "photo"), count(1200, "photo"), count(2, "class", "classes")] == [
        "1 photo",
        "1,200 photos",
        "2 classes",
    ]
