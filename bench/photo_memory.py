"""A model file -> the memory that a worker of `fieldmark serve` needs for one large photo, in MiB. Linux alone.

    python bench/photo_memory.py MODEL [--megapixels 12,64] [--threads 2]

For each size and format a server of one worker answers ten small photos, then the large one. Peaks are those of the
worker's resident memory; beside them stands what all processes of the server hold afterwards (PSS).
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

from PIL import Image
from processes import peak
from target import Server, painted

FORMATS = {"JPEG": {}, "progressive JPEG": {"progressive": True}, "PNG": {"compress_level": 1}}
SMALL = 10


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--megapixels", default="12,64")
    parser.add_argument("--threads", default="2", help="with one, the model is opened once alone")
    given = parser.parse_args()
    print("| megapixels | format | before, peak | with it, peak | afterwards |\n|---:|---|---:|---:|---:|")
    for megapixels in map(int, given.megapixels.split(",")):
        for name in FORMATS:
            photo = _photo(megapixels, name)
            with Server(given.model, "--workers", "1", "--threads", given.threads) as server:
                if not all(server.is_well(small) for small in painted(SMALL)):
                    raise SystemExit("The server did not answer about a small photo.")
                (worker,) = server.workers()
                before = peak(worker)
                if not server.is_well(photo):
                    raise SystemExit(f"The server did not answer about {megapixels} megapixels as {name}.")
                told = f"{before:.0f} | {peak(worker):.0f} | {server.mib():.0f}"
            print(f"| {megapixels} | {name} | {told} |")


def _photo(megapixels: int, name: str) -> bytes:
    """Paint a picture of three by four, soft as photos are."""
    unit = (megapixels * 1_000_000 / 12) ** 0.5
    with Image.open(io.BytesIO(painted(1)[0])) as small:
        large = small.resize((int(4 * unit), int(3 * unit)), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    large.save(buffer, name.rpartition(" ")[2], **FORMATS[name])
    return buffer.getvalue()


if __name__ == "__main__":
    main()
