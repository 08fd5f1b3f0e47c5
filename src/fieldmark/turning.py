"""Convolutions padded to one side -> the network turned by half, which pads alike on all sides. Needs torch.

Networks that come from TensorFlow pad a picture of even sides more at its end than at its start. PyTorch cannot, so
timm copies every layer's input into a larger one first: a seventh of the time of looking at photos on a processor.
Turned upside down, start and end change places: a convolution with a stride of 2 and an odd kernel then lays its
windows just where PyTorch's own padding does. So the first layer turns the picture, all kernels are turned with it, and
nothing is copied. Once the places are averaged over, the network says what it said.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Generator, Tensor, nn


class TurnedConv2d(nn.Conv2d):
    """The first convolution of a turned network: it turns the picture by half, then does what it always did.

    Its marker is among the weights, so that those of a network that was not turned are not taken for a turned one's.
    """

    turned: Tensor

    def __init__(self, conv: nn.Conv2d) -> None:
        """Take over a convolution's weights and what else it goes by."""
        super().__init__(**_same(conv), padding=conv.padding)  # type: ignore[arg-type]
        self.weight, self.bias = conv.weight, conv.bias
        self.register_buffer("turned", torch.ones(()))

    def forward(self, images: Tensor) -> Tensor:
        """Float `[n, 3, height, width]` -> float `[n, channels, h, w]`, turned by half."""
        return super().forward(images.flip(2, 3))


def turn(network: nn.Module, kind: type[nn.Conv2d], size: int) -> None:
    """Turn a network by half, in place, where that does away with its own padding and changes nothing else.

    Which networks are turned hangs on the architecture alone.

    Args:
        network: float `[n, 3, size, size]` -> float `[n, features]`.
        kind: the convolutions that pad by themselves, as TensorFlow does.
        size: side of a photo that the network can take, in pixels.
    """
    convs = {name: module for name, module in network.named_modules() if isinstance(module, nn.Conv2d)}
    padding = {name: conv for name, conv in convs.items() if isinstance(conv, kind)}
    if not padding or not all(_can_be_turned(conv) for conv in padding.values()):
        return
    probes = [torch.rand(2, 3, side, side, generator=Generator().manual_seed(0)) for side in (size, size - 1)]
    before = _answers(network, probes)
    _turn_kernels(convs.values())
    first = next(iter(convs))
    for name, conv in padding.items():
        _put(network, name, _padded_alike(conv))
    _put(network, first, TurnedConv2d(network.get_submodule(first)))  # type: ignore[arg-type]
    after = _answers(network, probes)
    if all(_agree(a, b) for a, b in zip(before, after, strict=True)):
        return
    _turn_kernels(convs.values())
    for name, conv in ({first: convs[first]} | padding).items():
        _put(network, name, conv)


def _can_be_turned(conv: nn.Conv2d) -> bool:
    odd = all(side % 2 for side in conv.kernel_size)
    return odd and max(conv.stride) <= 2 and max(conv.dilation) == 1 and conv.padding_mode == "zeros"


def _padded_alike(conv: nn.Conv2d) -> nn.Conv2d:
    plain = nn.Conv2d(**_same(conv), padding=tuple(side // 2 for side in conv.kernel_size))  # type: ignore[arg-type]
    plain.weight, plain.bias = conv.weight, conv.bias
    return plain


def _same(conv: nn.Conv2d) -> dict[str, object]:
    names = ("in_channels", "out_channels", "kernel_size", "stride", "dilation", "groups")
    return {name: getattr(conv, name) for name in names} | {"bias": conv.bias is not None}


def _turn_kernels(convs: Iterable[nn.Conv2d]) -> None:
    for conv in convs:
        conv.weight.data = conv.weight.data.flip(2, 3).contiguous()


def _put(network: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, own = name.rpartition(".")
    setattr(network.get_submodule(parent), own, module)


def _agree(before: Tensor, after: Tensor) -> bool:
    return torch.allclose(before, after, rtol=1e-3, atol=1e-4 * float(before.abs().max()))


def _answers(network: nn.Module, probes: list[Tensor]) -> list[Tensor]:
    was_training = network.training
    try:
        with torch.no_grad():
            return [network.eval()(probe) for probe in probes]
    finally:
        network.train(was_training)
