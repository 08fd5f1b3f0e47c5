"""Photos on disk -> fitted pixels in one mapped file, decoded once and read many times."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fieldmark.artifacts.photos import PhotoFile, Unusable
from fieldmark.classifier import Fit, fit_pixels
from fieldmark.engines.local import map_threads
from fieldmark.errors import NotAPhoto
from fieldmark.terminal import track


@dataclass(frozen=True)
class PixelStore:
    """The fitted pixels of some photos.

    Attributes:
        photos: the n photos, in the order of the rows.
        labels: int64 `[n]`, index of each photo's class.
        pixels: uint8 `[m, 3, side, side]`, mapped from a file, so that it takes memory only while it is looked at.
        rows: int64 `[n]`, where each photo lies among the m.
        lost: photos that could be read a moment ago, and now cannot.
    """

    photos: tuple[PhotoFile, ...]
    labels: Tensor
    pixels: NDArray[np.uint8]
    rows: NDArray[np.int64]
    lost: tuple[Unusable, ...]

    def only(self, photos: Iterable[PhotoFile]) -> PixelStore:
        """Return a store of those of the photos that are in this one, in the order of this one; nothing is copied."""
        wanted = {photo.path for photo in photos}
        chosen = [i for i, photo in enumerate(self.photos) if photo.path in wanted]
        lost = tuple(file for file in self.lost if file.path in wanted)
        return PixelStore(
            tuple(self.photos[i] for i in chosen), self.labels[chosen], self.pixels, self.rows[chosen], lost
        )

    def __len__(self) -> int:
        return len(self.photos)

    def batch(self, rows: Sequence[int] | NDArray[np.int64]) -> Tensor:
        """Return some rows: uint8 `[len(rows), 3, side, side]`."""
        return torch.from_numpy(np.ascontiguousarray(self.pixels[self.rows[np.asarray(rows)]]))

    def in_order(self, size: int) -> Iterator[Tensor]:
        """Yield all rows in batches of at most `size`."""
        for start in range(0, len(self), size):
            yield self.batch(np.arange(start, min(start + size, len(self))))


def fill_store(
    file: Path, root: Path, photos: Sequence[PhotoFile], classes: Sequence[str], fit: Fit, doing: str
) -> PixelStore:
    """Decode and fit every photo into `file`.

    Raises:
        OSError: the disk is full. (Rows are written, not mapped, so that a full disk is an error and not a crash.)
    """
    kept: list[PhotoFile] = []
    lost: list[Unusable] = []

    def fitted(photo: PhotoFile) -> tuple[PhotoFile, NDArray[np.uint8] | NotAPhoto]:
        try:
            return photo, fit_pixels(photo.pixels(root), fit)
        except NotAPhoto as error:
            return photo, error

    with file.open("wb") as out:
        for photo, result in track(map_threads(fitted, photos), doing, total=len(photos)):
            if isinstance(result, NotAPhoto):
                lost.append(Unusable(photo.path, str(result)))
            else:
                out.write(result.tobytes())
                kept.append(photo)
    shape = (len(kept), 3, fit.size, fit.size)
    pixels = np.memmap(file, np.uint8, "r", shape=shape) if kept else np.zeros(shape, np.uint8)
    return PixelStore(tuple(kept), _labels(kept, classes), pixels, np.arange(len(kept)), tuple(lost))


def listed(photos: Sequence[PhotoFile], classes: Sequence[str]) -> PixelStore:
    """Return a store of photos that none will be decoded of: all that counts of them was seen already."""
    none = np.zeros((0, 3, 0, 0), np.uint8)
    return PixelStore(tuple(photos), _labels(photos, classes), none, np.arange(len(photos)), ())


def _labels(photos: Sequence[PhotoFile], classes: Sequence[str]) -> Tensor:
    index = {name: i for i, name in enumerate(classes)}
    return torch.tensor([index[photo.label] for photo in photos], dtype=torch.int64)
