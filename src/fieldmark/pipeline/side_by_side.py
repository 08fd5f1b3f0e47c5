"""Model files and photos -> what each says of each photo, and how long it takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from fieldmark.artifacts.modelfile import Model
from fieldmark.engines.local import map_threads
from fieldmark.imaging.decode import Pixels
from fieldmark.terminal import track

TIMED = 25
"""Times that each file answers about one photo, in turns; the median counts, as other programs disturb some."""


@dataclass(frozen=True)
class Answers:
    """What one file said of n photos.

    Attributes:
        probabilities: float64 `[n, classes]`.
        scores: float64 `[n]`, for "none of these".
    """

    probabilities: NDArray[np.float64]
    scores: NDArray[np.float64]

    @property
    def top(self) -> NDArray[np.int64]:
        """The most probable class of each, int64 `[n]`."""
        return np.asarray(self.probabilities.argmax(axis=1), dtype=np.int64)

    @classmethod
    def together(cls, parts: Sequence[Answers]) -> Answers:
        """Put the answers about several parts of the photos one after another."""
        return cls(
            np.concatenate([part.probabilities for part in parts]), np.concatenate([part.scores for part in parts])
        )


def ask(
    models: Sequence[Model], photos: Sequence[Callable[[], Pixels | None]], doing: str
) -> tuple[NDArray[np.int64], list[Answers]]:
    """Ask model files about photos, each photo decoded once. Open the files with `threads=1`.

    Args:
        models: the files.
        photos: what decodes each photo, or returns None where it cannot be read.
        doing: what a progress bar says.

    Returns:
        which of the photos could be read, int64 `[n]`; and what each file says of them.
    """

    def answers(decode: Callable[[], Pixels | None]) -> list[tuple[NDArray[np.float32], float]] | None:
        pixels = decode()
        return None if pixels is None else [_answer(model, pixels) for model in models]

    told = list(track(map_threads(answers, photos), doing, total=len(photos)))
    rows = [i for i, said in enumerate(told) if said is not None]
    return np.array(rows, dtype=np.int64), [_column(model, told, j) for j, model in enumerate(models)]


def _answer(model: Model, pixels: Pixels) -> tuple[NDArray[np.float32], float]:
    probabilities, _, score = model.run(pixels)
    return probabilities, score


def _column(model: Model, told: Sequence[list[tuple[NDArray[np.float32], float]] | None], j: int) -> Answers:
    said = [answers[j] for answers in told if answers is not None]
    probabilities = np.array([p for p, _ in said], dtype=np.float64).reshape(len(said), len(model.classes))
    return Answers(probabilities, np.array([score for _, score in said], dtype=np.float64))


def pace(models: Sequence[Model], pixels: Pixels) -> list[float]:
    """Return how many milliseconds each file takes for one photo; the files take turns."""
    seconds: list[list[float]] = [[] for _ in models]
    for _ in range(TIMED):
        for model, own in zip(models, seconds, strict=True):
            start = perf_counter()
            model.run(pixels)
            own.append(perf_counter() - start)
    return [float(np.median(own)) * 1000 for own in seconds]
