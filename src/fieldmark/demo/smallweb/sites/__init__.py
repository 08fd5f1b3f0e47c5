"""A request as a provider's real site gets it -> the answer that it gives. One site, one file."""

from __future__ import annotations

from collections.abc import Callable

from fieldmark.demo.smallweb.pool import Pool
from fieldmark.demo.smallweb.server import Answer, Ask
from fieldmark.demo.smallweb.sites import (
    baidu,
    bing,
    commons,
    duckduckgo,
    flickr,
    gbif,
    google,
    inaturalist,
    openverse,
)

SITES: dict[str, Callable[[Ask, Pool], Answer]] = {
    "google": google.answer,
    "bing": bing.answer,
    "flickr": flickr.answer,
    "duckduckgo": duckduckgo.answer,
    "openverse": openverse.answer,
    "commons": commons.answer,
    "inaturalist": inaturalist.answer,
    "gbif": gbif.answer,
    "baidu": baidu.answer,
}
"""Provider names, and who answers for them."""
