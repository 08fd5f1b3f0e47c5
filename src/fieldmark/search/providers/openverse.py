"""Openverse: openly licensed pictures of Flickr, Wikimedia, museums and others, by its interface, without a key."""

from __future__ import annotations

from fieldmark.errors import NoKey, PageChanged
from fieldmark.search import answers, licences
from fieldmark.search.provider import Page, Provider, Request, Response, Result, Search

SITE = "Openverse"
URL = "https://api.openverse.org/v1/images/"
PAGE, CAP = 20, 240  # more than 20 a page wants a key; more than 240 a query nobody gets
MOST_CHARACTERS = 200

_CC = ("cc-by", "cc-by-sa", "cc-by-nd", "cc-by-nc", "cc-by-nc-sa", "cc-by-nc-nd", "cc0", "pdm")


def start(search: Search) -> Request:
    """Ask for the first page; it understands phrases and negatives as typed."""
    params = {
        "q": search.query.within(MOST_CHARACTERS),
        "page": "1",
        "page_size": str(answers.page_size(search.most, PAGE)),
    }
    if wanted := [code.removeprefix("cc-") for code in _CC if code in search.licences]:
        params["license"] = ",".join(wanted)
    return Request(URL, params)


def read(response: Response) -> Page:
    """Read one page."""
    if response.status == 401:
        said = answers.quoted(answers.object_of(answers.parse(response.text)).get("detail"))
        raise NoKey(f"Openverse wants a key for this, which it did not for pages of {PAGE} without one.{said}")
    answers.check_status(response, SITE)
    body = answers.read_object(response, SITE)
    found = answers.list_in(body, "results", SITE)
    results = tuple(result for item in found if (result := _result(item)).url)
    if found and not results:
        raise PageChanged("Openverse names no picture in the fields we know. A newer Fieldmark may know more.")
    page = answers.number_of(response.request.params.get("page")) or 1
    size = answers.number_of(response.request.params.get("page_size")) or PAGE
    pages = answers.number_of(body.get("page_count"))
    goes_on = bool(found) and page * size < CAP and (pages is None or page < pages)
    following = response.request.following({"page": str(page + 1)}) if goes_on else None
    return Page(results[: max(CAP - (page - 1) * size, 0)], following)


def _result(item: dict[str, object]) -> Result:
    licence = licences.of_openverse(
        answers.text_of(item.get("license")),
        answers.text_of(item.get("license_version")),
        answers.url_of(item.get("license_url")),
    )
    return Result(
        url=answers.url_of(item.get("url")),
        id=answers.id_of(item.get("id")),
        page=answers.url_of(item.get("foreign_landing_url")),
        title=answers.text_of(item.get("title")),
        tags=answers.text_of(
            " ".join(answers.text_of(tag.get("name")) for tag in answers.objects_of(item.get("tags")))
        ),
        author=answers.text_of(item.get("creator")),
        licence=licence.code,
        licence_version=licence.version,
        licence_url=licence.url,
        attribution=answers.text_of(item.get("attribution")),
        width=answers.pixels_of(item.get("width")),
        height=answers.pixels_of(item.get("height")),
    )


PROVIDER = Provider(
    name="openverse",
    about="Openverse: openly licensed pictures of Flickr, Wikimedia, museums and more",
    start=start,
    read=read,
    licences=True,
    interval=3.0,  # 20 a minute without a key
    cap=CAP,
)
