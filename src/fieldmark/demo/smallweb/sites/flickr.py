"""Flickr's REST method `flickr.photos.search`: every failure is a 200 that says `stat: fail`."""

from __future__ import annotations

from typing import Any

from fieldmark.demo.smallweb.pool import Listed, Pool
from fieldmark.demo.smallweb.server import Answer, Ask
from fieldmark.demo.smallweb.sites import keys

PAGE, MOST_A_PAGE, MOST = 100, 500, 4000

LICENCE_IDS = {
    ("arr", ""): "0",
    ("cc-by-nc-sa", "2.0"): "1",
    ("cc-by-nc", "2.0"): "2",
    ("cc-by", "2.0"): "4",
    ("cc-by-sa", "2.0"): "5",
    ("cc-by-nd", "2.0"): "6",
    ("us-gov", ""): "8",
    ("cc0", "1.0"): "9",
    ("cc-by-nc-nd", "4.0"): "16",
}

_SIZES = ("url_l", "url_c", "url_z")
"""What the largest size is called of photos more and less large; smaller ones we list are `url_t` alone."""


def answer(ask: Ask, pool: Pool) -> Answer:
    """Answer `/services/rest/`."""
    if ask.path.rstrip("/") != "/services/rest":
        return Answer(status=404)
    if ask.params.get("api_key") != keys.FLICKR:
        return _fail(100, "Invalid API Key (Key has invalid format)")
    if ask.params.get("method") != "flickr.photos.search":
        return _fail(112, f'Method "{ask.params.get("method", "")}" not found')
    if not ask.params.get("text"):
        return _fail(3, "Parameterless searches have been disabled. Please use flickr.photos.getRecent instead.")
    size = max(1, min(ask.number("per_page", PAGE), MOST_A_PAGE))
    page = max(1, ask.number("page", 1))
    wanted = ask.params.get("license", "")
    found = [
        listed
        for listed in pool.search("flickr", ask.params["text"])[:MOST]
        if not wanted or LICENCE_IDS[listed.licence, listed.version] in wanted.split(",")
    ]
    extras = ask.params.get("extras", "").replace(" ", "").split(",")
    photos = [_photo(listed, extras) for listed in found[(page - 1) * size : page * size]]
    pages = -(-len(found) // size)
    told = {"page": page, "pages": pages, "perpage": size, "total": len(found), "photo": photos}
    return Answer.json({"photos": told, "stat": "ok"})


def _photo(listed: Listed, extras: list[str]) -> dict[str, Any]:
    owner = f"{listed.id % 10**8:08d}@N0{listed.id % 8 + 1}"
    photo: dict[str, Any] = {
        "id": str(listed.id),
        "owner": owner,
        "secret": listed.secret,
        "server": "65535",
        "farm": 66,
        "title": listed.title,
        "ispublic": 1,
        "isfriend": 0,
        "isfamily": 0,
    }
    size = _SIZES[listed.id % len(_SIZES)]
    said: dict[str, dict[str, Any]] = {
        "license": {"license": LICENCE_IDS[listed.licence, listed.version]},
        "description": {"description": {"_content": listed.description}},
        "owner_name": {"ownername": listed.author},
        "tags": {"tags": " ".join(listed.tags)},
        "media": {"media": "photo", "media_status": "ready"},
        "path_alias": {"pathalias": listed.login if listed.id % 2 else None},
        "url_t": {"url_t": listed.url.replace("_b.jpg", "_t.jpg"), "width_t": 100, "height_t": 75},
        size: {
            size: listed.url,
            size.replace("url", "width"): listed.width,
            size.replace("url", "height"): listed.height,
        },
    }
    for extra in extras:
        photo |= said.get(extra, {})
    return photo


def _fail(code: int, message: str) -> Answer:
    return Answer.json({"stat": "fail", "code": code, "message": message})
