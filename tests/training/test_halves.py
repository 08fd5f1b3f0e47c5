"""The two halves of a backbone, and what is kept of the sight of the first."""

from dataclasses import replace

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file

from fieldmark import backbones
from fieldmark.artifacts.photos import read_folder
from fieldmark.artifacts.workspace import Workspace
from fieldmark.cli import main
from fieldmark.config import TrainSettings
from fieldmark.device import Device
from fieldmark.embed import embed
from fieldmark.training import learn as learning
from fieldmark.training.halves import EARLY, VIEWS, cut
from support.flat import TINY

SIZE = TINY["size"]


@pytest.fixture
def material(flat_folder, tmp_path):
    settings, photos = TrainSettings.of(TINY), read_folder(flat_folder)
    features = embed(Workspace.open(flat_folder), photos.photos, flat_folder, size=settings.size)
    some = photos.photos[:5]
    with learning.gather(flat_folder, some, some, photos.classes, settings, features, tmp_path) as material:
        yield material


@pytest.mark.parametrize("name", ["efficientnet_lite0", "resnet10t", "mobilenetv3_small_050"])
def test_the_halves_one_after_the_other_are_the_network(name):
    network = backbones.create(name).network.eval()

    early, late = cut(network, 64)

    images = torch.rand(3, 3, 64, 64)
    with torch.inference_mode():
        assert torch.allclose(late(early(images)), network(images), atol=1e-5)
    held = [len(list(half.parameters())) for half in (early, late)]
    assert 0 < held[0] <= EARLY * sum(held) and held[1] > 0


def test_a_network_whose_layers_do_not_follow_one_another_is_not_cut():
    assert cut(backbones.create("vit_tiny_patch16_224").network, 224) is None


def test_cutting_leaves_a_network_in_the_mode_it_was_in():
    network = backbones.create("efficientnet_lite0").network.train()
    cut(network, 64)
    assert network.training


def test_what_the_halves_see_is_what_the_network_sees(material):
    classifier = learning.build(material.settings, 2, pretrained=True).eval()
    rows = np.array([3, 0, 4])

    _, late = cut(classifier.backbone, SIZE)

    with torch.inference_mode():
        whole = classifier.features(material.fitted.batch(rows))
        assert torch.allclose(late(material.sight.judged(rows)), whole, atol=1e-4)


def test_a_view_is_worked_out_once_and_comes_again(material, monkeypatch):
    rows = np.arange(5)
    views = [material.sight.view(epoch, rows) for epoch in range(1, VIEWS + 1)]
    monkeypatch.setattr(material.sight, "look", lambda _: pytest.fail("it was looked at again"))

    assert not any(torch.equal(views[0], other) for other in views[1:])
    assert torch.equal(material.sight.view(VIEWS + 1, rows), views[0])
    assert torch.equal(material.sight.view(2, rows[::-1].copy()), views[1].flip(0))


def test_what_is_kept_is_smaller_than_the_photos_and_goes_with_them(material):
    material.sight.view(1, np.arange(5))
    (kept,) = material.sight.folder.glob("view*")
    assert 0 < kept.stat().st_size < material.roomy.pixels.nbytes


@pytest.mark.parametrize("half", [torch.bfloat16, None])
def test_planes_of_one_pixel_are_kept_in_either_precision(material, half):
    sight = replace(material.sight, device=Device(torch.device("cpu"), half), _kept={})

    def look(images):
        planes = images.float().mean((2, 3), True)
        return planes.to(half or torch.float32).permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)

    sight.look = look

    seen = sight.judged(np.arange(5))

    # Channels last planes of 1 x 1 count as contiguous, whatever their strides: torch once refused to view their bytes.
    assert seen.shape == (5, 3, 1, 1)
    assert torch.allclose(seen.float(), material.fitted.batch(np.arange(5)).float().mean((2, 3), True), rtol=0.01)


@pytest.mark.parametrize("flags", [(), ("--folds", "2")])
def test_a_backbone_that_cannot_be_cut_is_trained_all_the_same(flat_folder, tmp_path, capsys, flags):
    network = timm.create_model("vit_tiny_patch16_224", pretrained=False)
    save_file(network.state_dict(), tmp_path / "vit.safetensors")
    settings = ("--backbone", "vit_tiny_patch16_224", "--weights", str(tmp_path / "vit.safetensors"), "--size", "224")

    code = main(["train", str(flat_folder), *settings, "--epochs", "1,1", "-o", str(tmp_path / "run"), *flags])

    assert code == 0, capsys.readouterr().err
    assert (tmp_path / "run" / "report.html").is_file()
