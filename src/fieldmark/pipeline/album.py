"""A run, and where its photos lie now -> those it was judged by and those it learned from, with their crops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fieldmark.artifacts.photos import PhotoFile
from fieldmark.artifacts.predictions import Predictions
from fieldmark.artifacts.runs import Run
from fieldmark.artifacts.sealed import read_unsealed
from fieldmark.artifacts.verdicts import read_journal
from fieldmark.artifacts.workspace import Workspace
from fieldmark.errors import NotAPhoto
from fieldmark.imaging.decode import Pixels
from fieldmark.pipeline.fold_networks import FIRST


@dataclass(frozen=True)
class Album:
    """The photos of a run.

    Attributes:
        root: the folder that their paths start from.
        told: what the run said of those it was judged by, each once.
        judged: the same photos, in the order of the rows of `told`.
        others: photos that it was not judged by, and learned from.
    """

    root: Path
    told: Predictions
    judged: tuple[PhotoFile, ...]
    others: tuple[PhotoFile, ...]

    @classmethod
    def of(cls, run: Run, root: Path) -> Album:
        """Find the photos of a run below a folder.

        Raises:
            FieldmarkError: the folder, or what was decided about its photos, cannot be read.
        """
        workspace = Workspace.of_photos(root)
        told = run.predictions()
        if told.folds:
            told = told.only(np.array([name.startswith(FIRST) for name in told.folds]))
        decisions = read_journal(workspace).decisions()
        judged = tuple(
            PhotoFile(path, told.classes[label], None, "", id_, crop=decisions[id_].crop if id_ in decisions else None)
            for path, id_, label in zip(told.photos, told.ids, told.actual, strict=True)
        )
        # With folds the model itself learned from all that the folds were judged by.
        known = set(told.ids)
        others = () if told.folds else tuple(p for p in read_unsealed(workspace).photos if p.id not in known)
        return cls(root, told, judged, others)

    @property
    def folds(self) -> tuple[str, ...]:
        """The names of the folds; none where a share was kept aside."""
        return tuple(dict.fromkeys(self.told.folds))

    def rows_of(self, fold: str | None) -> NDArray[np.int64]:
        """Return which rows a fold judged; all without a fold."""
        return np.flatnonzero([fold in (None, name) for name in self.told.folds or [None] * len(self.told)])

    def learned_from(self, fold: str | None) -> list[PhotoFile]:
        """Return photos that the network of a fold learned from, or without a fold the model itself; in random order,
        the same each time."""
        if not self.told.folds:
            photos: Sequence[PhotoFile] = self.others
        else:
            photos = [photo for photo, own in zip(self.judged, self.told.folds, strict=True) if own != fold]
        return [photos[i] for i in np.random.default_rng(0).permutation(len(photos))]

    def pixels(self, photo: PhotoFile) -> Pixels | None:
        """Decode one of the photos; None where it cannot be read any more."""
        try:
            return photo.pixels(self.root)
        except NotAPhoto:
            return None
