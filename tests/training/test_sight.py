"""What the early half of a backbone sees, kept for all epochs."""

from dataclasses import replace

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file

from fieldmark import device
from fieldmark.artifacts.photos import read_folder
from fieldmark.artifacts.workspace import Workspace
from fieldmark.cli import main
from fieldmark.config import TrainSettings
from fieldmark.device import Device
from fieldmark.embed import embed
from fieldmark.halves import cut
from fieldmark.sights import Sights
from fieldmark.training import learn as learning
from fieldmark.training.sight import views_for
from support.flat import TINY

SIZE = TINY["size"]


@pytest.fixture
def material(flat_folder, tmp_path, monkeypatch):
    # In float32 on every processor: what is seen is compared here, and not in how many bits.
    monkeypatch.setattr(device, "pick_processor", lambda: Device(torch.device("cpu"), None))
    settings, photos = TrainSettings.of({**TINY, "epochs": (1, 3)}), read_folder(flat_folder)
    features = embed(Workspace.open(flat_folder), photos.photos, flat_folder, size=settings.size)
    some = photos.photos[:5]
    with learning.gather(flat_folder, some, some, photos.classes, settings, features, tmp_path) as material:
        yield material


def test_what_the_halves_see_is_what_the_network_sees(material):
    classifier = learning.build(material.settings, 2, pretrained=True).eval()
    rows = np.array([3, 0, 4])

    _, late = cut(classifier.backbone, SIZE)

    with torch.inference_mode():
        whole = classifier.features(material.fitted.batch(rows))
        assert torch.allclose(late(material.sight.judged(rows)), whole, atol=1e-4)


def test_a_view_is_worked_out_once_and_comes_again(material):
    rows, n = np.arange(5), material.sight.views
    views = [material.sight.view(epoch, rows) for epoch in range(1, n + 1)]
    blind = replace(material.sight, look=lambda _: pytest.fail("it was looked at again"))

    assert not any(torch.equal(views[0], other) for other in views[1:])
    assert torch.equal(blind.view(n + 1, rows), views[0])
    assert torch.equal(blind.view(2, rows[::-1].copy()), views[1].flip(0))
    assert torch.equal(blind.view(n, rows), views[-1])


def test_longer_trainings_see_more_views():
    assert [views_for(epochs) for epochs in (1, 4, 5, 12)] == [3, 3, 4, 5]


def test_the_first_two_views_are_the_photo_and_its_mirror_image(material):
    classifier = learning.build(material.settings, 2, pretrained=True).eval()
    early, _ = cut(classifier.backbone, SIZE)
    rows = np.arange(5)
    images = (material.fitted.batch(rows).float() - classifier.mean) / classifier.std

    with torch.inference_mode():
        assert torch.allclose(material.sight.view(1, rows).float(), early(images), atol=0.2, rtol=0.05)
        assert torch.allclose(material.sight.view(2, rows).float(), early(images.flip(3)), atol=0.2, rtol=0.05)


def test_what_was_seen_for_the_features_is_what_would_be_seen_again(flat_folder, tmp_path):
    settings, photos = TrainSettings.of(TINY), read_folder(flat_folder)
    (tmp_path / "sights").mkdir()
    known = Sights(tmp_path / "sights")
    features = embed(Workspace.open(flat_folder), photos.photos, flat_folder, size=settings.size, sights=known)
    some = photos.photos[3:10]

    def gather(known):
        return learning.gather(
            flat_folder, some, photos.photos, photos.classes, settings, features, tmp_path, known=known
        )

    with gather(known) as first, gather(None) as second:
        assert first.sight.known is not None and second.sight.known is None
        for epoch in (1, 2):
            rows = np.arange(len(some))
            assert torch.equal(first.sight.view(epoch, rows), second.sight.view(epoch, rows))  # to the last bit


@pytest.mark.parametrize(("epochs", "decoded"), [((1, 0), (0, 0)), ((1, 2), (0, 0)), ((1, 3), (0, 5))])
def test_only_photos_whose_pixels_count_are_decoded(flat_folder, tmp_path, monkeypatch, epochs, decoded):
    settings, photos = TrainSettings.of({**TINY, "epochs": epochs}), read_folder(flat_folder)
    (tmp_path / "sights").mkdir()
    known = Sights(tmp_path / "sights")
    features = embed(Workspace.open(flat_folder), photos.photos, flat_folder, size=settings.size, sights=known)
    monkeypatch.setattr(learning, "pick_device", lambda: Device(torch.device("cpu"), None))
    sides, about = (photos.photos[:5], photos.photos[5:8]), (photos.classes, settings, features, tmp_path)

    with learning.gather(flat_folder, *sides, *about, known=known) as seen:
        assert (len(seen.fitted.pixels), len(seen.roomy.pixels)) == decoded
        assert [len(seen.roomy), len(seen.fitted)] == [5, 8]
    with learning.gather(flat_folder, *sides, *about) as unseen:
        assert len(unseen.fitted.pixels) == 8


def test_sights_that_lack_a_photo_are_not_used(flat_folder, tmp_path):
    settings, photos = TrainSettings.of(TINY), read_folder(flat_folder)
    (tmp_path / "sights").mkdir()
    known = Sights(tmp_path / "sights")
    embed(Workspace.open(flat_folder), photos.photos[1:], flat_folder, size=settings.size, sights=known)
    features = embed(Workspace.open(flat_folder), photos.photos, flat_folder, size=settings.size)
    both = photos.photos, photos.photos
    with learning.gather(flat_folder, *both, photos.classes, settings, features, tmp_path, known=known) as material:
        assert material.sight.known is None


def test_what_is_kept_is_smaller_than_the_photos_and_goes_with_them(material):
    material.sight.view(3, np.arange(5))
    (kept,) = material.sight.own.folder.glob("view*")
    assert 0 < kept.stat().st_size < material.roomy.pixels.nbytes


@pytest.mark.parametrize("flags", [(), ("--folds", "2")])
def test_a_backbone_that_cannot_be_cut_is_trained_all_the_same(flat_folder, tmp_path, capsys, flags):
    network = timm.create_model("test_vit", pretrained=False)  # the smallest transformer there is
    save_file(network.state_dict(), tmp_path / "vit.safetensors")
    settings = ("--backbone", "test_vit", "--weights", str(tmp_path / "vit.safetensors"), "--size", "160")

    code = main(["train", str(flat_folder), *settings, "--epochs", "1,1", "-o", str(tmp_path / "run"), *flags])

    assert code == 0, capsys.readouterr().err
    assert (tmp_path / "run" / "report.html").is_file()
