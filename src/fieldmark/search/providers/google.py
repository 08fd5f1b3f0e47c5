"""Google Images, by SerpApi or by the Custom Search API: both want a key, and there is no third way.

SerpApi reads Google's page for its customers. Google's own Custom Search API takes no new customers and ends on
2027-01-01. The page itself answers only browsers that run its scripts.
"""

from __future__ import annotations

from fieldmark.errors import NoKey, PageChanged, RateLimited, SearchFailed
from fieldmark.search import answers
from fieldmark.search.provider import Page, Provider, Request, Response, Result, Search
from fieldmark.search.query import Query

SITE = "Google"
SERPAPI = "https://serpapi.com/search.json"
CUSTOM_SEARCH = "https://www.googleapis.com/customsearch/v1"

SERPAPI_PAGES = 10
"""Pages of about 100 that are worth asking for: Google's own page ends at about 1,000 pictures."""

CUSTOM_SEARCH_PAGE, CUSTOM_SEARCH_CAP = 10, 100

NO_KEY = (
    "Google has no interface without a key. Set SERPAPI_KEY, or GOOGLE_API_KEY and GOOGLE_CSE_ID (Google's Custom "
    "Search API, closed to new customers, ends on 2027-01-01). These need no key: openverse, commons, inaturalist, "
    "gbif, bing, duckduckgo."
)


def start(search: Search) -> Request:
    """Ask SerpApi when there is a key for it, else the Custom Search API. Raises NoKey when there is neither."""
    if search.keys.get("SERPAPI_KEY"):
        params = {"engine": "google_images", "q": search.query.typed, "ijn": "0", "safe": "active"}
        return Request(SERPAPI, params, secrets={"api_key": "SERPAPI_KEY"}, memo={"by": "serpapi"})
    if search.keys.get("GOOGLE_API_KEY") and search.keys.get("GOOGLE_CSE_ID"):
        size = str(CUSTOM_SEARCH_PAGE)
        params = {**_terms(search.query), "searchType": "image", "num": size, "start": "1", "safe": "active"}
        return Request(CUSTOM_SEARCH, params, secrets={"key": "GOOGLE_API_KEY", "cx": "GOOGLE_CSE_ID"})
    raise NoKey(NO_KEY)


def read(response: Response) -> Page:
    """Read a page of either."""
    return _read_serpapi(response) if response.request.memo.get("by") == "serpapi" else _read_custom_search(response)


def _terms(query: Query) -> dict[str, str]:
    """Say phrase and negative in parameters of their own, which take one each; further ones stay in `q`."""
    terms: dict[str, str] = {}
    left = list(query.terms)
    if len(query.phrases) == 1 and query.words:
        terms["exactTerms"] = query.phrases[0]
        left.remove(f'"{query.phrases[0]}"')
    if len(query.negatives) == 1:
        terms["excludeTerms"] = query.negatives[0]
        left.pop()
    return {"q": " ".join(left), **terms}


def _read_serpapi(response: Response) -> Page:
    site = "SerpApi"
    body = answers.object_of(answers.parse(response.text))
    said = answers.text_of(body.get("error"), 200)
    if response.status == 401 or "API key" in said:
        raise NoKey(f"{site} does not accept SERPAPI_KEY.{answers.quoted(said)}")
    if response.status == 429 or "run out of searches" in said:
        raise RateLimited(f"{site} gives no more searches now.{answers.quoted(said)}", answers.retry_after(response))
    answers.check_status(response, site)
    if "returned any results" in said:
        return Page()
    if said:
        raise SearchFailed(f"{site} could not search.{answers.quoted(said)}")
    found = answers.list_in(answers.read_object(response, site), "images_results", site)
    results = tuple(result for item in found if (result := _serpapi_result(item)).url)
    if found and not results:
        raise PageChanged(f"{site} names no picture in the fields we know. A newer Fieldmark may know more.")
    page = (answers.number_of(response.request.params.get("ijn")) or 0) + 1
    return Page(results, response.request.following({"ijn": str(page)}) if results and page < SERPAPI_PAGES else None)


def _serpapi_result(item: dict[str, object]) -> Result:
    return Result(
        url=answers.url_of(item.get("original")),
        page=answers.url_of(item.get("link")),
        title=answers.text_of(item.get("title")),
        width=answers.pixels_of(item.get("original_width")),
        height=answers.pixels_of(item.get("original_height")),
    )


def _read_custom_search(response: Response) -> Page:
    _check_custom_search(response)
    first = answers.number_of(response.request.params.get("start")) or 1
    if response.status == 400 and first > 1:
        return Page()  # beyond what the API gives for one query
    answers.check_status(response, SITE)
    body = answers.read_object(response, SITE)
    if "items" not in body and not {"searchInformation", "queries"} & body.keys():
        raise PageChanged("Google answered something other than search results. A newer Fieldmark may know it.")
    found = answers.list_in(body, "items", SITE) if "items" in body else []
    results = tuple(result for item in found if (result := _custom_search_result(item)).url)
    if found and not results:
        raise PageChanged("Google names no picture in the fields we know. A newer Fieldmark may know more.")
    more = answers.objects_of(answers.object_of(body.get("queries")).get("nextPage"))
    following = first + CUSTOM_SEARCH_PAGE
    goes_on = bool(results and more) and following + CUSTOM_SEARCH_PAGE - 1 <= CUSTOM_SEARCH_CAP
    return Page(results, response.request.following({"start": str(following)}) if goes_on else None)


def _custom_search_result(item: dict[str, object]) -> Result:
    image = answers.object_of(item.get("image"))
    return Result(
        url=answers.url_of(item.get("link")),
        page=answers.url_of(image.get("contextLink")),
        title=answers.text_of(item.get("title")),
        description=answers.text_of(item.get("snippet")),
        width=answers.pixels_of(image.get("width")),
        height=answers.pixels_of(image.get("height")),
    )


def _check_custom_search(response: Response) -> None:
    """Raise what Google's error object says: its codes alone do not tell a bad key from a bad page number."""
    error = answers.object_of(answers.object_of(answers.parse(response.text)).get("error"))
    said = answers.text_of(error.get("message"), 200)
    reasons = {answers.text_of(each.get("reason")) for each in answers.objects_of(error.get("errors"))}
    if response.status == 429 or reasons & {"rateLimitExceeded", "dailyLimitExceeded", "quotaExceeded"}:
        raise RateLimited(f"Google's quota is used up.{answers.quoted(said)}", answers.retry_after(response))
    if response.status in (401, 403) or "API key" in said:
        raise NoKey(
            f"Google does not accept GOOGLE_API_KEY and GOOGLE_CSE_ID.{answers.quoted(said)} "
            "The Custom Search API is closed to new customers and ends on 2027-01-01; SERPAPI_KEY is the other way."
        )


PROVIDER = Provider(
    name="google",
    about="Google Images, by SerpApi or the Custom Search API (100 a query, ends 2027-01-01)",
    start=start,
    read=read,
    keys=(("SERPAPI_KEY",), ("GOOGLE_API_KEY", "GOOGLE_CSE_ID")),
    cap=1000,
)
