import socket

import anyio
import pytest

from fieldmark.errors import FetchFailed
from fieldmark.net.manners import Manners
from fieldmark.search import registry
from fieldmark.search.asker import Asker
from fieldmark.search.provider import Search
from fieldmark.search.query import Query


@pytest.mark.parametrize("name", ["google", "flickr"])
def test_a_key_is_in_no_sentence_about_a_site_that_cannot_be_reached(monkeypatch, name):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound and not listening: calls are refused
        endpoint = f"127.0.0.1:{nobody.getsockname()[1]}"
        environ = {
            "SERPAPI_KEY": "k3y",
            "FLICKR_API_KEY": "k3y",
            f"FIELDMARK_{name.upper()}_BASE": f"http://{endpoint}",
            "FIELDMARK_ALLOW_HOSTS": endpoint,
            "FIELDMARK_NO_WAIT": "1",
        }
        for variable, value in environ.items():
            monkeypatch.setenv(variable, value)

        with pytest.raises(FetchFailed) as caught:
            anyio.run(ask, name, environ)

    assert endpoint in str(caught.value)
    assert "k3y" not in str(caught.value)


async def ask(name: str, environ: dict[str, str]) -> None:
    provider = registry.find(name)
    async with Asker(provider, Manners(), "me@example.org", environ) as asks:
        await asks.ask(provider.start(Search(Query.parse("fox"), keys=asks.keys)))
