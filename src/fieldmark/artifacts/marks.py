"""Photos learned from -> short marks of them in a model file, by which it knows them again.

A mark is the beginning of a photo's sha256: once in 700 times one of 40,000 other photos is taken by chance for one of
40,000 that were learned from.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Collection, Iterable, Mapping
from typing import Any

LENGTH = 5
"""Bytes of a mark; 40,000 photos are 270 kB in a model file."""


def describe(sha256s: Iterable[str]) -> dict[str, Any]:
    """Return what a model says of the photos it learned from: `n`, the `hash` of all, and the `marks` of each.

    Args:
        sha256s: of the photos' bytes, hex digits.
    """
    learned = sorted(sha256s)
    marks = base64.b64encode(b"".join(_mark(digest) for digest in learned)).decode("ascii")
    return {"n": len(learned), "hash": _hash(learned), "marks": marks}


def known_again(trained_on: Mapping[str, Any], sha256s: Collection[str]) -> set[str] | None:
    """Return which of some photos a model learned from, as far as their bytes tell.

    Args:
        trained_on: what the model says of its photos; of a file of before there were marks, all photos or none can be
            told. It may come from anybody, and say anything.
        sha256s: of the photos' bytes, hex digits.

    Returns:
        Their sha256s; None where the model does not tell.
    """
    marks = trained_on.get("marks")
    if marks is None:
        are_all = bool(sha256s) and trained_on.get("hash") == _hash(sorted(sha256s))
        return set(sha256s) if are_all else None
    try:
        joined = base64.b64decode(marks, validate=True)
    except (binascii.Error, TypeError, ValueError):
        return None
    known = {joined[at : at + LENGTH] for at in range(0, len(joined), LENGTH)}
    return {digest for digest in sha256s if _mark(digest) in known}


def _mark(digest: str) -> bytes:
    return bytes.fromhex(digest)[:LENGTH]


def _hash(digests: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(digests).encode("ascii")).hexdigest()
