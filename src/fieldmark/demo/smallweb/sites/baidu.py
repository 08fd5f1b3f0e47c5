"""Baidu's `acjson`: JSON with escapes that JSON has not, disguised URLs, an empty element at the end, and a cookie."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from fieldmark.demo.smallweb.pool import Listed, Pool
from fieldmark.demo.smallweb.server import Answer, Ask

PAGE, MOST = 30, 1000

_COOKIE = "BAIDUID=5MA11WEB00000000:FG=1"
_FORBIDDEN = {"antiFlag": 1, "message": "Forbid spider access", "bfe_log_id": "12345678901234567890"}

# A character of the URL -> what stands for it.
_DISGUISE = str.maketrans(
    dict(zip("7dgjmoru140852vsnkheb963wtqplifca", "0123456789abcdefghijklmnopqrstuvw", strict=True))
    | {":": "_z2C$q", ".": "_z&e3B", "/": "AzdH3F"}
)


def answer(ask: Ask, pool: Pool) -> Answer:
    """Answer `/`, which gives the cookie, and `/search/acjson`, which wants it."""
    match ask.path:
        case "/" | "":
            return Answer.html("<html><title>百度图片</title></html>", headers={"Set-Cookie": f"{_COOKIE}; path=/"})
        case "/search/acjson":
            return _results(ask, pool)
    return Answer(status=404)


def _results(ask: Ask, pool: Pool) -> Answer:
    if _COOKIE not in ask.headers.get("cookie", "") or "Mozilla/" not in ask.headers.get("user-agent", ""):
        return Answer.json(_FORBIDDEN)
    word = ask.params.get("word", "")
    found = pool.search("baidu", word, "ignored")[:MOST]
    start, size = ask.number("pn", 0), max(1, min(ask.number("rn", PAGE), PAGE))
    told = {
        "queryEnc": quote(word),
        "queryExt": word,
        "listNum": len(found),
        "displayNum": 100 * len(found),
        "gsm": f"{start + size:x}",
        "bdFmtDispNum": f"约{100 * len(found):,}",
        "bdSearchTime": "",
        "isNeedAsyncRequest": 0,
        "bdIsClustered": "1",
        "data": [*(_picture(start + i, listed) for i, listed in enumerate(found[start : start + size])), {}],
    }
    return Answer(json.dumps(told, ensure_ascii=False).replace("'", r"\'").encode())


def _picture(index: int, listed: Listed) -> dict[str, Any]:
    preview = f"https://img1.baidu.com/it/u={listed.id},987654321&fm=253&fmt=auto&app=138&f=JPEG?w=750&h=500"
    plain = {"ObjURL": listed.url, "ObjUrl": listed.url, "FromURL": listed.page, "FromUrl": listed.page}
    picture: dict[str, Any] = {
        "thumbURL": preview,
        "middleURL": preview,
        "hoverURL": preview,
        "largeTnImageUrl": "",
        "hasLarge": 0,
        "pageNum": index // PAGE,
        "objURL": listed.url.translate(_DISGUISE),
        "fromURL": listed.page.translate(_DISGUISE),
        "fromURLHost": "www.example.org",
        "fromPageTitle": f"<strong>珊瑚蛇</strong> {listed.title}, it's a snake",
        "fromPageTitleEnc": f"珊瑚蛇 {listed.title}, it's a snake",
        "width": listed.width if index % 2 else str(listed.width),
        "height": listed.height if index % 2 else str(listed.height),
        "type": "jpg",
        "filesize": "",
        "bdSrcType": "0",
        "di": str(listed.id),
        "is": "0,0",
        "bdImgnewsDate": "2024-05-12 00:00",
    }
    return {**picture, "replaceUrl": [plain]} if index % 2 else picture
