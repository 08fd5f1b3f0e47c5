"""Workspaces as a harvest leaves them, made through the same functions that it uses."""

import hashlib
from dataclasses import replace
from pathlib import Path

from fieldmark.artifacts import candidates, contents, searches
from fieldmark.artifacts.candidates import Candidate
from fieldmark.artifacts.catalog import Catalog
from fieldmark.artifacts.contents import Content
from fieldmark.artifacts.searches import Standing
from fieldmark.artifacts.store import PhotoStore
from fieldmark.artifacts.workspace import Workspace
from support.kept import put


class Sample:
    """A workspace under construction."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.catalog = Catalog.open(root / "catalog.db")
        self.workspace = Workspace.open_harvested(root)
        self.store = PhotoStore(self.workspace)

    def name(self, label="coral", query="texas coral snake", provider="openverse", n=1, **more) -> Candidate:
        """Write one pending candidate down."""
        url = more.pop("url", f"https://pictures.example/{label}/{provider}/{n}.jpg")
        candidate = replace(Candidate(label, query, provider, url, rank=n), **more)
        candidates.add(self.catalog, candidate)
        return candidate

    def end(self, status: str, reason: str = "", **who) -> Candidate:
        """Write a candidate down that ends without a photo."""
        candidate = self.name(**who)
        if status != "pending":
            candidates.fail(self.catalog, candidate.url, status, reason or f"it is {status}")
        return candidate

    def photo(self, data: bytes, jpeg: bytes | None = b"", **who) -> str:
        """Write a candidate down that gave these bytes, and lay its file where it belongs; return the photo's id."""
        candidate = self.name(**who)
        sha256 = hashlib.sha256(data).hexdigest()
        id_ = sha256[:16]
        contents.add(self.catalog, Content(id_, sha256, "0" * 16, b"", 640, 480, len(data)))
        candidates.attach(self.catalog, candidate.url, id_)
        kind, label = candidates.settle(self.catalog, id_)
        if kind != "forgotten" and jpeg:
            put(self.store, id_, label, jpeg)
            self.store.move(id_, label, [candidate.label])
        return id_

    def search(self, outcome: str, reason="", label="coral", query="texas coral snake", provider="openverse") -> None:
        """Say how a search ended."""
        searches.write(self.catalog, Standing(label, query, provider, outcome, reason))
