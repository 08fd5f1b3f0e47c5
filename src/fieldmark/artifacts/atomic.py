"""Bytes -> a file that is either whole or absent."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO


@contextmanager
def whole_file(path: Path, flush: bool = True) -> Iterator[BinaryIO]:
    """Yield a file beside `path` to write to; at the end flush it to the disk and rename it into place.

    A reader, a crash or a full disk never sees half a file: an older file of that name stays as it was. Without `flush`
    that holds for a killed process, and not for a power failure.

    Raises:
        OSError: the folder cannot be written to, or the disk is full; nothing is left behind.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent)
    partial = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            if flush:
                file.flush()
                os.fsync(file.fileno())
        partial.chmod(0o644)  # mkstemp makes files private; an artifact is as readable as any other file
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def write_bytes(path: Path, data: bytes, flush: bool = True) -> None:
    """Write `data` as a file that is either whole or absent; see `whole_file`."""
    with whole_file(path, flush) as file:
        file.write(data)


def write_text(path: Path, text: str) -> None:
    """Write text as UTF-8 with `\\n` line ends; see `write_bytes`."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Write a JSON document, indented for people who look; see `write_bytes`."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
