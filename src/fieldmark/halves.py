"""A backbone -> the half that stays as it was pretrained, and the half that learns. Needs torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Generator, Tensor, nn

EARLY = 0.75
"""Part of the parameters, counted from the first layer, that the early half may hold. Frozen that far, the snakes and
the bears are told as well as with a quarter of them frozen, in a third of the time; see docs/recipe.md."""

Halves = tuple[nn.Sequential, nn.Sequential]
"""The early half, `[n, 3, size, size]` -> `[n, c, h, w]`, and the late one, `[n, c, h, w]` -> `[n, features]`."""


def cut(network: nn.Module, size: int) -> Halves | None:
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
