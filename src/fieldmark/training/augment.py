"""A batch of fitted photos -> the same photos as they might have been taken: another frame, angle and light.

All of a photo's movements are one perspective map, sampled once, so that nothing is blurred twice. What comes into view
from beyond the edge is the photo mirrored there, never a fill colour that a network could learn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor


@dataclass(frozen=True)
class Augmentation:
    """How far photos are moved and lit. The values are the customary ones of fastai, which the original used."""

    smallest_crop: float = 0.75  # of the photo's area; a web photo's animal often fills less than half of it
    largest_rotation: float = 10.0  # degrees either way: cameras are held about level
    largest_warp: float = 0.2  # of half a side: how far a corner may tilt towards or away from the viewer
    largest_brightness: float = 0.1  # added to levels that run from 0 to 1
    largest_contrast: float = 0.2  # levels are spread about their mean by up to this share, or drawn in as much
    affected: float = 0.75  # share of the photos that each movement but the flip touches


ROOM = 1.15
"""Training photos are kept this much larger than the network sees them, so that a crop of one stays sharp."""


def augment(images: Tensor, size: int, generator: Generator, how: Augmentation | None = None) -> Tensor:
    """Move and light every photo of a batch by its own draw.

    Args:
        images: uint8 `[n, 3, side, side]`.
        size: side of the result, in pixels.
        generator: of the processor, whatever device the images are on, so that a seed means the same everywhere.
        how: the ranges to draw from.

    Returns:
        float32 `[n, 3, size, size]`, levels 0 to 255.
    """
    how = how or Augmentation()
    n = len(images)
    # A grid over the result, in coordinates from -1 to 1, mapped back to where each pixel comes from.
    steps = (2 * torch.arange(size) + 1) / size - 1
    down, right = torch.meshgrid(steps, steps, indexing="ij")
    grid = torch.stack([right, down, torch.ones_like(right)], dim=-1).to(images.device)
    maps = _draw_maps(n, generator, how).to(images.device)
    source = torch.einsum("nij,hwj->nhwi", maps, grid)
    source = source[..., :2] / source[..., 2:]
    moved = F.grid_sample(images.float(), source, padding_mode="reflection", align_corners=False)
    return _light(moved, generator, how)


def _draw_maps(n: int, generator: Generator, how: Augmentation) -> Tensor:
    """Draw `[n, 3, 3]` maps from the result's coordinates to the photo's: crop, then rotation, warp and flip."""

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand(n, generator=generator) * (high - low) + low

    def sometimes(values: Tensor, otherwise: float) -> Tensor:
        touched = torch.rand(n, generator=generator) < how.affected
        return torch.where(touched, values, torch.full_like(values, otherwise))

    zoom = sometimes(uniform(how.smallest_crop, 1.0), 1.0).sqrt()
    aside, below = uniform(-1, 1) * (1 - zoom), uniform(-1, 1) * (1 - zoom)
    angle = sometimes(uniform(-how.largest_rotation, how.largest_rotation), 0.0) * math.pi / 180
    tilt_x, tilt_y = (sometimes(uniform(-how.largest_warp, how.largest_warp), 0.0) for _ in range(2))
    flip = torch.where(torch.rand(n, generator=generator) < 0.5, -1.0, 1.0)

    zero, one = torch.zeros(n), torch.ones(n)
    crop = _matrices([[zoom, zero, aside], [zero, zoom, below], [zero, zero, one]])
    rotation = _matrices([[angle.cos(), -angle.sin(), zero], [angle.sin(), angle.cos(), zero], [zero, zero, one]])
    warp = _matrices([[one, zero, zero], [zero, one, zero], [tilt_x / 2, tilt_y / 2, one]])
    mirror = _matrices([[flip, zero, zero], [zero, one, zero], [zero, zero, one]])
    return mirror @ warp @ rotation @ crop


def _matrices(rows: list[list[Tensor]]) -> Tensor:
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)


def _light(images: Tensor, generator: Generator, how: Augmentation) -> Tensor:
    """Change brightness and contrast, each photo by its own draw."""
    n = len(images)

    def draw(largest: float) -> Tensor:
        values = (2 * torch.rand(n, generator=generator) - 1) * largest
        touched = torch.rand(n, generator=generator) < how.affected
        return torch.where(touched, values, 0.0).view(n, 1, 1, 1).to(images.device)

    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    contrast = (1 + how.largest_contrast) ** (draw(how.largest_contrast) / how.largest_contrast)
    return ((images - mean) * contrast + mean + 255 * draw(how.largest_brightness)).clamp(0, 255)
