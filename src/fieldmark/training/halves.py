"""A backbone -> the half that stays as it was pretrained, and the half that learns; and what the first sees, kept.

The early half never changes, so what it sees in a photo is worked out once, for all epochs and for all trainings that
share the photos. What is kept is smaller than the photo: of EfficientNet-Lite0 at 299 pixels 192 planes of 10 x 10.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn

from fieldmark.device import Device
from fieldmark.terminal import track
from fieldmark.training.augment import augment
from fieldmark.training.pixels import PixelStore

EARLY = 0.75
"""Part of the parameters, counted from the first layer, that the early half may hold. Frozen that far, the snakes and
the bears are told as well as with a quarter of them frozen, in a third of the time; see docs/recipe.md."""

VIEWS = 4
"""Ways that each photo is augmented in, one an epoch; further epochs see them again, in another order."""


def cut(network: nn.Module, size: int) -> tuple[nn.Sequential, nn.Sequential] | None:
    """Cut a backbone into its early and its late half, which share its layers.

    Args:
        network: float `[n, 3, size, size]` -> float `[n, features]`.
        size: side of a photo that the network can take, in pixels.

    Returns:
        The halves; None for a network whose layers do not simply follow one another.
    """
    layers = list(_layers(network))
    probe = torch.rand(2, 3, size, size, generator=Generator().manual_seed(0)).to(next(network.parameters()).device)
    was_training = network.training
    try:
        with torch.no_grad():
            said, in_line = network.eval()(probe), _pass(layers, probe)
    finally:
        network.train(was_training)
    if in_line is None or in_line.shape != said.shape or not torch.allclose(in_line, said, rtol=1e-3, atol=1e-3):
        return None
    sizes = np.cumsum([len(list(layer.parameters())) for layer in layers])
    where = int(np.searchsorted(sizes, EARLY * sizes[-1], side="right"))
    return nn.Sequential(*layers[:where]), nn.Sequential(*layers[where:])


def _layers(module: nn.Module) -> Iterator[nn.Module]:
    for child in module.children():
        if type(child) is nn.Sequential:
            yield from _layers(child)
        else:
            yield child


def _pass(layers: Sequence[nn.Module], images: Tensor) -> Tensor | None:
    """Pass images through layers one after another; None where one of them cannot take what the last one made."""
    for layer in layers:
        try:
            images = layer(images)
        except (RuntimeError, TypeError, ValueError, IndexError, AssertionError):
            return None
    return images


@dataclass
class EarlySight:
    """What the early half sees in the photos of one or more trainings, worked out when it is first asked for.

    Attributes:
        look: images with levels 0 to 255, `[n, 3, size, size]` -> what the early half makes of them `[n, c, h, w]`.
        roomy: photos to learn from, kept a little larger than the network sees them.
        fitted: photos to judge by, fitted as the exported model will fit them.
        size: side of the square that the network sees.
        seed: of every augmentation.
        device: where to work.
        folder: a folder for what is kept.
    """

    look: Callable[[Tensor], Tensor]
    roomy: PixelStore
    fitted: PixelStore
    size: int
    seed: int
    device: Device
    folder: Path
    _kept: dict[str, Tensor] = field(default_factory=dict)

    def view(self, epoch: int, rows: NDArray[np.int64]) -> Tensor:
        """Return what is seen of photos to learn from, augmented as in one epoch: `[len(rows), c, h, w]`.

        Args:
            epoch: counted from 1; from `VIEWS` on those before come again.
            rows: where the photos lie in the store's file.
        """
        number = (epoch - 1) % VIEWS
        name = f"view {number + 1}"
        if name not in self._kept:
            generator = Generator().manual_seed((self.seed * 1_000_003 + number) % 2**63)
            batches = (
                self.device.move(augment(self.device.move(images), self.size, generator))
                for images in self.roomy.in_order(self.device.at_once)
            )
            with self.device.mixed():
                self._keep(name, batches, len(self.roomy))
        return self.device.move(self._kept[name][rows])

    def judged(self, rows: NDArray[np.int64]) -> Tensor:
        """Return what is seen of photos to judge by, in full precision: float32 `[len(rows), c, h, w]`.

        Args:
            rows: where the photos lie in the store's file.
        """
        if "judged" not in self._kept:
            batches = (self.device.move(images) for images in self.fitted.in_order(self.device.at_once))
            self._keep("judged", batches, len(self.fitted))
        return self.device.move(self._kept["judged"][rows])

    def _keep(self, name: str, batches: Iterator[Tensor], photos: int) -> None:
        """Look at batches of images and write what is seen to a file, which is mapped then."""
        path, shape, dtype, seen = self.folder / name, torch.Size((0, 0, 0)), torch.float32, 0
        bar = track(batches, f"the early layers' sight, {name}", -(-photos // self.device.at_once))
        with path.open("wb") as out, torch.no_grad():
            for images in bar:
                sight = self.look(images).cpu().contiguous()
                # Flat first: of planes of 1 x 1 channels last counts as contiguous, and its strides cannot be viewed.
                out.write(sight.flatten().view(torch.uint8).numpy().tobytes())
                shape, dtype, seen = sight.shape[1:], sight.dtype, seen + len(sight)
        size = seen * int(np.prod(shape))
        kept = torch.from_file(str(path), shared=False, size=size, dtype=dtype) if size else torch.zeros(0, dtype=dtype)
        self._kept[name] = kept.view(seen, *shape)
