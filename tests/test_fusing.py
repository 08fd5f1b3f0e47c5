"""A network whose convolutions do the activations says what it said, or stays as it is."""

import pytest
import timm
import torch
from torch import nn

from fieldmark import backbones
from fieldmark.fusing import fuse_activations
from support.networks import Overheard, are_close, laid_out


def answers(network, side=96):
    torch.manual_seed(0)
    with torch.inference_mode():
        return [network(torch.rand(n, 3, side, side).contiguous(memory_format=torch.channels_last)) for n in (1, 3, 16)]


def activations(network):
    return [module for module in network.modules() if isinstance(module, nn.ReLU | nn.ReLU6)]


def same(before, after):
    return are_close(before, after, 1e-4)


def test_a_backbone_says_the_same_and_has_no_activation_left():
    network = laid_out(backbones.pretrained("efficientnet_lite0").network)
    before, weights = answers(network), [value.data_ptr() for value in network.parameters()]

    assert len(activations(network)) == 33
    assert fuse_activations(network, 96)

    assert not activations(network)
    assert same(before, answers(network))
    assert [value.data_ptr() for value in network.parameters()] == weights


def test_activations_that_follow_something_else_stay():
    network = laid_out(timm.create_model("resnet18", num_classes=0))
    backbones.fold_norms(network, 96)
    before, old = answers(network), len(activations(network))

    assert fuse_activations(network, 96)

    assert len(activations(network)) == 8 < old  # the last of each block, which comes after the sum
    assert same(before, answers(network))


def untouched(network):
    before, modules = answers(network), list(network.modules())

    assert not fuse_activations(network, 96)

    assert list(network.modules()) == modules
    assert same(before, answers(network))


def test_a_network_that_would_say_something_else_is_left_as_it_was():
    untouched(laid_out(Overheard()))


def test_so_is_one_that_has_nothing_to_fuse():
    untouched(laid_out(nn.Sequential(nn.Conv2d(3, 8, 3), nn.SiLU())))


def fail(*_):
    raise RuntimeError("this build has no oneDNN")


@pytest.mark.parametrize(
    "operator",
    [None, fail, lambda *_: torch.zeros(()), lambda images, weight, bias: images],
    ids=["missing", "not built in", "another", "with other arguments"],
)
def test_where_the_operator_is_not_what_it_was_nothing_is_fused(monkeypatch, operator):
    monkeypatch.setattr(torch.ops.mkldnn, "_convolution_pointwise", operator)

    untouched(laid_out(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU6())))
