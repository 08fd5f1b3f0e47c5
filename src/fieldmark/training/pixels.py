"""Photos on disk -> fitted pixels in one mapped file, decoded once and read many times."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
        pixels: uint8 `[n, 3, side, side]`, mapped from a file, so that it takes memory only while it is looked at.
        lost: photos that could be read a moment ago, and now cannot.
    """

    photos: tuple[PhotoFile, ...]
    labels: Tensor
    pixels: NDArray[np.uint8]
    lost: tuple[Unusable, ...]

    def __len__(self) -> int:
        return len(self.photos)

    def batch(self, rows: Sequence[int] | NDArray[np.int64]) -> Tensor:
        """Return some rows: uint8 `[len(rows), 3, side, side]`."""
        return torch.from_numpy(np.ascontiguousarray(self.pixels[np.asarray(rows)]))

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
    index = {name: i for i, name in enumerate(classes)}
    labels = torch.tensor([index[photo.label] for photo in kept], dtype=torch.int64)
    shape = (len(kept), 3, fit.size, fit.size)
    pixels = np.memmap(file, np.uint8, "r", shape=shape) if kept else np.zeros(shape, np.uint8)
    return PixelStore(tuple(kept), labels, pixels, tuple(lost))
