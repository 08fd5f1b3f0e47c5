"""A model file -> what a host takes: a zip for functions, or a folder that a container is built from."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fieldmark.artifacts import card
from fieldmark.artifacts.atomic import write_bytes
from fieldmark.artifacts.modelfile import Model
from fieldmark.deploy import container, functions
from fieldmark.deploy.compiled import compile_loaded
from fieldmark.deploy.first_answer import FirstAnswer, ask_fresh
from fieldmark.deploy.gate import LIMITS, MB, Limit, Weight, check, weigh_folder, weigh_zip
from fieldmark.deploy.host import Host
from fieldmark.deploy.pack import pack
from fieldmark.errors import TargetError, WrongUsage
from fieldmark.imaging.thumbnail import thumbnail
from fieldmark.terminal import say

TARGETS = ("zip", "docker")

SMALLER = (
    "A smaller backbone or a smaller file of the same model helps; so does a container (--target docker). Where the "
    "host takes more, say how much with --max-mb."
)
AGREES = 1e-4
"""Two runs of one graph on one machine may differ by rounding alone."""


@dataclass(frozen=True)
class Shipped:
    """What was written for a host, and what was measured of it.

    Attributes:
        path: the zip or the folder.
        target: one of `TARGETS`.
        host: where it runs.
        weight: how heavy it is; of a folder with the packages that its image will hold.
        first_answer: seconds from starting a process to its first answer; None where it does not run here.
    """

    path: Path
    target: str
    host: Host
    weight: Weight
    first_answer: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as the command prints it with --json."""
        return {
            "path": str(self.path),
            "target": self.target,
            "python": self.host.python,
            "arch": self.host.arch if self.target == "zip" else None,
            "packed_bytes": self.weight.packed,
            "unpacked_bytes": self.weight.unpacked,
            "parts": dict(self.weight.parts),
            "first_answer_seconds": self.first_answer,
        }


def ship(
    model_file: str | os.PathLike[str],
    target: str,
    out: str | os.PathLike[str],
    host: Host,
    max_mb: int | None = None,
) -> Shipped:
    """Write what a host takes, once it has been weighed and, where it runs here, has answered.

    Args:
        model_file: as `fieldmark export` writes it.
        target: one of `TARGETS`.
        out: the zip, or the folder; a zip that is there is replaced, a folder is not.
        host: where it shall run; for a container its Python alone counts.
        max_mb: most megabytes of a zip, where the host takes another number than the usual 50.

    Raises:
        WrongUsage: a limit that makes no sense.
        ModelFileError: the file is missing, not ONNX, or not one of ours.
        TargetError: it would be too large, its packages cannot be had, or it does not answer as the model does.
        OSError: it cannot be written.
    """
    if max_mb is not None and max_mb < 1:
        raise WrongUsage(f"--max-mb {max_mb} makes no sense: give the megabytes that your host takes, such as 50.")
    model = Model(model_file, threads=1)
    path = Path(out).absolute()
    if not path.parent.is_dir():
        raise TargetError(f"There is no folder {path.parent} to write {path.name} into.")
    if target == "docker":
        return _ship_folder(Path(model_file), path, host)
    if path.is_dir():
        raise TargetError(f"{path} is a folder. Name the file to write: -o {path.name}/model.zip")
    limit = LIMITS["zip"] if max_mb is None else dataclasses.replace(LIMITS["zip"], packed=max_mb * MB)
    return _ship_zip(model, Path(model_file), path, host, limit)


def _ship_zip(model: Model, model_file: Path, path: Path, host: Host, limit: Limit) -> Shipped:
    with tempfile.TemporaryDirectory(prefix="fieldmark-") as scratch:
        folder = Path(scratch, "zip")
        folder.mkdir()
        say(f"Fetching what answers on {host} ...")
        functions.fill(folder, model_file.read_bytes(), host)
        _copy_card(model_file, folder)
        picture = _picture()
        if host.has_this_python:
            compile_loaded(folder, folder / functions.MODEL, picture)
        packed = pack(folder)
        weight = weigh_zip(packed)
        check(weight, limit, SMALLER)
        first = _prove(model, folder, picture) if host.is_like_this else None
    write_bytes(path, packed)
    return Shipped(path, "zip", host, weight, first.seconds if first else None)


def _picture() -> bytes:
    """Return a JPEG of shades, for what answers to be tried with."""
    return thumbnail(np.linspace(0, 255, 320 * 240 * 3).astype(np.uint8).reshape(240, 320, 3), 320)


def _prove(model: Model, folder: Path, picture: bytes) -> FirstAnswer:
    """Ask the handler about one picture, and the model file too. Raises TargetError when they disagree."""
    first = ask_fresh(folder, picture)
    ours, theirs = dict(model.predict(picture).predictions), dict(first.reply["predictions"])
    if ours.keys() != theirs.keys() or any(not abs(ours[name] - theirs[name]) <= AGREES for name in ours):
        raise TargetError(
            "The handler answers differently from the model file. Nothing was written. Please report this."
        )
    return first


def _ship_folder(model_file: Path, path: Path, host: Host) -> Shipped:
    container.refuse_taken(path)
    with container.scratch_beside(path) as scratch:
        folder = Path(scratch, "folder")
        folder.mkdir()
        container.fill(folder, model_file.read_bytes(), host.python)
        _copy_card(model_file, folder)
        weight = _with(weigh_folder(folder), container.packages_here())
        check(weight, LIMITS["docker"], "A smaller backbone or a smaller file of the same model helps.")
        container.place(folder, path)
    return Shipped(path, "docker", host, weight)


def _copy_card(model_file: Path, folder: Path) -> None:
    """What a model is and is not for goes where it goes, if it lies beside it."""
    if (beside := card.path_of(model_file)).is_file():
        write_bytes(card.path_of(folder / "model.onnx"), beside.read_bytes())


def _with(weight: Weight, packages: Mapping[str, int]) -> Weight:
    parts = {**weight.parts, **packages}
    heaviest_first = dict(sorted(parts.items(), key=lambda part: -part[1]))
    return Weight(sum(parts.values()), None, heaviest_first)
