import pytest

from fieldmark.search import answers
from fieldmark.search.provider import Request, Response


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (
            "https://a.example/b%20c/d%C3%A9.jpg?sig=a%2Fb%3D&x=1%262",
            "https://a.example/b%20c/d%C3%A9.jpg?sig=a%2Fb%3D&x=1%262",
        ),
        (" //a.example/b.jpg\n", "https://a.example/b.jpg"),
        ("https://a.example/b?x=1&amp;y=2&copy=3&lt=4", "https://a.example/b?x=1&y=2&copy=3&lt=4"),
        ("HTTPS://A.example/b c.jpg", "HTTPS://A.example/b c.jpg"),
        ("javascript:alert(1)", ""),
        ("file:///etc/passwd", ""),
        ("data:image/png;base64,AAAA", ""),
        ("ftp://a.example/b.jpg", ""),
        ("/b.jpg", ""),
        ("https://", ""),
        ("https:///b.jpg", ""),
        ("https://a.example/\ud800.jpg", ""),
        ("https://a.example/\x00.jpg", ""),
        ("https://a.example/a\nb.jpg", ""),
        ("https://a.example/" + "x" * 9000, ""),
        (None, ""),
        (5, ""),
        (["https://a.example/"], ""),
    ],
)
def test_only_web_addresses_become_urls_and_they_stay_as_they_are(given, kept):
    assert answers.url_of(given) == kept


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Coral <b>snake</b>", "Coral snake"),
        ("one<br>two<p class='x'>three", "one two three"),
        ("Coral snake &#39;tener&#39; &amp; co", "Coral snake 'tener' & co"),
        ("5 < 6 and 7 > 6", "5 < 6 and 7 > 6"),
        (" a\n\tb\u00a0c\x00\u202ed ", "a b cd"),
        ("\ud800x", "x"),
        (7, "7"),
        (True, ""),
        (None, ""),
        ({}, ""),
        (10**5000, ""),
        ("x" * 9000, "x" * 500),
    ],
    ids=range(12),
)
def test_text_loses_tags_entities_and_what_cannot_be_seen(given, kept):
    assert answers.text_of(given) == kept


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (800, 800),
        ("800", 800),
        (0, None),
        (-1, None),
        (True, None),
        (8.0, None),
        ("8.5", None),
        ("٣", None),
        ("9" * 5000, None),
        (10**7, None),
        (float("nan"), None),
        (None, None),
    ],
)
def test_a_width_is_a_sensible_whole_number(given, kept):
    assert answers.pixels_of(given) == kept


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "35"}, 35.0),
        ({"retry-after": "Mon, 23 Nov 2026 10:00:30 GMT", "date": "Mon, 23 Nov 2026 10:00:00 GMT"}, 30.0),
        ({"retry-after": "Mon, 23 Nov 2026 10:00:00 GMT", "date": "Mon, 23 Nov 2026 10:00:30 GMT"}, 0.0),
        ({"retry-after": "Mon, 23 Nov 2026 10:00:30 GMT"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date_on_the_sites_own_clock(headers, seconds):
    assert answers.retry_after(Response(Request("https://a.example/"), 429, b"", headers)) == seconds
