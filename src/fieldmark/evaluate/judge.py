"""Labelled photos on disk -> what a model file says about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fieldmark.artifacts.modelfile import Model
from fieldmark.artifacts.photos import PhotoFile
from fieldmark.artifacts.predictions import Predictions
from fieldmark.engines.local import map_threads
from fieldmark.errors import NotAPhoto
from fieldmark.terminal import track


@dataclass(frozen=True)
class _Answer:
    probabilities: NDArray[np.float32]
    unknown: bool


def judge(model: Model, root: Path, photos: Sequence[PhotoFile]) -> tuple[Predictions, list[tuple[str, str]]]:
    """Ask a model about every photo, on all processors.

    Open the model with `threads=1`: the photos are what runs in parallel here, and ONNX Runtime's own threads would
    compete with them.

    Args:
        model: which knows the classes of all photos.
        root: the folder that the photos' paths start from.
        photos: what to judge.

    Returns:
        the predictions, in the order of `photos`, for those that could be read; and (name, reason) for the others.
    """

    def answer(photo: PhotoFile) -> _Answer | str:
        try:
            probabilities, _, unknown_score = model.run(photo.pixels(root))
        except NotAPhoto as reason:
            return str(reason)
        threshold = model.info.threshold
        return _Answer(probabilities, threshold is not None and unknown_score > threshold)

    answers = track(map_threads(answer, photos), "Judging photos", total=len(photos))
    pairs = list(zip(photos, answers, strict=True))
    judged = [(photo, answer) for photo, answer in pairs if isinstance(answer, _Answer)]
    unreadable = [(photo.path, answer) for photo, answer in pairs if isinstance(answer, str)]
    return _table(model.classes, judged), unreadable


def _table(classes: tuple[str, ...], judged: Sequence[tuple[PhotoFile, _Answer]]) -> Predictions:
    index = {name: i for i, name in enumerate(classes)}
    probabilities = np.array([answer.probabilities for _, answer in judged], dtype=np.float64)
    return Predictions(
        classes=classes,
        photos=tuple(photo.path for photo, _ in judged),
        ids=tuple(photo.id for photo, _ in judged),
        actual=np.array([index[photo.label] for photo, _ in judged], dtype=np.int64),
        probabilities=probabilities.reshape(len(judged), len(classes)),
        unknown=np.array([answer.unknown for _, answer in judged], dtype=np.bool_),
    )
