"""The files of a static page -> a folder that has the old page or the new one, whole, at every moment.

The page of an earlier export is replaced; whatever else lies there, such as `CNAME` or `.git`, is left alone.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from fieldmark.artifacts.atomic import write_bytes
from fieldmark.errors import WebPageError
from fieldmark.version import __version__
from fieldmark.web.site import Site

MARK = "fieldmark.json"
"""What makes a folder one of ours: {"page": its version, "files": [...]}."""


def check(out: Path) -> None:
    """Refuse a folder that we must not write into.

    Raises:
        WebPageError: it holds something else than a page of ours, or is no folder, or there is nowhere to make it.
    """
    if out.is_dir():
        if any(out.iterdir()) and not _ours(out):
            raise WebPageError(f"{out} holds something else than a page of ours. Name an empty folder, or a new one.")
    elif out.exists():
        raise WebPageError(f"{out} is a file. Name a folder for the page.")
    elif not out.parent.is_dir():
        raise WebPageError(f"There is no folder {out.parent} to make {out.name} in.")


def write(site: Site, out: Path) -> None:
    """Write a static page.

    Raises:
        WebPageError: as for `check`.
        OSError: the folder cannot be written to, or the disk is full; a page that was there still is.
    """
    check(out)
    if not out.exists():
        _make(site, out)
    else:
        _replace(site, out)


def _make(site: Site, out: Path) -> None:
    partial = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".partial", dir=out.parent))
    try:
        _lay(site, partial)
        _mark(site, partial, site.files)
        partial.chmod(0o755)  # mkdtemp makes folders private; a host has to read this one
        partial.rename(out)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _replace(site: Site, out: Path) -> None:
    """Lay the new version beside the old one, then the files that name it, the index last; then remove the old one."""
    before = set(_ours(out))
    _mark(site, out, before | set(site.files))  # first, so that whatever is left of a write that was stopped is known
    _lay(site, out)
    for name in before - set(site.files):
        (out / name).unlink(missing_ok=True)
        with suppress(OSError):  # it is not empty yet
            (out / name).parent.rmdir()
    _mark(site, out, site.files)


def _lay(site: Site, folder: Path) -> None:
    (folder / site.version).mkdir(exist_ok=True)
    for name, content in site.files.items():
        write_bytes(folder / name, content, flush=False)  # whatever a power failure leaves, another export mends


def _mark(site: Site, folder: Path, files: Iterable[str]) -> None:
    mark = {"page": site.version, "made_by": f"Fieldmark {__version__}", "files": sorted(files)}
    write_bytes(folder / MARK, json.dumps(mark, indent=2).encode(), flush=False)


def _ours(folder: Path) -> list[str]:
    """The files that an earlier export wrote into a folder; none where it is not one of ours."""
    try:
        mark = json.loads((folder / MARK).read_text("utf-8"))
        files = [name for name in mark["files"] if isinstance(name, str) and _is_inside(name)]
        return files if isinstance(mark["page"], str) else []
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _is_inside(name: str) -> bool:
    """Whether a path stays below the folder: anybody may have written the mark."""
    path = Path(name)
    return not path.is_absolute() and ".." not in path.parts
