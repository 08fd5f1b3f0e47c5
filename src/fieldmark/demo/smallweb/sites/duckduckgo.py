"""DuckDuckGo: a page that holds a token, then `i.js`, which wants the token back."""

from __future__ import annotations

from urllib.parse import quote

from fieldmark.demo.smallweb.pool import Pool, digest
from fieldmark.demo.smallweb.server import Answer, Ask

PAGE = 100


def answer(ask: Ask, pool: Pool) -> Answer:
    """Answer `/` and `/i.js`; 403 to what does not look like the page's own script in a browser."""
    if "Mozilla/" not in ask.headers.get("user-agent", ""):
        return _forbidden()
    match ask.path:
        case "/" | "":
            return _front_page(ask)
        case "/i.js":
            return _results(ask, pool)
    return Answer(status=404)


def _token(ask: Ask) -> str:
    """Bound to the query and the User-Agent."""
    return f"4-{digest('vqd', ask.params.get('q', ''), ask.headers.get('user-agent', '')):039d}"


def _front_page(ask: Ask) -> Answer:
    token, query = _token(ask), quote(ask.params.get("q", ""))
    script = f"DDG.deep.initialize('/d.js?q={query}&l=us-en&vqd={token}&p=1');"
    return Answer.html(f'<html><script>{script}</script><script>vqd="{token}";</script></html>')


def _results(ask: Ask, pool: Pool) -> Answer:
    ours = ("https://duckduckgo.com/", f"{pool.origin}/duckduckgo/")
    if ask.params.get("vqd") != _token(ask) or not ask.headers.get("referer", "").startswith(ours):
        return _forbidden()
    query, start = ask.params.get("q", ""), ask.number("s", 0)
    found = pool.search("duckduckgo", query, "softly")
    results = [
        {
            "height": listed.height,
            "width": listed.width,
            "image": listed.url,
            "image_token": listed.secret,
            "source": "Bing",
            "thumbnail": f"https://tse1.mm.bing.net/th?id=OIP.{listed.secret}&pid=Api",
            "thumbnail_token": listed.secret[::-1],
            "title": listed.title.replace("Snake", "<b>Snake</b>"),
            "url": listed.page,
        }
        for listed in found[start : start + PAGE]
    ]
    told = {
        "ads": None,
        "query": query,
        "queryEncoded": quote(query),
        "response_type": "places",
        "results": results,
        "vqd": {query: ask.params["vqd"]},
    }
    if start + PAGE < len(found):
        told["next"] = f"i.js?q={quote(query)}&o=json&p=1&s={start + PAGE}&u=bing&f=,,,,,&l=us-en"
    return Answer(Answer.json(told).content, "application/x-javascript")


def _forbidden() -> Answer:
    return Answer.html("<html><body>If this error persists, please let us know.</body></html>", 403)
