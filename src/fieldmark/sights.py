"""What an early half saw in photos -> files of a folder, and back; they are mapped, not read. Needs torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

PLAIN, MIRRORED = "plain", "mirrored"


@dataclass
class Sights:
    """What an early half saw, under one name for each way that photos were shown to it.

    Attributes:
        folder: where the files lie; they go with it.
        keys: of the photos in `PLAIN` and `MIRRORED`, in the order of the rows, where whoever adds them says so.
    """

    folder: Path
    keys: list[str] = field(default_factory=list)
    _added: dict[str, tuple[torch.Size, torch.dtype, int]] = field(default_factory=dict)
    _mapped: dict[str, Tensor] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        """Whether anything was added under a name."""
        return name in self._added

    def add(self, name: str, seen: Tensor) -> None:
        """Add what was seen of some more photos: `[n, c, h, w]`. Raises OSError when the disk is full."""
        seen = seen.cpu().contiguous()
        shape, dtype, n = self._added.get(name, (seen.shape[1:], seen.dtype, 0))
        with (self.folder / name).open("ab") as out:
            # Flat first: of planes of 1 x 1 channels last counts as contiguous, and its strides cannot be viewed.
            out.write(seen.flatten().view(torch.uint8).numpy().tobytes())
        self._added[name] = shape, dtype, n + len(seen)
        self._mapped.pop(name, None)

    def rows(self, name: str, rows: NDArray[np.int64]) -> Tensor:
        """Return what was seen of some of the photos: `[len(rows), c, h, w]`."""
        if name not in self._mapped:
            shape, dtype, n = self._added[name]
            size = n * int(np.prod(shape))
            kept = torch.from_file(str(self.folder / name), shared=False, size=size, dtype=dtype)
            self._mapped[name] = kept.view(n, *shape)
        return self._mapped[name][rows]
