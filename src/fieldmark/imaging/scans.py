"""JPEG or PNG bytes -> whether decoding them takes longer than their size says.

A progressive JPEG is drawn in passes over the whole picture, and a pass that changes nothing takes twelve bytes. So a
file of 16 MiB can ask for a million passes over 64 million pixels: days. What cameras and programs write has about ten.
In the same way a JPEG can be made of four million segments of four bytes each, and a PNG of a million chunks of twelve,
over which Pillow goes one by one, for ten seconds, with Python's lock in its hand.
"""

from __future__ import annotations

import re

MOST_SCANS = 100
MOST_SEGMENTS = 10_000

SMALL_CHUNK = 1024
"""Bytes; of chunks of a PNG only smaller ones count, since large pictures come in thousands of 8 KiB each."""

# A marker that has a length behind it, or the end. Entropy-coded data holds 0xFF only before 0x00 or a restart marker.
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")
_END, _SCAN = 0xD9, 0xDA


def why_endless(data: bytes) -> str | None:
    """Say what makes a JPEG or PNG file take far too long; None where nothing does, or it is another kind of file.

    Looks at the first picture of the file alone: what stands behind it, such as the video of a "motion photo", is not
    decoded. Takes about a millisecond for a file of 4 MiB.
    """
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return _why_endless_png(data)
    return _why_endless_jpeg(data) if data.startswith(b"\xff\xd8") else None


def _why_endless_jpeg(data: bytes) -> str | None:
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


def _why_endless_png(data: bytes) -> str | None:
    place, small = 8, 0
    while place < len(data) and data[place + 4 : place + 8] != b"IEND":
        length = int.from_bytes(data[place : place + 4], "big")
        small += length < SMALL_CHUNK
        if small > MOST_SEGMENTS:
            return f"it is made of more than {MOST_SEGMENTS:,} small chunks"
        place += 12 + length  # the length itself, the chunk's name and its checksum
    return None
