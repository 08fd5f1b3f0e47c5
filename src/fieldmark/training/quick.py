"""A network that learns on the processor -> less to do in each step: activations copy nothing, BLAS finds gradients.

As PyTorch has it, an activation in place copies what it is given, to know its gradient later; but what it made of that
tells as much. And the gradient of a 1 x 1 kernel is one product of two matrices, which takes BLAS two thirds of what it
takes oneDNN. Together a tenth of a step of EfficientNet-Lite0's late half. Needs torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeGuard

import torch
from torch import Tensor, nn

from fieldmark.fusing import Convolve, activating, probe, swap

Bounds = tuple[float, float]
Gradients = tuple[Tensor | None, Tensor | None, Tensor | None]
"""Of what a convolution is given, of its kernels and of its biases; None where it is not wanted."""

BOUNDS: dict[type[nn.Module], Bounds] = {nn.ReLU: (0.0, float("inf")), nn.ReLU6: (0.0, 6.0)}
"""Between which numbers an activation leaves what it is given as it is; beyond them no gradient passes."""


@contextmanager
def quick_to_learn(network: nn.Module, size: int) -> Iterator[None]:
    """Let a network's convolutions learn with less to do within the block, where that changes nothing else.

    What it says stays the same; gradients differ by what adding in another order makes. That is tried on a probe first:
    where anything else differs, or this build of torch lacks what it takes, the network stays as it is.

    Args:
        network: float32 `[n, 3, size, size]` -> float32 `[n, features]`, on the processor. Its parameters stay where
            they are.
        size: side of a photo that the network can take, in pixels.
    """
    ways, acts = activating(network, size)
    if not ways:
        yield
        return
    bounds = {conv: BOUNDS[type(network.get_submodule(name))] for conv, name in acts.items()}
    alone = {conv: conv._conv_forward for conv in network.modules() if is_pointwise(conv)}
    before = _taught(network, size)
    learning = {conv: _learning(conv, way, bounds.get(conv)) for conv, way in {**alone, **ways}.items()}
    undo = swap(network, learning, acts.values())
    if not _teaches(network, size, before):
        undo()
    try:
        yield
    finally:
        undo()


def is_pointwise(module: nn.Module) -> TypeGuard[nn.Conv2d]:
    """Whether a layer mixes the channels of each place by itself."""
    if not isinstance(module, nn.Conv2d):
        return False
    return module.kernel_size == module.stride == (1, 1) and module.groups == 1 and module.padding == (0, 0)


def _learning(conv: nn.Conv2d, convolve: Convolve, bounds: Bounds | None) -> Convolve:
    return lambda images, weight, bias: _Learning.apply(images, weight, bias, conv, convolve, bounds)


class _Learning(torch.autograd.Function):
    """A convolution, the activation after it where it has one, and the gradients of both."""

    @staticmethod
    def forward(
        ctx: Any,
        images: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        conv: nn.Conv2d,
        convolve: Convolve,
        bounds: Bounds | None,
    ) -> Tensor:
        said = convolve(images, weight, bias)
        ctx.save_for_backward(images, weight, said if bounds else None)
        ctx.conv, ctx.bounds = conv, bounds
        return said

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        images, weight, said = ctx.saved_tensors
        if ctx.bounds:
            gradient = torch.ops.aten.hardtanh_backward(gradient, said, *ctx.bounds)
        of = _pointwise_gradients if is_pointwise(ctx.conv) else _gradients
        return *of(gradient, images, weight, ctx.conv, ctx.needs_input_grad[:3]), None, None, None


def _gradients(
    gradient: Tensor, images: Tensor, weight: Tensor, conv: nn.Conv2d, wanted: tuple[bool, bool, bool]
) -> Gradients:
    where = (conv.stride, conv.padding, conv.dilation, False, (0, 0), conv.groups)
    found: Gradients = torch.ops.aten.convolution_backward(gradient, images, weight, [len(weight)], *where, wanted)
    return found


def _pointwise_gradients(
    gradient: Tensor, images: Tensor, weight: Tensor, conv: nn.Conv2d, wanted: tuple[bool, bool, bool]
) -> Gradients:
    rows = _in_rows(gradient)
    return (
        _gradients(gradient, images, weight, conv, (wanted[0], False, False))[0],
        (rows.T @ _in_rows(images)).view_as(weight) if wanted[1] else None,
        rows.sum(0) if wanted[2] else None,
    )


def _in_rows(planes: Tensor) -> Tensor:
    """`[n, c, h, w]` -> `[n * h * w, c]`."""
    return planes.permute(0, 2, 3, 1).flatten(0, 2)


def _teaches(network: nn.Module, size: int, before: list[Tensor]) -> bool:
    """Whether a network says what it said, and its gradients are what they were."""
    try:
        after = _taught(network, size)
    except (RuntimeError, TypeError):  # this build of torch has an operator's name alone, or another one of that name
        return False
    return len(after) == len(before) and all(
        a.shape == b.shape and torch.allclose(a, b, 1e-3, 1e-4 * float(b.abs().max()))
        for a, b in zip(after, before, strict=True)
    )


def _taught(network: nn.Module, size: int) -> list[Tensor]:
    """Return what a network says of a probe, and the gradients of all of it that learns."""
    said = network.eval()(probe(size))
    learns = [value for value in network.parameters() if value.requires_grad]
    gradients = torch.autograd.grad(said.square().sum(), learns, allow_unused=True)
    return [said.detach(), *(gradient for gradient in gradients if gradient is not None)]
