"""Flickr, by its REST interface. It wants a key, and gives new ones to Pro members only; old ones work on."""

from __future__ import annotations

from fieldmark.errors import NoKey, PageChanged, RateLimited, SearchFailed
from fieldmark.search import answers, licences
from fieldmark.search.provider import Page, Provider, Request, Response, Result, Search

SITE = "Flickr"
URL = "https://api.flickr.com/services/rest/"
PAGE, CAP = 500, 4000  # beyond 4,000 it repeats itself

SIZES = ("l", "c", "z", "m")
"""Longer side 1,024, 800, 640, 500. Larger ones are refused to many of us, and no one trains on them."""

EXTRAS = "description,license,owner_name,tags,url_l,url_c,url_z,url_m"

NO_KEY = (
    "Flickr wants a key: set FLICKR_API_KEY. It gives new keys to Pro members only. Openverse, which needs no key, "
    "finds Flickr's openly licensed photos."
)


def start(search: Search) -> Request:
    """Ask for photos by relevance. Raises NoKey without a key."""
    if not search.keys.get("FLICKR_API_KEY"):
        raise NoKey(NO_KEY)
    params = {
        "method": "flickr.photos.search",
        "format": "json",
        "nojsoncallback": "1",
        "text": search.query.typed,
        "sort": "relevance",
        "media": "photos",
        "content_type": "1",  # photos, and neither screenshots nor drawings
        "safe_search": "1",
        "extras": EXTRAS,
        "per_page": str(answers.page_size(search.most, PAGE)),
        "page": "1",
    }
    if ids := licences.flickr_ids(search.licences):
        params["license"] = ids
    return Request(URL, params, secrets={"api_key": "FLICKR_API_KEY"})


def read(response: Response) -> Page:
    """Read one page. Photos may come again on a later one: the order is not stable between pages."""
    answers.check_status(response, SITE)
    body = answers.read_object(response, SITE)
    if body.get("stat") == "fail":
        return _read_failure(body)
    photos = answers.object_of(body.get("photos"))
    found = answers.list_in(photos, "photo", SITE)
    results = tuple(result for item in found if (result := _result(item)).url)
    if found and not any("id" in item for item in found):
        raise PageChanged("Flickr's photos have lost their ids. A newer Fieldmark may know how it answers now.")
    page = answers.number_of(response.request.params.get("page")) or 1
    size = answers.number_of(response.request.params.get("per_page")) or PAGE
    pages = answers.number_of(photos.get("pages"))
    goes_on = bool(found) and page * size < CAP and (pages is None or page < pages)
    following = response.request.following({"page": str(page + 1)}) if goes_on else None
    return Page(results[: max(CAP - (page - 1) * size, 0)], following)


def _read_failure(body: dict[str, object]) -> Page:
    code, said = answers.number_of(body.get("code")), answers.quoted(body.get("message"))
    if code == 100:
        raise NoKey(f"Flickr does not accept FLICKR_API_KEY.{said} Check it for missing characters.")
    if code in (10, 105):
        raise RateLimited(f"Flickr's search is not available now.{said}")
    if code == 20:
        return Page()  # deeper than it searches
    raise SearchFailed(f"Flickr could not search (code {code}).{said}")


def _result(item: dict[str, object]) -> Result:
    size = next((size for size in SIZES if answers.url_of(item.get(f"url_{size}"))), "")
    owner, number = answers.id_of(item.get("owner")), answers.id_of(item.get("id"))
    licence = licences.of_flickr(item.get("license"))
    return Result(
        url=answers.url_of(item.get(f"url_{size}")),
        id=number,
        page=answers.url_of(f"https://www.flickr.com/photos/{owner}/{number}") if owner and number else "",
        title=answers.text_of(item.get("title")),
        description=answers.text_of(answers.object_of(item.get("description")).get("_content")),
        tags=answers.text_of(item.get("tags")),
        author=answers.text_of(item.get("ownername")),
        licence=licence.code,
        licence_version=licence.version,
        licence_url=licence.url,
        width=answers.pixels_of(item.get(f"width_{size}")),
        height=answers.pixels_of(item.get(f"height_{size}")),
    )


PROVIDER = Provider(
    name="flickr",
    about="Flickr: photos of all kinds, with licence and author; needs a key",
    start=start,
    read=read,
    keys=(("FLICKR_API_KEY",),),
    licences=True,
    cap=CAP,
)
