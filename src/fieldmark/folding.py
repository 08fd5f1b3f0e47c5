"""Batch norms -> the convolutions before them: the same network with less to do. Needs torch.

A pretrained batch norm that keeps its statistics multiplies and adds, channel by channel, and so does a convolution's
weight and bias. In one they cost a third of a step less; and what is exported has nothing left to fold.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.fusion import fuse_conv_bn_weights

Pair = tuple[nn.Conv2d, str]
"""A convolution, and the name of the module that alone of those sought reads what it says."""


def fold_norms(network: nn.Module, size: int) -> None:
    """Fold every batch norm that directly follows a convolution into it, in place.

    The network answers as it did when it was in evaluation mode. Which norms are folded hangs on the architecture
    alone, not on its weights, so that a network built anew takes the weights of one that was folded.

    Args:
        network: float `[n, 3, size, size]` -> anything.
        size: side of a photo that the network can take, in pixels.
    """
    if not any(isinstance(module, _BatchNorm) for module in network.modules()):
        return
    for conv, name in readers(network, size, _BatchNorm):
        norm = network.get_submodule(name)
        assert isinstance(norm, _BatchNorm)
        _fold(conv, norm)
        parent, _, own = name.rpartition(".")
        # timm's norms do what comes after them as well.
        setattr(network.get_submodule(parent), own, nn.Sequential(*_what_follows(norm)))


def readers(network: nn.Module, size: int, *kinds: type[nn.Module]) -> list[Pair]:
    """Run a network once and see which modules of some kinds are given the very tensor that a convolution made.

    Args:
        network: float `[n, 3, size, size]` -> anything.
        size: side of a photo that the network can take, in pixels.
        kinds: of modules; their subclasses count.
    """
    # Holds the tensors too, so that no address is used twice, and how often each had been written to in place.
    made: dict[int, tuple[nn.Conv2d, Tensor, int]] = {}
    pairs: list[Pair] = []

    def note(conv: nn.Module, _: object, out: Tensor) -> None:
        assert isinstance(conv, nn.Conv2d)
        made[id(out)] = conv, out, out._version

    def match(name: str, given: Tensor) -> None:
        if id(given) in made and given._version == made[id(given)][2]:
            pairs.append((made[id(given)][0], name))

    hooks = [m.register_forward_hook(note) for m in network.modules() if isinstance(m, nn.Conv2d)]
    hooks += [
        m.register_forward_pre_hook(lambda _, given, name=name: match(name, given[0]))
        for name, m in network.named_modules()
        if isinstance(m, kinds)
    ]
    was_training = network.training
    try:
        with torch.inference_mode(False), torch.no_grad():  # where inference is the mode nobody counts
            network.eval()(torch.zeros(1, 3, size, size))
    finally:
        network.train(was_training)
        for hook in hooks:
            hook.remove()
    return [(conv, name) for conv, name in pairs if sum(conv is other for other, _ in pairs) == 1]


def _fold(conv: nn.Conv2d, norm: _BatchNorm) -> None:
    assert norm.running_mean is not None and norm.running_var is not None
    weight, bias = fuse_conv_bn_weights(
        conv.weight, conv.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
    )
    conv.weight, conv.bias = nn.Parameter(weight.detach()), nn.Parameter(bias.detach())


def _what_follows(norm: _BatchNorm) -> list[nn.Module]:
    after = [getattr(norm, name, None) for name in ("drop", "act")]
    return [module for module in after if isinstance(module, nn.Module) and not isinstance(module, nn.Identity)]
