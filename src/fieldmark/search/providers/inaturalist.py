"""iNaturalist: photos of living things, named by people who know them. It is asked for a taxon, not for words.

So a search has two steps: which taxon the words are the name of, if any; then the observations of that taxon that
several people agree on, by their ids, which goes as deep as one likes.
"""

from __future__ import annotations

import unicodedata

from fieldmark.errors import PageChanged
from fieldmark.search import answers, licences
from fieldmark.search.provider import Page, Provider, Request, Response, Result, Search

SITE = "iNaturalist"
TAXA = "https://api.inaturalist.org/v1/taxa/autocomplete"
OBSERVATIONS = "https://api.inaturalist.org/v1/observations"
PAGE = 200
PHOTOS_EACH = 2  # photos of one observation show one animal in one place
LARGE = 1024  # longer side of the size that is fetched, in pixels

_NAMES = ("name", "matched_term", "preferred_common_name")


def start(search: Search) -> Request:
    """Ask which taxon the query's words name. Phrases and negatives stay here: the site knows neither."""
    memo = {
        "step": "taxon",
        "size": str(answers.page_size(search.most, PAGE)),
        "licences": _licence_filter(search.licences),
    }
    return Request(TAXA, {"q": search.query.name}, memo=memo)


def read(response: Response) -> Page:
    """Read the taxon, or a page of observations."""
    answers.check_status(response, SITE)
    body = answers.read_object(response, SITE)
    found = answers.list_in(body, "results", SITE)
    if response.request.memo.get("step") == "taxon":
        return _read_taxon(response.request, found)
    given = len(body["results"])  # what cannot be read counts, or a bad entry would end the search
    return _read_observations(response.request, body, found, given)


def _licence_filter(wanted: tuple[str, ...]) -> str:
    """Return the licences to ask for; none where reserved rights are welcome too, since those have no code there."""
    return "" if "arr" in wanted else ",".join(code for code in wanted if code.startswith("cc"))


def _read_taxon(request: Request, found: list[dict[str, object]]) -> Page:
    asked = request.params.get("q", "")
    taxon = found[0] if found else {}
    if not any(_same_name(asked, answers.text_of(taxon.get(key))) for key in _NAMES):
        return Page(note=f"{asked!r} names no taxon at {SITE}")
    number = answers.number_of(taxon.get("id"))
    if number is None:
        raise PageChanged(f"{SITE}'s taxa have lost their ids. A newer Fieldmark may know how it answers now.")
    params = {
        "taxon_id": str(number),
        "photos": "true",
        "quality_grade": "research",
        "order_by": "id",
        "order": "asc",
        "per_page": request.memo.get("size", str(PAGE)),
        "id_above": "0",
    }
    if request.memo.get("licences"):
        params["photo_license"] = request.memo["licences"]
    return Page(next=Request(OBSERVATIONS, params, memo={"step": "observations"}))


def _same_name(asked: str, given: str) -> bool:
    """Return whether two names are one, case, Unicode form, spaces and hyphens aside: "king snake" is "Kingsnake"."""
    return bool(_bare(asked)) and _bare(asked) == _bare(given)


def _bare(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).casefold().replace("-", " ").split())


def _read_observations(request: Request, body: dict[str, object], found: list[dict[str, object]], given: int) -> Page:
    results = tuple(result for item in found for result in _photos(item))
    if found and not any(isinstance(item.get("photos"), list) for item in found):
        raise PageChanged(f"{SITE}'s observations have lost their photos. A newer Fieldmark may know more.")
    size = answers.number_of(body.get("per_page")) or answers.number_of(request.params.get("per_page")) or PAGE
    before = answers.number_of(request.params.get("id_above")) or 0
    last = max((answers.number_of(item.get("id")) or 0 for item in found), default=0)
    goes_on = given >= size and last > before
    return Page(results, request.following({"id_above": str(last)}) if goes_on else None)


def _photos(observation: dict[str, object]) -> list[Result]:
    results = (_result(observation, photo) for photo in answers.objects_of(observation.get("photos")))
    return [result for result in results if result.url][:PHOTOS_EACH]


def _result(observation: dict[str, object], photo: dict[str, object]) -> Result:
    taxon, user = answers.object_of(observation.get("taxon")), answers.object_of(observation.get("user"))
    common = answers.text_of(taxon.get("preferred_common_name")) or answers.text_of(observation.get("species_guess"))
    licence = licences.of_inaturalist(photo.get("license_code"))
    width, height = _large(answers.object_of(photo.get("original_dimensions")))
    return Result(
        url=answers.url_of(photo.get("url")).replace("/square.", "/large."),
        id=answers.id_of(photo.get("id")),
        page=answers.url_of(observation.get("uri")),
        title=common,
        description=answers.text_of(observation.get("description")),
        tags=answers.text_of(taxon.get("name")),
        author=answers.text_of(user.get("name")) or answers.text_of(user.get("login")),
        licence=licence.code,
        licence_version=licence.version,
        licence_url=licence.url,
        attribution=answers.text_of(photo.get("attribution")),
        width=width,
        height=height,
    )


def _large(original: dict[str, object]) -> tuple[int | None, int | None]:
    """Return the width and height of the `large` size, which is never larger than the original."""
    width, height = answers.pixels_of(original.get("width")), answers.pixels_of(original.get("height"))
    if width is None or height is None:
        return None, None
    scale = min(1.0, LARGE / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


PROVIDER = Provider(
    name="inaturalist",
    about="iNaturalist: living things, identified by people, with licence and author; wants the name of a taxon",
    start=start,
    read=read,
    licences=True,
)
