"""Workspaces as a harvest leaves them, made through the catalog and the store, with no network."""

import hashlib
import io
from pathlib import Path

import numpy as np
from PIL import Image

from fieldmark.artifacts import candidates, contents
from fieldmark.artifacts.candidates import Candidate
from fieldmark.artifacts.catalog import NAME, Catalog
from fieldmark.artifacts.contents import Content
from fieldmark.artifacts.store import PhotoStore
from fieldmark.artifacts.workspace import Workspace
from fieldmark.imaging.hashing import fingerprint


def made(root: Path) -> Path:
    """Make an empty workspace."""
    root.mkdir(parents=True, exist_ok=True)
    Catalog.open(root / NAME).close()
    return root


def picture(number: int) -> tuple[np.ndarray, bytes]:
    """Return pixels that look like those of no other number, and a JPEG of them."""
    blocks = np.random.default_rng(number).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    pixels = np.asarray(Image.fromarray(blocks).resize((64, 64), Image.Resampling.BILINEAR))
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG")
    return pixels, file.getvalue()


def keep(root: Path, number: int, url: str, label: str = "coral", original: bool = False, **named) -> str:
    """Let a search have named `url`, and fetching have got picture `number` from it; return the photo's id."""
    pixels, jpeg = picture(number)
    sha256 = hashlib.sha256(b"as it came, %d" % number).hexdigest()
    marks = fingerprint(named.pop("pixels", pixels))
    store = PhotoStore(Workspace.open(root))
    candidate = Candidate(**{"label": label, "query": label, "provider": "bing", "url": url, "rank": 1, **named})
    with Catalog.open(root / NAME) as catalog:
        candidates.add(catalog, candidate)
        contents.add(catalog, Content(sha256[:16], sha256, marks.phash, marks.detail, 640, 480, 1000 + number))
        candidates.attach(catalog, url, sha256[:16])
        kind, place = candidates.settle(catalog, sha256[:16])
        labels = [row["label"] for row in catalog.rows("SELECT DISTINCT label FROM candidates")]
    if kind != "forgotten":
        put(store, sha256[:16], place, jpeg)
        store.move(sha256[:16], place, labels)
        if original:
            store.keep_original(sha256[:16], jpeg, "a JPEG picture")
    return sha256[:16]


def name(root: Path, url: str, status: str = "pending", **named) -> None:
    """Let a search have named `url`, and no more."""
    row = {"label": "coral", "query": "coral", "provider": "bing", "url": url, "rank": 1, **named}
    with Catalog.open(root / NAME) as catalog:
        candidates.add(catalog, Candidate(**row), status)


def files(root: Path) -> list[str]:
    """Return the files of a workspace but for the catalog."""
    found = (path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    return sorted(path for path in found if not path.startswith((NAME, ".")))


def rows(root: Path, columns: str = "*") -> list[dict]:
    """Return the candidates."""
    with Catalog.open(root / NAME) as catalog:
        return [dict(row) for row in catalog.rows(f"SELECT {columns} FROM candidates ORDER BY label, url")]


def put(store: PhotoStore, id_: str, label: str | None, jpeg: bytes) -> None:
    """Write a photo as a harvest does whose rows are there."""
    store.stage(id_, label, jpeg)
    store.publish(id_, label)
