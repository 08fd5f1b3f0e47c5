"""iNaturalist: a taxon by its name, then observations of it, each with its photos. It knows no other words."""

from __future__ import annotations

from typing import Any

from fieldmark.demo.smallweb.pool import Listed, Pool
from fieldmark.demo.smallweb.server import Answer, Ask
from fieldmark.demo.smallweb.words import TAXA, taxon_of

PAGE, MOST_A_PAGE, WINDOW = 30, 200, 10_000

TAXON_IDS = {"coral": 30513, "king": 29813}


def answer(ask: Ask, pool: Pool) -> Answer:
    """Answer `/v1/taxa/autocomplete` and `/v1/observations`."""
    match ask.path:
        case "/v1/taxa/autocomplete":
            return _taxa(ask)
        case "/v1/observations":
            return _observations(ask, pool)
    return Answer.json({"error": "Not found", "status": 404}, 404)


def _taxa(ask: Ask) -> Answer:
    """Every taxon with a name that begins like `q`. An operator such as `-king` is text like any other."""
    typed = " ".join(ask.params.get("q", "").lower().split())
    results = [
        {
            "id": TAXON_IDS[topic],
            "rank": "species",
            "name": names[0],
            "matched_term": next(name for name in names if name.lower().startswith(typed)),
            "preferred_common_name": names[1],
            "observations_count": 1900,
            "is_active": True,
        }
        for topic, names in TAXA.items()
        if typed and any(name.lower().startswith(typed) for name in names)
    ]
    return Answer.json({"total_results": len(results), "page": 1, "per_page": 10, "results": results})


def _observations(ask: Ask, pool: Pool) -> Answer:
    size, page = max(1, min(ask.number("per_page", PAGE), MOST_A_PAGE)), max(1, ask.number("page", 1))
    if size * page > WINDOW:
        return Answer.json({"error": "Result window is too large", "status": 403}, 403)
    topic = _topic(ask)
    if topic is None and "taxon_id" in ask.params:
        return Answer.json({"error": "Unknown taxon_id", "status": 422}, 422)
    above, licences = ask.number("id_above", 0), ask.params.get("photo_license", "")
    found = [
        observation
        for observation in ([] if topic is None else _observed(pool.all("inaturalist", topic)))
        if observation["id"] > above
        and (not licences or any(photo["license_code"] in licences.split(",") for photo in observation["photos"]))
    ]
    if ask.params.get("order_by") != "id" or ask.params.get("order") != "asc":
        found.reverse()  # the newest first
    told = {"total_results": len(found), "page": page, "per_page": size}
    return Answer.json({**told, "results": found[(page - 1) * size : page * size]})


def _topic(ask: Ask) -> str | None:
    if "taxon_id" in ask.params:
        return next((topic for topic, id_ in TAXON_IDS.items() if id_ == ask.number("taxon_id", 0)), None)
    return taxon_of(ask.params.get("taxon_name", ask.params.get("q", "")))


def _observed(listing: list[Listed]) -> list[dict[str, Any]]:
    """Photos of the same animal make one observation."""
    together: dict[object, list[Listed]] = {}
    for listed in listing:
        together.setdefault(listed.picture.original if listed.picture else listed.id, []).append(listed)
    return [_observation(photos) for photos in together.values()]


def _observation(photos: list[Listed]) -> dict[str, Any]:
    first = photos[0]
    scientific, common = TAXA[first.topic]
    return {
        "id": first.id,
        "uuid": f"{first.secret[:8]}-295e-4454-86b2-507580dfe203",
        "quality_grade": "research",
        "license_code": _code(first),
        "uri": f"https://www.inaturalist.org/observations/{first.id}",
        "observed_on": f"2025-04-{first.id % 28 + 1:02d}",
        "place_guess": first.place,
        "captive": False,
        "obscured": False,
        "species_guess": common,
        "description": first.description if first.id % 3 == 0 else None,
        "taxon": {
            "id": TAXON_IDS[first.topic],
            "name": scientific,
            "rank": "species",
            "preferred_common_name": common,
            "ancestor_ids": [48460, 1, 2, 355675, 26036, 26172, 85553, TAXON_IDS[first.topic]],
            "iconic_taxon_name": "Reptilia",
        },
        "user": {"id": first.id % 10**5, "login": first.login, "name": first.author},
        "photos": [_photo(listed) for listed in photos],
    }


def _photo(listed: Listed) -> dict[str, Any]:
    code = _code(listed)
    rights = {None: "all rights reserved", "cc0": "no rights reserved"}.get(
        code, f"some rights reserved ({listed.licence.replace('cc-', 'CC ').upper()})"
    )
    return {
        "id": listed.id,
        "license_code": code,
        "original_dimensions": {"width": listed.width, "height": listed.height},
        "url": listed.url.replace("/large.", "/square."),
        "attribution": rights if code == "cc0" else f"(c) {listed.author}, {rights}",
        "flags": [],
    }


def _code(listed: Listed) -> str | None:
    return None if listed.licence == "arr" else listed.licence
