"""A provider's request -> its answer: at the provider's pace, as who we are, at its double where one is set."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from fieldmark.errors import FetchFailed, TimedOut, Unreachable
from fieldmark.net.client import Client
from fieldmark.net.guard import check_url
from fieldmark.net.manners import Manners
from fieldmark.net.visitor import browser_agent, user_agent
from fieldmark.search import registry
from fieldmark.search.provider import Provider, Request, Response

ATTEMPTS = 3
"""Times that one request is sent, where nobody answers."""

_PARAMETERS = re.compile(r"\?\S*")  # of a URL in a sentence: keys are among them, and sentences are written down


class Asker:
    """Sends the requests of one provider. Use it as `async with Asker(...) as asks`.

    Args:
        provider: whom to ask.
        manners: turns and pauses, shared with all of a run.
        contact: how the operator can be reached; see `user_agent`.
        environ: where keys and test doubles are named.
    """

    def __init__(
        self, provider: Provider, manners: Manners, contact: str, environ: Mapping[str, str] = os.environ
    ) -> None:
        self._provider = provider
        self._manners = manners
        self._keys = registry.keys_of(provider, environ)
        self._base = registry.base_override(provider.name, environ)
        self._client = Client(user_agent=browser_agent() if provider.browser else user_agent(contact), cookies=True)

    @property
    def keys(self) -> Mapping[str, str]:
        """The keys that are set."""
        return self._keys

    async def ask(self, request: Request) -> Response:
        """Send a request in its turn. Raises FetchFailed when nobody answers after several tries."""
        for attempt in range(1, ATTEMPTS):
            try:
                return await self._ask_once(request)
            except (Unreachable, TimedOut) as error:
                if error.final:
                    raise
                await self._manners.back_off(check_url(self._url(request)), attempt)
        return await self._ask_once(request)

    async def _ask_once(self, request: Request) -> Response:
        url = self._url(request)
        name, interval = self._provider.name, self._provider.interval
        async with self._manners.turn(check_url(url), provider=name, interval=interval):
            try:
                answer = await self._client.ask(url, params=request.with_keys(self._keys), headers=request.headers)
            except FetchFailed as error:
                error.args = (_PARAMETERS.sub("", str(error)),)
                raise
        return Response(request, answer.status, answer.content, answer.headers, answer.url)

    def rest(self, request: Request, seconds: float | None) -> None:
        """Make the next `ask` wait. Raises FetchFailed when the provider wants longer than we are willing to."""
        self._manners.pause(check_url(self._url(request)), seconds, provider=self._provider.name)

    def _url(self, request: Request) -> str:
        return registry.moved(request.url, self._base) if self._base else request.url

    async def __aenter__(self) -> Asker:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._client.aclose()
