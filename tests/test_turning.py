"""A turned network says what it said, and pads nothing by itself."""

import pytest
import timm
import torch
from timm.layers import Conv2dSame
from torch import nn

from fieldmark import backbones
from fieldmark.turning import TurnedConv2d, turn


def answers(network, *sides):
    torch.manual_seed(0)
    with torch.inference_mode():
        return [network.eval()(torch.rand(2, 3, height, width)) for height, width in sides]


@pytest.mark.parametrize("name", ["tf_efficientnet_lite0", "tf_mobilenetv3_small_075"])
def test_a_turned_network_answers_as_it_did_whatever_the_sides(name):
    network, sides = timm.create_model(name, num_classes=0), [(224, 224), (299, 299), (150, 97), (64, 161)]
    before = answers(network, *sides)

    turn(network, Conv2dSame, 224)

    assert isinstance(network.conv_stem, TurnedConv2d)
    assert not any(isinstance(module, Conv2dSame) for module in network.modules())
    for old, new in zip(before, answers(network, *sides), strict=True):
        assert torch.allclose(old, new, rtol=1e-3, atol=1e-4 * float(old.abs().max()))


def test_a_network_that_pads_as_pytorch_does_is_left_as_it_is():
    network = timm.create_model("resnet18", num_classes=0)
    before = {name: value.clone() for name, value in network.state_dict().items()}

    turn(network, Conv2dSame, 224)

    after = network.state_dict()
    assert before.keys() == after.keys() and all(torch.equal(before[name], after[name]) for name in before)


class Mixed(nn.Module):
    """Its second stride pads as PyTorch does, so that turned it lays its windows elsewhere."""

    def __init__(self):
        super().__init__()
        self.one = Conv2dSame(3, 8, 3, stride=2)
        self.other = nn.Conv2d(8, 8, 3, stride=2, padding=1)

    def forward(self, images):
        return self.other(self.one(images).relu()).relu().mean((2, 3))


class EvenKernel(nn.Module):
    def __init__(self):
        super().__init__()
        self.one = Conv2dSame(3, 8, 4, stride=2)

    def forward(self, images):
        return self.one(images).relu().mean((2, 3))


@pytest.mark.parametrize("kind", [Mixed, EvenKernel])
def test_a_network_that_would_say_something_else_is_turned_back(kind):
    torch.manual_seed(1)
    network = kind()
    before = answers(network, (64, 64), (63, 63))

    turn(network, Conv2dSame, 64)

    assert type(network.one) is Conv2dSame and "one.turned" not in network.state_dict()
    assert all(torch.equal(a, b) for a, b in zip(before, answers(network, (64, 64), (63, 63)), strict=True))


def test_weights_of_a_network_that_was_not_turned_are_not_taken():
    old = timm.create_model("tf_efficientnet_lite0", num_classes=0)
    turned = backbones.create("efficientnet_lite0").network
    folded = {name: value for name, value in turned.state_dict().items() if name != "conv_stem.turned"}
    assert old.state_dict().keys() != folded.keys()

    with pytest.raises(RuntimeError, match="turned"):
        turned.load_state_dict(folded)
