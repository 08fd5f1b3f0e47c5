"""Google's two doors: SerpApi's `search.json`, and the Custom Search API until it ends."""

from __future__ import annotations

from typing import Any

from fieldmark.demo.smallweb.pool import Listed, Pool
from fieldmark.demo.smallweb.server import Answer, Ask
from fieldmark.demo.smallweb.sites import keys

SERPAPI_PAGE = 100
CSE_PAGE, CSE_LAST_START = 10, 91


def answer(ask: Ask, pool: Pool) -> Answer:
    """Answer `/search.json` and `/customsearch/v1`."""
    match ask.path:
        case "/search.json" | "/search":
            return _serpapi(ask, pool)
        case "/customsearch/v1":
            return _custom_search(ask, pool)
    return Answer(status=404)


def _serpapi(ask: Ask, pool: Pool) -> Answer:
    if ask.params.get("api_key") != keys.SERPAPI:
        return Answer.json({"error": "Invalid API key. Your API key should be here: https://serpapi.com/manage"}, 401)
    query = ask.params.get("q", "")
    if ask.params.get("engine") != "google_images" or not query:
        return Answer.json({"error": "Missing query `q` parameter."}, 400)
    page = ask.number("ijn", 0)
    found = pool.search("google", query)[page * SERPAPI_PAGE : (page + 1) * SERPAPI_PAGE]
    told: dict[str, Any] = {
        "search_metadata": {"id": "66f0c0ffee", "status": "Success", "total_time_taken": 1.2},
        "search_parameters": {"engine": "google_images", "q": query, "ijn": str(page)},
    }
    if not found:
        return Answer.json({**told, "error": "Google hasn't returned any results for this query."})
    first = page * SERPAPI_PAGE + 1
    return Answer.json({**told, "images_results": [_image(first + i, listed) for i, listed in enumerate(found)]})


def _image(position: int, listed: Listed) -> dict[str, Any]:
    return {
        "position": position,
        "title": listed.title,
        "source": "Example Herps",
        "link": listed.page,
        "original": listed.url,
        "original_width": listed.width,
        "original_height": listed.height,
        "thumbnail": f"https://serpapi.com/searches/66f0c0ffee/images/{listed.secret}.jpeg",
        "is_product": False,
        "license_details_url": None,
    }


def _custom_search(ask: Ask, pool: Pool) -> Answer:
    if ask.params.get("key") != keys.GOOGLE or ask.params.get("cx") != keys.GOOGLE_ENGINE:
        return _error(403, "This project does not have the access to Custom Search JSON API.", "PERMISSION_DENIED")
    start, most = ask.number("start", 1), ask.number("num", CSE_PAGE)
    if not 1 <= start <= CSE_LAST_START or not 1 <= most <= CSE_PAGE or ask.params.get("searchType") != "image":
        return _error(400, "Request contains an invalid argument.", "INVALID_ARGUMENT")
    excluded = "".join(f' -"{term}"' for term in ask.params.get("excludeTerms", "").split())
    query = f"{ask.params.get('q', '')} {ask.params.get('exactTerms', '')}{excluded}"
    found = pool.search("google", query)
    items = found[start - 1 : start - 1 + most]
    queries: dict[str, Any] = {"request": [{"totalResults": str(len(found)), "count": len(items), "startIndex": start}]}
    if start + most <= min(len(found), CSE_LAST_START):
        queries["nextPage"] = [{"totalResults": str(len(found)), "count": most, "startIndex": start + most}]
    told = {
        "kind": "customsearch#search",
        "queries": queries,
        "searchInformation": {"searchTime": 0.31, "totalResults": str(len(found))},
    }
    return Answer.json({**told, "items": [_item(listed) for listed in items]} if items else told)


def _item(listed: Listed) -> dict[str, Any]:
    return {
        "kind": "customsearch#result",
        "title": listed.title,
        "htmlTitle": listed.title.replace("Coral", "<b>Coral</b>"),
        "link": listed.url,
        "displayLink": "www.example.org",
        "snippet": listed.description,
        "mime": "image/jpeg",
        "fileFormat": "image/jpeg",
        "image": {
            "contextLink": listed.page,
            "height": listed.height,
            "width": listed.width,
            "byteSize": 184213,
            "thumbnailLink": f"https://encrypted-tbn0.gstatic.com/images?q=tbn:{listed.secret}",
            "thumbnailHeight": 100,
            "thumbnailWidth": 150,
        },
    }


def _error(code: int, message: str, status: str) -> Answer:
    errors = [{"message": message, "domain": "global", "reason": "forbidden" if code == 403 else "badRequest"}]
    return Answer.json({"error": {"code": code, "message": message, "errors": errors, "status": status}}, code)
