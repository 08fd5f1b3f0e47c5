"""A network that has less to do in a step learns what it would have learned, and is itself again afterwards."""

import pytest
import timm
import torch
from torch import nn

from fieldmark import backbones
from fieldmark.training import quick
from fieldmark.training.finetune import is_depthwise
from fieldmark.training.quick import quick_to_learn
from support.networks import Overheard, are_close, laid_out

SIDE = 96


def learned(network):
    """What a network says of some photos, and the gradients of all of it that learns."""
    torch.manual_seed(0)
    images = torch.rand(3, 3, SIDE, SIDE).contiguous(memory_format=torch.channels_last)
    learns = [value for value in network.parameters() if value.requires_grad]
    said = network.eval()(images)
    return [said.detach(), *torch.autograd.grad(said.cos().sum(), learns)]


def same(before, after):
    return are_close(before, after, 1e-3)


def changed(network):
    return [module for module in network.modules() if "_conv_forward" in module.__dict__]


def frozen_in_part(network):
    for module in network.modules():
        if is_depthwise(module):
            module.requires_grad_(False)
    return network


@pytest.mark.parametrize("freeze", [frozen_in_part, lambda network: network])
def test_a_backbone_says_and_learns_the_same(freeze):
    network = freeze(laid_out(backbones.pretrained("efficientnet_lite0").network))
    before, modules = learned(network), list(network.modules())

    with quick_to_learn(network, SIDE):
        assert len(changed(network)) == 49  # all of its convolutions
        assert not any(isinstance(module, nn.ReLU6) for module in network.modules())
        assert same(before, learned(network))

    assert list(network.modules()) == modules and not changed(network)
    assert all(torch.equal(a, b) for a, b in zip(before, learned(network), strict=True))


def test_so_does_one_with_sums_before_its_activations():
    network = laid_out(timm.create_model("resnet18", num_classes=0))
    backbones.fold_norms(network, SIDE)
    before = learned(network)

    with quick_to_learn(network, SIDE):
        assert changed(network)
        assert same(before, learned(network))


def test_one_with_weights_that_nothing_hangs_on_is_no_trouble():
    network = laid_out(nn.Sequential(nn.Conv2d(3, 8, 1), nn.ReLU6()))
    network.register_parameter("idle", nn.Parameter(torch.zeros(3)))

    with quick_to_learn(network, SIDE):
        assert changed(network)


def test_it_is_itself_again_after_an_error():
    network = laid_out(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU6()))
    modules = list(network.modules())

    with pytest.raises(KeyboardInterrupt), quick_to_learn(network, SIDE):
        assert changed(network)
        raise KeyboardInterrupt

    assert list(network.modules()) == modules and not changed(network)


def left_alone(network):
    before, modules = learned(network), list(network.modules())
    with quick_to_learn(network, SIDE):
        assert list(network.modules()) == modules and not changed(network)
        assert same(before, learned(network))


def test_one_that_would_say_something_else_is_left_alone():
    left_alone(laid_out(Overheard()))


def test_so_is_one_that_would_learn_something_else(monkeypatch):
    monkeypatch.setitem(quick.BOUNDS, nn.ReLU, (0.1, 0.2))

    left_alone(laid_out(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())))


@pytest.mark.parametrize("operator", [None, lambda *_: torch.zeros(())], ids=["missing", "another"])
def test_where_the_operator_is_not_what_it_was_nothing_is_changed(monkeypatch, operator):
    monkeypatch.setattr(torch.ops.mkldnn, "_convolution_pointwise", operator)

    left_alone(laid_out(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU6())))
