import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldmark.artifacts.licences import CODES
from fieldmark.errors import WrongUsage
from fieldmark.search import licences
from fieldmark.search.licences import UNKNOWN, Licence

CC = "https://creativecommons.org"


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("0", Licence("arr")),
        ("4", Licence("cc-by", "2.0", f"{CC}/licenses/by/2.0/")),
        (12, Licence("cc-by-sa", "4.0", f"{CC}/licenses/by-sa/4.0/")),
        ("9", Licence("cc0", "1.0", f"{CC}/publicdomain/zero/1.0/")),
        ("10", Licence("pdm", "1.0", f"{CC}/publicdomain/mark/1.0/")),
        ("7", Licence("no-known-restrictions", "", "https://www.flickr.com/commons/usage/")),
        ("8", Licence("us-gov", "", "https://www.usa.gov/government-copyright")),
        ("17", UNKNOWN),
        (None, UNKNOWN),
        ([], UNKNOWN),
    ],
)
def test_flickrs_ids(number, expected):
    assert licences.of_flickr(number) == expected


@pytest.mark.parametrize(
    ("code", "short", "url", "expected"),
    [
        ("cc-by-sa-4.0", "CC BY-SA 4.0", "https://x.example/l", Licence("cc-by-sa", "4.0", "https://x.example/l")),
        ("cc-by-3.0-de", "CC BY 3.0 de", "", Licence("cc-by", "3.0", f"{CC}/licenses/by/3.0/")),
        ("", "CC BY-SA 2.5", "", Licence("cc-by-sa", "2.5", f"{CC}/licenses/by-sa/2.5/")),
        ("cc0", "CC0", "", Licence("cc0", "1.0", f"{CC}/publicdomain/zero/1.0/")),
        ("pd", "Public domain", "", Licence("pdm", "", f"{CC}/publicdomain/mark/1.0/")),
        ("pd-usgov-fws", "Public domain", "", Licence("us-gov", "", "https://www.usa.gov/government-copyright")),
        ("", "No restrictions", "", Licence("no-known-restrictions", "", "https://www.flickr.com/commons/usage/")),
        ("gfdl", "GFDL", "https://www.gnu.org/copyleft/fdl.html", UNKNOWN),
        ("", "Attribution", "", UNKNOWN),
        ("", "", "", UNKNOWN),
    ],
)
def test_commons_codes_and_short_names(code, short, url, expected):
    assert licences.of_commons(code, short, url) == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("by", "cc-by"),
        ("by-sa", "cc-by-sa"),
        ("by-nc-nd", "cc-by-nc-nd"),
        ("cc0", "cc0"),
        ("pdm", "pdm"),
        ("sampling+", "unknown"),
        ("nc-sampling+", "unknown"),
        ("", "unknown"),
        ("X", "unknown"),
    ],
)
def test_openverses_codes(code, expected):
    assert licences.of_openverse(code, "4.0", "").code == expected


def test_inaturalists_codes_where_null_means_all_rights_reserved():
    assert licences.of_inaturalist(None) == Licence("arr")
    assert licences.of_inaturalist("cc-by-nc") == Licence("cc-by-nc")
    assert licences.of_inaturalist("cc0").code == "cc0"
    assert licences.of_inaturalist(5) == UNKNOWN


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://creativecommons.org/licenses/by-nc/4.0/legalcode", ("cc-by-nc", "4.0")),
        ("https://creativecommons.org/licenses/by-nd-nc/1.0/", ("cc-by-nc-nd", "1.0")),
        ("//creativecommons.org/licenses/by-sa/3.0/de/", ("cc-by-sa", "3.0")),
        ("https://creativecommons.org/publicdomain/zero/1.0/", ("cc0", "1.0")),
        ("https://creativecommons.org/publicdomain/mark/1.0/", ("pdm", "1.0")),
        ("https://creativecommons.org/licenses/sampling+/1.0/", ("unknown", "")),
        ("https://creativecommons.org.evil.example/licenses/by/4.0/", ("unknown", "")),
        ("https://evil.example/?creativecommons.org/licenses/by/4.0/", ("unknown", "")),
        ("CC_BY_NC_4_0", ("cc-by-nc", "4.0")),
        ("CC0_1_0", ("cc0", "1.0")),
        ("CC BY-NC-SA 2.0 Generic", ("cc-by-nc-sa", "2.0")),
        ("(c) Ana Field, all rights reserved", ("arr", "")),
        ("some rights reserved", ("unknown", "")),
        ("photo by Ana", ("unknown", "")),
        ("unknown", ("unknown", "")),
        ("arr", ("arr", "")),
    ],
)
def test_urls_and_names(text, expected):
    assert licences.of_text(text)[:2] == expected


@given(st.text(max_size=60) | st.from_regex(r"(https?:)?//creativecommons\.org/[a-z]+/[a-z-]+/\S*"))
def test_any_text_gives_a_code_of_the_closed_list(text):
    assert licences.of_text(text).code in CODES
    assert licences.of_commons(text, text, text).code in CODES
    assert licences.of_openverse(text, text, text).code in CODES


def test_every_code_is_read_back_as_itself():
    assert [licences.of_text(code).code for code in CODES] == list(CODES)


def test_the_flag_takes_codes_with_commas_in_any_case():
    assert licences.check_codes("CC0, cc-by ,cc0") == ("cc0", "cc-by")


@pytest.mark.parametrize("text", ["", " , "])
def test_a_flag_that_names_nothing_is_refused(text):
    with pytest.raises(WrongUsage, match="names no licence"):
        licences.check_codes(text)


def test_an_unknown_code_is_refused_with_the_nearest():
    with pytest.raises(WrongUsage, match=r"'cc-bye'.*Did you mean cc-by"):
        licences.check_codes("cc0,cc-bye")
