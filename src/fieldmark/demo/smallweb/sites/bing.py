"""Bing's `images/async`: a fragment of HTML, 35 pictures a page, the last page again and again past the end."""

from __future__ import annotations

import json
from html import escape

from fieldmark.demo.smallweb.pool import Listed, Pool
from fieldmark.demo.smallweb.server import Answer, Ask

PAGE, MOST = 35, 1000

_EMPTY = '<div class="dgControl hover"><ul class="dgControl_list" data-row="0"></ul></div>'
_NONE = '<div class="no-results">There are no results for <strong>{query}</strong></div>'


def answer(ask: Ask, pool: Pool) -> Answer:
    """Answer `/images/async`. What does not call itself a browser gets a page with nothing on it."""
    if ask.path != "/images/async":
        return Answer(status=404)
    if "Mozilla/" not in ask.headers.get("user-agent", ""):
        return Answer.html(_EMPTY)
    query = ask.params.get("q", "")
    found = pool.search("bing", query, "softly")[:MOST]
    if not found:
        return Answer.html(_NONE.format(query=escape(query)))
    size = max(1, min(ask.number("count", PAGE), PAGE))
    first = max(ask.number("first", 1), 1) - 1
    if first >= len(found):
        first = (len(found) - 1) // size * size
    items = "".join(_item(first + i, query, found[first + i]) for i in range(min(size, len(found) - first)))
    return Answer.html(f'<div class="dgControl hover"><ul class="dgControl_list" data-row="0">\n{items}</ul></div>')


def _item(index: int, query: str, listed: Listed) -> str:
    about = {
        "sid": "",
        "cturl": "",
        "cid": listed.secret[:8],
        "purl": listed.page,
        "murl": listed.url,
        "turl": f"https://tse{index % 4 + 1}.mm.bing.net/th?id=OIP.{listed.secret}&pid=15.1",
        "md5": listed.secret.ljust(32, "0"),
        "shkey": "",
        "t": listed.title,
        "mid": listed.secret.upper().ljust(40, "0"),
        "desc": listed.description,
    }
    href = (
        f"/images/search?view=detailV2&ccid={about['cid']}&id={about['mid']}"
        f"&exph={listed.height}&expw={listed.width}&q={query}&selectedIndex={index}"
    )
    title, page = escape(listed.title), escape(listed.page)
    return (
        f'<li data-idx="{index + 1}"><div class="iuscp isv"><div class="imgpt">\n'
        f'<a class="iusc" m="{escape(json.dumps(about, ensure_ascii=False))}" href="{escape(href)}"'
        f' h="ID=images,{5025 + index}.1"><div class="img_cont hoff">'
        f'<img class="mimg" src="{escape(about["turl"])}" alt="{title}"/></div></a>\n'
        f'<div class="img_info hon"><span class="nowrap">{listed.width} × {listed.height} · jpeg</span>'
        f'<div class="lnkw"><a href="{page}">example.org</a></div></div></div>\n'
        f'<div class="infopt"><div class="infnmpt"><ul><li><a href="{page}">{title}</a></li></ul></div></div>'
        f"</div></li>\n"
    )
