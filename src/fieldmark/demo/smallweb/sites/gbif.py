"""GBIF: a scientific name to a key, then occurrences of it with their media."""

from __future__ import annotations

from typing import Any

from fieldmark.demo.smallweb.pool import Listed, Pool
from fieldmark.demo.smallweb.server import Answer, Ask
from fieldmark.demo.smallweb.words import TAXA, taxon_of

PAGE, MOST_A_PAGE, MOST = 20, 300, 100_000

TAXON_KEYS = {"coral": 2444234, "king": 2453202}
BACKBONE = "d7dddbf4-2cf0-4f39-9b2a-bb099caae36c"

_RECORD_LICENCES = {"cc0": "CC0_1_0", "cc-by": "CC_BY_4_0", "cc-by-nc": "CC_BY_NC_4_0"}


def answer(ask: Ask, pool: Pool) -> Answer:
    """Answer `/v1/species/match` and `/v1/occurrence/search`, by the keys of GBIF's own backbone."""
    match ask.path:
        case "/v1/species/match":
            return _match(ask)
        case "/v1/occurrence/search":
            return _occurrences(ask, pool)
    return Answer(status=404)


def _match(ask: Ask) -> Answer:
    """Scientific names alone; a common name or an operator matches nothing."""
    topic = taxon_of(ask.params.get("name", ""), common=False)
    if topic is None or ask.params.get("checklistKey", BACKBONE) != BACKBONE:
        return Answer.json({"confidence": 100, "matchType": "NONE", "synonym": False})
    return Answer.json(
        {
            "usageKey": TAXON_KEYS[topic],
            "scientificName": TAXA[topic][0],
            "canonicalName": TAXA[topic][0],
            "rank": "SPECIES",
            "status": "ACCEPTED",
            "confidence": 99,
            "matchType": "EXACT",
            "kingdom": "Animalia",
            "speciesKey": TAXON_KEYS[topic],
            "synonym": False,
        }
    )


def _occurrences(ask: Ask, pool: Pool) -> Answer:
    size, start = min(ask.number("limit", PAGE), MOST_A_PAGE), ask.number("offset", 0)
    if start + size > MOST:
        return Answer.json({"error": f"Max offset of {MOST} exceeded"}, 400)
    topic = next((topic for topic, key in TAXON_KEYS.items() if key == ask.number("taxonKey", 0)), None)
    if ask.params.get("checklistKey", BACKBONE) != BACKBONE:
        topic = None
    wanted = ask.values.get("license", [])
    found = [
        listed
        for listed in ([] if topic is None else pool.all("gbif", topic))
        if not wanted or _RECORD_LICENCES[listed.licence] in wanted
    ]
    return Answer.json(
        {
            "offset": start,
            "limit": size,
            "endOfRecords": start + size >= len(found),
            "count": len(found),
            "results": [_occurrence(listed) for listed in found[start : start + size]],
            "facets": [],
        }
    )


def _occurrence(listed: Listed) -> dict[str, Any]:
    part = {"cc0": "publicdomain/zero/1.0"}.get(listed.licence, f"licenses/{listed.licence.removeprefix('cc-')}/4.0")
    licence = f"http://creativecommons.org/{part}/"
    seen = f"https://www.inaturalist.org/observations/{listed.id}"
    key = TAXON_KEYS[listed.topic]
    return {
        "key": listed.id,
        "datasetKey": "50c9509d-22c7-4a22-a47d-8c48425ef4a7",
        "basisOfRecord": "HUMAN_OBSERVATION",
        "license": f"{licence}legalcode",
        "scientificName": TAXA[listed.topic][0],
        "species": TAXA[listed.topic][0],
        "taxonKey": key,
        "speciesKey": key,
        "taxonRank": "SPECIES",
        "countryCode": "US",
        "eventDate": "2025-04-12",
        "occurrenceID": seen,
        "references": seen,
        "rightsHolder": listed.author,
        "recordedBy": listed.author,
        "mediaType": ["StillImage"],
        "media": [
            {
                "type": "StillImage",
                "format": "image/jpeg",
                "identifier": listed.url,
                "references": f"https://www.inaturalist.org/photos/{listed.id}",
                "created": "2025-04-12T08:12:44.000+00:00",
                "creator": listed.author,
                "publisher": "iNaturalist",
                "license": licence,
                "rightsHolder": listed.author,
            }
        ],
    }
