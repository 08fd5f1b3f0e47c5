"""Words -> a mask of letters, for pictures that are painted to be told from photos."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont


def letters(text: str, height: int) -> NDArray[np.float32]:
    """Draw one line in Pillow's own font: float32 `[height, width]`, 1 where there is ink, width as the text needs."""
    font = ImageFont.load_default(size=max(4, round(height * 0.75)))
    left, _, right, _ = font.getbbox(text)
    mask = Image.new("L", (max(1, round(right - left) + 2), height))
    ImageDraw.Draw(mask).text((1 - left, 0), text, fill=255, font=font)
    return np.asarray(mask, np.float32) / np.float32(255)
