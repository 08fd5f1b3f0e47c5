"""`comparisons/`: folds that were trained for a comparison, so that one that was stopped goes on.

One folder for each recipe and way to cut the photos, called after a hash of all that decides what comes out; in it an
npz for each fold, read without pickle. A cache: losing it costs time. What cannot be trusted counts as absent.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fieldmark.artifacts.atomic import whole_file
from fieldmark.artifacts.features import key_of
from fieldmark.artifacts.photos import PhotoFile
from fieldmark.artifacts.splits import Sides
from fieldmark.artifacts.workspace import Workspace
from fieldmark.config import TrainSettings
from fieldmark.errors import explain_os_error
from fieldmark.pipeline.telling import versions
from fieldmark.terminal import warn

FOLDER = "comparisons"
SCHEMA = 1


@dataclass(frozen=True)
class Judged:
    """What one training said of its fold.

    Attributes:
        photos: paths of the m photos judged.
        logits: float32 `[m, classes]`.
        seconds: wall time of the training.
    """

    photos: tuple[str, ...]
    logits: NDArray[np.float32]
    seconds: float


class KeptFolds:
    """The folds of one recipe and one way to cut."""

    def __init__(self, workspace: Workspace, settings: TrainSettings, photos: Sequence[PhotoFile], sides: Sides):
        """Name the folder in a workspace's memory after what decides the outcome.

        Args:
            workspace: whose memory is used.
            settings: of the recipe.
            photos: all of them, with the classes and crops that they have.
            sides: id -> fold.
        """
        decides = {
            "settings": {name: value for name, value in dataclasses.asdict(settings).items() if name not in IRRELEVANT},
            "photos": [[photo.path, key_of(photo), photo.label, sides[photo.id]] for photo in photos],
            "versions": versions(),
            "schema": SCHEMA,
        }
        name = hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:16]
        self.folder = workspace.memory / FOLDER / name
        self._classes = len({photo.label for photo in photos})

    def read(self, fold: int, photos: Sequence[str]) -> Judged | None:
        """Return what was kept of a fold of photos with these paths; None where nothing can be trusted."""
        try:
            with self._path(fold).open("rb") as raw, np.load(raw, allow_pickle=False) as file:
                kept, logits, seconds = (file[name] for name in ("photos", "logits", "seconds"))
        except (OSError, ValueError, KeyError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error):
            return None
        names = tuple(kept.tolist()) if kept.dtype.kind == "U" and kept.ndim == 1 else ()
        sound = (
            len(names) > 0
            and set(names) <= set(photos)
            and logits.dtype == np.float32
            and logits.shape == (len(names), self._classes)
            and bool(np.isfinite(logits).all())
            and seconds.shape == ()
        )
        return Judged(names, logits, float(seconds)) if sound else None

    def keep(self, fold: int, judged: Judged) -> None:
        """Write a fold down; a disk that takes nothing costs a warning."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with whole_file(self._path(fold)) as file:
                np.savez(file, photos=np.array(judged.photos), logits=judged.logits, seconds=np.array(judged.seconds))
        except OSError as error:
            warn(f"A fold that was trained is not kept for the next time. {explain_os_error(error)}")

    def _path(self, fold: int) -> Path:
        return self.folder / f"{fold}.npz"


IRRELEVANT = ("valid_share", "test", "cost", "folds", "repeats")
"""Settings that decide nothing about a fold's training: what is kept aside, what follows from the answers alone, and
how the photos are cut, which is known exactly."""
