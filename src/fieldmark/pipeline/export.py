"""A run -> one model file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fieldmark.artifacts import runs
from fieldmark.artifacts.atomic import write_bytes
from fieldmark.artifacts.card import Written
from fieldmark.artifacts.modelfile import PRECISIONS, Model, ModelInfo
from fieldmark.artifacts.runs import Run
from fieldmark.config import TrainSettings
from fieldmark.costs import Costs
from fieldmark.errors import ModelFileError, RunError, WrongUsage, nearest
from fieldmark.evaluate.drop import MAX_DROP
from fieldmark.pipeline.card import write_card
from fieldmark.pipeline.extra import training
from fieldmark.pipeline.shrink import JUDGED, Shrunk, shrink
from fieldmark.terminal import say
from fieldmark.version import __version__

if TYPE_CHECKING:
    from fieldmark.export.proof import Proof


@dataclass(frozen=True)
class Exported:
    """A model file that was written, and how it was proven."""

    path: Path
    n_bytes: int
    proof: Proof
    card: Written
    sealed: int = 0  # photos that the model was kept from
    precision: str = "float32"  # of the file
    shrunk: Shrunk | None = None  # what a file that may answer otherwise was judged by; None for one that may not


FIGURES = ("accuracy", "accuracy_ci95", "error_rate", "wrong", "n_valid")
"""What a model file tells of its run's figures, beside whether its training was stopped by the photos judged."""

PROVEN_ON = 48
"""Photos that an export is compared on: a few seconds' worth, spread over the validation side."""


def export(
    run: Run,
    out: str | os.PathLike[str],
    photos: str | os.PathLike[str] | None = None,
    cost: Sequence[str] = (),
    precision: str = "float32",
    max_drop: float = MAX_DROP,
) -> Exported:
    """Write a run as one model file and its card, once it has answered real photos as the network does.

    Args:
        run: the run.
        out: the file to write.
        photos: where the run's photos lie now, if they have moved.
        cost: what each mistake costs, such as "coral->king=1000", in place of what the run was told.
        precision: one of `modelfile.PRECISIONS`. One that may change an answer is judged beside float32, see `shrink`.
        max_drop: points of accuracy that such a one may lose.

    Raises:
        WrongUsage: a cost names a class that is not there, or makes no sense; or the precision or the drop does.
        ExportDisagrees: the graph answers differently, or no photo is left to compare on; or a smaller one loses too
            much. Nothing is written.
        FieldmarkError: the photos do not do for a smaller one; see `shrink`. Nothing is written.
        OSError: the file cannot be written.
    """
    _check(precision, max_drop)
    path = Path(out).absolute()
    if path.is_dir():
        raise ModelFileError(f"{path} is a folder. Name the file to write: -o {path.name}/model.onnx")
    if not path.parent.is_dir():
        raise ModelFileError(f"There is no folder {path.parent} to write {path.name} into.")
    data, answering, settings = graph_of(run, cost)
    root = Path(photos) if photos is not None else Path(settings["folder"])
    names = run.predictions().photos
    chosen = [root / names[i] for i in np.linspace(0, len(names) - 1, min(PROVEN_ON, len(names))).astype(int)]
    if precision == "float16":
        info = replace(Model(data).info, precision=precision)
        data = training("fieldmark.export.graph").described(
            training("fieldmark.export.quantise").to_float16(data), info
        )
    model = Model(data)
    proof = training("fieldmark.export.proof").prove(model, answering, chosen)
    shrunk = shrink(run, data, answering, root, precision, max_drop) if precision in JUDGED else None
    data, info = (shrunk.data, Model(shrunk.data).info) if shrunk else (data, model.info)
    write_bytes(path, data)
    card = write_card(run, path, info, root)
    sealed = (settings["trained_on"].get("sealed") or {}).get("n", 0)
    return Exported(path, len(data), proof, card, sealed, precision, shrunk)


def _check(precision: str, max_drop: float) -> None:
    if precision not in PRECISIONS:
        raise WrongUsage(
            f"A model file is in {', '.join(PRECISIONS)}, not in {precision!r}.{nearest(precision, PRECISIONS)}"
        )
    if not 0 <= max_drop <= 100:
        raise WrongUsage(f"--max-drop is in points of accuracy, 0 to 100, not {max_drop:g}.")


def _unknown_of(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """What a model file says of its threshold. It goes to others, so it names no folder of strangers of a person's."""
    found = metrics.get("unknown") or {}
    return {key: found[key] for key in ("accepted_aim", "fitted_on", "why_not", "refused") if key in found}


def graph_of(run: Run, cost: Sequence[str] = ()) -> tuple[bytes, Any, dict[str, Any]]:
    """Rebuild a run's network and export it. Returns the bytes, the torch module they came from, and the settings."""
    graph, learn = training("fieldmark.export.graph"), training("fieldmark.training.learn")
    facts, metrics = run.settings(), run.metrics()
    try:
        settings = TrainSettings.of(facts["settings"])
        info = ModelInfo(
            classes=tuple(facts["classes"]),
            backbone=settings.backbone,
            trained_on=facts["trained_on"],
            metrics={
                **{key: metrics[key] for key in FIGURES},
                # Runs of before this was written down were trained so.
                "chosen_on_judged": metrics.get("chosen_on_judged", True),
                "unknown": _unknown_of(metrics),
            },
            version=__version__,
            threshold=facts.get("unknown", {}).get("threshold"),
            preprocessing={"size": settings.size, "fit": settings.fit},
            costs=_costs(facts, cost),
        )
        temperature = float(facts["temperature"])
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"{run.path / runs.SETTINGS} lacks {error}. Train again.") from error
    classifier = learn.restore(settings, len(info.classes), run.weights())
    answering = graph.Answering(classifier, learn.fit_of(settings), temperature, learn.directions_in(run.weights()))
    say("Exporting the network to ONNX ...")
    return graph.to_onnx(answering, info), answering, facts


def _costs(facts: Mapping[str, Any], cost: Sequence[str]) -> Costs | None:
    """What was asked for goes before what the run was trained with; runs of before there were costs have none."""
    if cost:
        return Costs.read(facts["classes"], cost)
    return Costs.from_dict(facts["costs"], facts["classes"]) if facts.get("costs") else None
