"""A seed -> a small web on a loopback port: nine image-search sites, and the pictures that they name."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections import Counter
from collections.abc import Collection
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fieldmark.demo.smallweb.odd import ODD, ROBOTS, Visit, answer_oddly, name_at
from fieldmark.demo.smallweb.pictures import Painter, Picture, Pictures, paint_photo, placeholder_gif
from fieldmark.demo.smallweb.pool import Listed, Pool
from fieldmark.demo.smallweb.server import Answer, Ask, Rude, Server
from fieldmark.demo.smallweb.sites import SITES, baidu, bing, flickr, keys, openverse
from fieldmark.demo.smallweb.words import Words, taxon_of

SEED = 2020  # the year of the original
PER_CLASS = 150

_PAGE = b"<!DOCTYPE html><html><head><title>Gallery</title></head><body>Please log in to see this photo.</body></html>"
_JPEG, _PNG = "image/jpeg", "image/png"

# How each site reads the negatives of a query; those that are not named honour them.
_NEGATIVES = {"bing": "softly", "duckduckgo": "softly", "baidu": "ignored"}

_CAPS = {"openverse": openverse.MOST, "bing": bing.MOST, "flickr": flickr.MOST, "baidu": baidu.MOST}


@dataclass(frozen=True)
class Expected:
    """What a listed URL should end as, each looked at as if it were alone.

    Attributes:
        url: as it stands in the listing.
        ends: the statuses of which it should get one; "dropped" is for a listing that need not become a candidate.
        picture: equal for URLs with equal bytes, of which a harvest keeps one; empty where no picture of ours lies.
        original: equal for pictures that look alike.
        both: whether both classes claim this picture, so that whoever harvests both finds a conflict.
        licence: normalised code; "unknown" where the site knows none.
        author: as the site gives it; empty where it gives none.
    """

    url: str
    ends: tuple[str, ...]
    picture: str
    original: str
    both: bool
    licence: str
    author: str


class SmallWeb:
    """A small web, for as long as a `with` block lasts.

    Equal seeds and sizes give equal listings and equal bytes, whatever was asked before and in whatever order; only the
    port differs, unless it is given. (One oddity counts: it answers 429 to the first request for its URL.)

    >>> with SmallWeb(per_class=20) as web:               # doctest: +SKIP
    ...     os.environ.update(web.environment())
    ...     harvest("micrurus tener")
    """

    def __init__(
        self,
        seed: int = SEED,
        per_class: int = PER_CLASS,
        hostile: bool | Collection[str] = False,
        paint: Painter | None = None,
        *,
        port: int = 0,
        cache: Path | None = None,
        painters: int = 0,
    ) -> None:
        """Prepare.

        Args:
            seed: decides everything.
            per_class: photos of each of the two kinds of snake.
            hostile: whether Openverse and Bing list oddities among the photos, or the names of those they list (see
                `odd.ODD`; "drip" and "silent" last until the visitor's patience ends, at each try).
            paint: kind and number -> a picture file; by default snakes of 576 to 800 pixels.
            port: where to listen; 0 is any free port.
            cache: a folder that keeps what was painted, for next time. Its files are named by seed, kind and number, so
                give each painter its own.
            painters: processes that paint everything ahead, in the order in which it is likely to be asked for. With 0
                a picture is painted when it is asked for, on one of two threads. With more, `paint` must be picklable.
        """
        self._seed, self._per_class, self._hostile = seed, per_class, _oddities(hostile)
        self._paint = paint or partial(paint_photo, seed)
        self._cache, self._painters = cache, painters
        self._port = port
        self._times: Counter[str] = Counter()
        self.requests: list[Ask] = []
        self.endpoint = self.url = ""  # known once inside the block

    def __enter__(self) -> SmallWeb:
        """Start, and return once requests are answered."""
        self._server = Server(self._answer, self._port)
        self.endpoint = f"127.0.0.1:{self._server.port}"
        self.url = f"http://{self.endpoint}"
        self._pool = Pool(self._seed, self._per_class, self.url, self._hostile)
        self._executor = _executor(self._painters)
        self._pictures = Pictures(self._paint, self._executor, self._cache, f"{self._seed}-")
        if self._painters:
            for photo in self._pool.photos:
                self._pictures.begin(photo)
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, and return once the port is free; painting that has not begun is left undone."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._server.__exit__()

    def environment(self) -> dict[str, str]:
        """The environment variables under which a harvest takes this web for the world's."""
        bases = {f"FIELDMARK_{name.upper()}_BASE": f"{self.url}/{name}" for name in SITES}
        return {
            **bases,
            "FIELDMARK_ALLOW_HOSTS": self.endpoint,
            "FIELDMARK_NO_WAIT": "1",
            "FLICKR_API_KEY": keys.FLICKR,
            "SERPAPI_KEY": keys.SERPAPI,
        }

    def expected(self, provider: str, query: str) -> list[Expected]:
        """What a provider lists for a query as a person types it, down to its cap, and what each URL should end as.

        The query's negatives are taken into account, here as in a harvest: what the provider lets through of them ends
        as "negative". Limits of size are taken to be the default ones, and every licence to be welcome.
        """
        words = Words.read(query)
        if provider in ("inaturalist", "gbif"):
            topic = taxon_of(words.name, common=provider == "inaturalist")
            found = [] if topic is None else self._pool.all(provider, topic)
        else:
            found = self._pool.search(provider, query, _NEGATIVES.get(provider, "honoured"))
        return [self._expect(listed, words) for listed in found[: _CAPS.get(provider)]]

    def _expect(self, listed: Listed, words: Words) -> Expected:
        picture = listed.picture
        refused = words.refuse(listed.title, listed.description)
        return Expected(
            url=listed.url,
            ends=("negative",) if refused else listed.ends,
            picture=_name(picture),
            original=_name(picture.original) if picture else "",
            both=picture is not None and picture.original in self._pool.conflicts,
            licence=listed.licence,
            author="" if listed.licence == "unknown" else listed.author,
        )

    async def _answer(self, ask: Ask) -> Answer | Rude:
        self.requests.append(ask)
        first, _, rest = ask.target.removeprefix("/").partition("/")
        site = SITES.get(first.partition("?")[0])
        if site is not None:
            query = first.partition("?")[2]
            return site(Ask(ask.method, f"/{rest}{f'?{query}' if query else ''}", ask.headers), self._pool)
        if ask.target == "/robots.txt":
            return Answer(ROBOTS.encode(), "text/plain")
        return await self._answer_picture(ask)

    async def _answer_picture(self, ask: Ask) -> Answer | Rude:
        lies = self._pool.behind(ask.target) or self._pool.behind(ask.target.partition("?hop=")[0])
        content = await self._bytes_of(lies) if isinstance(lies, Picture) else b""
        name = name_at(ask.path)
        if name in self._hostile:
            before, self._times[ask.target] = self._times[ask.target], self._times[ask.target] + 1
            return await asyncio.to_thread(answer_oddly, name, Visit(ask, self.url, content, before))
        match lies:
            case Picture():
                return Answer(content, _PNG if lies.variant == "png" else _JPEG)
            case "page":
                return Answer(_PAGE, "text/html; charset=utf-8")
            case "placeholder":
                return Answer(placeholder_gif(), "image/gif")
        return _gone()

    async def _bytes_of(self, picture: Picture) -> bytes:
        ready = self._pictures.ready(picture)
        if ready is not None:
            return ready
        await asyncio.wrap_future(self._pictures.begin(picture.original))  # so that no thread waits for a painter
        return await asyncio.to_thread(self._pictures.bytes_of, picture)


def _oddities(hostile: bool | Collection[str]) -> frozenset[str]:
    if isinstance(hostile, bool):
        return frozenset(ODD) if hostile else frozenset()
    return frozenset(hostile)


def _executor(painters: int) -> Executor:
    if not painters:
        return ThreadPoolExecutor(2, "small-web-painter")
    return ProcessPoolExecutor(painters, multiprocessing.get_context("spawn"))  # there are threads: forking is unsafe


def _gone() -> Answer:
    return Answer(b"<html><body>Not found.</body></html>", "text/html; charset=utf-8", 404)


def _name(picture: Picture | None) -> str:
    return "/".join(map(str, (picture.kind, picture.number, picture.variant))).rstrip("/") if picture else ""
