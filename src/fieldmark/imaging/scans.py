"""JPEG bytes -> whether decoding them takes longer than their size says.

A progressive JPEG is drawn in passes over the whole picture, and a pass that changes nothing takes twelve bytes. So a
file of 16 MiB can ask for a million passes over 64 million pixels: days. What cameras and programs write has about ten.
In the same way a file can be made of four million segments of four bytes each.
"""

from __future__ import annotations

import re

MOST_SCANS = 100
MOST_SEGMENTS = 10_000

# A marker that has a length behind it, or the end. Entropy-coded data holds 0xFF only before 0x00 or a restart marker.
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")
_END, _SCAN = 0xD9, 0xDA


def why_endless(data: bytes) -> str | None:
    """Say what makes a JPEG file take far too long; None where nothing does.

    Looks at the first picture of the file alone: what stands behind it, such as the video of a "motion photo", is not
    decoded. Takes about a millisecond for a file of 4 MiB.
    """
    place, segments, scans = 2, 0, 0
    while (found := _MARKER.search(data, place)) and data[found.end() - 1] != _END:
        segments += 1
        scans += data[found.end() - 1] == _SCAN
        if scans > MOST_SCANS:
            return f"it asks for more than {MOST_SCANS} passes over its pixels"
        if segments > MOST_SEGMENTS:
            return f"it is made of more than {MOST_SEGMENTS:,} segments"
        length = int.from_bytes(data[found.end() : found.end() + 2], "big")
        place = found.end() + max(2, length)
    return None
