"""A photo's pixels -> logits: how a photo becomes square, and the network that looks at it. Needs torch.

Training, judging and the exported graph all use these two modules, so that they all see the same photo.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from fieldmark.imaging.decode import Pixels

WHITE = 255.0

Side = int | torch.SymInt
"""A length in pixels; symbolic while the graph is exported for photos of any size."""


class Fit(nn.Module):
    """Bring a photo of any size to a square of `size` pixels, antialiased, rounded to whole levels.

    `squish` changes the aspect ratio and loses nothing; `crop` keeps the middle square; `pad-white` and `pad-reflect`
    keep the aspect ratio and fill what is missing with white, or with the photo mirrored at its edge.

    Rounding to whole levels makes the result the very picture that a cache of it in uint8 holds.
    """

    def __init__(self, size: int, how: str) -> None:
        super().__init__()
        self.size = size
        self.how = how

    def forward(self, image: Tensor) -> Tensor:
        """Uint8 `[height, width, 3]` -> float32 `[1, 3, size, size]` with whole values 0 to 255."""
        planes = image.permute(2, 0, 1).unsqueeze(0).float()
        if self.how == "squish":
            return self._resize(planes, self.size, self.size)
        if self.how == "crop":
            return self._resize(self._middle_square(planes), self.size, self.size)
        return self._pad(planes)

    @staticmethod
    def _resize(planes: Tensor, height: Side, width: Side) -> Tensor:
        resized = F.interpolate(planes, (height, width), mode="bilinear", antialias=True)  # type: ignore[arg-type]
        return resized.round()  # the weights are positive and sum to one, so levels stay within 0 to 255

    @staticmethod
    def _middle_square(planes: Tensor) -> Tensor:
        height, width = planes.shape[2], planes.shape[3]
        side = torch.sym_min(height, width)
        # Rows are picked by number: a slice of unknown length cannot be exported.
        numbers = torch.arange(side, device=planes.device)
        return planes[:, :, numbers + (height - side) // 2][:, :, :, numbers + (width - side) // 2]

    def _pad(self, planes: Tensor) -> Tensor:
        longest = torch.sym_max(planes.shape[2], planes.shape[3])
        # At least two pixels: ONNX Runtime's antialiased resize goes wrong when its result is one pixel wide.
        height = torch.sym_max(2, planes.shape[2] * self.size // longest)
        width = torch.sym_max(2, planes.shape[3] * self.size // longest)
        resized = self._resize(planes, height, width)
        numbers = torch.arange(self.size, device=planes.device)
        rows = numbers - (self.size - height) // 2
        columns = numbers - (self.size - width) // 2
        filled = resized[:, :, _mirrored(rows, height)][:, :, :, _mirrored(columns, width)]
        if self.how == "pad-reflect":
            return filled
        inside_rows = ((rows >= 0) & (rows < height)).view(1, 1, -1, 1)
        inside_columns = ((columns >= 0) & (columns < width)).view(1, 1, 1, -1)
        return torch.where(inside_rows & inside_columns, filled, torch.full_like(filled, WHITE))


def _mirrored(numbers: Tensor, n: Side) -> Tensor:
    """Row numbers outside 0 to n - 1 mirrored at the edge once, and past that the farthest row repeated."""
    numbers = torch.where(numbers < 0, -1 - numbers, numbers)
    numbers = torch.where(numbers >= n, 2 * n - 1 - numbers, numbers)
    return numbers.clamp(min=0).clamp(max=n - 1)


def fit_pixels(pixels: Pixels, fit: Fit) -> NDArray[np.uint8]:
    """Fit one photo. Returns uint8 `[3, size, size]`."""
    with torch.inference_mode():
        return np.asarray(fit(torch.from_numpy(pixels))[0].to(torch.uint8).numpy())


class Classifier(nn.Module):
    """A pretrained backbone and a new head over its pooled features."""

    mean: Tensor
    std: Tensor

    def __init__(self, backbone: nn.Module, features: int, classes: int, mean: Tensor, std: Tensor) -> None:
        """Put a head with `classes` outputs on a backbone that returns `features` numbers a photo.

        Args:
            backbone: float `[n, 3, size, size]` -> float `[n, features]`.
            features: length of a feature vector.
            classes: number of classes.
            mean: `[3]`, level of each channel that the backbone takes as zero, on the scale 0 to 255.
            std: `[3]`, levels that the backbone takes as one.
        """
        super().__init__()
        self.backbone = backbone
        self.head = Head(features, classes)
        self.register_buffer("mean", mean.view(1, 3, 1, 1).float())
        self.register_buffer("std", std.view(1, 3, 1, 1).float())

    def features(self, images: Tensor) -> Tensor:
        """Fitted photos, uint8 or float `[n, 3, size, size]` with levels 0 to 255 -> features float `[n, features]`."""
        normalised: Tensor = self.backbone((images.float() - self.mean) / self.std)
        return normalised

    def forward(self, images: Tensor) -> Tensor:
        """Fitted photos, uint8 or float `[n, 3, size, size]` with levels 0 to 255 -> logits float32 `[n, classes]`."""
        logits: Tensor = self.head(self.features(images).float())
        return logits


class Head(nn.Module):
    """Features -> logits: brought to unit spread, thinned out while learning, and one linear layer."""

    centre: Tensor
    spread: Tensor

    def __init__(self, features: int, classes: int, dropout: float = 0.2) -> None:
        super().__init__()
        # Backbones differ in how large their features are; a learning rate should not have to.
        self.register_buffer("centre", torch.zeros(features))
        self.register_buffer("spread", torch.ones(features))
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(features, classes)
        nn.init.zeros_(self.linear.weight)  # so that it begins by finding all classes equally likely
        nn.init.zeros_(self.linear.bias)

    def measure(self, features: Tensor) -> None:
        """Take the centre and spread of some features `[n, features]` as those of all."""
        self.centre.copy_(features.mean(dim=0))
        # One spread for all: features that hardly vary should not be blown up to the size of those that do.
        self.spread.fill_(float(features.var(dim=0).mean().sqrt().clamp(min=1e-6)))

    def forward(self, features: Tensor) -> Tensor:
        """Float `[n, features]` -> float `[n, classes]`."""
        logits: Tensor = self.linear(self.dropout((features - self.centre) / self.spread))
        return logits
