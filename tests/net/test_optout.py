import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldmark.net.optout import opted_out

YES = [
    {"x-robots-tag": "noai"},
    {"x-robots-tag": "noimageai"},
    {"x-robots-tag": "NoAI"},
    {"x-robots-tag": "noarchive, noai"},
    {"x-robots-tag": "noarchive\nnoimageai"},
    {"x-robots-tag": "fieldmark: noai"},
    {"x-robots-tag": "Fieldmark: noarchive, noai"},
    {"x-robots-tag": "*: noai"},
    {"x-robots-tag": "otherbot: noindex\nnoai"},
    {"x-robots-tag": "unavailable_after: 25 Jun 2030 15:00:00 PST, noai"},
    {"tdm-reservation": "1"},
    {"tdm-reservation": " 1 "},
    {"tdm-reservation": "0\n1"},
]
NO = [
    {},
    {"x-robots-tag": ""},
    {"x-robots-tag": "noindex, noimageindex, nofollow, none"},
    {"x-robots-tag": "otherbot: noai"},
    {"x-robots-tag": "otherbot: noindex, noai"},
    {"x-robots-tag": "noairplanes"},
    {"tdm-reservation": "0"},
    {"tdm-reservation": "11"},
    {"tdm-policy": "https://example.org/policy"},
]


@pytest.mark.parametrize("headers", YES, ids=str)
def test_a_reservation_is_read(headers):
    assert opted_out(headers)


@pytest.mark.parametrize("headers", NO, ids=str)
def test_what_concerns_others_or_something_else_is_no_reservation(headers):
    assert opted_out(headers) is None


def test_the_answer_names_the_header():
    assert opted_out({"x-robots-tag": "all, NOAI"}) == "X-Robots-Tag: noai"
    assert opted_out({"tdm-reservation": "1"}) == "tdm-reservation: 1"


def test_an_agent_has_a_name_of_its_own():
    assert opted_out({"x-robots-tag": "otherbot: noai"}, agent="OtherBot")


@given(st.text(max_size=200), st.text(max_size=20))
def test_any_text_is_read_without_an_error(tag, reservation):
    assert opted_out({"x-robots-tag": tag, "tdm-reservation": reservation}) in (
        None,
        "X-Robots-Tag: noai",
        "X-Robots-Tag: noimageai",
        "tdm-reservation: 1",
    )
