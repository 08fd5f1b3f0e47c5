"""Which photo is on which side, kept so that photos added later move no old one.

A plain folder keeps each split as a file, `splits/seed42-share0.2.json`; a workspace keeps them in its catalog.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from fieldmark.artifacts.atomic import write_json
from fieldmark.artifacts.catalog import Catalog
from fieldmark.artifacts.workspace import Workspace
from fieldmark.errors import FolderError

SCHEMA = 1

Sides = dict[str, str]
"""Photo id -> "train" or "valid"."""


def read_kept(workspace: Workspace, seed: int, share: float) -> Sides:
    """Read the split that was kept for one seed and share; empty when there is none."""
    if not _in_catalog(workspace):
        return read_sides(split_path(workspace.splits, seed, share))
    with Catalog.open(workspace.catalog) as catalog:
        rows = catalog.rows("SELECT photo_id, side FROM splits WHERE seed = ? AND share = ?", (seed, share))
        return {row["photo_id"]: row["side"] for row in rows}


def keep(workspace: Workspace, seed: int, share: float, sides: Mapping[str, str]) -> None:
    """Keep the sides of photos; those of photos that are not among them, and were kept before, stay."""
    if not _in_catalog(workspace):
        path = split_path(workspace.splits, seed, share)
        kept = read_sides(path)
        if kept | dict(sides) != kept:
            write_sides(path, seed, share, kept | dict(sides))
        return
    with Catalog.open(workspace.catalog) as catalog, catalog.writing():
        catalog.run_many(
            "INSERT OR REPLACE INTO splits (seed, share, photo_id, side) VALUES (?, ?, ?, ?)",
            [(seed, share, id_, side) for id_, side in sorted(sides.items())],
        )


def _in_catalog(workspace: Workspace) -> bool:
    return workspace.harvested and not workspace.remembers_elsewhere


def split_path(folder: Path, seed: int, share: float) -> Path:
    """Return the file in which the split for one seed and share is kept."""
    return folder / f"seed{seed}-share{share:g}.json"


def read_sides(path: Path) -> Sides:
    """Read a kept split; an absent one is empty. Raises FolderError when the file is damaged."""
    try:
        kept = json.loads(path.read_text("utf-8"))
        if kept["schema"] > SCHEMA:
            raise FolderError(f"{path} was written by a newer Fieldmark. Run: pip install --upgrade fieldmark")
        return {str(id_): str(side) for id_, side in kept["sides"].items()}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FolderError(f"{path} is damaged. Remove it to draw a new split; figures will not compare.") from error


def write_sides(path: Path, seed: int, share: float, sides: Mapping[str, str]) -> None:
    """Keep a split."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, {"schema": SCHEMA, "seed": seed, "share": share, "sides": dict(sorted(sides.items()))})


def sides_hash(sides: Mapping[str, str]) -> str:
    """Return a hex digest that two splits share exactly when every photo is on the same side."""
    text = "\n".join(f"{id_} {side}" for id_, side in sorted(sides.items()))
    return hashlib.sha256(text.encode("ascii")).hexdigest()
