import pytest
import timm
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from fieldmark.folding import fold_norms


def norms(network):
    return [module for module in network.modules() if isinstance(module, _BatchNorm)]


def unsettled(network):
    """Give every batch norm something to do; new ones change nothing, and folding them wrongly would not show."""
    torch.manual_seed(1)
    for norm in norms(network):
        norm.running_mean.normal_(0, 0.2)
        norm.running_var.uniform_(0.5, 2)
        norm.weight.data.uniform_(0.5, 1.5)
        norm.bias.data.normal_(0, 0.2)
    return network.eval()


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("tf_efficientnet_lite0", 0),
        ("resnet18", 0),
        ("mobilenetv3_small_100", 0),
        ("densenet121", 62),  # most of its norms come before the convolution
        ("vit_tiny_patch16_224", 0),  # has none, and takes one size only
    ],
)
def test_a_folded_network_answers_as_it_did(name, left):
    network = unsettled(timm.create_model(name, pretrained=False, num_classes=0))
    photos = torch.rand(2, 3, 224, 224)
    with torch.inference_mode():
        before = network(photos)
        fold_norms(network, 224)
        after = network(photos)

    assert torch.allclose(after, before, rtol=1e-4, atol=1e-5 * float(before.abs().max()))
    assert len(norms(network)) == left


def test_what_is_folded_hangs_on_the_architecture_alone():
    trained, fresh = (timm.create_model("densenet121", pretrained=False, num_classes=0) for _ in range(2))
    fold_norms(unsettled(trained), 224)
    fold_norms(fresh, 224)

    fresh.load_state_dict(trained.state_dict())


class Twice(nn.Module):
    """A convolution that two norms read: folding it into one would change what the other sees."""

    def __init__(self):
        super().__init__()
        self.conv, self.one, self.other = nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.BatchNorm2d(4)

    def forward(self, images):
        seen = self.conv(images)
        return self.one(seen) + self.other(seen)


def test_a_convolution_that_more_than_one_norm_reads_stays():
    network = Twice()
    fold_norms(network, 8)

    assert len(norms(network)) == 2


def test_it_leaves_the_mode_as_it_was():
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
    fold_norms(network.train(), 8)

    assert network.training and not norms(network)
