from pathlib import Path

import pytest

from fieldmark.errors import QueryError
from fieldmark.search.sheet import folder_name, is_sheet, read_sheet


def sheet(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "snakes.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return path


def test_the_sheet_of_the_original_is_read_as_it_is(tmp_path):
    rows = read_sheet(sheet(tmp_path, "searchterm,exclude\nmicrurus tener -king,\nscarlet king snake,\n"))
    assert [row.label for row in rows] == ["micrurus_tener_-king", "scarlet_king_snake"]
    assert rows[0].query.negatives == ("king",)
    assert rows[0].providers == () and rows[0].most is None


def test_exclude_takes_words_out_of_the_folder_name_alone(tmp_path):
    (row,) = read_sheet(sheet(tmp_path, "searchterm,exclude\nblack & grizzly bear photo,photo Bear\n"))
    assert row.label == "black_and_grizzly"
    assert row.query.words == ("black", "&", "grizzly", "bear", "photo")


def test_several_rows_may_feed_one_class(tmp_path):
    rows = read_sheet(
        sheet(tmp_path, "searchterm,class,provider,max\nmicrurus,coral,Bing;flickr,30\nelapid,coral,,\nking,king,,\n")
    )
    assert [row.label for row in rows] == ["coral", "coral", "king"]
    assert rows[0].providers == ("bing", "flickr") and rows[0].most == 30
    assert rows[1].providers == () and rows[1].most is None


def test_a_comma_in_quotes_belongs_to_the_query(tmp_path):
    (row,) = read_sheet(sheet(tmp_path, 'searchterm,exclude\n"snake, coral",\n'))
    assert row.query.words == ("snake,", "coral")


@pytest.mark.parametrize(
    "line", ['"""texas coral snake"" -king",', '"texas coral snake" -king,'], ids=["as CSV", "as FastClass"]
)
def test_a_phrase_is_read_in_the_notation_of_csv_and_in_that_of_fastclass(tmp_path, line):
    (row,) = read_sheet(sheet(tmp_path, f"searchterm,exclude\n{line}\n"))
    assert row.query.phrases == ("texas coral snake",)
    assert row.query.negatives == ("king",)
    assert row.label == "texas_coral_snake_-king"


def test_the_last_line_needs_no_line_end_and_loses_no_character(tmp_path):
    assert read_sheet(sheet(tmp_path, "searchterm,exclude\nking snake"))[0].label == "king_snake"


def test_a_byte_order_mark_and_windows_line_ends_are_no_part_of_a_query(tmp_path):
    rows = read_sheet(sheet(tmp_path, b"\xef\xbb\xbfsearchterm,exclude\r\ncoral snake,\r\n\r\nking snake,\r\n"))
    assert [row.label for row in rows] == ["coral_snake", "king_snake"]


def test_one_column_is_enough(tmp_path):
    assert [row.label for row in read_sheet(sheet(tmp_path, "searchterm\ncoral\nking\n"))] == ["coral", "king"]


BAD_LINES = {
    "no header": ("micrurus tener,\nking,\n", 1, "searchterm,exclude"),
    "misspelt column": ("searchterm,provder\na,b\n", 1, "Did you mean provider?"),
    "column twice": ("searchterm,searchterm\na,b\n", 1, "twice"),
    "unclosed quote": ('searchterm,exclude\nking,\n"coral snake,\nmilk,\n', 3, "never closed"),
    "empty class": ("searchterm,class\ncoral,coral\nking,\n", 3, "class is empty"),
    "only negatives": ("searchterm,exclude\n-king,\n", 2, "nothing to look for"),
    "nothing but quotes": ('searchterm,exclude\n"""""",\n', 2, "nothing to look for"),
    "everything excluded": ("searchterm,exclude\nking snake,king snake\n", 2, "no name for a folder"),
    "colliding folders": ("searchterm,exclude\nred & black,\nred and black,\n", 3, "would share the folder"),
    "colliding on a Mac": ("searchterm,class\na,Coral\nb,coral\n", 3, "would share the folder"),
    "too many columns": ("searchterm,exclude\nred, yellow, black,\n", 2, "into quotes"),
    "max of nought": ("searchterm,max\nking,0\n", 2, "from 1 on"),
    "max in words": ("searchterm,max\nking,many\n", 2, "from 1 on"),
}


@pytest.mark.parametrize("name", BAD_LINES)
def test_a_bad_line_is_named_with_its_file_and_number(tmp_path, name):
    text, line, says = BAD_LINES[name]
    with pytest.raises(QueryError) as caught:
        read_sheet(sheet(tmp_path, text))
    assert f"snakes.csv, line {line}:" in str(caught.value)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [b"", b"searchterm,exclude\n", b"\xff\xfe\x00s", b"searchterm\n,\n ,\n"],
    ids=["0", "head", "utf16", "commas"],
)
def test_a_sheet_without_a_query_is_refused(tmp_path, text):
    with pytest.raises(QueryError, match=r"snakes\.csv"):
        read_sheet(sheet(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("../../etc/passwd", "etcpasswd"),
        ("-rf", "rf"),
        (".hidden", "hidden"),
        ("CON", "CON_"),
        ('what?: "a/b"', "what_ab"),
        ("  two   words ", "two_words"),
        ("蛇" * 200, "蛇" * 66),
    ],
    ids=["path", "flag", "dot", "reserved", "punctuation", "spaces", "long"],
)
def test_a_folder_can_have_its_name_on_every_system(text, name):
    assert folder_name(text) == name


def test_a_sheet_is_known_by_its_header(tmp_path):
    assert is_sheet(sheet(tmp_path, "SearchTerm,exclude\n"))
    assert not is_sheet(sheet(tmp_path, "image,source\n"))
    assert not is_sheet(tmp_path / "none.csv")
