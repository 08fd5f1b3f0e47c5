"""Small folders of nearly one colour a photo: classes that anything learns in seconds."""

from pathlib import Path

import numpy as np
from PIL import Image

COLOURS = {"red": (200, 40, 40), "blue": (40, 40, 200), "green": (40, 180, 60)}

TINY = {"epochs": (1, 1), "size": 64, "batch": 8, "head_lr": 1e-2, "lr": (1e-5, 1e-4)}


def paint_flat(folder: Path, classes: dict[str, int], seed: int = 0, size: tuple[int, int] = (60, 80)) -> Path:
    """Write PNGs of nearly one colour: `classes` maps a name of COLOURS to a number of photos."""
    rng = np.random.default_rng(seed)
    for name, n in classes.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for i in range(n):
            pixels = np.array(COLOURS[name]) + rng.integers(-40, 40, (*size, 3))
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / name / f"{i:03}.png")
    return folder
