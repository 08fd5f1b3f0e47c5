"""The two halves of a backbone."""

import pytest
import torch

from fieldmark import backbones
from fieldmark.halves import EARLY, cut


@pytest.mark.parametrize("name", ["efficientnet_lite0", "resnet10t", "mobilenetv3_small_050"])
def test_the_halves_one_after_the_other_are_the_network(name):
    network = backbones.create(name).network.eval()

    early, late = cut(network, 64)

    images = torch.rand(3, 3, 64, 64)
    with torch.inference_mode():
        assert torch.allclose(late(early(images)), network(images), atol=1e-5)
    held = [len(list(half.parameters())) for half in (early, late)]
    assert 0 < held[0] <= EARLY * sum(held) and held[1] > 0


@pytest.mark.parametrize(("name", "size"), [("vit_tiny_patch16_224", 224), ("test_vit", 160)])
def test_a_network_whose_layers_do_not_follow_one_another_is_not_cut(name, size):
    assert cut(backbones.create(name).network, size) is None


def test_cutting_leaves_a_network_in_the_mode_it_was_in():
    network = backbones.create("efficientnet_lite0").network.train()
    cut(network, 64)
    assert network.training
