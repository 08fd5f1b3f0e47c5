"""What a step read and made -> what is said of it, in the terminal and in reports."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Callable, Sequence

from fieldmark.artifacts import contents
from fieldmark.artifacts.catalog import Catalog
from fieldmark.artifacts.photos import PhotoFile, PhotoFolder, Unusable
from fieldmark.artifacts.workspace import Workspace
from fieldmark.errors import NotAPhoto
from fieldmark.imaging.decode import as_pixels
from fieldmark.imaging.thumbnail import data_uri, thumbnail
from fieldmark.terminal import say
from fieldmark.version import __version__

LISTED = 50
"""Unusable files named in the terminal; the report and metrics.json name all of them."""


def tell_unusable(unusable: Sequence[Unusable]) -> None:
    """Name the files that could not be used, each with its reason, and how many there are."""
    if unusable:
        say(f"{len(unusable)} {'file' if len(unusable) == 1 else 'files'} could not be used:")
    for file in unusable[:LISTED]:
        say(f"  {file.path}: {file.reason}")
    if len(unusable) > LISTED:
        say(f"  ... and {len(unusable) - LISTED} more, all of them in the report.")


def versions() -> dict[str, str]:
    """Return the versions of what a result depends on."""
    packages = ("torch", "timm", "numpy", "pillow", "onnxruntime")
    return {
        "fieldmark": __version__,
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in packages if _is_installed(name)},
    }


def _is_installed(package: str) -> bool:
    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def thumbnails(folder: PhotoFolder) -> Callable[[str], str | None]:
    """Return a function from a photo's path to a small `data:` URI, or None when it cannot be read.

    Of a cropped photo the part is shown; a file that is none of the photos, such as one in conflict, whole.
    """
    photos = {photo.path: photo for photo in folder.photos}

    def of(photo: str) -> str | None:
        try:
            return data_uri(
                thumbnail(photos[photo].pixels(folder.root) if photo in photos else as_pixels(folder.root / photo))
            )
        except NotAPhoto:
            return None

    return of


def sources(workspace: Workspace, photos: Sequence[PhotoFile]) -> dict[str, str]:
    """Return photo -> the provider that brought it, in a workspace; a plain folder does not know."""
    if not workspace.harvested:
        return {}
    with Catalog.open_reading(workspace.catalog) as catalog:
        brought = {photo.id: photo.provider for photo in contents.photos(catalog)}
    return {photo.path: brought[photo.id] for photo in photos if brought.get(photo.id)}
