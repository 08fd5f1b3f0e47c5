"""What a provider is: facts about a site, and two pure functions, `start(search)` and `read(response)`.

A provider does no I/O. `start` says what to ask first; `read` turns an answer into results and says what to ask next,
so that paging and the handshakes of tokens and taxa are data. Whoever loops (see `search.runner`) does the asking, with
the rate, the User-Agent and the address guard that belong to it. To add one of your own, make an object of `Provider`
and name it as an entry point in the group `fieldmark.providers`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fieldmark.search.query import Query


@dataclass(frozen=True)
class Search:
    """What is wanted from a provider.

    Attributes:
        query: what to look for.
        most: how many results are wanted at most; a provider may ask for smaller pages because of it.
        keys: the environment's values for the names in `Provider.keys`, those that are set.
        licences: normalised codes that are wanted; empty means any. A provider that can ask for them should; results
            are filtered afterwards in any case.
    """

    query: Query
    most: int = 500
    keys: Mapping[str, str] = field(default_factory=dict)
    licences: tuple[str, ...] = ()


@dataclass(frozen=True)
class Request:
    """One GET to send.

    Attributes:
        url: absolute, on the provider's real site; a test double takes its place by `FIELDMARK_<PROVIDER>_BASE`.
        params: query parameters, to be encoded; added to those that `url` may hold.
        headers: beside the User-Agent.
        secrets: query parameter -> name of the key in `Search.keys` that is its value. Whoever asks puts it in (see
            `with_keys`), so that a request can be written down without the key.
        memo: what `read` needs to know when the answer comes: the query, the step, the offset, the results so far.
            Text only, so that a search can be stopped and gone on with from the catalog.
    """

    url: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    memo: Mapping[str, str] = field(default_factory=dict)

    def with_keys(self, keys: Mapping[str, str]) -> dict[str, str]:
        """Return the query parameters as they are sent, with the values of the keys."""
        return {**self.params, **{name: keys.get(variable, "") for name, variable in self.secrets.items()}}

    def following(self, params: Mapping[str, str], memo: Mapping[str, str] | None = None) -> Request:
        """Return this request with some parameters, and some of the memo, changed: the next page, as a rule."""
        return replace(self, params={**self.params, **params}, memo={**self.memo, **(memo or {})})


@dataclass(frozen=True)
class Response:
    """One answer. Every status reaches `read`, since 403 means different things on different sites.

    Attributes:
        request: what was asked.
        status: the HTTP status.
        headers: names in lower case.
        content: the body, unpacked.
        url: where the answer came from, after redirects.
    """

    request: Request
    status: int
    content: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    url: str = ""

    @property
    def text(self) -> str:
        """The body as text; bytes that are no UTF-8 become replacement characters."""
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON. Raises ValueError when it is none."""
        return json.loads(self.content)


@dataclass(frozen=True)
class Result:
    """One picture that a provider says exists. All text is as a stranger gave it; HTML tags are already removed.

    Attributes:
        url: the picture itself.
        id: the provider's own id for it; empty where it has none.
        page: the page that shows it.
        title, description, tags: what the negatives of a query are looked for in.
        author: who made it.
        licence: one of `artifacts.licences.CODES`; "unknown" for search engines of the web.
        licence_version: such as "4.0".
        licence_url: where the licence can be read.
        attribution: the provider's ready-made line, where it gives one.
        width, height: pixels that it promises.
    """

    url: str
    id: str = ""
    page: str = ""
    title: str = ""
    description: str = ""
    tags: str = ""
    author: str = ""
    licence: str = "unknown"
    licence_version: str = ""
    licence_url: str = ""
    attribution: str = ""
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True)
class Page:
    """What one answer held, best result first, and what to ask next (None: that was all, or the site's cap)."""

    results: tuple[Result, ...] = ()
    next: Request | None = None
    note: str = ""  # a sentence for the person, such as "'scarlet king snake' names no taxon"


@dataclass(frozen=True)
class Provider:
    """One site.

    Attributes:
        name: lower case, as in `-c name`.
        about: one line for `fieldmark providers`.
        start: what to ask first. Raises NoKey where a key is missing.
        read: what an answer means. Raises Blocked, RateLimited, NoKey or PageChanged.
        keys: alternatives of environment variables, each a tuple of those needed together; empty when none is needed.
        licences: whether it knows the licence of each picture.
        interval: seconds between two requests to it, by its own rules or by courtesy.
        browser: whether it answers only what looks like a browser; all others hear who we really are.
        resumable: whether the next request still works tomorrow; false where it hangs on a cookie or a token.
        cap: most results it ever gives for one query; None when there is no such number.
    """

    name: str
    about: str
    start: Callable[[Search], Request]
    read: Callable[[Response], Page]
    keys: tuple[tuple[str, ...], ...] = ()
    licences: bool = False
    interval: float = 1.0
    browser: bool = False
    resumable: bool = True
    cap: int | None = None
