"""Small painted pictures as files of any format, whole and damaged."""

import io

import numpy as np
from PIL import Image


def scene(width=60, height=45, seed=0):
    """Smooth coloured patches: lossy codecs keep them nearly as they are."""
    patches = np.random.default_rng(seed).integers(0, 255, (4, 5, 3), dtype=np.uint8)
    return Image.fromarray(patches).resize((width, height), Image.Resampling.BICUBIC)


def encode(image, format_="JPEG", **options):
    buffer = io.BytesIO()
    image.save(buffer, format_, **options)
    return buffer.getvalue()


def exif(orientation):
    block = Image.Exif()
    block[0x0112] = orientation
    return block.tobytes()


def damage(data, rng):
    damaged = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        at = rng.randrange(len(damaged)) if rng.random() < 0.5 else rng.randrange(min(len(damaged), 500))
        what = rng.random()
        if what < 0.7:
            damaged[at] = rng.choice((rng.randrange(256), 0, 255, 128))
        elif what < 0.85:
            del damaged[at : at + rng.randrange(1, 9)]
        else:
            damaged[at:at] = rng.randbytes(rng.randrange(1, 9))
    return bytes(damaged)
