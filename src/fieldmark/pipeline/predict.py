"""A model file and pictures -> an answer about each."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from fieldmark.artifacts.modelfile import Model, Prediction
from fieldmark.engines.local import map_threads
from fieldmark.errors import NotAPhoto
from fieldmark.terminal import track


def predict(model: Model, images: Sequence[str]) -> Iterator[tuple[str, Prediction | NotAPhoto]]:
    """Answer about every picture that `images` name, in order; what cannot be answered comes back as its reason.

    Args:
        model: opened with `threads=1`: the pictures are what runs in parallel.
        images: files, folders (all files in and below them) and patterns such as `photos/*.jpg`.
    """

    def answer(path: str) -> tuple[str, Prediction | NotAPhoto]:
        try:
            return path, model.predict(path)
        except NotAPhoto as error:
            return path, error

    paths = list(expand(images))
    yield from track(map_threads(answer, paths), "looking at pictures", total=len(paths))


def expand(images: Iterable[str]) -> Iterator[str]:
    """Turn files, folders and patterns into paths; a name that leads nowhere stays, to be reported."""
    for image in images:
        if Path(image).is_dir():
            for parent, folders, files in os.walk(image):
                folders[:] = sorted(name for name in folders if not name.startswith("."))
                yield from (str(Path(parent) / name) for name in sorted(files) if not name.startswith("."))
        elif glob.has_magic(image) and not Path(image).exists():
            yield from sorted(glob.glob(image, recursive=True)) or [image]  # noqa: PTH207 -- Path.glob takes no absolute pattern
        else:
            yield image
