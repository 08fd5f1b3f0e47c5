"""DuckDuckGo Images, in two steps: a page that holds a token, then JSON that answers to the token.

Its pictures are Bing's, by another door. Data centres and notebook services are refused. The token belongs to the
query, the User-Agent and the cookies, so a search cannot be gone on with another day.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

from fieldmark.errors import Blocked, PageChanged
from fieldmark.search import answers
from fieldmark.search.provider import Page, Provider, Request, Response, Result, Search

SITE = "DuckDuckGo"
URL = "https://duckduckgo.com/"
PICTURES = "https://duckduckgo.com/i.js"
MOST_CHARACTERS = 499

BLOCKED = "DuckDuckGo takes us for a robot, as it does with many data centres. Wait an hour, or try another network."

_TOKEN = re.compile(r"""vqd=["']?([0-9][0-9-]+)""")
_CHALLENGES = ("captcha", "anomaly", "challenge", "bots use duckduckgo")
_HEADERS = {
    "Referer": URL,
    "Accept": "*/*",
    "Sec-Fetch-Dest": "empty",
    "Sec-Fetch-Mode": "cors",
    "Sec-Fetch-Site": "same-origin",
}


def start(search: Search) -> Request:
    """Ask for the page that holds the token."""
    return Request(URL, {"q": search.query.within(MOST_CHARACTERS), "iar": "images", "t": "h_"}, memo={"step": "token"})


def read(response: Response) -> Page:
    """Read the token, or a page of pictures."""
    answers.check_status(response, SITE)
    return _read_token(response) if response.request.memo.get("step") == "token" else _read_pictures(response)


def _read_token(response: Response) -> Page:
    token = _TOKEN.search(response.text)
    if token is None:
        if not response.text.strip() or any(word in response.text.lower() for word in _CHALLENGES):
            raise Blocked(BLOCKED)
        raise PageChanged("DuckDuckGo's page holds no token where we know it. A newer Fieldmark may know it.")
    # p=1: safe search; six empty slots: no filter.
    params = {"o": "json", "q": response.request.params.get("q", ""), "l": "wt-wt", "p": "1", "f": ",,,,,"}
    return Page(next=Request(PICTURES, {**params, "vqd": token[1]}, _HEADERS, memo={"step": "pictures"}))


def _read_pictures(response: Response) -> Page:
    body = answers.parse(response.text)
    if not isinstance(body, dict) or "results" not in body:
        raise Blocked(BLOCKED)
    found = answers.list_in(body, "results", SITE)
    results = tuple(result for item in found if (result := _result(item)).url)
    if found and not results:
        raise PageChanged("DuckDuckGo names no picture in the fields we know. A newer Fieldmark may know more.")
    return Page(results, _following(response.request, body.get("next")) if results else None)


def _result(item: dict[str, object]) -> Result:
    return Result(
        url=answers.url_of(item.get("image")),
        page=answers.url_of(item.get("url")),
        title=answers.text_of(item.get("title")),
        width=answers.pixels_of(item.get("width")),
        height=answers.pixels_of(item.get("height")),
    )


def _following(request: Request, following: object) -> Request | None:
    """Return the request for the next page: its parameters, with the token, which it lacks, and our own query.

    Only parameters are taken from it, so that an answer cannot send us elsewhere, and only an offset that grows.
    """
    if not isinstance(following, str):
        return None
    try:
        params = dict(parse_qsl(urlsplit(following).query, keep_blank_values=True, max_num_fields=50))
    except ValueError:
        return None
    offset = answers.number_of(params.get("s"))
    if offset is None or offset <= (answers.number_of(request.params.get("s")) or 0):
        return None
    ours = {name: request.params.get(name, "") for name in ("q", "vqd")}
    return request.following({**params, **ours})


PROVIDER = Provider(
    name="duckduckgo",
    about="DuckDuckGo Images: Bing's pictures by another door, best effort, licence unknown",
    start=start,
    read=read,
    interval=2.5,
    browser=True,
    resumable=False,
)
