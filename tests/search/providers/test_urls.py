import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldmark.errors import MissingExtra, QueryError
from fieldmark.search.provider import Result
from fieldmark.search.providers import urls


@pytest.fixture
def listed(tmp_path):
    def write(name: str, content: str | bytes):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def pairs(path):
    return [(label, result.url) for label, result in urls.read(path)]


def test_a_text_list_holds_a_url_a_line_and_comments(listed):
    path = listed("coral.txt", "# mine\n\nhttps://a.example/1.jpg\r\n  https://a.example/2 3.jpg  \nnot a url")

    assert pairs(path) == [
        ("coral", "https://a.example/1.jpg"),
        ("coral", "https://a.example/2 3.jpg"),
        ("coral", "not a url"),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_byte_order_mark_and_any_line_end_are_fine(listed, encoding, end):
    text = end.join(["image,source", "1.jpg,https://a.example/é,1.jpg", "2.jpg,https://a.example/2 3.jpg"])

    assert pairs(listed("micrurus_tener_-king.log", text.encode(encoding))) == [
        ("micrurus_tener_-king", "https://a.example/é,1.jpg"),
        ("micrurus_tener_-king", "https://a.example/2 3.jpg"),
    ]


def test_all_after_the_first_comma_of_a_log_is_the_url(listed):
    path = listed("x.LOG", "image,source\n1.jpg,https://a.example/flat,1000x1000,075,f.u3.jpg\n")

    assert pairs(path) == [("x", "https://a.example/flat,1000x1000,075,f.u3.jpg")]


def test_repeated_lines_are_all_returned(listed):
    assert len(urls.read(listed("x.txt", "https://a.example/1\nhttps://a.example/1\n"))) == 2


def test_a_table_is_read_by_its_header(listed):
    path = listed(
        "x.csv",
        "Title, Class ,URL,license,author,page\n"
        '"a, b",coral,"https://a.example/1,2.jpg",CC BY 4.0,Ana,https://a.example/p\n'
        ",,https://a.example/2.jpg,,,\n"
        "\n",
    )

    assert urls.read(path) == [
        (
            "coral",
            Result(
                url="https://a.example/1,2.jpg",
                page="https://a.example/p",
                title="a, b",
                author="Ana",
                licence="cc-by",
                licence_version="4.0",
                licence_url="https://creativecommons.org/licenses/by/4.0/",
            ),
        ),
        ("x", Result(url="https://a.example/2.jpg")),
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.tsv", "label\timage_url\nking\thttps://a.example/1.jpg\n"),
        ("x.csv", "label;link\nking;https://a.example/1.jpg\n"),
        ("x.csv", "source,label,url\nflickr,king,https://a.example/1.jpg\n"),
        ("x.csv", "class,label,source\nking,7,https://a.example/1.jpg\n"),
    ],
)
def test_tabs_semicolons_and_the_usual_names_of_columns_are_known(listed, name, text):
    assert pairs(listed(name, text)) == [("king", "https://a.example/1.jpg")]


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("x.csv", "name,class\na,b\n", "line 1: no column is called url.*holds: name, class"),
        ("x.csv", "https://a.example/1.jpg\n", "line 1: no column"),
        ("x.csv", "", "line 1: no column"),
        ("x.csv", "url,class\nhttps://a.example/1,2.jpg,coral\n", "line 2: 3 cells where the header has 2"),
        ("x.csv", "url,class\nhttps://a.example/1.jpg\n", "line 2: 1 cells"),
        ("x.csv", 'url,class\nx,y\n"https://a.example/1.jpg,coral\n', "line 3: .*quote"),
        ("x.log", "https://a.example/1.jpg\n", "line 1: .*image,source"),
        ("x.log", "", "line 1"),
        ("x.log", "image,source\n1.jpg https://a.example/1.jpg\n", "line 2: no comma"),
        ("x.txt", b"https://a.example/\nhttps://a.example/\xff\n", "line 2: this is not UTF-8"),
        ("x.parquet", "no parquet", "cannot be read as Parquet"),
        ("x.json", "[]", "no list of URLs"),
    ],
    ids=range(12),
)
def test_a_list_that_cannot_be_read_is_refused_with_file_and_line(listed, name, content, why):
    with pytest.raises(QueryError, match=why) as caught:
        urls.read(listed(name, content))

    assert name in str(caught.value)


@pytest.mark.parametrize("name", ["x.txt", "x.parquet"])
def test_a_file_that_is_not_there_is_refused(tmp_path, name):
    with pytest.raises(QueryError, match="There is no file"):
        urls.read(tmp_path / name)


def test_parquet_is_read_like_a_table(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = pyarrow.table({"Label": ["king", None], "n": [1, 2], "url": ["https://a.example/1.jpg", None]})
    parquet.write_table(table, tmp_path / "x.parquet")

    assert pairs(tmp_path / "x.parquet") == [("king", "https://a.example/1.jpg"), ("x", "")]


def test_parquet_without_pyarrow_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(MissingExtra, match=r"fieldmark\[parquet\]"):
        urls.read(tmp_path / "x.parquet")


@pytest.mark.parametrize("name", ["x.txt", "x.log", "x.csv", "x.tsv", "x.parquet"])
@settings(max_examples=60, deadline=None)
@given(
    content=st.binary(max_size=300)
    | st.text(max_size=200).map(lambda text: f"image,source\n{text}".encode("utf-8", "replace"))
)
def test_any_bytes_end_in_a_list_or_a_sentence(tmp_path_factory, name, content):
    path = tmp_path_factory.mktemp("list") / name
    path.write_bytes(content)
    try:
        found = urls.read(path)
    except (QueryError, MissingExtra):
        return
    assert all("\0" not in result.url and label for label, result in found)


@pytest.mark.photos
def test_the_logs_of_the_snakes_hold_568_urls(real_photos):
    logs = sorted((real_photos / "snakes").glob("*.log"))
    found = [pair for log in logs for pair in pairs(log)]

    assert len(found) == len(set(found)) == 568
    assert {label for label, _ in found} == {"micrurus_tener_-king", "scarlet_king_snake"}
