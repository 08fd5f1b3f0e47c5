"""A model -> the two pages a person sees, and the files they load. Nothing in them comes from another host."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment
from starlette.responses import HTMLResponse, Response

from fieldmark import front
from fieldmark.artifacts.modelfile import ModelInfo
from fieldmark.paper import templates
from fieldmark.serve.limits import Limits

SCRIPT = "server.js"
_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}

ASSETS = {f"/{name}": _TYPES[name.rpartition(".")[2]] for name in (*front.ASSETS, SCRIPT)}

# A browser asks again each time and mostly gets what it has; a new version of the page never mixes with an old script.
_FRESH = {"Cache-Control": "no-cache"}


def front_page(info: ModelInfo, limits: Limits) -> HTMLResponse:
    """Render the page to drop photos on."""
    return HTMLResponse(front.render(info, SCRIPT, max_bytes=limits.upload_bytes), headers=_FRESH)


def docs_page(description: dict[str, Any], base_url: str) -> HTMLResponse:
    """Render the OpenAPI document for people, with commands that can be copied."""
    schemas = description["components"]["schemas"]
    page = (
        _environment()
        .get_template("docs.html")
        .render(
            info=description["info"],
            posts=[(path, methods["post"]) for path, methods in description["paths"].items() if "post" in methods],
            gets=[(path, methods["get"]) for path, methods in description["paths"].items() if "get" in methods],
            answer=schemas["Answer"],
            example=json.dumps(schemas["Answer"]["examples"][0], ensure_ascii=False),
            base_url=base_url.rstrip("/"),
        )
    )
    return HTMLResponse(page, headers=_FRESH)


def asset(path: str) -> Response:
    """Return one of the files in `ASSETS`."""
    name = path.removeprefix("/")
    ours = name == SCRIPT
    content = resources.files("fieldmark.serve").joinpath("page", name).read_bytes() if ours else front.asset(name)
    return Response(content, media_type=ASSETS[path], headers=_FRESH)


@cache
def _environment() -> Environment:
    return templates("fieldmark.serve", "page")
