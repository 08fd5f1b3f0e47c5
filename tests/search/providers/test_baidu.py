import json

import pytest

from fieldmark.errors import Blocked, PageChanged
from fieldmark.search.provider import Request, Result
from fieldmark.search.providers.baidu import PROVIDER, unscramble
from search.recorded import answer, follow, read, recorded, search

FIRST = PROVIDER.start(search())
PICTURES = read(PROVIDER, FIRST, "baidu/front.html").next


def test_the_first_request_is_for_the_cookies():
    assert FIRST.url == "https://image.baidu.com/" and FIRST.params == {}


def test_the_second_request_asks_for_what_is_wanted_without_negatives_and_quotes():
    assert PICTURES.url == "https://image.baidu.com/search/acjson"
    assert PICTURES.params == {
        "tn": "resultjson_com",
        "ipn": "rj",
        "word": "micrurus tener texas coral snake",
        "pn": "0",
        "rn": "30",
    }


def test_a_good_page_with_bad_escapes_and_an_empty_last_entry_is_read_fully():
    assert b"\\'" in recorded("baidu/good.json")
    page = read(PROVIDER, PICTURES, "baidu/good.json")

    assert page.results == (
        Result(
            url="https://img.example.cn/snake/01.jpg",
            id="7117150749552803841",
            page="https://www.example.cn/p/01.html",
            title="珊瑚蛇图片",
            width=1200,
            height=800,
        ),
    )
    assert page.next is not None and page.next.params == {**PICTURES.params, "pn": "30"}


def test_a_scrambled_url_is_read_where_there_is_no_plain_one_and_a_preview_where_there_is_neither():
    scrambled, preview = read(PROVIDER, PICTURES, "baidu/page2.json").results

    assert (scrambled.url, scrambled.page) == (
        "https://img.example.cn/snake/01.jpg",
        "https://www.example.cn/p/01.html",
    )
    assert (scrambled.width, scrambled.height, scrambled.title) == (750, None, "珊瑚蛇图片")
    assert preview.url.startswith("https://img1.baidu.com/it/u=1234567890,987654321&fm=253")
    assert preview.page == ""


def test_unscrambling_gives_the_url_back():
    assert unscramble("ipprf_z2C$qAzdH3FAzdH3Ft42_z&e3Bjxw4rsj_z&e3BvgAzdH3FfgwhjAzdH3Fa8_z&e3B3r2") == (
        "https://img.example.cn/snake/01.jpg"
    )


def test_it_is_followed_to_1000():
    def site(request: Request) -> bytes:
        if request.memo.get("step") == "cookie":
            return recorded("baidu/front.html")
        first = int(request.params["pn"])
        data = [{"replaceUrl": [{"ObjURL": f"https://a.example/{first + n}.jpg"}]} for n in range(30)]
        return json.dumps({"data": [*data, {}]}).encode()

    asked, found = follow(PROVIDER, search(), site)

    assert len(found) == len({result.url for result in found}) == 1000
    assert asked[-1].params["pn"] == "990"


def test_nothing_found_is_an_empty_page():
    page = read(PROVIDER, PICTURES, "baidu/empty.json")

    assert page.results == () and page.next is None


def test_the_refusal_with_status_200_is_blocked():
    with pytest.raises(Blocked, match="Forbid spider access"):
        read(PROVIDER, PICTURES, "baidu/blocked.json")


@pytest.mark.parametrize("request_", [FIRST, PICTURES], ids=["front", "pictures"])
def test_a_captcha_is_blocked_whether_the_redirect_was_followed_or_not(request_):
    captcha = "https://wappass.baidu.com/static/captcha/?x=1"
    for response in (
        answer(request_, b"", 302, location=captcha),
        answer(request_, b"<html></html>", url=captcha),
        answer(request_, "baidu/captcha.html"),
    ):
        with pytest.raises(Blocked):
            PROVIDER.read(response)


@pytest.mark.parametrize("content", ["baidu/drifted.json", b"<html></html>", b'{"data": [{"x": 1}, {}]}'])
def test_another_shape_is_page_changed(content):
    with pytest.raises(PageChanged):
        read(PROVIDER, PICTURES, content)
