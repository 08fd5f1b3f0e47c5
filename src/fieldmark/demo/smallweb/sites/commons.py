"""Wikimedia Commons' `api.php`: a search as a generator of files, in no order, to be gone on with by `continue`."""

from __future__ import annotations

import re
from html import escape
from typing import Any
from urllib.parse import unquote

from fieldmark.demo.smallweb.pool import Listed, Pool, full_size
from fieldmark.demo.smallweb.server import Answer, Ask

SCALED_A_PAGE, MOST_A_PAGE, MOST = 50, 500, 10_000

_CONTACT = re.compile(r"\([^)]*(\+|@|https?://)[^)]*\)")


def answer(ask: Ask, pool: Pool) -> Answer:
    """Answer `/w/api.php`; 429 to a User-Agent that names no contact."""
    if ask.path != "/w/api.php":
        return Answer(status=404)
    if not _CONTACT.search(ask.headers.get("user-agent", "")):
        text = "Please set a user-agent and respect our robot policy https://w.wiki/4wJS."
        return Answer(text.encode(), "text/plain; charset=utf-8", 429, {"Retry-After": "60"})
    text = ask.params.get("gsrsearch", "")
    if ask.params.get("action") != "query" or ask.params.get("generator") != "search" or not text:
        return _error("missingparam", 'The "gsrsearch" parameter must be set.')
    if ask.params.get("format") != "json" or ask.params.get("formatversion") != "2":
        return _error("unsupported", "This small Commons speaks JSON in format version 2 alone.")
    scaled = "iiurlwidth" in ask.params
    size = max(1, min(ask.number("gsrlimit", 10), SCALED_A_PAGE if scaled else MOST_A_PAGE))
    start = ask.number("gsroffset", 0)
    if start + size > MOST:
        return _error("cirrussearch-backend-error", f"Searching beyond {MOST} results is not supported.")
    found = pool.search("commons", re.sub(r"\bfile(type|mime|w|h|res):\S+", "", text))
    return Answer.json(_told(found, start, size, scaled))


def _told(found: list[Listed], start: int, size: int, scaled: bool) -> dict[str, Any]:
    told: dict[str, Any] = {"batchcomplete": True}
    if start + size < len(found):
        told["continue"] = {"gsroffset": start + size, "continue": "gsroffset||"}
    pages = [_page(start + i + 1, listed, scaled) for i, listed in enumerate(found[start : start + size])]
    if pages:
        told["query"] = {"pages": sorted(pages, key=lambda page: page["pageid"])}
    return told


def _page(index: int, listed: Listed, scaled: bool) -> dict[str, Any]:
    is_thumb = "/thumb/" in listed.url
    url = full_size(listed.url) if is_thumb else listed.url
    title = f"File:{unquote(url.rpartition('/')[2]).replace('_', ' ')}"
    grown = 2 if is_thumb else 1
    info: dict[str, Any] = {
        "size": 2345678,
        "width": listed.width * grown,
        "height": listed.height * grown,
        "url": url,
        "descriptionurl": f"https://commons.wikimedia.org/wiki/{title.replace(' ', '_')}",
        "descriptionshorturl": f"https://commons.wikimedia.org/w/index.php?curid={listed.id}",
        "mime": "image/jpeg",
        "extmetadata": _metadata(listed),
    }
    if scaled:
        info |= {"thumburl": listed.url, "thumbwidth": listed.width, "thumbheight": listed.height}
    page = {"pageid": listed.id, "ns": 6, "title": title, "index": index, "imagerepository": "local"}
    return {**page, "imageinfo": [info]}


def _metadata(listed: Listed) -> dict[str, Any]:
    code, version = listed.licence, listed.version
    short = "CC0" if code == "cc0" else f"CC {code.removeprefix('cc-').upper()} {version}"
    path = "publicdomain/zero" if code == "cc0" else f"licenses/{code.removeprefix('cc-')}"
    user = escape(listed.author.replace(" ", "_"))
    artist = f'<a href="//commons.wikimedia.org/wiki/User:{user}" title="User:{user}">{escape(listed.author)}</a>'
    said = {
        "LicenseShortName": short,
        "License": "cc0" if code == "cc0" else f"{code}-{version}",
        "LicenseUrl": f"https://creativecommons.org/{path}/{version}",
        "Artist": artist,
        "ImageDescription": f"{escape(listed.title)}: <i>{escape(listed.description)}</i>",
        "AttributionRequired": "false" if code == "cc0" else "true",
    }
    if listed.id % 8 == 0:
        del said["License"]  # any key may be missing; the short name still tells
    return {name: {"value": value, "source": "commons-desc-page"} for name, value in said.items()}


def _error(code: str, info: str) -> Answer:
    return Answer.json({"error": {"code": code, "info": info}})
