"""A run's float model file -> a smaller one that answers as well about photos it had not seen, or a refusal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fieldmark.artifacts.modelfile import Model, ModelInfo
from fieldmark.artifacts.predictions import Predictions
from fieldmark.artifacts.runs import Run
from fieldmark.errors import ExportDisagrees, FolderError
from fieldmark.evaluate.drop import MOST_DIFFER, Drop, measure_drop, sentences
from fieldmark.evaluate.metrics import summarize
from fieldmark.evaluate.unknown import decide
from fieldmark.evaluate.wording import percent
from fieldmark.imaging.decode import Pixels
from fieldmark.pipeline.album import Album
from fieldmark.pipeline.extra import training
from fieldmark.pipeline.fold_networks import check_kept, network_of
from fieldmark.pipeline.side_by_side import Answers, ask, pace
from fieldmark.terminal import say

if TYPE_CHECKING:
    from fieldmark.export.graph import Answering
    from fieldmark.export.quantise import Small

JUDGED = ("int8", "int8-weights")
"""Precisions that may change an answer, and so are judged on photos beside float32."""

FIGURES = ("accuracy", "accuracy_ci95", "error_rate", "wrong")
"""What a file of such a precision says of its own answers in place of the run's."""


@dataclass(frozen=True)
class Shrunk:
    """A smaller model file and what came of judging it.

    Attributes:
        data: the bytes.
        precision: one of `JUDGED`.
        found: what the file says of it, under `against_float32`.
        milliseconds: for one photo on one thread of this machine, in float32 and in the smaller file.
    """

    data: bytes
    precision: str
    found: dict[str, Any]
    milliseconds: tuple[float, float]

    def to_dict(self) -> dict[str, Any]:
        """Return what `export --json` prints of it."""
        exact, rough = self.milliseconds
        return {"against_float32": self.found, "milliseconds": rough, "milliseconds_float32": exact}

    def sentences(self) -> list[str]:
        """Say what became smaller and faster, and what was lost."""
        exact, rough = self.milliseconds
        pace = f"{exact / rough:.1f} times as fast" if rough < exact else f"{rough / exact:.1f} times as slow"
        return [
            *sentences(self.precision, self.found),
            f"One photo takes {rough:.1f} ms on one thread of this processor, {exact:.1f} ms in float32: {pace}.",
        ]


@dataclass(frozen=True)
class _Shrinker:
    """What all networks of a run are made smaller by: how, and on which photos."""

    precision: str
    album: Album
    answering: Answering

    def small(self, data: bytes, fold: str | None) -> Small:
        """Make the float model file of a fold's network smaller, or without a fold that of the model itself."""
        quantise = training("fieldmark.export.quantise")
        make = {"int8": quantise.to_int8, "int8-weights": quantise.to_int8_weights}[self.precision]
        made: Small = make(data, self._calibrating(quantise.CALIBRATED_ON + quantise.PROBED_ON, quantise.FEWEST, fold))
        return made

    def _calibrating(self, most: int, fewest: int, fold: str | None) -> list[Pixels]:
        """Return photos that a network learned from, as it sees them."""
        decoded = (self.album.pixels(photo) for photo in self.album.learned_from(fold))
        fit_pixels = training("fieldmark.classifier").fit_pixels
        fitted = (fit_pixels(pixels, self.answering.fit).transpose(1, 2, 0) for pixels in decoded if pixels is not None)
        found = [np.ascontiguousarray(pixels) for pixels in islice(fitted, most)]
        if len(found) < fewest:
            raise FolderError(
                f"{self.precision} is calibrated on photos that the run learned from, {fewest} at least, and of those "
                f"{len(found) or 'none'} can be read in {self.album.root}. Name the folder they are in now with "
                "--photos DIR, or export in float32 or --fp16, which need none. Nothing was written."
            )
        return found


def shrink(run: Run, data: bytes, answering: Answering, root: Path, precision: str, max_drop: float) -> Shrunk:
    """Make a run's model file smaller, and judge that beside the float one.

    With folds each fold's network is made smaller in the same way, by photos that it learned from, and judged on its
    own fold; without, the model itself is judged on the photos that were kept aside.

    Args:
        run: the run.
        data: its float model file.
        answering: the network that it was made from.
        root: the folder that the photos' paths start from.
        precision: one of `JUDGED`.
        max_drop: points of accuracy that may be lost.

    Raises:
        ExportDisagrees: too many right answers are lost, or too many answers are other ones.
        FolderError: there are not enough photos to calibrate on, or none to judge on.
        RunError: the run has folds and has not kept their networks.
    """
    album, exact = Album.of(run, root), Model(data, threads=1)
    check_kept(run, album.folds)
    shrinker = _Shrinker(precision, album, answering)
    say(f"Calibrating {precision} on photos that the model learned from ...")
    small = shrinker.small(data, None)
    own = exact, Model(small.data, threads=1)
    told, answers, own_answers = _judge(run, data, shrinker, own)
    drop = measure_drop(answers[1].top, answers[0].top, told, max_drop)
    differ = int((own_answers[1].top != own_answers[0].top).sum())
    _refuse(precision, drop, differ)
    float32, rough = (replace(told, probabilities=said.probabilities) for said in answers)
    info, unknown = _described(exact.info, precision, rough, answers[1].scores, answering)
    found = {
        **drop.to_dict(),
        "judged": "out-of-fold" if told.folds else "validation",
        "differ_in_the_model_itself": differ,
        "log_loss": float(rough.losses.mean()),
        "log_loss_float32": float(float32.losses.mean()),
        "unknown": unknown,
        **_making(small),
        "bytes_float32": len(data),
    }
    described = training("fieldmark.export.graph").described(small.data, replace(info, against_float32=found))
    return Shrunk(described, precision, found, _pace(own, album))


def _making(small: Small) -> dict[str, Any]:
    """Return what a model file says of how it was made smaller."""
    return {
        "calibrated_on": small.n_photos,
        "layers": small.layers,
        "layers_in_float32": len(small.in_float),
        "decibels": small.decibels,
    }


def _judge(
    run: Run, data: bytes, shrinker: _Shrinker, own: tuple[Model, Model]
) -> tuple[Predictions, list[Answers], list[Answers]]:
    """Ask float and smaller files about photos that they had not seen, and the model's own two about the same photos.

    Returns:
        the photos that could be read, as the run has them; what the float and the smaller files say of them; and what
        the model's own say, which with folds has seen them.
    """
    album = shrinker.album
    rows, said = [], []
    for fold in album.folds or (None,):
        pair = own
        if fold is not None:
            say(f"Fold {fold} in {shrinker.precision}, beside float32.")
            pair = _of_fold(run, data, shrinker, own[0].info, fold)
        wanted = album.rows_of(fold)
        decoders = [partial(album.pixels, album.judged[i]) for i in wanted]
        readable, answers = ask((*pair, *own), decoders, "judging both")
        rows.append(wanted[readable])
        said.append(answers)
    if not sum(map(len, rows)):
        raise FolderError(f"None of the photos that the run was judged by can be read in {album.root}.")
    exact, rough, own_exact, own_rough = (Answers.together([answers[i] for answers in said]) for i in range(4))
    return album.told.only(np.concatenate(rows)), [exact, rough], [own_exact, own_rough]


def _of_fold(run: Run, data: bytes, shrinker: _Shrinker, info: ModelInfo, fold: str) -> tuple[Model, Model]:
    """Return a fold's network as a float and as a smaller model file."""
    of_network = training("fieldmark.export.graph").of_network
    exact: bytes = of_network(data, shrinker.answering, network_of(run, fold), info)
    return Model(exact, threads=1), Model(shrinker.small(exact, fold).data, threads=1)


def _refuse(precision: str, drop: Drop, differ: int) -> None:
    """Raise ExportDisagrees where a smaller file is not good enough.

    Args:
        precision: of the file.
        drop: what it lost on photos that it had not seen.
        differ: for how many of them the model's own two files name different classes.
    """
    why = drop.refused
    if why is None and differ > MOST_DIFFER * drop.pair.n:
        why = (
            f"The model itself names another class for {differ} of {drop.pair.n} photos in {precision} than in "
            f"float32, and {percent(MOST_DIFFER)} may differ."
        )
    if why is not None:
        raise ExportDisagrees(
            f"{precision} would not answer as well as float32. {why} Nothing was written. Export in float32 or --fp16"
            + (", or --int8-weights, which loses less." if precision == "int8" else ".")
            + " How much may be lost is set by --max-drop POINTS."
        )


def _described(
    info: ModelInfo, precision: str, judged: Predictions, scores: NDArray[np.float64], answering: Answering
) -> tuple[ModelInfo, dict[str, Any] | None]:
    """Describe a smaller file by its own figures, with a threshold set on its own scores.

    Returns:
        the description; and what became of the threshold, None where there is none.
    """
    figures = summarize(judged)
    metrics = {**info.metrics, **{key: figures[key] for key in FIGURES}, "n_valid": judged.n_photos}
    described = replace(info, precision=precision, metrics=metrics)
    if info.threshold is None or answering.directions is None:
        return described, None
    found = decide(answering.directions.numpy(), scores, judged)
    if found.threshold is None:
        return described, None
    refused = found.to_dict(found.mark(judged))["refused"]
    before: dict[str, Any] = info.metrics.get("unknown") or {}
    metrics["unknown"] = {**before, "refused": refused}
    unknown = {
        "threshold": found.threshold,
        "threshold_float32": info.threshold,
        "refused": refused,
        "refused_float32": before.get("refused"),
    }
    return replace(described, threshold=found.threshold, metrics=metrics), unknown


def _pace(models: Sequence[Model], album: Album) -> tuple[float, float]:
    """Time two files on the first photo that can be read."""
    pixels = next(found for found in map(album.pixels, album.judged) if found is not None)
    exact, rough = pace(models, pixels)
    return exact, rough
