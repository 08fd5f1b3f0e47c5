"""A folder -> what a training starts from: photos in groups, and what the backbone sees in them."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fieldmark.artifacts import contents
from fieldmark.artifacts.catalog import Catalog
from fieldmark.artifacts.contents import Photo
from fieldmark.artifacts.photos import PhotoFile, PhotoFolder
from fieldmark.artifacts.reading import read_photos
from fieldmark.artifacts.workspace import Workspace
from fieldmark.config import TrainSettings
from fieldmark.costs import Costs
from fieldmark.errors import FolderError
from fieldmark.grouping import with_groups
from fieldmark.pipeline.extra import training
from fieldmark.pipeline.sealing import Sealed, check_share, set_aside

if TYPE_CHECKING:
    from fieldmark.embed import Features
    from fieldmark.sights import Sights


@dataclass(frozen=True)
class Prepared:
    """What a training starts from.

    Attributes:
        workspace: where the photos lie.
        photos: as read through the verdicts; `group` says which must stay together.
        features: what the pretrained backbone sees in them, and in photos that are left out besides.
        sealed: what is left out because it is sealed; None where nothing is.
    """

    workspace: Workspace
    photos: PhotoFolder
    features: Features
    sealed: Sealed | None = None


def prepare(folder: str | os.PathLike[str], settings: TrainSettings) -> Prepared:
    """Read, look at and group the photos of a folder, and leave out those that are sealed.

    Raises:
        FieldmarkError: the folder or the backbone cannot be used.
    """
    return look_and_group(*read(folder, settings), settings)


def read(folder: str | os.PathLike[str], settings: TrainSettings) -> tuple[Workspace, PhotoFolder]:
    """Read which photos a folder holds, and refuse what cannot be learned before anything is looked at.

    Raises:
        FieldmarkError: the folder or the backbone cannot be used.
    """
    training("fieldmark.training.learn").check(settings)
    workspace = Workspace.open(folder)
    photos = read_photos(workspace)
    check_share(workspace, photos, settings)
    costs_of(settings, photos.classes)  # a class that is not there is better known before an hour of training
    return workspace, photos


def look_and_group(
    workspace: Workspace, photos: PhotoFolder, settings: TrainSettings, sights: Sights | None = None
) -> Prepared:
    """Look at the photos of a folder, group them, and leave out those that are sealed.

    Args:
        workspace: where they lie.
        photos: as `read` gave them.
        settings: how to learn.
        sights: takes what the early half of the backbone sees in the photos that are looked at now.
    """
    features = look_at(workspace, photos, settings, sights)
    grouped = _grouped(workspace, photos, features, settings.group_by)
    left, sealed = set_aside(workspace, grouped, settings)
    if sealed is not None:
        sealed.tell()
    return Prepared(workspace, left, features, sealed)


def costs_of(settings: TrainSettings, classes: Sequence[str]) -> Costs | None:
    """Return what mistakes cost, or None where nothing was priced. Raises WrongUsage for a class that is not there."""
    return Costs.read(classes, settings.cost)


def weights_of(settings: TrainSettings) -> str:
    """Return the sha256 of the pretrained weights."""
    weights = Path(settings.weights) if settings.weights else None
    recipe = training("fieldmark.embed").recipe_of(settings.backbone, settings.size, settings.fit, weights)
    return str(recipe.weights)


def look_at(
    workspace: Workspace, photos: PhotoFolder, settings: TrainSettings, sights: Sights | None = None
) -> Features:
    """Return what the pretrained backbone sees in each photo; what `check` has looked at is not looked at again."""
    weights = Path(settings.weights) if settings.weights else None
    embed = training("fieldmark.embed").embed
    features: Features = embed(
        workspace, photos.photos, photos.root, settings.backbone, settings.size, settings.fit, weights, sights
    )
    return features


def _grouped(workspace: Workspace, photos: PhotoFolder, features: Features, by: str | None) -> PhotoFolder:
    """Set the groups: copies by bytes, by what a harvest found, by features; and what one source gave, if asked."""
    row = {photo.path: i for i, photo in enumerate(photos.photos)}
    alike = training("fieldmark.pipeline.find_alike").find_alike(workspace, features)
    seen = [[row[features.photos[i].path] for i in group] for group in alike]
    return replace(photos, photos=with_groups(photos.photos, [*seen, *_of_one_origin(workspace, photos.photos, by)]))


def _of_one_origin(workspace: Workspace, photos: Sequence[PhotoFile], by: str | None) -> list[list[int]]:
    """Return the photos that share an author, a host or an album, as lists of indices.

    Raises:
        FolderError: it was asked for in a plain folder, which does not know where its photos came from.
    """
    if by is None:
        return []
    if not workspace.harvested:
        raise FolderError(
            f"{workspace.root} is a plain folder and does not know where its photos came from, so --group-by {by} "
            "has nothing to go by. It works in a workspace, as `fieldmark harvest` makes it."
        )
    with Catalog.open_reading(workspace.catalog) as catalog:
        origins = {photo.id: ORIGINS[by](photo) for photo in contents.photos(catalog)}
    return _alike(origins, photos)


def _alike(origins: Mapping[str, str], photos: Sequence[PhotoFile]) -> list[list[int]]:
    together: defaultdict[str, list[int]] = defaultdict(list)
    for i, photo in enumerate(photos):
        if origins.get(photo.id):
            together[origins[photo.id]].append(i)
    return [some for some in together.values() if len(some) > 1]


def _author(photo: Photo) -> str:
    """The name, with the provider, as two sites' "admin" are two people; empty where nobody is named."""
    return f"{photo.provider} {photo.author.strip().casefold()}" if photo.author.strip() else ""


def _host(photo: Photo) -> str:
    return urlsplit(photo.source).hostname or ""


def _album(photo: Photo) -> str:
    """The page that showed it, else the folder of its URL: pictures of one observation or article are a series."""
    return photo.page or photo.source.rsplit("/", 1)[0]


ORIGINS: Mapping[str, Callable[[Photo], str]] = {"author": _author, "host": _host, "album": _album}
"""What `--group-by` takes, and what of a photo's origin it looks at."""
