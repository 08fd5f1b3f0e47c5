"""Baidu Images, by the JSON that its page loads. It answers only those who fetched its front page's cookies before.

Four oddities: JSON with `\\'` in it, an empty object at the end of each list, scrambled URLs, and a refusal that comes
with status 200.
"""

from __future__ import annotations

import re

from fieldmark.errors import Blocked, PageChanged
from fieldmark.search import answers
from fieldmark.search.provider import Page, Provider, Request, Response, Result, Search

SITE = "Baidu"
URL = "https://image.baidu.com/"
PICTURES = "https://image.baidu.com/search/acjson"
PAGE, CAP = 30, 1000

BLOCKED = "Baidu takes us for a robot. Wait an hour, or try from another network."

_CAPTCHA = re.compile(r"wappass\.baidu\.com|/static/captcha|百度安全验证")
_BAD_ESCAPE = re.compile(r"(?<!\\)((?:\\\\)*)\\'")

# How scrambled URLs are written: three marks, then letter for letter.
_MARKS = (("_z2C$q", ":"), ("_z&e3B", "."), ("AzdH3F", "/"))
_LETTERS = str.maketrans("0123456789abcdefghijklmnopqrstuvw", "7dgjmoru140852vsnkheb963wtqplifca")


def start(search: Search) -> Request:
    """Ask for the front page, for its cookies. Negatives do not work here, so only what is wanted is asked for."""
    return Request(URL, memo={"step": "cookie", "word": search.query.plain})


def read(response: Response) -> Page:
    """Pass on from the front page, or read a page of pictures."""
    where = f"{response.url} {response.headers.get('location', '')}"
    if _CAPTCHA.search(where) or (not response.content.lstrip().startswith(b"{") and _CAPTCHA.search(response.text)):
        raise Blocked(BLOCKED)
    answers.check_status(response, SITE)
    if response.request.memo.get("step") == "cookie":
        params = {"tn": "resultjson_com", "ipn": "rj", "word": response.request.memo.get("word", "")}
        return Page(next=Request(PICTURES, {**params, "pn": "0", "rn": str(PAGE)}, {"Referer": URL}))
    return _read_pictures(response)


def unscramble(url: str) -> str:
    """Return the URL that a scrambled one stands for."""
    for mark, meaning in _MARKS:
        url = url.replace(mark, meaning)
    return url.translate(_LETTERS)


def _read_pictures(response: Response) -> Page:
    body = answers.read_object(response, SITE, text=_BAD_ESCAPE.sub(r"\1'", response.text))
    if body.get("antiFlag"):
        raise Blocked(f"{BLOCKED}{answers.quoted(body.get('message'))}")
    found = [item for item in answers.list_in(body, "data", SITE) if item]
    results = tuple(result for item in found if (result := _result(item)).url)
    if found and not results:
        raise PageChanged("Baidu names no picture in the fields we know. A newer Fieldmark may know more.")
    offset = (answers.number_of(response.request.params.get("pn")) or 0) + PAGE
    following = response.request.following({"pn": str(offset)}) if results and offset < CAP else None
    return Page(results[: max(CAP + PAGE - offset, 0)], following)


def _result(item: dict[str, object]) -> Result:
    plain = next(iter(answers.objects_of(item.get("replaceUrl"))), {})
    urls = (plain.get("ObjURL"), _unscrambled(item.get("objURL")), item.get("hoverURL"))
    pages = (plain.get("FromURL"), _unscrambled(item.get("fromURL")))
    return Result(
        url=next((url for url in map(answers.url_of, urls) if url), ""),
        id=answers.id_of(item.get("di")),
        page=next((page for page in map(answers.url_of, pages) if page), ""),
        title=answers.text_of(item.get("fromPageTitleEnc")) or answers.text_of(item.get("fromPageTitle")),
        width=answers.pixels_of(item.get("width")),
        height=answers.pixels_of(item.get("height")),
    )


def _unscrambled(value: object) -> str:
    if not isinstance(value, str) or len(value) > answers.LONGEST_URL:
        return ""
    return value if value.startswith("http") else unscramble(value)


PROVIDER = Provider(
    name="baidu",
    about="Baidu Images, read from its page: best effort, licence unknown, knows Chinese best",
    start=start,
    read=read,
    interval=2.0,
    browser=True,
    resumable=False,
    cap=CAP,
)
