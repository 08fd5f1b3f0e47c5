"""What our HTML pages that stand alone share: how they look and how they are filled. None asks anybody for anything."""

from __future__ import annotations

from importlib import resources

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined


def favicon() -> bytes:
    """Return the little picture of our pages, an SVG."""
    return resources.files("fieldmark.paper").joinpath("favicon.svg").read_bytes()


def templates(package: str, folder: str = "templates") -> Environment:
    """Return the templates of a package's folder, which may include our `base.css`. All text is escaped."""
    return Environment(
        loader=ChoiceLoader([PackageLoader(package, folder), PackageLoader("fieldmark.paper", "")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def fit_for_a_file(page: str) -> str:
    """Return a page that UTF-8 can hold: a file's name that is no UTF-8 reaches us with lone surrogates."""
    return page.encode("utf-8", "backslashreplace").decode("utf-8")
