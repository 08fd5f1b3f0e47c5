import http.client
import re
from contextlib import closing

import httpx2
import pytest

from curate.desks import Visitor, ids_of, paint
from fieldmark.artifacts.verdicts import read_journal
from fieldmark.artifacts.workspace import Workspace
from fieldmark.curate.server import serving
from support.kept import keep, made


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return paint(tmp_path_factory.mktemp("served") / "snakes", each=4)


@pytest.fixture(scope="module")
def url(root):
    with serving(Workspace.open(root)) as url:
        yield url


@pytest.fixture(scope="module")
def visitor(url):
    return Visitor(url)


@pytest.fixture
def photo(root):
    return ids_of(root)["coral/0001.jpg"]


def ask(url, path, method="GET", **headers):
    """Ask with exactly these headers, and the path as it is."""
    host, port = url.removeprefix("http://").split(":")
    with closing(http.client.HTTPConnection(host, int(port), timeout=10)) as connection:
        connection.putrequest(method, path, skip_host="Host" in headers)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace")


def test_the_page_can_post_a_verdict_and_read_photos(root, visitor, photo):
    answer = visitor.decide((photo, "reject", "")).json()
    assert answer["decisions"][photo][0] == "reject"
    assert read_journal(Workspace.open(root)).decisions()[photo].state == "reject"
    for path in (f"/thumb/{photo}", f"/photo/{photo}"):
        answer = httpx2.get(visitor.url + path, cookies=visitor.cookies, trust_env=False)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
        assert answer.content.startswith(b"\xff\xd8")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_site_can_neither_post_nor_read_even_with_the_token(visitor, photo, headers):
    before = visitor.board()["last"]
    body = {"act": "a-stranger-s-act", "verdicts": [{"photo": photo, "kind": "keep"}]}
    assert visitor.send("/api/acts", json=body, headers=headers).status_code == 403
    for path in (f"/thumb/{photo}", f"/photo/{photo}", "/api/board"):
        assert visitor.get(path, headers=headers).status_code == 403
    assert visitor.board()["last"] == before


def test_without_the_token_nothing_is_posted_and_no_photo_read(url, visitor, photo):
    for path in (f"/thumb/{photo}", f"/photo/{photo}", "/api/board", "/api/changes", f"/api/origin/{photo}"):
        assert ask(url, path)[0] == 403
        assert ask(url, path, X_Fieldmark_Token="0" * 48)[0] == 403
    for path in ("/api/acts", "/api/undo", "/api/redo"):
        assert ask(url, path, "POST", Content_Length="0")[0] == 403


def test_the_cookie_reads_photos_and_does_nothing_else(url, visitor, photo):
    cookie = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
    assert visitor.token not in cookie
    assert ask(url, f"/thumb/{photo}", Cookie=cookie)[0] == 200
    assert ask(url, "/api/board", Cookie=cookie)[0] == 403
    assert ask(url, "/api/undo", "POST", Cookie=cookie, Content_Length="0")[0] == 403
    assert ask(url, f"/thumb/{photo}", Cookie="fieldmark_clean=1; ;;=")[0] == 403


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:{port}", ""])
def test_a_wrong_host_header_is_refused_for_the_page_too(url, visitor, photo, host):
    given = host.replace("{port}", url.rsplit(":", 1)[1])
    for path in ("/", "/page.js", f"/thumb/{photo}"):
        status, text = ask(url, path, Host=given, X_Fieldmark_Token=visitor.token)
        assert (status, "answers at" in text) == (421, True)


def test_localhost_is_as_good_a_name(url, visitor):
    assert (
        ask(url, "/api/board", Host=url.replace("http://127.0.0.1", "localhost"), X_Fieldmark_Token=visitor.token)[0]
        == 200
    )


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/photo/../../etc/passwd",
        "/photo/..%2f..%2fetc%2fpasswd",
        "/thumb/%2e%2e/%2e%2e/etc/passwd",
        "/photo//etc/passwd",
        "/photo/coral/0001.jpg",
        "/page/page.js",
        "/clean.token",
        "/photo/0123456789abcdef",
    ],
)
def test_no_path_leads_to_a_file(url, visitor, path):
    status, text = ask(url, path, X_Fieldmark_Token=visitor.token)
    assert status == 404
    assert "root:" not in text


def test_every_answer_forbids_what_the_page_does_not_need(url):
    for path in ("/", "/page.js", "/api/board", "/nothing"):
        headers = httpx2.get(url + path, trust_env=False).headers
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        ({"photo": "0123456789abcdef", "kind": "keep"}, "There is no photo '0123456789abcdef'"),
        ({"photo": 7, "kind": "keep"}, "There is no photo 7"),
        ({"photo": None, "kind": "keep"}, "There is no photo None"),
        ({"kind": "delete"}, "There is no verdict 'delete'"),
        ({"kind": "undo"}, "There is no verdict 'undo'"),
        ({"kind": ["keep"]}, "There is no verdict ['keep']"),
        ({"kind": "label", "value": "corall"}, "There is no class 'corall'. Did you mean coral?"),
        ({"kind": "label"}, "There is no class ''"),
        ({"kind": "crop", "value": "0,0,1"}, "A crop is four numbers"),
        ({"kind": "crop", "value": "0,0,nan,1"}, "A crop is four numbers"),
        ({"kind": "crop", "value": "0.5,0,0.4,1"}, "A crop is four numbers"),
        ({"kind": "crop", "value": "a,b,c,d"}, "A crop is four numbers"),
        ({"kind": "keep", "value": 3}, "is text"),
        ({"kind": "reject", "value": "x" * 501}, "at most 500"),
        ("keep", "is an object"),
    ],
)
def test_a_verdict_that_makes_no_sense_gets_a_sentence_and_leaves_no_row(visitor, photo, verdict, words):
    if isinstance(verdict, dict):
        verdict = {"photo": photo, **verdict}
    before = visitor.board()["last"]
    answer = visitor.post("/api/acts", verdicts=[{"photo": photo, "kind": "keep"}, verdict])
    assert (answer.status_code, words in answer.json()["error"]) == (422, True)
    assert visitor.board()["last"] == before


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{", "application/json", 422),
        (b"[]", "application/json", 422),
        (b"[" * 100_000, "application/json", 422),
        (b"{}", "application/json", 422),
        (b'{"act": "12345678", "verdicts": []}', "application/json", 422),
        (b'{"act": "12345678", "after": "x", "verdicts": []}', "application/json", 422),
        (b"{}", "text/plain", 415),
        (b" " * (8 * 2**20 + 1), "application/json", 413),
    ],
)
def test_a_request_that_is_no_act_is_refused_with_a_sentence(visitor, content, kind, status):
    answer = visitor.send("/api/acts", content=content, headers={"Content-Type": kind})
    assert answer.status_code == status
    assert answer.json()["error"].endswith(".") or "verdicts" in answer.json()["error"]


def test_an_act_sent_twice_counts_once_and_so_does_an_undo(visitor, photo):
    body = {"act": "sent-twice-1", "verdicts": [{"photo": photo, "kind": "keep"}]}
    first, second = (visitor.send("/api/acts", json=body).json() for _ in range(2))
    assert first["last"] == second["last"]
    undo = {"act": "undo-twice-1"}
    first, second = (visitor.send("/api/undo", json=undo).json() for _ in range(2))
    assert (first["undone"], second["undone"]) == ("sent-twice-1", "sent-twice-1")
    assert first["last"] == second["last"]
    assert first["photos"] == [photo]
    assert visitor.post("/api/redo").json()["redone"] == "sent-twice-1"


def test_changes_are_told_once_each(visitor, photo):
    seen = visitor.board()["last"]
    visitor.decide((photo, "crop", "0.1,0.2,0.8,0.9"))
    news = visitor.get(f"/api/changes?after={seen}").json()
    assert news["decisions"][photo][2] == "0.1,0.2,0.8,0.9"
    assert visitor.get(f"/api/changes?after={news['last']}").json()["decisions"] == {}
    assert visitor.get("/api/changes?after=-1").status_code == 422


def test_a_photo_that_no_browser_may_trust_is_served_as_a_jpeg_or_not_at_all(tmp_path):
    root = paint(tmp_path / "odd", each=2)
    (root / "coral" / "script.jpg").write_bytes(b"\xff\xd8\xff<html><script>alert(1)</script>")
    with serving(Workspace.open(root)) as url:
        visitor = Visitor(url)
        photo = next(row[0] for row in visitor.board()["photos"] if row[1] == ["coral/script.jpg"])
        for path in (f"/thumb/{photo}", f"/photo/{photo}"):
            answer = visitor.get(path)
            assert (answer.status_code, answer.headers["content-type"]) == (415, "application/json")


def test_the_origin_of_a_harvested_photo_is_at_hand(tmp_path):
    root = made(tmp_path / "harvested")
    id_ = keep(root, 1, "https://a.example/1.jpg", page="https://a.example/", author="Ann", licence="by")
    claimed = [keep(root, 2, f"https://a.example/{label}.jpg", label=label) for label in ("coral", "king")]
    with serving(Workspace.open(root)) as url:
        visitor = Visitor(url)
        origin = visitor.get(f"/api/origin/{id_}").json()["origin"]
        assert (origin["author"], origin["licence"], origin["page"]) == ("Ann", "by", "https://a.example/")
        board = visitor.board()
        conflict = next(row for row in board["photos"] if row[0] == claimed[0])
        assert [board["classes"][n] for n in conflict[2]] == ["coral", "king"]
        assert visitor.get(f"/thumb/{claimed[0]}").status_code == 200
        assert visitor.decide((claimed[0], "label", "king"), (claimed[0], "once", "")).status_code == 200


def test_every_file_that_the_page_names_is_served(visitor):
    named = re.findall(r'(?:href|src)="([\w.]+)"', visitor.get("/").text)
    assert {"page.css", "page.js", "favicon.svg"} <= set(named)
    assert [visitor.get(f"/{name}").status_code for name in named] == [200] * len(named)
    assert visitor.get("/favicon.svg").headers["content-type"] == "image/svg+xml"
