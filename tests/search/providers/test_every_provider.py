"""What holds for all nine, whatever the site."""

import html
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldmark.artifacts.licences import CODES
from fieldmark.errors import Blocked, PageChanged, RateLimited, SearchFailed
from fieldmark.search import registry
from fieldmark.search.provider import Page, Request, Response
from search.recorded import KEYS, QUERY, RECORDINGS, answer, recorded, search

PROVIDERS = {
    name: registry.providers()[name]
    for name in (
        "openverse",
        "commons",
        "inaturalist",
        "gbif",
        "flickr",
        "google",
        "bing",
        "duckduckgo",
        "baidu",
    )
}

# name -> every request that the provider ever sends, up to paging: each step reads another kind of answer.
STEPS: dict[str, list[Request]] = {name: [provider.start(search())] for name, provider in PROVIDERS.items()}
STEPS["google"].append(PROVIDERS["google"].start(search(keys={"GOOGLE_API_KEY": "g", "GOOGLE_CSE_ID": "c"})))
for name, first in {
    "inaturalist": "inaturalist/taxa.json",
    "gbif": "gbif/match.json",
    "duckduckgo": "duckduckgo/token.html",
    "baidu": "baidu/front.html",
}.items():
    second = PROVIDERS[name].read(answer(STEPS[name][0], first)).next
    assert second is not None
    STEPS[name].append(second)
PICTURE_OF_BING = '{"murl": "https://a.example/b.jpg", "purl": "https://a.example/b", "t": "B", "desc": "", "mid": "1"}'
ALL_STEPS = [
    pytest.param(name, request, id=f"{name}-{number}")
    for name, requests in STEPS.items()
    for number, request in enumerate(requests)
]

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(
        [
            "https://a.example/x.jpg",
            "//b.example",
            "\ud800",
            "<b>",
            "EXACT",
            "fail",
            "image/jpeg",
            "10",
            "-1",
            "9" * 5000,
        ]
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
KNOWN_KEYS = st.sampled_from(
    [
        "results",
        "photos",
        "photo",
        "items",
        "data",
        "query",
        "pages",
        "imageinfo",
        "extmetadata",
        "continue",
        "error",
        "images_results",
        "url",
        "image",
        "id",
        "license",
        "license_code",
        "media",
        "next",
        "stat",
        "code",
        "usageKey",
        "matchType",
        "name",
        "title",
        "objURL",
        "replaceUrl",
        "url_l",
        "original",
        "link",
        "mime",
        "gsroffset",
        "width",
        "original_dimensions",
        "taxon",
        "user",
        "tags",
        "endOfRecords",
        "per_page",
        "page_count",
        "queries",
        "nextPage",
    ]
)
SHAPED = st.recursive(
    VALUES, lambda inner: st.dictionaries(KNOWN_KEYS, inner, max_size=5) | st.lists(inner, max_size=3), max_leaves=10
)


def body_of(name: str, value: object) -> bytes:
    """Return what a site would send that says `value`; Bing says it in an attribute of a link."""
    said = json.dumps(value)
    return (f'<a class="iusc" m="{html.escape(said)}" href="/x?expw=9">' if name == "bing" else said).encode()


def ends_well(name: str, request: Request, body: bytes, status: int = 200, headers: dict[str, str] | None = None):
    """Read an answer; it must end in a page that can be stored, or in a failure with a sentence."""
    try:
        page = PROVIDERS[name].read(Response(request, status, body, headers or {}, request.url))
    except SearchFailed as error:
        assert str(error)
        return
    assert isinstance(page, Page)
    json.dumps([page.next.params, page.next.memo] if page.next else []).encode()
    for result in page.results:
        assert result.url.startswith(("http://", "https://", "HTTP"))
        assert result.licence in CODES
        repr_of_all = [str(value) for value in vars(result).values()]
        "".join(repr_of_all).encode("utf-8")  # no lone surrogates, which no database keeps


@pytest.mark.parametrize(("name", "request_"), ALL_STEPS)
@settings(max_examples=60, deadline=None)
@given(value=SHAPED)
def test_any_json_ends_in_a_page_or_a_named_failure(name, request_, value):
    ends_well(name, request_, body_of(name, value))


@pytest.mark.parametrize(("name", "request_"), ALL_STEPS)
@settings(max_examples=40, deadline=None)
@given(body=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes_end_in_a_page_or_a_named_failure(name, request_, body):
    ends_well(name, request_, body)


@pytest.mark.parametrize(("name", "request_"), ALL_STEPS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_good_answer_with_one_value_swapped_ends_in_a_page_or_a_named_failure(name, request_, data):
    good = sorted((RECORDINGS / name).rglob("*.json"))
    text = data.draw(st.sampled_from(good)).read_text("utf-8").replace("\\'", "'") if good else PICTURE_OF_BING
    tree = json.loads(text)
    places = list(_places(tree))
    if places:
        holder, key = data.draw(st.sampled_from(places))
        holder[key] = data.draw(SHAPED)
    ends_well(name, request_, body_of(name, tree))


def _places(value):
    keys = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in list(keys):
        yield value, key
        yield from _places(value[key])


@pytest.mark.parametrize(("name", "request_"), ALL_STEPS)
@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"",
        b"null",
        b"[]",
        b"{}",
        b'"x"',
        b"\xff\xfe",
        b"<a " * 5000,
        b"<" * 5000,
        b'{"results": {"a": 1}}',
        b'{"results": [1, 2]}',
        b'{"data": "x"}',
        b'{"photos": []}',
        b'{"n": ' + b"9" * 9000 + b"}",
    ],
    ids=range(15),
)
def test_hostile_bodies_end_in_a_page_or_a_named_failure(name, request_, body):
    ends_well(name, request_, body)


@pytest.mark.parametrize(("name", "request_"), ALL_STEPS)
@pytest.mark.parametrize("status", [204, 301, 302, 400, 401, 403, 404, 418, 429, 500, 502, 503, 599])
def test_every_status_ends_in_a_page_or_a_named_failure(name, request_, status):
    ends_well(name, request_, b"<html>what</html>", status, {"retry-after": "soon", "date": "never"})


@pytest.mark.parametrize(("name", "request_"), ALL_STEPS)
def test_429_is_come_back_later_with_the_seconds_the_site_names(name, request_):
    with pytest.raises(RateLimited) as caught:
        PROVIDERS[name].read(answer(request_, b"{}", 429, retry_after="35"))

    assert caught.value.retry_after == 35


@pytest.mark.parametrize(("name", "request_"), ALL_STEPS)
def test_a_403_page_for_robots_is_never_nothing_found(name, request_):
    with pytest.raises(SearchFailed) as caught:
        PROVIDERS[name].read(answer(request_, "openverse/blocked.html", 403))

    expected = "no key" if "customsearch" in request_.url else "blocked"
    assert caught.value.outcome == expected


@pytest.mark.parametrize(("name", "request_"), ALL_STEPS)
def test_a_server_error_is_neither_blocked_nor_changed(name, request_):
    with pytest.raises(SearchFailed) as caught:
        PROVIDERS[name].read(answer(request_, b"oops", 500))

    assert not isinstance(caught.value, Blocked | PageChanged)


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_negative_reaches_only_sites_that_know_it(name):
    sent = " ".join(f"{request.url} {dict(request.params)} {dict(request.memo)}" for request in STEPS[name][:1])
    sent += " ".join(f"{dict(request.params)}" for request in STEPS[name][1:])

    knows = name not in ("inaturalist", "gbif", "baidu")
    assert ("king" in sent) is knows


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize("text", ["red-backed salamander", "Schlange ñandú 珊瑚蛇", "x-ray", 'a&b=c #1 "100% +"'])
def test_hyphens_and_foreign_letters_reach_the_site_as_they_are(name, text):
    request = PROVIDERS[name].start(search(text))
    sent = " ".join([*request.params.values(), *request.memo.values()])

    assert all(word.strip('"') in sent for word in text.split()[:2])


@pytest.mark.parametrize("name", PROVIDERS)
def test_no_request_holds_a_key_in_a_place_that_is_written_down(name):
    for request in STEPS[name]:
        written = f"{request.url} {dict(request.params)} {dict(request.headers)} {dict(request.memo)}"
        assert not any(value in written for value in KEYS.values())
        assert all(
            value in [*KEYS.values(), "g", "c"]
            for key, value in request.with_keys({**KEYS, "GOOGLE_API_KEY": "g", "GOOGLE_CSE_ID": "c"}).items()
            if key in request.secrets
        )


@pytest.mark.parametrize("name", PROVIDERS)
def test_requests_hold_text_alone_and_https(name):
    for request in STEPS[name]:
        assert request.url.startswith("https://")
        held = {**request.params, **request.headers, **request.memo}
        assert all(isinstance(key, str) and isinstance(value, str) for key, value in held.items())


@pytest.mark.parametrize("name", PROVIDERS)
def test_at_least_a_good_an_empty_a_blocked_and_a_drifted_answer_is_recorded(name):
    names = " ".join(path.stem for path in (RECORDINGS / name).rglob("*.*"))

    assert all(kind in names for kind in ("good", "page2", "drifted"))
    assert any(kind in names for kind in ("empty", "nothing"))
    assert any(kind in names for kind in ("blocked", "bad_key", "rate_limited"))


def test_the_query_of_the_tests_is_read_as_it_should_be():
    assert QUERY.words == ("micrurus", "tener")
    assert QUERY.phrases == ("texas coral snake",)
    assert QUERY.negatives == ("king",)
    assert recorded("bing/empty.html") == b""
