"""First bytes -> what they are, in words a person knows."""

from __future__ import annotations

_PICTURES: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (b"GIF87a", "a GIF picture"),
    (b"GIF89a", "a GIF picture"),
    (b"BM", "a BMP picture"),
    (b"II*\x00", "a TIFF picture"),
    (b"MM\x00*", "a TIFF picture"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "a JPEG 2000 picture"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
)

_OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"version https://git-lfs", "a Git LFS pointer (run `git lfs pull` to get the file itself)"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x1aE\xdf\xa3", "a video"),
    (b"8BPS", "a Photoshop file"),
    (b"%!PS", "a PostScript document"),
)

# ISO base media files name their kind ("brand") in bytes 8 to 12, after a box length and "ftyp".
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_AVIF_BRANDS = {b"avif", b"avis"}


def name_content(data: bytes) -> str | None:
    """Name what `data` holds by its first bytes: "a JPEG picture", "an HTML page", "text", "an empty file".

    Returns None when nothing is recognised. Names of pictures end in "picture"; no other name does.
    """
    if not data:
        return "an empty file"
    for magic, name in _PICTURES + _OTHERS:
        if data.startswith(magic) and not (magic == b"BM" and _reads_as_text(data[:512])):
            return name
    if data[:4] == b"RIFF" and data[8:12] in (b"WEBP", b"AVI "):
        return "a WebP picture" if data[8:12] == b"WEBP" else "a video"
    if data[4:8] == b"ftyp":
        return _name_media(data)
    return _name_text(data)


def _name_media(data: bytes) -> str:
    brand = data[8:12]
    # "mif1" is any still picture in this container; the compatible brands that follow say which codec.
    if brand in _AVIF_BRANDS or (brand == b"mif1" and b"avif" in data[16:64]):
        return "an AVIF picture"
    return "a HEIC picture" if brand in _HEIC_BRANDS else "a video"


def _name_text(data: bytes) -> str | None:
    head = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith((b"<!doctype html", b"<html")) or b"<html" in head or b"<head" in head:
        return "an HTML page"
    if b"<svg" in head:
        return "an SVG drawing"
    if head.startswith(b"<?xml"):
        return "an XML document"
    if head.startswith((b"{", b"[")) and b"\x00" not in head:
        return "JSON text"
    return "text" if _reads_as_text(data[:512]) else None


def _reads_as_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        # A character cut in two by the 512-byte window is no sign of binary data.
        if error.start < len(head) - 3:
            return False
        text = head[: error.start].decode("utf-8")
    return all(character.isprintable() or character in "\t\r\n" for character in text)
