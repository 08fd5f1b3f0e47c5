import io
import random
import zlib

import pytest
from PIL import Image

from fieldmark.errors import NotAPhoto
from fieldmark.imaging.decode import decode
from fieldmark.imaging.scans import MOST_SCANS, MOST_SEGMENTS, SMALL_CHUNK, why_endless

COMMENT = b"\xff\xfe\x00\x02"


def jpeg(size=(64, 48), mode="RGB", **options):
    chance = random.Random(1)
    picture = Image.frombytes(mode, size, chance.randbytes(size[0] * size[1] * len(mode)))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", **options)
    return buffer.getvalue()


def parts(data):
    """Split a JPEG into its segments, each scan with the data behind it; the last is the end."""
    starts, place = [], 2
    while data[place + 1] != 0xD9:
        starts.append(place)
        scan = data[place + 1] == 0xDA
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
        while scan and not (data[place] == 0xFF and data[place + 1] not in (0, *range(0xD0, 0xD8))):
            place += 1
    return [data[:2], *(data[a:b] for a, b in zip(starts, [*starts[1:], place], strict=True)), data[place:]]


@pytest.mark.parametrize(
    "options",
    [{}, {"progressive": True}, {"quality": 98, "subsampling": 0, "progressive": True}, {"restart_marker_rows": 1}],
)
def test_what_programs_write_is_read(options):
    data = jpeg(**options)
    assert why_endless(data) is None
    assert decode(data).shape == (48, 64, 3)


def test_a_file_that_asks_for_a_thousand_passes_is_refused_unread():
    *most, last, end = parts(jpeg((200, 200), "L", progressive=True))
    assert last[1] == 0xDA
    few = b"".join([*most, *[last] * (MOST_SCANS // 2), end])
    many = b"".join([*most, *[last] * 1000, end])
    assert decode(few).shape == (200, 200, 3)
    with pytest.raises(NotAPhoto, match=f"more than {MOST_SCANS} passes"):
        decode(many)


def test_a_file_of_a_million_segments_is_refused_unread():
    data = jpeg()
    assert decode(data[:2] + COMMENT * 5000 + data[2:]).shape == (48, 64, 3)
    with pytest.raises(NotAPhoto, match=f"more than {MOST_SEGMENTS:,} segments"):
        decode(data[:2] + COMMENT * 1_000_000 + data[2:])


def png(size=(64, 48)):
    buffer = io.BytesIO()
    Image.frombytes("RGB", size, random.Random(1).randbytes(size[0] * size[1] * 3)).save(buffer, "PNG")
    return buffer.getvalue()


def chunk(kind, data=b""):
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


def test_a_png_of_a_million_chunks_is_refused_unread():
    data = png()
    head, rest = data[:33], data[33:]  # the signature and IHDR
    assert decode(head + chunk(b"teSt") * 5000 + rest).shape == (48, 64, 3)
    with pytest.raises(NotAPhoto, match=f"a PNG picture .* more than {MOST_SEGMENTS:,} small chunks"):
        decode(head + chunk(b"teSt") * 1_000_000 + rest)


def test_a_png_of_many_large_chunks_is_read():
    data = png()
    head, rest = data[:33], data[33:]
    assert why_endless(head + chunk(b"teSt", bytes(SMALL_CHUNK)) * (MOST_SEGMENTS + 5) + rest) is None
    assert why_endless(head + chunk(b"teSt", bytes(SMALL_CHUNK - 1)) * (MOST_SEGMENTS + 5) + rest)


def test_what_stands_behind_a_png_does_not_count():
    assert why_endless(png() + chunk(b"teSt") * 20_000) is None


def test_another_kind_of_file_is_not_looked_into():
    assert why_endless(b"GIF89a" + COMMENT * 20_000) is None


def test_what_stands_behind_the_picture_does_not_count():
    video = random.Random(2).randbytes(200_000) + b"\xff\xda\x00\x02" * 5000
    data = jpeg() + video
    assert why_endless(data) is None
    assert decode(data).shape == (48, 64, 3)


def test_marks_within_a_segment_do_not_count():
    data = jpeg(exif=b"Exif\x00\x00" + b"\xff\xda\x00\x04" * 500)
    assert why_endless(data) is None


@pytest.mark.parametrize(
    "data",
    [
        *(
            b"",
            b"\xff",
            b"\xff\xd8\xff",
            b"\xff\xd8\xff\xda",
            b"\xff\xd8" + b"\xff" * 1000,
            b"\xff\xd8\xff\xfe\xff\xff",
        ),
        *(png()[:place] for place in (8, 9, 11, 15, 33, 35)),
        png()[:8] + b"\xff" * 50,
    ],
)
def test_no_bytes_are_too_odd(data):
    assert why_endless(data) is None


def test_bytes_at_random_are_walked_through():
    chance = random.Random(3)
    for _ in range(200):
        why_endless(b"\xff\xd8" + chance.randbytes(chance.randint(0, 2000)))
        why_endless(b"\x89PNG\r\n\x1a\n" + chance.randbytes(chance.randint(0, 2000)))
    assert why_endless(b"\xff\xd8" + b"\xff\xd0" * 1_000_000) is None
    assert why_endless(b"\xff\xd8" + b"\xff\xda\x00\x00" * 1000)
