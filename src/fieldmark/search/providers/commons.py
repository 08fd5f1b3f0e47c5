"""Wikimedia Commons, by MediaWiki's interface: photos of everything, each with its licence, without a key.

It answers those who say who they are; see `user_agent` in `net`.
"""

from __future__ import annotations

from dataclasses import replace

from fieldmark.errors import Blocked, PageChanged, RateLimited, SearchFailed
from fieldmark.search import answers, licences
from fieldmark.search.provider import Page, Provider, Request, Response, Result, Search

SITE = "Wikimedia Commons"
URL = "https://commons.wikimedia.org/w/api.php"
PAGE, CAP = 50, 10_000  # more than 50 thumbnails a request it does not make; deeper than 10,000 it does not search
WIDTH = 960  # one of the fixed steps of thumbnail widths; others are refused
MOST_CHARACTERS = 280  # from memory: the search refuses more than 300, `filetype:bitmap ` included

BITMAPS = {"image/jpeg", "image/png", "image/webp", "image/gif", "image/tiff", "image/bmp"}

METADATA = (
    "LicenseShortName|LicenseUrl|License|UsageTerms|Artist|Credit|ImageDescription|ObjectName|AttributionRequired"
)

_FIXED = {
    "action": "query",
    "format": "json",
    "formatversion": "2",
    "maxlag": "5",
    "generator": "search",
    "gsrnamespace": "6",
    "prop": "imageinfo",
    "iiprop": "url|size|mime|extmetadata",
    "iiurlwidth": str(WIDTH),
    "iiextmetadatafilter": METADATA,
}
_CHOSEN = ("gsrlimit", "gsrsearch")


def start(search: Search) -> Request:
    """Ask for bitmaps; the search understands phrases and negatives as typed."""
    chosen = {
        "gsrlimit": str(answers.page_size(search.most, PAGE)),
        "gsrsearch": f"filetype:bitmap {search.query.within(MOST_CHARACTERS)}",
    }
    return Request(URL, {**_FIXED, **chosen, "gsroffset": "0"})


def read(response: Response) -> Page:
    """Read one page, which comes in no order: `index` says the rank."""
    body = answers.object_of(answers.parse(response.text))
    _check_error(response, body)
    answers.check_status(response, SITE)
    body = answers.read_object(response, SITE)
    if not {"query", "batchcomplete", "continue"} & body.keys():
        raise PageChanged(f"{SITE} answered neither pages nor their end. A newer Fieldmark may know more.")
    pages = _pages(body)
    results = tuple(result for page in sorted(pages, key=_rank) if (result := _result(page)).url)
    if pages and not any("imageinfo" in page for page in pages):
        raise PageChanged(f"{SITE} says nothing of the pictures on its pages. A newer Fieldmark may know more.")
    return Page(results, _following(response.request, answers.object_of(body.get("continue"))))


def _check_error(response: Response, body: dict[str, object]) -> None:
    error = answers.object_of(body.get("error"))
    if not error:
        return
    code, said = answers.text_of(error.get("code")), answers.quoted(error.get("info"))
    if code in ("maxlag", "ratelimited", "readonly"):
        raise RateLimited(f"{SITE} wants us to come back later.{said}", answers.retry_after(response))
    if code in ("blocked", "autoblocked", "globalblocking-blockedtext-range", "readapidenied"):
        raise Blocked(f"{SITE} refuses us.{said}")
    raise SearchFailed(f"{SITE} could not search ({code}).{said}")


def _pages(body: dict[str, object]) -> list[dict[str, object]]:
    if "query" not in body:
        return []
    query = answers.object_of(body["query"])
    if isinstance(query.get("pages"), dict):  # as the older format version gives them, by their ids
        query = {"pages": list(answers.object_of(query["pages"]).values())}
    return answers.list_in(query, "pages", SITE)


def _rank(page: dict[str, object]) -> int:
    rank = answers.number_of(page.get("index"))
    return CAP + 1 if rank is None else rank


def _result(page: dict[str, object]) -> Result:
    info = next(iter(answers.objects_of(page.get("imageinfo"))), {})
    if answers.text_of(info.get("mime")) not in BITMAPS:
        return Result(url="")
    metadata = answers.object_of(info.get("extmetadata"))
    said = {key: answers.object_of(entry).get("value") for key, entry in metadata.items()}
    licence = licences.of_commons(
        answers.text_of(said.get("License")),
        answers.text_of(said.get("LicenseShortName")),
        answers.url_of(said.get("LicenseUrl")),
    )
    thumb = answers.url_of(info.get("thumburl"))
    return Result(
        url=thumb or answers.url_of(info.get("url")),
        id=answers.id_of(page.get("pageid")),
        page=answers.url_of(info.get("descriptionurl")),
        title=answers.text_of(page.get("title")).removeprefix("File:"),
        description=answers.text_of(said.get("ImageDescription")),
        tags=answers.text_of(said.get("ObjectName")),
        author=answers.text_of(said.get("Artist")),
        licence=licence.code,
        licence_version=licence.version,
        licence_url=licence.url,
        width=answers.pixels_of(info.get("thumbwidth" if thumb else "width")),
        height=answers.pixels_of(info.get("thumbheight" if thumb else "height")),
    )


def _following(request: Request, continuation: dict[str, object]) -> Request | None:
    """Echo every key of a continuation, and none of the last one; what we ask for it cannot change."""
    ours = {**_FIXED, **{name: request.params.get(name, "") for name in _CHOSEN}}
    theirs = {key: answers.text_of(value) for key, value in continuation.items() if key not in ours}
    offset = answers.number_of(theirs.get("gsroffset", request.params.get("gsroffset")))
    if not theirs or offset is None or offset >= CAP or theirs.items() <= request.params.items():
        return None
    size = min(answers.number_of(ours["gsrlimit"]) or PAGE, CAP - offset)
    return replace(request, params={**ours, "gsroffset": str(offset), **theirs, "gsrlimit": str(size)})


PROVIDER = Provider(
    name="commons",
    about="Wikimedia Commons: free photos of everything, with licence and author",
    start=start,
    read=read,
    licences=True,
    interval=0.35,  # three a second, one at a time
    cap=CAP,
)
