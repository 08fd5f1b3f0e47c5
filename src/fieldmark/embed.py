"""Photos -> features: what a frozen backbone sees in each, computed once and kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fieldmark import backbones
from fieldmark.artifacts import features as cache
from fieldmark.artifacts.features import GREY_SIDE, Look, Recipe, key_of
from fieldmark.artifacts.keeper import Keeper
from fieldmark.artifacts.photos import PhotoFile, Unusable
from fieldmark.artifacts.workspace import Workspace
from fieldmark.classifier import Fit, fit_pixels
from fieldmark.device import Device, pick_device
from fieldmark.engines.local import map_threads
from fieldmark.errors import NotAPhoto
from fieldmark.halves import cut
from fieldmark.imaging.decode import Pixels
from fieldmark.sights import MIRRORED, PLAIN, Sights
from fieldmark.terminal import track

Floats = NDArray[np.float32]
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Features:
    """What a backbone sees in some photos.

    Attributes:
        photos: the n photos that could be read, in the order of the rows.
        vectors: float32 `[n, d]`, the mean over a photo and its mirror image, as the backbone gives it.
        greys: uint8 `[n, GREY_SIDE, GREY_SIDE]`, each photo squeezed to a square, in levels of grey.
        shapes: int32 `[n, 2]`, height and width of each photo in pixels, its crop applied.
        lost: photos that could be read a moment ago, and now cannot.
    """

    photos: tuple[PhotoFile, ...]
    vectors: Floats
    greys: NDArray[np.uint8]
    shapes: NDArray[np.int32]
    lost: tuple[Unusable, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        """The photos' ids, in the order of the rows."""
        return tuple(photo.id for photo in self.photos)


def embed(
    workspace: Workspace,
    photos: Sequence[PhotoFile],
    root: Path,
    backbone: str = "efficientnet_lite0",
    size: int = 299,
    fit: str = "squish",
    weights: Path | None = None,
    sights: Sights | None = None,
) -> Features:
    """Look at every photo that was not looked at before, and keep what was seen in the workspace's memory.

    Args:
        workspace: whose memory holds the cache; where it cannot be written to, a warning says so and work goes on.
        photos: as `read_photos` gives them; their crops count.
        root: the folder that the photos' paths are relative to.
        backbone: its name, see `backbones.pretrained`.
        size: side in pixels of the square that it sees.
        fit: how a photo becomes square, see `classifier.Fit`.
        weights: a file of other weights, see `backbones.pretrained`.
        sights: takes what the early half of the backbone sees in the photos that are looked at now, where it has one.

    Raises:
        BackboneError: no such backbone, or its weights cannot be had.
        MissingExtra: the packaged weights are not installed.
    """
    recipe = recipe_of(backbone, size, fit, weights)
    wanted = {key_of(photo): photo for photo in photos}
    sources = {key: (lambda photo=photo: photo.pixels(root)) for key, photo in wanted.items()}
    looks = look_at(cache.path_of(workspace, recipe), recipe, sources, weights, "looking at photos", sights)
    return _in_rows(photos, looks)


def embed_pictures(
    workspace: Workspace,
    sources: Mapping[str, Callable[[], Pixels]],
    backbone: str = "efficientnet_lite0",
    size: int = 299,
    fit: str = "squish",
    weights: Path | None = None,
) -> dict[str, Floats]:
    """Look at pictures made at run time, and keep what was seen beside what `embed` keeps.

    Args:
        workspace: as for `embed`; so are the other arguments, and the errors.
        sources: key -> what paints the picture, uint8 `[height, width, 3]`. The same key must mean the same picture.

    Returns:
        For each key its vector, float32 `[d]`; those that raised NotAPhoto are left out.
    """
    recipe = recipe_of(backbone, size, fit, weights)
    path = cache.path_of(workspace, recipe)
    looks = look_at(path.with_stem(f"{path.stem}-painted"), recipe, sources, weights, "painting what is no photo")
    return {key: look.vector.astype(np.float32) for key, look in looks.items() if isinstance(look, Look)}


def recipe_of(backbone: str, size: int, fit: str, weights: Path | None = None) -> Recipe:
    """Return what decides a vector, the weights' own hash among it. Raises as `embed` does."""
    backbones.check_name(backbone)
    backbones.check_size(backbone, size)
    file = backbones.find_weights(backbone, weights)
    return Recipe(backbone, size, fit, hashlib.sha256(file.read_bytes()).hexdigest())


def look_at(
    path: Path,
    recipe: Recipe,
    sources: Mapping[str, Callable[[], Pixels]],
    weights: Path | None = None,
    doing: str = "looking at pictures",
    sights: Sights | None = None,
) -> dict[str, Look | NotAPhoto]:
    """Look at the pictures that the cache does not hold yet, and keep what was seen.

    Args:
        path: the cache file.
        recipe: how to look.
        sources: key -> what gives the pixels, uint8 `[height, width, 3]`, or raises NotAPhoto.
        weights: as for `embed`.
        doing: what a progress bar says.
        sights: as for `embed`.

    Returns:
        For each key what was seen, or why the picture could not be read.
    """
    held = cache.read(path, recipe)
    missing = {key: source for key, source in sources.items() if key not in held}
    lost: dict[str, NotAPhoto] = {}
    if missing:
        unkept = "What was seen in the photos is not kept for the next time."
        keeper = Keeper(lambda: cache.write(path, recipe, held), unkept)
        for key, look in track(_looks(missing, recipe, weights, sights), doing, total=len(missing)):
            if isinstance(look, NotAPhoto):
                lost[key] = look
            else:
                held[key] = look
                keeper.now_and_then()
        keeper.at_last()
    return {key: held[key] if key in held else lost[key] for key in sources}


def _looks(
    sources: Mapping[str, Callable[[], Pixels]], recipe: Recipe, weights: Path | None, sights: Sights | None
) -> Iterator[tuple[str, Look | NotAPhoto]]:
    fit = Fit(recipe.size, recipe.fit)
    small = Fit(GREY_SIDE, "squish")

    def seen(item: tuple[str, Callable[[], Pixels]]) -> tuple[str, _Fitted | NotAPhoto]:
        try:
            pixels = item[1]()
        except NotAPhoto as error:
            return item[0], error
        grey = np.einsum("cyx,c->yx", fit_pixels(pixels, small).astype(np.float32), _LUMA)
        height, width = pixels.shape[:2]
        return item[0], _Fitted(fit_pixels(pixels, fit), grey.round().astype(np.uint8), height, width)

    device = pick_device()
    look = _network(recipe, weights, device, sights)
    waiting: list[tuple[str, _Fitted]] = []
    for key, fitted in _decoded(seen, list(sources.items()), device):
        if isinstance(fitted, NotAPhoto):
            yield key, fitted
            continue
        waiting.append((key, fitted))
        if len(waiting) == device.at_once:
            yield from _finished(waiting, look)
            waiting = []
    if waiting:
        yield from _finished(waiting, look)


def _decoded(seen: Callable[[Item], Result], items: Sequence[Item], device: Device) -> Iterator[Result]:
    """Decode on all processors: while the device looks or, where it is the processor, before it does.

    Side by side the threads that look would have to wait for each other: whichever is kept from its work by decoding
    keeps the rest from theirs, a third of the time.
    """
    if not device.is_processor:
        yield from map_threads(seen, items)
        return
    for start in range(0, len(items), device.at_once):
        yield from list(map_threads(seen, items[start : start + device.at_once]))


@dataclass(frozen=True)
class _Fitted:
    pixels: NDArray[np.uint8]
    grey: NDArray[np.uint8]
    height: int
    width: int


_Eye = Callable[[Sequence[str], NDArray[np.uint8]], NDArray[np.float16]]
"""Keys and fitted pictures, uint8 `[n, 3, size, size]` -> vectors, float16 `[n, d]`."""


def _finished(waiting: Sequence[tuple[str, _Fitted]], look: _Eye) -> Iterator[tuple[str, Look]]:
    vectors = look([key for key, _ in waiting], np.stack([fitted.pixels for _, fitted in waiting]))
    for (key, fitted), vector in zip(waiting, vectors, strict=True):
        yield key, Look(vector, fitted.grey, fitted.height, fitted.width)


def _network(recipe: Recipe, weights: Path | None, device: Device, sights: Sights | None) -> _Eye:
    backbone = backbones.pretrained(recipe.backbone, weights)
    network = device.quicken(device.take(backbone.network.eval()), recipe.size)
    mean, std = (levels.view(1, 3, 1, 1) for levels in (backbone.mean, backbone.std))
    halves = cut(network, recipe.size) if sights is not None else None
    early, late = halves or (nn.Identity(), network)

    def look(keys: Sequence[str], pictures: NDArray[np.uint8]) -> NDArray[np.float16]:
        images = device.filled(device.move((torch.from_numpy(pictures).float() - mean) / std))
        with torch.inference_mode(), device.mixed():
            seen = [early(images), early(images.flip(3))]
            # The mean with the mirror image: a mirrored copy then has the same vector.
            vectors = (late(seen[0]).float() + late(seen[1]).float()) / 2
        if sights is not None and halves is not None:
            sights.keys += keys
            for name, planes in zip((PLAIN, MIRRORED), seen, strict=True):
                sights.add(name, planes[: len(keys)])
        return np.asarray(vectors[: len(keys)].cpu().numpy()).clip(*_HALF).astype(np.float16)

    return look


_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as Pillow's grey
_HALF = (float(np.finfo(np.float16).min), float(np.finfo(np.float16).max))


def _in_rows(photos: Sequence[PhotoFile], looks: Mapping[str, Look | NotAPhoto]) -> Features:
    found = [(photo, looks[key_of(photo)]) for photo in photos]
    seen = [(photo, look) for photo, look in found if isinstance(look, Look)]
    lost = tuple(Unusable(photo.path, str(why)) for photo, why in found if isinstance(why, NotAPhoto))
    if not seen:
        return Features(
            (),
            np.zeros((0, 0), np.float32),
            np.zeros((0, GREY_SIDE, GREY_SIDE), np.uint8),
            np.zeros((0, 2), np.int32),
            lost,
        )
    return Features(
        tuple(photo for photo, _ in seen),
        np.stack([look.vector for _, look in seen]).astype(np.float32),
        np.stack([look.grey for _, look in seen]),
        np.array([(look.height, look.width) for _, look in seen], np.int32),
        lost,
    )
