"""Recorded answers, and a site made of a function: what the tests of all providers share."""

from collections.abc import Callable
from pathlib import Path

from fieldmark.search.provider import Page, Provider, Request, Response, Result, Search
from fieldmark.search.query import Query

RECORDINGS = Path(__file__).parents[1] / "recordings"
QUERY = Query.parse('micrurus tener -king "texas coral snake"')
TYPED = 'micrurus tener "texas coral snake" -king'
KEYS = {"SERPAPI_KEY": "s3cret", "FLICKR_API_KEY": "fl1ckr"}


def search(query: Query | str = QUERY, **more) -> Search:
    return Search(Query.parse(query) if isinstance(query, str) else query, **{"keys": KEYS, **more})


def recorded(name: str) -> bytes:
    return (RECORDINGS / name).read_bytes()


def answer(request: Request, content: str | bytes, status: int = 200, url: str = "", **headers: str) -> Response:
    body = content if isinstance(content, bytes) else recorded(content)
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(request, status, body, names, url or request.url)


def read(provider: Provider, request: Request, content: str | bytes, status: int = 200, **headers: str) -> Page:
    return provider.read(answer(request, content, status, **headers))


def follow(
    provider: Provider, wanted: Search, site: Callable[[Request], bytes], most_requests: int = 500
) -> tuple[list[Request], list[Result]]:
    """Ask page after page until there is no next; return what was asked and what came."""
    asked: list[Request] = []
    found: list[Result] = []
    request: Request | None = provider.start(wanted)
    while request is not None:
        assert len(asked) < most_requests, "the search does not end"
        asked.append(request)
        page = provider.read(answer(request, site(request)))
        found += page.results
        request = page.next
    return asked, found
