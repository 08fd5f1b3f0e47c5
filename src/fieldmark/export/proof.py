"""Real photos -> whether a model file answers as the network it was made from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from fieldmark.artifacts.modelfile import Model
from fieldmark.errors import ExportDisagrees, NotAPhoto
from fieldmark.export.graph import Answering
from fieldmark.imaging.decode import Pixels, as_pixels
from fieldmark.terminal import track

_Said = tuple[NDArray[np.float32], float]
"""Probabilities float32 `[classes]`, unknown score."""

TOLERANCE = 0.005
"""Largest difference between two probabilities, or two unknown scores, that mean the same."""


@dataclass(frozen=True)
class Proof:
    """What a comparison found.

    Attributes:
        photos: how many photos both were asked about.
        largest_difference: between any two probabilities.
        largest_unknown_difference: between any two unknown scores.
    """

    photos: int
    largest_difference: float
    largest_unknown_difference: float


def prove(model: Model, answering: Answering, photos: Sequence[Path]) -> Proof:
    """Ask the network and the model file about the same photos.

    Raises:
        ExportDisagrees: a top class differs, a probability or the unknown score differs by more than `TOLERANCE`, or no
            photo could be read.
    """
    answering.eval()

    def network(pixels: Pixels) -> _Said:
        with torch.inference_mode():
            probabilities, _, score = answering(torch.from_numpy(pixels))
        return probabilities.numpy(), float(score[0])

    def file(pixels: Pixels) -> _Said:
        probabilities, _, score = model.run(pixels)
        return probabilities, score

    # Not in turns: the threads of either stay awake for a while and keep the other's from the processors.
    expected = _asked(network, photos, "asking the network")
    said = _asked(file, list(expected), "asking the model file")
    differences: list[float] = []
    unknowns: list[float] = []
    for path, (theirs, their_score) in said.items():
        ours, our_score = expected[path]
        unknowns.append(abs(our_score - their_score))
        differences.append(float(np.abs(ours - theirs).max()))
        if ours.argmax() != theirs.argmax() or not differences[-1] <= TOLERANCE:
            raise ExportDisagrees(
                f"The exported graph disagrees with the network about {path}: {_say(model, theirs)} against "
                f"{_say(model, ours)}. Nothing was written. Please report this, with the backbone's name."
            )
        if not unknowns[-1] <= TOLERANCE:
            raise ExportDisagrees(
                f"The exported graph disagrees with the network about how unlike the training photos {path} is: "
                f"{their_score:.4f} against {our_score:.4f}. Nothing was written. Please report this, "
                "with the backbone's name."
            )
    if not differences:
        raise ExportDisagrees(
            "None of the run's photos can be read any more, and a model file is proven on photos before it is written. "
            "Name the folder they are in now with --photos DIR."
        )
    return Proof(len(differences), max(differences), max(unknowns))


def _asked(ask: Callable[[Pixels], _Said], photos: Sequence[Path], doing: str) -> dict[Path, _Said]:
    """Leave out photos that are gone since the training; the others still prove the graph."""
    said: dict[Path, _Said] = {}
    for path in track(photos, doing):
        with suppress(NotAPhoto):
            said[path] = ask(as_pixels(path))
    return said


def _say(model: Model, probabilities: np.ndarray) -> str:
    top = int(np.argmax(probabilities))
    return f"{model.classes[top]} {probabilities[top]:.4f}"
