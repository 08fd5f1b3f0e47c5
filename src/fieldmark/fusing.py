"""Activations -> the convolutions before them, which then do both in one pass over memory. Needs torch.

By oneDNN's operator, which torch's compiler uses, and which no public function of torch calls. So nothing is taken on
trust: where it is missing, fails, or says anything else, the network stays as it is. It knows no gradients, and is for
networks that look and do not learn; `training.quick` gives it some.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Generator, Tensor, nn

from fieldmark.folding import readers

EXACT: dict[type[nn.Module], tuple[str, list[float]]] = {nn.ReLU: ("relu", []), nn.ReLU6: ("hardtanh", [0.0, 6.0])}
"""Activations that only compare, so that nothing is rounded anew; the operator's names for them and their bounds."""

Convolve = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""Images, weight and bias -> what `nn.Conv2d._conv_forward` makes of them."""


def fuse_activations(network: nn.Module, size: int) -> bool:
    """Let the convolutions of a network on the processor do the activations that follow them, in place.

    Its parameters stay where they are, but the activations' modules go, and it can no longer be trained. It says the
    same to the last bit wherever oneDNN goes on adding in the same order: at 299 pixels, but not for every size and
    number of photos; then its features are 5e-6 off.

    Args:
        network: float32 `[n, 3, size, size]` -> anything, in evaluation mode.
        size: side of a photo that the network can take, in pixels.

    Returns:
        Whether anything was changed.
    """
    ways, acts = activating(network, size)
    if not ways:
        return False
    before = _answer(network, size)
    undo = swap(network, ways, acts.values())
    if _says(network, size, before):
        return True
    undo()
    return False


def activating(network: nn.Module, size: int) -> tuple[dict[nn.Conv2d, Convolve], dict[nn.Conv2d, str]]:
    """Return how convolutions would do the activations that follow them, and the names of these; none where none can.

    Args:
        network: as for `fuse_activations`; so is the size.
    """
    operator = getattr(torch.ops.mkldnn, "_convolution_pointwise", None)
    if operator is None or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return {}, {}
    modules = dict(network.named_modules())
    acts = {
        conv: name
        for conv, name in readers(network, size, *EXACT)
        if type(modules[name]) in EXACT and conv.padding_mode == "zeros" and not isinstance(conv.padding, str)
    }
    return {conv: _convolve(operator, conv, *EXACT[type(modules[name])]) for conv, name in acts.items()}, acts


def swap(network: nn.Module, ways: Mapping[nn.Conv2d, Convolve], acts: Iterable[str]) -> Callable[[], None]:
    """Give convolutions of a network other ways to convolve, and take out the activations of some names.

    Returns:
        What undoes it; a second time it does nothing.
    """
    modules = {name: network.get_submodule(name) for name in acts}
    for conv, convolve in ways.items():
        conv.__dict__["_conv_forward"] = convolve
    for name in modules:
        network.set_submodule(name, nn.Identity())

    def undo() -> None:
        for conv in ways:
            conv.__dict__.pop("_conv_forward", None)
        for name, module in modules.items():
            network.set_submodule(name, module)

    return undo


def _convolve(operator: Callable[..., Tensor], conv: nn.Conv2d, act: str, bounds: list[float]) -> Convolve:
    rest = (conv.padding, conv.stride, conv.dilation, conv.groups, act, bounds, "")
    return lambda images, weight, bias: operator(images, weight, bias, *rest)


def _says(network: nn.Module, size: int, before: Tensor) -> bool:
    try:
        after = _answer(network, size)
        return after.shape == before.shape and torch.allclose(after, before, 1e-4, 1e-5 * float(before.abs().max()))
    except (RuntimeError, TypeError):  # this build of torch has the operator's name alone, or another one of that name
        return False


def _answer(network: nn.Module, size: int) -> Tensor:
    with torch.inference_mode():
        answer: Tensor = network(probe(size))
    return answer


def probe(size: int) -> Tensor:
    """Return what a network is tried on: float32 `[2, 3, size, size]`, -1 to 1, the same every time."""
    images = torch.rand(2, 3, size, size, generator=Generator().manual_seed(0)).mul(2).sub(1)
    return images.contiguous(memory_format=torch.channels_last)
