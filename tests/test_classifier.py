import numpy as np
import pytest
import torch

from fieldmark.classifier import Classifier, Fit, fit_pixels
from fieldmark.config import FITS

SIZES = [(1, 1), (1, 700), (700, 1), (3, 2), (64, 64), (333, 500), (500, 333)]


def picture(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("how", FITS)
@pytest.mark.parametrize("size", SIZES)
def test_any_picture_becomes_a_square_of_whole_levels(how, size):
    fitted = Fit(48, how)(torch.from_numpy(picture(*size)))

    assert fitted.shape == (1, 3, 48, 48)
    assert torch.equal(fitted, fitted.round()) and fitted.min() >= 0 and fitted.max() <= 255


@pytest.mark.parametrize("how", FITS)
def test_a_square_of_the_right_size_stays_as_it_is(how):
    pixels = picture(48, 48)

    assert np.array_equal(fit_pixels(pixels, Fit(48, how)), pixels.transpose(2, 0, 1))


def test_crop_keeps_the_middle():
    pixels = np.zeros((30, 90, 3), dtype=np.uint8)
    pixels[:, 30:60] = 255

    assert fit_pixels(pixels, Fit(30, "crop")).min() == 255


def test_squish_keeps_everything():
    pixels = np.zeros((30, 90, 3), dtype=np.uint8)
    pixels[:, :45] = 255

    fitted = fit_pixels(pixels, Fit(30, "squish"))
    assert (fitted[:, :, :13] == 255).all() and (fitted[:, :, 17:] == 0).all()


def test_pad_white_fills_with_white_and_pad_reflect_with_the_photo():
    pixels = np.full((30, 60, 3), 100, dtype=np.uint8)

    white, reflected = (fit_pixels(pixels, Fit(60, how)) for how in ("pad-white", "pad-reflect"))

    assert (white[:, :15] == 255).all() and (white[:, 45:] == 255).all() and (white[:, 15:45] == 100).all()
    assert (reflected == 100).all()


def test_reflection_continues_the_photo_at_its_edge():
    pixels = np.repeat(np.arange(32, dtype=np.uint8)[:, None, None], 64, axis=1).repeat(3, axis=2)

    fitted = fit_pixels(pixels, Fit(64, "pad-reflect"))[0, :, 0]

    assert list(fitted[:18]) == [*range(15, -1, -1), 0, 1] and list(fitted[-18:]) == [30, 31, *range(31, 15, -1)]


def test_a_new_head_finds_all_classes_equally_likely():
    backbone = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    classifier = Classifier(backbone, 3, 4, torch.zeros(3), torch.ones(3))

    assert torch.equal(classifier(torch.rand(2, 3, 8, 8)), torch.zeros(2, 4))


def test_measuring_brings_features_to_unit_spread():
    backbone = torch.nn.Identity()
    classifier = Classifier(backbone, 3, 2, torch.zeros(3), torch.ones(3))
    features = torch.randn(1000, 3) * 50 + 20

    classifier.head.measure(features)
    scaled = (features - classifier.head.centre) / classifier.head.spread

    assert scaled.mean(dim=0).abs().max() < 0.01 and abs(float(scaled.var(dim=0).mean()) - 1) < 0.01
