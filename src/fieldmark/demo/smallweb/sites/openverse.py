"""Openverse's `/v1/images/`: 20 pictures a page without a key, and 240 in all."""

from __future__ import annotations

from typing import Any

from fieldmark.demo.smallweb.pool import Listed, Pool
from fieldmark.demo.smallweb.server import Answer, Ask

PAGE, MOST = 20, 240

_LICENCES = {"by", "by-nc", "by-nc-nd", "by-nc-sa", "by-nd", "by-sa", "cc0", "nc-sampling+", "pdm", "sampling+"}
_OLD_NAMES = ("li", "lt", "pagesize", "provider")
_RATES = {
    "x-ratelimit-limit-anon_burst": "20/min",
    "x-ratelimit-available-anon_burst": "19",
    "x-ratelimit-limit-anon_sustained": "200/day",
    "x-ratelimit-available-anon_sustained": "199",
}


def answer(ask: Ask, pool: Pool) -> Answer:
    """Answer `/v1/images/`."""
    if ask.path != "/v1/images/":
        return Answer.json({"detail": "Not found."}, 404)
    size, page = ask.number("page_size", PAGE), ask.number("page", 1)
    if size > PAGE:
        return Answer.json({"detail": "page_size must be between 1 and 20 for anonymous requests."}, 401)
    old = [name for name in _OLD_NAMES if name in ask.params]
    wanted = [licence for licence in ask.params.get("license", "").split(",") if licence]
    unknown = [licence for licence in wanted if licence not in _LICENCES]
    if old or unknown or not size:
        return _wrong(f"'license' -> License '{unknown[0]}' does not exist." if unknown else f"{old or 'page_size'}")
    found = [
        listed
        for listed in pool.search("openverse", ask.params.get("q", "")[:200])
        if not wanted or listed.licence.removeprefix("cc-") in wanted
    ][:MOST]
    pages = -(-len(found) // size)
    if page < 1 or page > max(pages, 1):
        return Answer.json({"detail": "Invalid page."}, 404)
    results = [_result(listed) for listed in found[(page - 1) * size : page * size]]
    told = {"result_count": len(found), "page_count": pages, "page_size": size, "page": page, "results": results}
    return Answer.json(told, headers=_RATES)


def _result(listed: Listed) -> dict[str, Any]:
    code = listed.licence.removeprefix("cc-")
    id_ = f"{listed.secret[:8]}-ef46-4544-a0c1-{listed.id:012d}"
    path = {"cc0": "publicdomain/zero", "pdm": "publicdomain/mark"}.get(code, f"licenses/{code}")
    licence_url = f"https://creativecommons.org/{path}/{listed.version}/"
    name = {"cc0": "CC0", "pdm": "Public Domain Mark"}.get(code, f"CC {code.upper()}")
    untitled = listed.id % 20 == 0  # title and many more may be null
    return {
        "id": id_,
        "title": None if untitled else listed.title,
        "indexed_on": "2024-08-02T09:15:23.123456Z",
        "foreign_landing_url": f"https://www.flickr.com/photos/{listed.login}/{listed.id}",
        "url": listed.url,
        "creator": listed.author,
        "creator_url": f"https://www.flickr.com/photos/{listed.login}",
        "license": code,
        "license_version": listed.version,
        "license_url": licence_url,
        "provider": "flickr",
        "source": "flickr",
        "category": "photograph" if listed.id % 3 else None,
        "filesize": None,
        "filetype": "jpg" if listed.id % 4 else None,
        "tags": [{"name": tag, "accuracy": None, "unstable__provider": "flickr"} for tag in listed.tags],
        "attribution": f'"{listed.title}" by {listed.author} is licensed under {name} {listed.version}. '
        f"To view a copy of this license, visit {licence_url}.",
        "fields_matched": ["title", "tags.name"],
        "mature": False,
        "height": listed.height if listed.id % 5 else None,
        "width": listed.width if listed.id % 5 else None,
        "thumbnail": f"https://api.openverse.org/v1/images/{id_}/thumb/",
        "detail_url": f"https://api.openverse.org/v1/images/{id_}/",
        "related_url": f"https://api.openverse.org/v1/images/{id_}/related/",
        "unstable__sensitivity": [],
    }


def _wrong(detail: str) -> Answer:
    return Answer.json({"error": "InputError", "detail": f"Invalid input given for fields. {detail}"}, 400)
