import pytest

from fieldmark.artifacts.licences import CODES, name_of, terms_of


@pytest.mark.parametrize(
    ("code", "version", "name", "terms"),
    [
        ("cc-by-nc-sa", "4.0", "CC BY-NC-SA 4.0", "name the author, no commercial use, share alike"),
        ("cc0", "1.0", "CC0 1.0", "nothing: the author gave up all rights"),
        ("arr", "", "all rights reserved", "ask the author before you publish it"),
        ("made-up", "", "MADE-UP", ""),
    ],
)
def test_a_licence_is_named_and_explained(code, version, name, terms):
    assert (name_of(code, version), terms_of(code)) == (name, terms)


def test_every_code_has_a_name_and_terms_of_its_own():
    assert len({name_of(code) for code in CODES}) == len({terms_of(code) for code in CODES}) == len(CODES)
