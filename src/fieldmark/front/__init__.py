"""A model -> the page that people ask it with. The server and the static folder show the same one.

They differ in who answers: the server's page sends photos to the server, the static page asks a worker of its own.
Nothing in either comes from another host.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources

from jinja2 import Environment

from fieldmark.artifacts.modelfile import ModelInfo
from fieldmark.front.wording import question, track_record
from fieldmark.paper import favicon, templates

FAVICON = "favicon.svg"
ASSETS = ("page.css", "page.js", "cards.js", "camera.js", "giving.js", "table.js", "words.js", FAVICON)
"""What both pages load beside their own script; all lie in one folder, so that they find each other."""


@dataclass(frozen=True)
class Static:
    """What the page says and does where no server of ours stands behind it.

    Attributes:
        base: folder of everything that the page loads, below the page itself, with a slash at its end.
        policy: the Content-Security-Policy, which no host can be relied on to send.
        model_version: what tells this model from an earlier one.
    """

    base: str
    policy: str
    model_version: str


def render(info: ModelInfo, script: str, max_bytes: int | None = None, static: Static | None = None) -> str:
    """Render the page.

    Args:
        info: of the model that answers.
        script: the module that says who answers, and starts the page.
        max_bytes: of a photo, where it is sent to a server.
        static: where it is not.
    """
    page: str = (
        _environment()
        .get_template("index.html")
        .render(
            info=info,
            script=script,
            question=question(info.classes),
            track_record=track_record(info.metrics),
            max_bytes=max_bytes,
            static=static,
        )
    )
    return page


def asset(name: str) -> bytes:
    """Return one of the files in `ASSETS`."""
    return favicon() if name == FAVICON else resources.files("fieldmark.front").joinpath("page", name).read_bytes()


@cache
def _environment() -> Environment:
    return templates("fieldmark.front", "page")
