import numpy as np
import pytest

from fieldmark.imaging.crop import Crop


def test_a_crop_cuts_out_its_part():
    pixels = np.arange(4 * 10 * 3, dtype=np.uint8).reshape(4, 10, 3)
    assert np.array_equal(Crop(0.5, 0.25, 1.0, 0.75).of(pixels), pixels[1:3, 5:10])


def test_a_crop_of_a_tiny_picture_leaves_a_pixel():
    assert Crop(0.98, 0.98, 1.0, 1.0).of(np.zeros((1, 3, 3), np.uint8)).shape == (1, 1, 3)


def test_a_crop_survives_being_written():
    crop = Crop(0.1, 0.25, 0.875, 1.0)
    assert str(crop) == "0.1,0.25,0.875,1"
    assert Crop.parse(str(crop)) == crop


@pytest.mark.parametrize(
    "text", ["", "0,0,1", "a,b,c,d", "0,0,1,2", "-0.1,0,1,1", "0.5,0,0.5,1", "0,0.9,1,0.1", "nan,0,1,1", "0,0,inf,1"]
)
def test_what_is_no_crop_is_refused(text):
    with pytest.raises(ValueError):
        Crop.parse(text)
