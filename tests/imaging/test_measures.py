import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageFilter, ImageOps

from fieldmark.errors import NotAPhoto
from fieldmark.imaging.crop import Crop
from fieldmark.imaging.hashing import MIRROR_BITS, fingerprint
from fieldmark.imaging.measures import measure


def noise(size=(320, 240), seed=0):
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (size[1] // 20, size[0] // 20, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.NEAREST)


def saved(picture, format="PNG", **options):
    buffer = io.BytesIO()
    picture.save(buffer, format, **options)
    return buffer.getvalue()


def test_size_is_that_of_the_upright_picture():
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    turned = saved(noise((900, 600)), "JPEG", exif=exif)
    measures = measure(turned)

    assert (measures.width, measures.height, measures.n_bytes) == (600, 900, len(turned))
    assert measures.aspect == 1.5


def test_a_large_jpeg_keeps_its_size_though_less_of_it_is_decoded():
    measures = measure(saved(noise((2400, 1600)), "JPEG"))

    assert (measures.width, measures.height) == (2400, 1600)


@pytest.mark.parametrize("quality", [10, 30, 50, 75, 90, 98])
def test_the_quality_of_a_jpeg_is_read_from_its_table(quality):
    assert abs(measure(saved(noise(), "JPEG", quality=quality)).quality - quality) <= 1


def test_other_formats_have_no_jpeg_quality():
    assert measure(saved(noise())).quality is None


def test_levels_are_worked_out_on_a_picture_of_four_stripes():
    stripes = np.repeat(np.array([0, 50, 100, 250], np.uint8), 40)
    measures = measure(saved(Image.fromarray(np.tile(stripes, (160, 1)))))

    assert (measures.dark_end, measures.middle, measures.bright_end) == (0, 50, 250)
    assert measures.entropy == pytest.approx(2.0)
    assert measures.contrast == pytest.approx(np.std([0, 50, 100, 250]))
    assert measures.ground == pytest.approx(0.25) and measures.colours == 4
    assert measures.plain == 1.0


def test_sharpness_is_one_for_steps_and_a_quarter_for_ramps():
    ramp = Image.fromarray(np.tile(np.arange(256, dtype=np.uint8), (256, 1)))
    steps = Image.fromarray(np.tile(np.repeat(np.arange(8, dtype=np.uint8) * 30, 32), (256, 1)))

    assert measure(saved(steps)).sharpness == pytest.approx(1)
    assert measure(saved(ramp)).sharpness == pytest.approx(0.25)


def test_sharpness_falls_with_blur_and_does_not_hang_on_contrast():
    picture = noise()
    blurred = [measure(saved(picture.filter(ImageFilter.GaussianBlur(r)))).sharpness for r in (0, 1, 2, 4)]
    faint = picture.point(lambda level: 100 + level // 4)

    assert blurred == sorted(blurred, reverse=True) and blurred[-1] < 0.3
    assert measure(saved(faint)).sharpness == pytest.approx(measure(saved(picture)).sharpness, abs=0.05)


def test_content_is_nothing_for_plain_ramps_and_faint_noise():
    ramp = np.tile(np.linspace(20, 220, 256), (256, 1))
    rng = np.random.default_rng(0)

    assert measure(saved(Image.new("RGB", (200, 200), "red"))).content == pytest.approx(0, abs=1e-6)
    assert measure(saved(Image.fromarray(ramp.astype(np.uint8)))).content < 1
    assert measure(saved(Image.fromarray((128 + rng.normal(0, 4, (256, 256))).astype(np.uint8)))).content < 1


def test_content_sees_colours_of_one_brightness():
    pixels = np.zeros((128, 128, 3), np.uint8)
    pixels[:] = (120, 61, 0)
    pixels[40:80, 40:80] = (0, 122, 0)
    grey = np.asarray(Image.fromarray(pixels).convert("L")).astype(int)

    assert np.ptp(grey) <= 1
    assert measure(saved(Image.fromarray(pixels))).content > 10


def test_a_frame_is_measured_at_each_side():
    framed = Image.new("RGB", (400, 300), "white")
    framed.paste(noise((300, 240)), (40, 30))
    measures = measure(saved(framed))

    assert measures.border == pytest.approx((0.1, 0.1, 0.15, 0.1))
    assert measures.border_level == 255


def test_without_a_frame_there_is_no_level_of_one():
    assert measure(saved(noise())).border == (0, 0, 0, 0)
    assert measure(saved(noise())).border_level is None


def test_a_plain_picture_is_no_frame():
    assert measure(saved(Image.new("RGB", (100, 100), "red"))).border == (0, 0, 0, 0)


def test_a_crop_is_measured_as_a_picture_of_its_own():
    picture = noise((640, 480))
    part = measure(saved(picture), Crop(0.25, 0.25, 0.75, 0.75))

    assert (part.width, part.height) == (320, 240)
    alone = measure(saved(picture.crop((160, 120, 480, 360))))
    assert part == replace(alone, n_bytes=part.n_bytes)


def test_the_fingerprint_is_that_of_hashing_and_finds_the_mirrored_copy():
    picture = noise((300, 200))
    mirrored = measure(saved(ImageOps.mirror(picture))).fingerprint.phash

    assert measure(saved(picture)).fingerprint == fingerprint(picture)
    differing = int(mirrored, 16) ^ MIRROR_BITS ^ int(fingerprint(picture).phash, 16)
    assert differing.bit_count() <= 3


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (3, 3), (7, 40)])
def test_tiny_pictures_are_measured_too(size):
    measures = measure(saved(Image.new("RGB", size, "blue")))

    assert (measures.width, measures.height) == size
    assert measures.content == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("data", [b"", b"<html>no picture", saved(noise(), "JPEG")[:400]])
def test_what_is_no_whole_picture_is_refused(data):
    with pytest.raises(NotAPhoto):
        measure(data)
