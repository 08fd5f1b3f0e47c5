import io

import numpy as np
import pytest
from PIL import Image

from fieldmark.imaging.sniff import name_content


@pytest.mark.parametrize(
    ("format_", "name"),
    [
        ("JPEG", "a JPEG picture"),
        ("PNG", "a PNG picture"),
        ("GIF", "a GIF picture"),
        ("BMP", "a BMP picture"),
        ("TIFF", "a TIFF picture"),
        ("WEBP", "a WebP picture"),
        ("AVIF", "an AVIF picture"),
        ("JPEG2000", "a JPEG 2000 picture"),
    ],
)
def test_names_every_format_we_read(format_, name):
    buffer = io.BytesIO()
    Image.fromarray(np.full((16, 16, 3), 90, np.uint8)).save(buffer, format_)
    assert name_content(buffer.getvalue()) == name


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"", "an empty file"),
        (b"MM\x00*rest", "a TIFF picture"),
        (b"\xff\x4f\xff\x51\x00", "a JPEG 2000 picture"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "a HEIC picture"),
        (b"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1heic", "a HEIC picture"),
        (b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1avifmiaf", "an AVIF picture"),
        (b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00isom", "a video"),
        (b"\x00\x00\x00\x14ftypqt  \x00\x00\x00\x00", "a video"),
        (b"\x1aE\xdf\xa3\x01", "a video"),
        (b"RIFF\x00\x00\x00\x00AVI LIST", "a video"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00", "a Git LFS pointer"),
        (b"%PDF-1.7", "a PDF document"),
        (b"PK\x03\x04", "a zip archive"),
        (b"\x1f\x8b\x08", "a gzip archive"),
        (b"8BPS\x00\x01", "a Photoshop file"),
        (b"%!PS-Adobe-3.0 EPSF", "a PostScript document"),
        (b"<!DOCTYPE html><title>404</title>", "an HTML page"),
        (b"\xef\xbb\xbf\r\n <HTML>", "an HTML page"),
        (b"<!-- moved --><html>", "an HTML page"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
        (b"<svg viewBox='0 0 1 1'/>", "an SVG drawing"),
        (b"<?xml version='1.0'?><rss/>", "an XML document"),
        (b'{"error": "not found"}', "JSON text"),
        (b"[1, 2]", "JSON text"),
        (b"Forbidden\n", "text"),
        ("Schlangenfuß".encode(), "text"),
        (b"BMW is a car", "text"),
    ],
)
def test_names_what_is_no_photo(data, name):
    found = name_content(data)
    assert found is not None
    assert found.startswith(name)


def test_only_names_of_pictures_end_in_picture():
    others = (b"", b"{}", b"<html>", b"<svg>", b"%PDF", b"PK\x03\x04", b"hello", b"version https://git-lfs")
    assert not any(str(name_content(data)).endswith("picture") for data in others)


@pytest.mark.parametrize(
    "data", [b"\x00" * 64, bytes(range(128, 256)), b"\x00\x01\x02text", b"RIFF\x00\x00\x00\x00WAVE"]
)
def test_binary_data_of_no_known_kind_has_no_name(data):
    assert name_content(data) is None


def test_a_character_cut_in_two_by_the_window_is_still_text():
    for padding in range(508, 512):
        assert name_content(b"a" * padding + "ß€".encode() * 8) == "text"


def test_an_invalid_byte_in_the_middle_is_not_text():
    assert name_content(b"a" * 100 + b"\xff" + b"a" * 600) is None
