"""Small pictures in every format -> pictures damaged in every way, endlessly, the same for the same seed."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Iterator

from PIL import Image

FORMATS: tuple[tuple[str, dict[str, object]], ...] = (
    ("JPEG", {}),
    ("JPEG", {"progressive": True}),
    ("PNG", {}),
    ("PNG", {"optimize": True}),
    ("WEBP", {}),
    ("WEBP", {"lossless": True}),
    ("GIF", {}),
    ("TIFF", {}),
    ("TIFF", {"compression": "tiff_lzw"}),
    ("TIFF", {"compression": "tiff_adobe_deflate"}),
    ("TIFF", {"compression": "jpeg"}),
    ("BMP", {}),
    ("AVIF", {"speed": 10}),
    ("JPEG2000", {}),
)
MODES = ("RGB", "L", "RGBA", "CMYK", "P", "I;16")


def seeds(chance: random.Random) -> list[bytes]:
    """Return whole pictures of every format in every mode that it takes; a HEIC one too where that can be written."""
    found = []
    for format, options in FORMATS:
        for mode in MODES:
            size = (chance.randint(1, 90), chance.randint(1, 90))
            bytes_ = {"RGB": 3, "RGBA": 4, "CMYK": 4, "I;16": 2}.get(mode, 1)
            picture = Image.frombytes(mode, size, chance.randbytes(size[0] * size[1] * bytes_))
            exif = Image.Exif()
            exif[0x0112] = chance.randint(1, 8)
            buffer = io.BytesIO()
            try:
                picture.save(
                    buffer, format, **({} if format in ("BMP", "GIF", "JPEG2000") else {"exif": exif}), **options
                )
            except (OSError, KeyError, ValueError, TypeError, RuntimeError):
                continue  # a mode that the format does not have
            found.append(buffer.getvalue())
    return found


def mutants(seed: int) -> Iterator[bytes]:
    """Yield damaged pictures without end."""
    chance = random.Random(seed)
    whole = seeds(chance)
    while True:
        data = bytearray(chance.choice(whole))
        for _ in range(chance.choice((1, 1, 2, 5))):
            chance.choice(_WAYS)(data, chance, whole)
        yield bytes(data[: 2**20])


def _flip(data: bytearray, chance: random.Random, whole: list[bytes]) -> None:
    for _ in range(chance.randint(1, 20)):
        if data:
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _flip_head(data: bytearray, chance: random.Random, whole: list[bytes]) -> None:
    for _ in range(chance.randint(1, 6)):
        if data:
            data[chance.randrange(min(64, len(data)))] = chance.randrange(256)


def _cut(data: bytearray, chance: random.Random, whole: list[bytes]) -> None:
    del data[chance.randint(0, len(data)) :]


def _drop(data: bytearray, chance: random.Random, whole: list[bytes]) -> None:
    start = chance.randint(0, len(data))
    del data[start : start + chance.randint(1, 40)]


def _repeat(data: bytearray, chance: random.Random, whole: list[bytes]) -> None:
    start = chance.randint(0, len(data))
    data[start:start] = data[start : start + chance.randint(1, 200)] * chance.randint(1, 50)


def _number(data: bytearray, chance: random.Random, whole: list[bytes]) -> None:
    """Write an awkward number somewhere, as a length or a size may stand there."""
    value = chance.choice((0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF))
    form = chance.choice((">I", "<I", ">H", "<H"))
    packed = struct.pack(form, value & (0xFFFFFFFF if form[1] == "I" else 0xFFFF))
    place = chance.randint(0, max(0, len(data) - len(packed)))
    data[place : place + len(packed)] = packed


def _splice(data: bytearray, chance: random.Random, whole: list[bytes]) -> None:
    other = chance.choice(whole)
    place = chance.randint(0, len(data))
    data[place:] = other[chance.randint(0, len(other)) :]


def _polyglot(data: bytearray, chance: random.Random, whole: list[bytes]) -> None:
    """Begin as one format and go on as another, or as a page or a script."""
    head = chance.choice(
        (b"GIF89a", b"BM", b"<svg xmlns='x'>", b"%PDF-1.7\n", b"PK\x03\x04", b"<?php ", b"\x00\x00\x00\x18ftypheic")
    )
    if chance.random() < 0.5:
        data[:0] = head
    else:
        data[: len(head)] = head


def _noise(data: bytearray, chance: random.Random, whole: list[bytes]) -> None:
    place = chance.randint(0, len(data))
    data[place:place] = chance.randbytes(chance.randint(1, 300))


_WAYS = (_flip, _flip, _flip_head, _flip_head, _cut, _drop, _repeat, _number, _number, _splice, _polyglot, _noise)


def bombs() -> dict[str, bytes]:
    """Return pictures that are small on the wire and large, or endless, to decode."""
    small = io.BytesIO()
    Image.new("L", (1000, 1000), 128).save(small, "JPEG", progressive=True)
    jpeg = small.getvalue()
    last_scan = jpeg[jpeg.rindex(b"\xff\xda") : -2]
    return {
        "PNG of 900 million pixels": _png(30_000, 30_000, b""),
        "PNG of 63 million pixels of nothing": _png(7900, 7900, zlib.compress(bytes(7900 * 7901), 9)),
        "PNG whose size is a lie": _png(7900, 7900, zlib.compress(bytes(100))),
        "PNG of a million chunks": _png(8, 8, zlib.compress(bytes(72)), _chunk(b"teSt", b"") * 1_000_000),
        "PNG whose text unpacks to 1.2 GB": _png(
            8, 8, zlib.compress(bytes(72)), _chunk(b"zTXt", b"a\0\0" + _gigabyte())
        ),
        "JPEG of a million passes": jpeg[:-2] + last_scan * 1_000_000 + b"\xff\xd9",
        "JPEG of four million segments": jpeg[:2] + b"\xff\xfe\x00\x02" * 4_000_000 + jpeg[2:],
        "GIF of 65,535 x 65,535": b"GIF89a" + struct.pack("<HH", 65535, 65535) + b"\x80\0\0" + bytes(6) + b"\x2c",
        "BMP of 2 billion lines": b"BM"
        + struct.pack("<IHHIIiiHHIIiiII", 60, 0, 0, 54, 40, 9, 2**31 - 1, 1, 24, 0, 0, 0, 0, 0, 0),
    }


def _png(width: int, height: int, packed: bytes, more: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + more + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _gigabyte() -> bytes:
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(2**20)) for _ in range(1200)) + packer.flush()
