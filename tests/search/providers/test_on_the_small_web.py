"""The two sides of each wire were written apart, from the same facts: here they meet, through the real client."""

import os

import anyio
import pytest

from fieldmark.demo.smallweb.web import SmallWeb
from fieldmark.net.manners import Manners
from fieldmark.search import registry
from fieldmark.search.asker import Asker
from fieldmark.search.provider import Result, Search
from fieldmark.search.query import Query

NAMES = ["openverse", "commons", "inaturalist", "gbif", "flickr", "google", "bing", "duckduckgo", "baidu"]


@pytest.fixture(scope="module")
def web():
    with SmallWeb(per_class=60, hostile=True, paint=lambda kind, number: b"never asked for") as web:
        yield web


def find(name: str, text: str, environ: dict[str, str]) -> list[Result]:
    provider = registry.find(name)

    async def loop() -> list[Result]:
        found: list[Result] = []
        async with Asker(provider, Manners(), "me@example.org", environ) as asks:
            request = provider.start(Search(Query.parse(text), keys=asks.keys))
            while request is not None:
                page = provider.read(await asks.ask(request))
                found += page.results
                request = page.next
        return found

    return anyio.run(loop)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("text", ['micrurus tener -king "texas coral snake"', "scarlet kingsnake", "tax forms"])
def test_all_that_a_site_lists_is_found_with_its_licence_and_author(web, monkeypatch, name, text):
    for variable, value in web.environment().items():
        monkeypatch.setenv(variable, value)
    listed = {entry.url: entry for entry in web.expected(name, text) if entry.url.startswith("http")}

    found = find(name, text, dict(os.environ))

    assert {result.url for result in found} == listed.keys()
    assert all((r.licence, r.author) == (listed[r.url].licence, listed[r.url].author) for r in found)
    assert bool(found) is (text != "tax forms" and (name, text) != ("gbif", "scarlet kingsnake"))
