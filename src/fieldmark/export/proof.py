"""Real photos -> whether a model file answers as the network it was made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from fieldmark.artifacts.modelfile import Model
from fieldmark.errors import ExportDisagrees, NotAPhoto
from fieldmark.export.graph import Answering
from fieldmark.imaging.decode import as_pixels
from fieldmark.terminal import track

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
    differences: list[float] = []
    unknowns: list[float] = []
    for path in track(photos, "comparing torch and ONNX"):
        try:
            pixels = as_pixels(path)
        except NotAPhoto:
            continue  # gone since the training; the others still prove the graph
        with torch.inference_mode():
            ours, _, our_score = (part.numpy() for part in answering(torch.from_numpy(pixels)))
        theirs, _, their_score = model.run(pixels)
        unknowns.append(abs(float(our_score[0]) - their_score))
        differences.append(float(np.abs(ours - theirs).max()))
        if ours.argmax() != theirs.argmax() or not differences[-1] <= TOLERANCE:
            raise ExportDisagrees(
                f"The exported graph disagrees with the network about {path}: {_say(model, theirs)} against "
                f"{_say(model, ours)}. Nothing was written. Please report this, with the backbone's name."
            )
        if not unknowns[-1] <= TOLERANCE:
            raise ExportDisagrees(
                f"The exported graph disagrees with the network about how unlike the training photos {path} is: "
                f"{their_score:.4f} against {float(our_score[0]):.4f}. Nothing was written. Please report this, "
                "with the backbone's name."
            )
    if not differences:
        raise ExportDisagrees(
            "None of the run's photos can be read any more, and a model file is proven on photos before it is written. "
            "Name the folder they are in now with --photos DIR."
        )
    return Proof(len(differences), max(differences), max(unknowns))


def _say(model: Model, probabilities: np.ndarray) -> str:
    top = int(np.argmax(probabilities))
    return f"{model.classes[top]} {probabilities[top]:.4f}"
