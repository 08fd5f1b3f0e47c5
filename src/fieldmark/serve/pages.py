"""A model -> the two pages a person sees, and the files they load. Nothing in them comes from another host."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from fieldmark.artifacts.modelfile import ModelInfo
from fieldmark.paper import favicon
from fieldmark.serve.limits import Limits

ASSETS = {
    "/page.css": "text/css",
    "/page.js": "text/javascript",
    "/favicon.svg": "image/svg+xml",
}

# A browser asks again each time and mostly gets what it has; a new version of the page never mixes with an old script.
_FRESH = {"Cache-Control": "no-cache"}


def front_page(info: ModelInfo, limits: Limits) -> HTMLResponse:
    """Render the page to drop a photo on."""
    page = _template("index.html").render(
        info=info,
        question=question(info.classes),
        track_record=track_record(info.metrics),
        max_bytes=limits.upload_bytes,
    )
    return HTMLResponse(page, headers=_FRESH)


def docs_page(description: dict[str, Any], base_url: str) -> HTMLResponse:
    """Render the OpenAPI document for people, with commands that can be copied."""
    schemas = description["components"]["schemas"]
    page = _template("docs.html").render(
        info=description["info"],
        posts=[(path, methods["post"]) for path, methods in description["paths"].items() if "post" in methods],
        gets=[(path, methods["get"]) for path, methods in description["paths"].items() if "get" in methods],
        answer=schemas["Answer"],
        example=json.dumps(schemas["Answer"]["examples"][0], ensure_ascii=False),
        base_url=base_url.rstrip("/"),
    )
    return HTMLResponse(page, headers=_FRESH)


def asset(path: str) -> Response:
    """Return one of the files in `ASSETS`."""
    name = path.removeprefix("/")
    content = (
        favicon() if name == "favicon.svg" else resources.files("fieldmark.serve").joinpath("page", name).read_bytes()
    )
    return Response(content, media_type=ASSETS[path], headers=_FRESH)


def question(classes: tuple[str, ...]) -> str:
    """Put the classes as a question: "coral or king?"; beyond four their number."""
    if len(classes) > 4:
        return f"Which of {len(classes)}?"
    return f"{join(classes, 'or')}?"


def join(names: tuple[str, ...], word: str) -> str:
    """List names as a sentence does: "black, grizzly or teddy"."""
    return f"{', '.join(names[:-1])} {word} {names[-1]}" if len(names) > 1 else names[0]


def track_record(metrics: Any) -> str | None:
    """Say how well the model did on its validation photos, with their number, the interval and the catch."""
    accuracy, n = metrics.get("accuracy"), metrics.get("n_valid")
    interval = metrics.get("accuracy_ci95")
    if not isinstance(accuracy, int | float) or not n:
        return None
    text = f"Right on {_percent(accuracy)} of {n} photos held back from learning"
    if interval:
        text += f" (95\u00a0% interval {_percent(interval[0])} to {_percent(interval[1])})"
    return text + "; when to stop learning was chosen on those same photos"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}\u00a0%"


def _template(name: str) -> Any:
    return _environment().get_template(name)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("fieldmark.serve", "page"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
