"""Files that a host shall take -> how heavy they are, and a refusal that names the heaviest where that is too much."""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fieldmark.errors import TargetError

MB = 10**6
NAMED = 5
"""The heaviest parts that a refusal names."""


@dataclass(frozen=True)
class Limit:
    """How much a kind of host takes, in bytes; None where it does not mind."""

    what: str
    unpacked: int
    packed: int | None = None


LIMITS = {
    "zip": Limit("a functions host takes", unpacked=250 * MB, packed=50 * MB),  # AWS Lambda's, counted strictly
    "docker": Limit("we let a container's own layers have", unpacked=250 * MB),
    "web": Limit("we ask a visitor to download", unpacked=20 * MB),
    "install": Limit("we let an install have that only serves", unpacked=190 * 2**20),
}


@dataclass(frozen=True)
class Weight:
    """How heavy something is.

    Attributes:
        unpacked: bytes of its files.
        packed: bytes of the one file that is sent, or None where nothing is packed.
        parts: name of each file or folder at its top -> bytes, as sent; the heaviest first.
    """

    unpacked: int
    packed: int | None
    parts: Mapping[str, int]

    @property
    def sent(self) -> int:
        """What goes over the line."""
        return self.unpacked if self.packed is None else self.packed


def weigh_zip(data: bytes) -> Weight:
    """Weigh a zip by what each part takes inside it."""
    parts: Counter[str] = Counter()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for entry in archive.infolist():
            parts[entry.filename.partition("/")[0]] += entry.compress_size
        unpacked = sum(entry.file_size for entry in archive.infolist())
    return Weight(unpacked, len(data), dict(parts.most_common()))


def weigh_folder(folder: Path) -> Weight:
    """Weigh the files below a folder as they lie there; a link counts as nothing."""
    parts: Counter[str] = Counter()
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            parts[path.relative_to(folder).parts[0]] += path.stat().st_size
    return Weight(parts.total(), None, dict(parts.most_common()))


def check(weight: Weight, limit: Limit, advice: str) -> None:
    """Let through what fits.

    Raises:
        TargetError: it does not; the sentence says by how much, names the heaviest parts, and ends with `advice`.
    """
    over = [
        f"{say_mb(size)} {state}, and {limit.what} {say_mb(most)}"
        for state, size, most in (
            ("packed", weight.packed, limit.packed),
            ("unpacked", weight.unpacked, limit.unpacked),
        )
        if size is not None and most is not None and size > most
    ]
    if over:
        heaviest = ", ".join(f"{name} {say_mb(size)}" for name, size in list(weight.parts.items())[:NAMED])
        raise TargetError(f"Too large: {'; '.join(over)}. Heaviest: {heaviest}. Nothing was written. {advice}")


def say_mb(size: int) -> str:
    """Write a number of bytes as "13.9 MB"."""
    return f"{size / MB:.1f} MB"
