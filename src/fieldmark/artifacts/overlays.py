"""`features/overlays.npz`: which photos were laid over which, and which lay inside. A cache: losing it costs time.

One file for all backbones: what is laid are the small grey pictures, and these are the same for each. Like the features
it is a plain npz, and one that is damaged, of another schema or of another way of laying counts as absent.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fieldmark.artifacts import features
from fieldmark.artifacts.atomic import whole_file
from fieldmark.artifacts.workspace import Workspace

NAME = "overlays.npz"
SCHEMA = 1

Overlays = dict[tuple[str, str], bool]
"""(whole, part), each by `features.key_of` -> whether the part was found inside the whole."""


def path_of(workspace: Workspace) -> Path:
    """Return where they lie."""
    return workspace.memory / features.FOLDER / NAME


def read(path: Path, method: str) -> Overlays:
    """Read what was laid by this method; empty where there is no such file, or none that can be trusted."""
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            if json.loads(str(file["about"])) != _about(method):
                return {}
            keys, pairs, inside = (file[name] for name in ("keys", "pairs", "inside"))
    except (OSError, ValueError, KeyError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error):
        return {}
    return _checked(keys, pairs, inside)


def write(path: Path, method: str, overlays: Mapping[tuple[str, str], bool]) -> None:
    """Replace the file. Raises OSError; an older file then stays as it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    keys = list(dict.fromkeys(key for pair in overlays for key in pair))
    places = {key: place for place, key in enumerate(keys)}
    pairs = [(places[whole], places[part]) for whole, part in overlays]
    with whole_file(path) as file:
        np.savez_compressed(
            file,
            about=np.array(json.dumps(_about(method))),
            keys=np.array(keys, np.str_),
            pairs=np.array(pairs, np.int32).reshape(-1, 2),
            inside=np.array(list(overlays.values()), np.bool_),
        )


def _about(method: str) -> dict[str, object]:
    """What decides the answers: the way of laying, and the form and side of the pictures that were laid."""
    return {"schema": SCHEMA, "method": method, "pictures": [features.SCHEMA, features.GREY_SIDE]}


def _checked(keys: NDArray[np.str_], pairs: NDArray[np.int32], inside: NDArray[np.bool_]) -> Overlays:
    m = len(pairs) if pairs.ndim else 0
    whole = (
        (keys.dtype.kind, pairs.dtype.name, inside.dtype.name) == ("U", "int32", "bool")
        and (keys.ndim, pairs.shape, inside.shape) == (1, (m, 2), (m,))
        and bool(((pairs >= 0) & (pairs < len(keys))).all())
    )
    if not whole:
        return {}
    names = keys.tolist()
    return {
        (names[whole], names[part]): found for (whole, part), found in zip(pairs.tolist(), inside.tolist(), strict=True)
    }
