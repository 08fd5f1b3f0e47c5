"""A folder -> a zip of it whose bytes depend on nothing but the files."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The first moment that a zip can name; when a file was written changes nothing about it."""


def pack(folder: Path) -> bytes:
    """Return a zip of every file below `folder`, in the order of their names, readable by everybody.

    The same files give the same bytes wherever zlib is of the same version.
    """
    files = sorted((path.relative_to(folder).as_posix(), path) for path in folder.rglob("*") if path.is_file())
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, path in files:
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system = 3  # Unix, wherever this runs, so that the mode below counts
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED, compresslevel=9)
    return buffer.getvalue()
