"""Which photo is on which side or in which fold, kept so that photos added later move no old one.

A plain folder keeps each draw as a file, `splits/seed42-share0.2.json`; a workspace keeps them in its catalog.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path

from fieldmark.artifacts.atomic import write_json
from fieldmark.artifacts.catalog import Catalog
from fieldmark.artifacts.workspace import Workspace
from fieldmark.errors import FolderError

SCHEMA = 1

Sides = dict[str, str]
"""Photo id -> "train" or "valid"; of folds "1", "2" and so on; of a sealed share "test" or "train"."""

_FILE = re.compile(r"seed(-?\d+)-(.+)\.json")


def halves(share: float) -> str:
    """Return the name of the draw that puts a share of the photos on the validation side."""
    return f"share{share:g}"


def folds(k: int, repeat: int) -> str:
    """Return the name of the draw that cuts the photos into k folds for the n-th time, counted from 1."""
    return f"folds{k}.{repeat}"


def sealed(share: float) -> str:
    """Return the name of the draw that seals a share of the photos."""
    return f"test{share:g}"


def kept_draws(workspace: Workspace) -> list[tuple[int, str]]:
    """Return the seed and name of every draw that was kept, sorted."""
    if not _in_catalog(workspace):
        names = (_FILE.fullmatch(path.name) for path in workspace.splits.glob("*.json"))
        return sorted((int(name[1]), name[2]) for name in names if name)
    with Catalog.open_reading(workspace.catalog) as catalog:
        rows = catalog.rows("SELECT DISTINCT seed, draw FROM splits ORDER BY seed, draw")
        return [(row["seed"], row["draw"]) for row in rows]


def read_kept(workspace: Workspace, seed: int, draw: str) -> Sides:
    """Read what was kept of a draw for one seed; empty when nothing was."""
    if not _in_catalog(workspace):
        return read_sides(split_path(workspace.splits, seed, draw))
    with Catalog.open_reading(workspace.catalog) as catalog:
        rows = catalog.rows("SELECT photo_id, side FROM splits WHERE seed = ? AND draw = ?", (seed, draw))
        return {row["photo_id"]: row["side"] for row in rows}


def keep(workspace: Workspace, seed: int, draw: str, sides: Mapping[str, str]) -> None:
    """Keep the sides of photos; those of photos that are not among them, and were kept before, stay."""
    if not _in_catalog(workspace):
        path = split_path(workspace.splits, seed, draw)
        kept = read_sides(path)
        if kept | dict(sides) != kept:
            write_sides(path, seed, draw, kept | dict(sides))
        return
    with Catalog.open(workspace.catalog) as catalog, catalog.writing():
        catalog.run_many(
            "INSERT OR REPLACE INTO splits (seed, draw, photo_id, side) VALUES (?, ?, ?, ?)",
            [(seed, draw, id_, side) for id_, side in sorted(sides.items())],
        )


def _in_catalog(workspace: Workspace) -> bool:
    return workspace.harvested and not workspace.remembers_elsewhere


def split_path(folder: Path, seed: int, draw: str) -> Path:
    """Return the file in which a draw is kept for one seed."""
    return folder / f"seed{seed}-{draw}.json"


def read_sides(path: Path) -> Sides:
    """Read a kept draw; an absent one is empty. Raises FolderError when the file is damaged."""
    try:
        kept = json.loads(path.read_text("utf-8"))
        if kept["schema"] > SCHEMA:
            raise FolderError(f"{path} was written by a newer Fieldmark. Run: pip install --upgrade fieldmark")
        return {str(id_): str(side) for id_, side in kept["sides"].items()}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FolderError(f"{path} is damaged. Remove it to draw a new split; figures will not compare.") from error


def write_sides(path: Path, seed: int, draw: str, sides: Mapping[str, str]) -> None:
    """Keep a draw."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, {"schema": SCHEMA, "seed": seed, "draw": draw, "sides": dict(sorted(sides.items()))})


def sides_hash(sides: Mapping[str, str]) -> str:
    """Return a hex digest that two splits share exactly when every photo is on the same side."""
    text = "\n".join(f"{id_} {side}" for id_, side in sorted(sides.items()))
    return hashlib.sha256(text.encode("ascii")).hexdigest()
