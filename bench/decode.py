"""Bytes of photos -> upright RGB pixels: Pillow as its documentation shows it, and `fieldmark.imaging.decode`.

    python bench/decode.py [DIR] [--rounds 7] [--photos 60]

DIR holds photos, in folders or not; without it the snakes of the data that lie beside this repository are taken. Both
decode the same photos in turns on one thread; shown are medians of the rounds in ms of processor time a photo. Photos
whose colours are converted are left out, since Pillow alone leaves them as they are. The last line is JSON.
"""

import argparse
import io
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import load
import numpy as np
from PIL import Image, ImageOps

from fieldmark.imaging.decode import Pixels, decode

SNAKES = Path(__file__).resolve().parents[2] / "shared" / "data" / "snakes" / "classes"


def by_pillow(photo: bytes) -> Pixels:
    """Decode as most programs do."""
    return np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(photo))).convert("RGB"))


def milliseconds(way: Callable[[bytes], Pixels], photos: list[bytes]) -> float:
    """Return the processor time that one photo takes, on average."""
    begun = time.thread_time()
    for photo in photos:
        way(photo)
    return (time.thread_time() - begun) * 1000 / len(photos)


def main() -> None:
    """Take turns and print medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=SNAKES)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--photos", type=int, default=60)
    given = parser.parse_args()
    every = load.pictures_in(given.folder, sys.maxsize)
    photos = [photo for photo in every[:: max(1, len(every) // given.photos)] if not profile_of(photo)]
    same = sum(np.array_equal(by_pillow(photo), decode(photo)) for photo in photos)
    ways = {"Pillow": by_pillow, "Fieldmark": decode}
    rounds = [{name: milliseconds(way, photos) for name, way in ways.items()} for _ in range(given.rounds)]
    medians = {name: statistics.median(one[name] for one in rounds) for name in ways}
    pixels = statistics.mean(decode(photo).size / 3 for photo in photos)
    print(f"{len(photos)} photos of {pixels / 1e6:.2f} megapixels; the same levels from both: {same}")
    for name, median in medians.items():
        print(f"{name:10} {median:.2f} ms")
    print(json.dumps({"pillow_ratio": round(medians["Pillow"] / medians["Fieldmark"], 2)}))


def profile_of(photo: bytes) -> bytes | None:
    """Return a photo's colour profile."""
    with Image.open(io.BytesIO(photo)) as image:
        profile: bytes | None = image.info.get("icc_profile")
        return profile


if __name__ == "__main__":
    main()
