"""A packed body -> its bytes, as many as we read and no more."""

from __future__ import annotations

import zlib

MOST_LAYERS = 2
"""Encodings that we unwrap one after the other. Honest hosts apply one; a header that lists fifty is an attack."""

_EITHER = zlib.MAX_WBITS | 32  # gzip or zlib, whichever the first bytes say
_NAKED = -zlib.MAX_WBITS  # what some hosts send as "deflate": the data without a header


class Damaged(ValueError):
    """A body that is not packed as its host says, or in a way that we do not unpack."""


class TooLong(ValueError):
    """A body that unpacks to more than we read."""


def unpack(body: bytes, encoding: str, most: int) -> bytes:
    """Undo the `Content-Encoding` of a body (RFC 9110, section 8.4): gzip and deflate, in memory bounded by `most`.

    Args:
        body: the bytes as they came.
        encoding: the header's value, such as "gzip" or "" for none.
        most: unpack no layer to more bytes than this.

    Raises:
        TooLong: a layer holds more than `most` bytes.
        Damaged: the bytes are cut short or something else, or the encoding is none of ours.
    """
    layers = [name for name in encoding.lower().replace("\n", ",").replace(" ", "").split(",") if name]
    layers = [name for name in layers if name != "identity"]
    if len(layers) > MOST_LAYERS:
        raise Damaged(f"it is packed {len(layers)} times over")
    for name in reversed(layers):
        if name not in ("gzip", "x-gzip", "deflate"):
            raise Damaged(f"it is packed as {name[:20]!r}, which we did not ask for")
        body = _inflate(body, most, naked=name == "deflate")
    return body


def _inflate(packed: bytes, most: int, naked: bool) -> bytes:
    for window in (_EITHER, _NAKED) if naked else (_EITHER,):
        unpacker = zlib.decompressobj(window)
        try:
            found = unpacker.decompress(packed, most + 1)
        except zlib.error:
            continue
        if len(found) > most:
            raise TooLong
        if not unpacker.eof:
            break
        return found
    raise Damaged("its compressed answer is damaged")
