"""Folders of strangers that a person gives -> how many of them the model takes for one of its classes."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fieldmark.artifacts.photos import PhotoFile
from fieldmark.config import TrainSettings
from fieldmark.evaluate.probes import Probe, judge_probe, read_probe
from fieldmark.imaging.decode import Pixels
from fieldmark.pipeline.extra import training
from fieldmark.pipeline.telling import tell_unusable
from fieldmark.terminal import warn

if TYPE_CHECKING:
    from fieldmark.evaluate.unknown import Unknown
    from fieldmark.training.learn import Learned

Given = str | os.PathLike[str] | None


def read_probes(far: Given, near: Given, classes: Sequence[str], known: Collection[str]) -> dict[str, Probe]:
    """Read the folders that were given, before any work is done; say what cannot be used and what speaks against them.

    Args:
        far: strangers of any kind.
        near: strangers that are like the classes.
        classes: what the model knows.
        known: ids of photos that it learned from or is judged by.

    Raises:
        FolderError: a folder is not there or holds no photo that can be counted.
    """
    given = {"far": far, "near": near}
    probes = {name: read_probe(folder, classes, known) for name, folder in given.items() if folder is not None}
    for probe in probes.values():
        tell_unusable(probe.unusable)
        if probe.warning:
            warn(probe.warning)
    return probes


def ids_of(photos: Sequence[PhotoFile]) -> set[str]:
    """Return the ids of photos: of their bytes as they lie here and, in a workspace, as they came."""
    return {photo.id for photo in photos} | {photo.sha256[:16] for photo in photos}


def judge_probes(
    probes: Mapping[str, Probe], score: Callable[[Pixels], float], threshold: float | None
) -> dict[str, Any]:
    """Return what each folder gave, by "far" and "near"; see `judge_probe`."""
    return {name: judge_probe(probe, score, threshold) for name, probe in probes.items()}


def judge_learned(
    probes: Mapping[str, Probe], learned: Learned, unknown: Unknown, settings: TrainSettings
) -> dict[str, Any]:
    """Judge a model that is no file yet, by the very module that `export` makes a file of."""
    if not probes:
        return {}
    graph, learn, torch = training("fieldmark.export.graph"), training("fieldmark.training.learn"), training("torch")
    directions = None if unknown.directions is None else torch.from_numpy(unknown.directions)
    answering = graph.Answering(learned.classifier, learn.fit_of(settings), directions=directions).eval()

    def score(pixels: Pixels) -> float:
        with torch.inference_mode():
            return float(answering(torch.from_numpy(pixels))[2])

    return judge_probes(probes, score, unknown.threshold)
