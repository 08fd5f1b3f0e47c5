import torch
from torch import Generator

from fieldmark.training.augment import Augmentation, augment

STILL = Augmentation(
    smallest_crop=1.0, largest_rotation=0.0, largest_warp=0.0, largest_brightness=0.0, largest_contrast=1e-9
)


def ramp(n: int, side: int = 64) -> torch.Tensor:
    """Photos that are dark at the left and bright at the right."""
    row = torch.linspace(0, 255, side).to(torch.uint8)
    return row.expand(n, 3, side, side).clone()


def test_a_seed_always_draws_the_same():
    images = torch.randint(0, 256, (4, 3, 64, 64), dtype=torch.uint8)

    first, again = (augment(images, 48, Generator().manual_seed(7)) for _ in range(2))
    other = augment(images, 48, Generator().manual_seed(8))

    assert torch.equal(first, again) and not torch.equal(first, other)


def test_every_photo_has_its_own_draw():
    augmented = augment(ramp(8), 48, Generator().manual_seed(0))

    assert len({image.sum().item() for image in augmented}) == 8


def test_the_result_is_levels_of_the_size_asked_for():
    augmented = augment(torch.randint(0, 256, (4, 3, 80, 80), dtype=torch.uint8), 48, Generator().manual_seed(0))

    assert augmented.shape == (4, 3, 48, 48) and augmented.dtype == torch.float32
    assert augmented.min() >= 0 and augmented.max() <= 255


def test_with_nothing_to_change_a_photo_is_itself_or_its_mirror():
    images = ramp(16, 48)
    augmented = augment(images, 48, Generator().manual_seed(0), STILL)

    straight = [torch.allclose(a, i.float(), atol=0.5) for a, i in zip(augmented, images, strict=True)]
    mirrored = [torch.allclose(a, i.float().flip(2), atol=0.5) for a, i in zip(augmented, images, strict=True)]
    assert all(s or m for s, m in zip(straight, mirrored, strict=True)) and any(straight) and any(mirrored)


def test_borders_are_reflected_and_never_filled():
    white = torch.full((16, 3, 64, 64), 255, dtype=torch.uint8)
    far = Augmentation(largest_rotation=45.0, largest_warp=0.5, largest_brightness=0.0, largest_contrast=1e-9)

    assert augment(white, 48, Generator().manual_seed(0), far).min() > 254


def test_light_changes_levels_and_leaves_places():
    grey = torch.full((16, 3, 64, 64), 100, dtype=torch.uint8)
    light = Augmentation(smallest_crop=1.0, largest_rotation=0.0, largest_warp=0.0)

    means = augment(grey, 48, Generator().manual_seed(0), light).mean(dim=(1, 2, 3))

    assert means.std() > 3 and (means - 100).abs().max() <= 26
