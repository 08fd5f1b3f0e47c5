"""What the tests of peers' faults share: pictures on a host, harvests of lists of URLs, and what they leave."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from fieldmark.artifacts import contents
from fieldmark.artifacts.catalog import NAME, Catalog
from fieldmark.artifacts.contents import Photo
from fieldmark.config import HarvestSettings
from fieldmark.demo.smallweb import cheap
from fieldmark.pipeline.harvest import Harvest, harvest
from support.bad_web import BadWeb
from support.harvesting import POLITE, statuses_by_url


def put_photos(host: BadWeb, *paths: str) -> list[str]:
    """Put a photo at each path, no two alike, and return their URLs."""
    return [host.picture(path, cheap("coral", number), "image/jpeg") for number, path in enumerate(paths)]


class _Same(dict[str, tuple[int, dict[str, str], bytes]]):
    """One answer for all paths."""

    def __init__(self, answer: tuple[int, dict[str, str], bytes]) -> None:
        super().__init__()
        self._answer = answer

    def get(self, path: str, default: object = None) -> tuple[int, dict[str, str], bytes]:  # type: ignore[override]
        return self._answer


def answer_everything(host: BadWeb, status: int, body: bytes) -> None:
    """Make a host answer the same, whatever it is asked."""
    host.answers = _Same((status, {"Content-Type": "text/html"}, body))


def harvest_lists(folder: Path, lists: dict[str, list[str]], **settings: object) -> Harvest:
    """Harvest class -> URLs into `folder`/w."""
    sources = []
    for label, urls in lists.items():
        sources.append(str(folder / f"{label}.txt"))
        (folder / f"{label}.txt").write_text("\n".join(urls))
    return harvest(sources, HarvestSettings.of({**POLITE, **settings}), folder / "w")


def ends(workspace: Path) -> dict[str, str]:
    """Return the status of each URL."""
    return {key.partition(" ")[2]: status for key, status in statuses_by_url(workspace).items()}


def photos_of(workspace: Path) -> list[Photo]:
    with Catalog.open(workspace / NAME) as catalog:
        return contents.photos(catalog)


def only_photo(workspace: Path) -> Image.Image:
    """Return the one photo of a workspace, decoded."""
    (path,) = (workspace / "photos").rglob("*.jpg")
    with Image.open(path) as image:
        return image.convert("RGB")


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
