"""Photos -> what the early half of a backbone sees in them, worked out once for all epochs and all trainings.

The early half never changes. What is kept is smaller than the photo: of EfficientNet-Lite0 at 299 pixels 192 planes of
10 x 10.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from fieldmark.device import Device
from fieldmark.sights import MIRRORED, PLAIN, Sights
from fieldmark.terminal import track
from fieldmark.training.augment import augment
from fieldmark.training.pixels import PixelStore

UNMOVED = PLAIN, MIRRORED
"""The first two views. They are there already when the features that tell copies apart are new."""

EPOCHS_A_VIEW = 4
"""Epochs for which a photo is augmented in one further way: a view costs as much as an epoch of a late half, and two of
them for four epochs are no better than one; see docs/recipe.md."""


def views_for(epochs: int) -> int:
    """Return in how many ways each photo is seen, one an epoch: as it is, mirrored, and augmented.

    When all have been seen they come again, in another order of the photos.
    """
    return len(UNMOVED) + -(-epochs // EPOCHS_A_VIEW)


@dataclass(frozen=True)
class EarlySight:
    """What the early half sees in the photos of one or more trainings, worked out when it is first asked for.

    Attributes:
        look: images with levels 0 to 255, `[n, 3, size, size]` -> what the early half makes of them `[n, c, h, w]`.
        roomy: photos to learn from, kept a little larger than the network sees them.
        fitted: photos to learn from or to judge by, fitted as the exported model will fit them.
        size: side of the square that the network sees.
        seed: of every augmentation.
        views: how many there are; see `views_for`.
        device: where to work.
        own: where it is kept.
        known: what was seen earlier of all the fitted photos, as they are and mirrored, and the row of each; or None.
    """

    look: Callable[[Tensor], Tensor]
    roomy: PixelStore
    fitted: PixelStore
    size: int
    seed: int
    views: int
    device: Device
    own: Sights
    known: tuple[Sights, NDArray[np.int64]] | None = None

    def view(self, epoch: int, rows: NDArray[np.int64]) -> Tensor:
        """Return what is seen of photos to learn from in one epoch: `[len(rows), c, h, w]`.

        Args:
            epoch: counted from 1; after as many as there are views these come again.
            rows: where the photos lie in the file of `roomy`.
        """
        number = (epoch - 1) % self.views
        if number < len(UNMOVED):
            return self._unmoved(UNMOVED[number], self._as_fitted[rows])
        name = f"view {number + 1}"
        if name not in self.own:
            generator = Generator().manual_seed((self.seed * 1_000_003 + number) % 2**63)
            batches = (augment(images, self.size, generator) for images in self._moved(self.roomy))
            with self.device.mixed():
                self._keep(name, batches, len(self.roomy))
        return self.device.move(self.own.rows(name, rows))

    def judged(self, rows: NDArray[np.int64]) -> Tensor:
        """Return what is seen of photos to judge by, in full precision: float32 `[len(rows), c, h, w]`.

        Args:
            rows: where the photos lie in the file of `fitted`.
        """
        if self.device.half is None:
            return self._unmoved(PLAIN, rows)
        if "judged" not in self.own:
            self._keep("judged", self._moved(self.fitted), len(self.fitted))
        return self.device.move(self.own.rows("judged", rows))

    @cached_property
    def _as_fitted(self) -> NDArray[np.int64]:
        """Row of each photo of `roomy` in the file of `fitted`."""
        row = {photo.path: at for photo, at in zip(self.fitted.photos, self.fitted.rows, strict=True)}
        return np.array([row[photo.path] for photo in self.roomy.photos], dtype=np.int64)

    def _unmoved(self, name: str, rows: NDArray[np.int64]) -> Tensor:
        """Return what is seen of fitted photos as they are, or mirrored, in the precision of the device."""
        if self.known is not None:
            sights, row = self.known
            return self.device.move(sights.rows(name, row[rows]))
        if name not in self.own:
            batches = self._moved(self.fitted)
            with self.device.mixed():
                mirrored = (images.flip(3) for images in batches)
                self._keep(name, mirrored if name == MIRRORED else batches, len(self.fitted))
        return self.device.move(self.own.rows(name, rows))

    def _moved(self, store: PixelStore) -> Iterator[Tensor]:
        return map(self.device.move, store.in_order(self.device.learned_at_once))

    def _keep(self, name: str, batches: Iterator[Tensor], photos: int) -> None:
        bar = track(batches, f"the early layers' sight, {name}", -(-photos // self.device.learned_at_once))
        with torch.inference_mode():
            for images in _together(bar, self.device.at_once):
                self.own.add(name, self.look(self.device.filled(self.device.move(images)))[: len(images)])


def _together(batches: Iterable[Tensor], n: int) -> Iterator[Tensor]:
    """Yield batches joined to such as hold n photos or a few more; the last may hold fewer."""
    waiting: list[Tensor] = []
    for images in batches:
        waiting.append(images)
        if sum(map(len, waiting)) >= n:
            yield torch.cat(waiting)
            waiting = []
    if waiting:
        yield torch.cat(waiting)
