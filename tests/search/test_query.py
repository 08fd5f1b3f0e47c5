import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldmark.search.query import Query


def parse(text: str) -> tuple:
    query = Query.parse(text)
    return query.words, query.phrases, query.negatives


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('micrurus tener -king "texas coral snake"', (("micrurus", "tener"), ("texas coral snake",), ("king",))),
        ("red-backed salamander", (("red-backed", "salamander"), (), ())),
        ('snake -"milk snake" -king', (("snake",), (), ("milk snake", "king"))),
        ("--king snake", (("snake",), (), ("king",))),
        ('snake --"milk snake"', (("snake",), (), ("milk snake",))),
        ("snake - -- -\t x", (("snake", "x"), (), ())),
        ('"  coral \t snake "', ((), ("coral snake",), ())),
        ('snake "" -""', (("snake",), (), ())),
        ("“coral snake” –king −milk", ((), ("coral snake",), ("king", "milk"))),
        ("snake – king", (("snake", "king"), (), ())),
        ("naïve–king", (("naïve–king",), (), ())),
    ],
)
def test_a_query_is_read_into_words_phrases_and_negatives(text, expected):
    assert parse(text) == expected


@pytest.mark.parametrize("text", ["", "  ", "-king", '-"milk snake"', "-", '""'])
def test_a_query_with_nothing_to_look_for_is_refused(text):
    with pytest.raises(ValueError, match="nothing to look for"):
        Query.parse(text)


@pytest.mark.parametrize("text", ['"coral', 'coral" snake', "“coral"])
def test_an_open_quote_is_refused(text):
    with pytest.raises(ValueError, match="never closed"):
        Query.parse(text)


@given(st.text(alphabet='ab -"“–', max_size=30) | st.text(max_size=30))
def test_what_is_typed_is_read_back_as_the_same_query(text):
    try:
        query = Query.parse(text)
    except ValueError:
        return
    assert Query.parse(query.typed) == query
    assert not any(word.startswith("-") for word in (*query.words, *query.phrases, *query.negatives))


def test_a_query_is_cut_at_whole_terms():
    query = Query.parse('aaaa bbbb "cc dd" -ee')

    assert query.within(100) == 'aaaa bbbb "cc dd" -ee'
    assert query.within(20) == 'aaaa bbbb "cc dd"'
    assert query.within(16) == "aaaa bbbb"
    assert query.within(100, terms=3) == 'aaaa bbbb "cc dd"'
    assert query.within(2) == "aa"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A KING snake", "king"),
        ("kingsnake", None),
        ("looking", None),
        ("king", "king"),
        ("King's", "king"),
        ("ＫＩＮＧ", "king"),
        ("the milk  snake", None),
        ("the milk snake", "milk snake"),
        ("", None),
    ],
)
def test_a_negative_is_found_as_a_whole_word_whatever_its_case_and_form(text, found):
    assert Query.parse('coral -king -"milk snake"').negative_in("", text) == found
