"""GBIF: photos of living things from museums and observers of all the world, without a key. It is asked for a taxon.

Two steps, as at iNaturalist, whose photos make up most of it: match the name, then list its occurrences. Both calls
name the same checklist, since the numbers of taxa mean something only within one.
"""

from __future__ import annotations

from urllib.parse import urlencode

from fieldmark.errors import PageChanged
from fieldmark.search import answers, licences
from fieldmark.search.provider import Page, Provider, Request, Response, Result, Search

SITE = "GBIF"
MATCH = "https://api.gbif.org/v1/species/match"
OCCURRENCES = "https://api.gbif.org/v1/occurrence/search"
CHECKLIST = "d7dddbf4-2cf0-4f39-9b2a-bb099caae36c"  # the GBIF Backbone, which the v1 match speaks of
PAGE, CAP = 300, 100_000
PHOTOS_EACH = 2  # photos of one occurrence show one animal in one place
SURE = 95  # of 100: how sure a match must be that is not exact, such as of a name spelt slightly wrong

_INATURALIST = "https://inaturalist-open-data.s3.amazonaws.com/photos/"


def start(search: Search) -> Request:
    """Ask which taxon the query's words name. Phrases and negatives stay here: the site knows neither."""
    memo = {
        "step": "taxon",
        "size": str(answers.page_size(search.most, PAGE)),
        "licences": ",".join(search.licences),
    }
    return Request(MATCH, {"name": search.query.name, "checklistKey": CHECKLIST}, memo=memo)


def read(response: Response) -> Page:
    """Read the taxon, or a page of occurrences."""
    answers.check_status(response, SITE)
    body = answers.read_object(response, SITE)
    if response.request.memo.get("step") == "taxon":
        return _read_taxon(response.request, body)
    found = answers.list_in(body, "results", SITE)
    results = tuple(result for item in found for result in _photos(item))
    if found and not any(isinstance(item.get("media"), list) for item in found):
        raise PageChanged(f"{SITE}'s occurrences have lost their media. A newer Fieldmark may know more.")
    offset = answers.number_of(response.request.params.get("offset")) or 0
    size = answers.number_of(response.request.params.get("limit")) or PAGE
    if not found or body.get("endOfRecords") is True or offset + size >= CAP:
        return Page(results)
    turned = {"offset": str(offset + size), "limit": str(min(size, CAP - offset - size))}
    return Page(results, response.request.following(turned))


def _read_taxon(request: Request, body: dict[str, object]) -> Page:
    kind, confidence = answers.text_of(body.get("matchType")), answers.number_of(body.get("confidence")) or 0
    if not kind:
        raise PageChanged(f"{SITE} no longer says how well a name matches. A newer Fieldmark may know more.")
    if kind != "EXACT" and not (kind in ("FUZZY", "VARIANT") and confidence >= SURE):
        return Page(note=f"{request.params.get('name', '')!r} names no taxon at {SITE}")
    key = answers.id_of(body.get("usageKey"))
    if not key:
        raise PageChanged(f"{SITE}'s taxa have lost their keys. A newer Fieldmark may know how it answers now.")
    params = {
        "taxonKey": key,
        "checklistKey": request.params.get("checklistKey", CHECKLIST),
        "mediaType": "StillImage",
        "basisOfRecord": "HUMAN_OBSERVATION",  # and no museum sheets
        "limit": request.memo.get("size", str(PAGE)),
        "offset": "0",
    }
    return Page(next=Request(OCCURRENCES + _licence_filter(request.memo.get("licences", "")), params))


def _licence_filter(wanted: str) -> str:
    """Return what asks for records of some licences; nothing when one is wanted that no record has, but a photo may."""
    codes = [code for code in wanted.split(",") if code]
    if not codes or not set(codes) <= licences.GBIF.keys():
        return ""
    return "?" + urlencode([("license", licences.GBIF[code]) for code in codes])


def _photos(occurrence: dict[str, object]) -> list[Result]:
    media = answers.objects_of(occurrence.get("media"))
    results = (_result(occurrence, item) for item in media if item.get("type", "StillImage") == "StillImage")
    return [result for result in results if result.url][:PHOTOS_EACH]


def _result(occurrence: dict[str, object], media: dict[str, object]) -> Result:
    # A photo's own licence can be stricter than its record's, so the record speaks only where the photo is silent.
    licence = licences.of_text(answers.text_of(media.get("license")) or answers.text_of(occurrence.get("license")))
    authors = (
        media.get("creator"),
        media.get("rightsHolder"),
        occurrence.get("rightsHolder"),
        occurrence.get("recordedBy"),
    )
    url = answers.url_of(media.get("identifier"))
    if url.startswith(_INATURALIST):  # the size, and so the URL, under which iNaturalist itself gives the photo
        url = url.replace("/original.", "/large.")
    return Result(
        url=url,
        id=answers.id_of(occurrence.get("key")),
        page=answers.url_of(media.get("references")) or answers.url_of(occurrence.get("references")),
        title=answers.text_of(media.get("title")) or answers.text_of(occurrence.get("species")),
        description=answers.text_of(media.get("description")),
        tags=answers.text_of(occurrence.get("scientificName")),
        author=next((name for name in map(answers.text_of, authors) if name), ""),
        licence=licence.code,
        licence_version=licence.version,
        licence_url=licence.url,
    )


PROVIDER = Provider(
    name="gbif",
    about="GBIF: living things, observations of all the world, with licence and author; wants the name of a taxon",
    start=start,
    read=read,
    licences=True,
    cap=CAP,
)
