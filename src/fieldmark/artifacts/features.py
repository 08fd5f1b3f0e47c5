"""`features/`: what a backbone makes of photos, one file per backbone and preprocessing. A cache: losing it costs time.

A file is a plain npz, read without pickle. One that is damaged, of another schema or of other weights counts as absent.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fieldmark.artifacts.atomic import whole_file
from fieldmark.artifacts.photos import PhotoFile
from fieldmark.artifacts.workspace import Workspace

FOLDER = "features"
SCHEMA = 1

GREY_SIDE = 96
"""Side in pixels of the grey picture kept beside each vector, by which look-alikes are laid over each other."""


@dataclass(frozen=True)
class Recipe:
    """All that decides what a photo's vector is.

    Attributes:
        backbone: its name, see `backbones`.
        size: side in pixels of the square that the backbone sees.
        fit: how a photo becomes square, see `classifier.Fit`.
        weights: hex sha256 of the file that holds the backbone's weights.
    """

    backbone: str
    size: int
    fit: str
    weights: str

    @property
    def file_name(self) -> str:
        """Name of the cache file; weights that are not the backbone's usual ones overwrite it."""
        return f"{self.backbone.replace('/', '_')}-{self.size}-{self.fit}.npz"


@dataclass(frozen=True)
class Look:
    """What is kept of one picture.

    Attributes:
        vector: float16 `[d]`.
        grey: uint8 `[GREY_SIDE, GREY_SIDE]`, the picture squeezed to a square, in levels of grey.
        height: of the picture, in pixels.
        width: in pixels.
    """

    vector: NDArray[np.float16]
    grey: NDArray[np.uint8]
    height: int
    width: int


def key_of(photo: PhotoFile) -> str:
    """Return what a photo's look is kept under: its bytes and its crop, so that renaming changes nothing."""
    return photo.sha256[:32] if photo.crop is None else f"{photo.sha256[:32]}@{photo.crop}"


def path_of(workspace: Workspace, recipe: Recipe) -> Path:
    """Return where the looks of a recipe lie."""
    return workspace.memory / FOLDER / recipe.file_name


def read(path: Path, recipe: Recipe) -> dict[str, Look]:
    """Read a cache; empty where there is none, or none that can be trusted."""
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            if json.loads(str(file["about"])) != _about(recipe):
                return {}
            keys, vectors, greys, shapes = (file[name] for name in ("keys", "vectors", "greys", "shapes"))
    except (OSError, ValueError, KeyError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error):
        return {}
    return _checked(keys, vectors, greys, shapes)


def write(path: Path, recipe: Recipe, looks: Mapping[str, Look]) -> None:
    """Replace a cache by these looks, at least one. Raises OSError; an older file then stays as it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kept: Sequence[Look] = list(looks.values())
    with whole_file(path) as file:  # not through memory: of 40,000 photos it is half a gigabyte
        np.savez(
            file,
            about=np.array(json.dumps(_about(recipe))),
            keys=np.array(list(looks)),
            vectors=np.stack([look.vector for look in kept]),
            greys=np.stack([look.grey for look in kept]),
            shapes=np.array([(look.height, look.width) for look in kept], np.int32),
        )


def _about(recipe: Recipe) -> dict[str, object]:
    return {"schema": SCHEMA, **asdict(recipe)}


def _checked(
    keys: NDArray[np.str_], vectors: NDArray[np.float16], greys: NDArray[np.uint8], shapes: NDArray[np.int32]
) -> dict[str, Look]:
    n = len(keys)
    whole = (
        keys.dtype.kind == "U"
        and [kept.dtype.name for kept in (vectors, greys, shapes)] == ["float16", "uint8", "int32"]
        and vectors.ndim == 2
        and (len(vectors), greys.shape, shapes.shape) == (n, (n, GREY_SIDE, GREY_SIDE), (n, 2))
        and bool(np.isfinite(vectors).all())
    )
    if not whole:
        return {}
    return {
        str(key): Look(vector, grey, int(height), int(width))
        for key, vector, grey, (height, width) in zip(keys, vectors, greys, shapes, strict=True)
    }
