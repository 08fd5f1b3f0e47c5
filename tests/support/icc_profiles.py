"""ICC profiles made from numbers alone, for tests: no library of ours can write any but sRGB."""

from __future__ import annotations

import struct

from PIL import ImageCms

# Red, green and blue of Display P3 as D50 XYZ, the columns of its matrix, from the published primaries (D65, Bradford).
DISPLAY_P3 = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))


def srgb() -> bytes:
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[24:36] = bytes(12)  # the date, so that it is the same each time
    return bytes(profile)


def display_p3() -> bytes:
    """Take sRGB, whose transfer curve Display P3 shares, and put in other primaries."""
    profile = bytearray(srgb())
    for tag, colour in zip((b"rXYZ", b"gXYZ", b"bXYZ"), DISPLAY_P3, strict=True):
        start = _offset(profile, tag) + 8  # after the type and four reserved bytes
        profile[start : start + 12] = b"".join(struct.pack(">i", round(value * 65536)) for value in colour)
    return bytes(profile)


def cmyk() -> bytes:
    """A press on which cyan, magenta and yellow print nothing: only black shows, as grey of Lab lightness 100 to 0."""
    corners = bytes(
        value
        for corner in range(16)
        for value in (0 if corner & 1 else 255, 128, 128)  # black is the last channel and runs fastest
    )
    straight = bytes(range(256))
    matrix = struct.pack(">9i", *(65536 if i % 4 == 0 else 0 for i in range(9)))
    table = b"mft1" + bytes(4) + struct.pack(">BBBx", 4, 3, 2) + matrix + straight * 4 + corners + straight * 3
    return _profile(b"prtr", b"CMYK", b"Lab ", {b"A2B0": table})


def _profile(kind: bytes, colours: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    white = struct.pack(">iii", 63190, 65536, 54061)  # D50
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", 5) + b"test\x00" + bytes(78),
        b"wtpt": b"XYZ " + bytes(4) + white,
        **tags,
    }
    directory, body = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        padded = data + bytes(-len(data) % 4)
        directory += name + struct.pack(">II", start + len(body), len(data))
        body += padded
    header = bytearray(128)
    header[0:4] = struct.pack(">I", start + len(body))
    header[8:12] = struct.pack(">I", 0x02400000)
    header[12:24] = kind + colours + connection
    header[36:40] = b"acsp"
    header[68:80] = white
    return bytes(header) + struct.pack(">I", len(tags)) + directory + body


def _offset(profile: bytes | bytearray, tag: bytes) -> int:
    (count,) = struct.unpack_from(">I", profile, 128)
    for i in range(count):
        name, offset, _ = struct.unpack_from(">4sII", profile, 132 + 12 * i)
        if name == tag:
            return int(offset)
    raise KeyError(tag)
