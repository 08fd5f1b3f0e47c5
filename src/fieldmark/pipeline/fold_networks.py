"""The networks of the folds -> files beside a run's weights, so that a smaller model can be judged out of fold later.

Each file holds only what is not the same in the run's own network: what stays as it was pretrained is in that. Of
EfficientNet-Lite0 they take 8.6 MB each. With repeats those of the first way to cut the photos are kept, which judge
every photo once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fieldmark.artifacts import runs
from fieldmark.artifacts.atomic import write_bytes
from fieldmark.artifacts.runs import Run
from fieldmark.errors import RunError

FIRST = "1."
"""What the names of folds begin with whose networks are kept: those of the first way to cut, which judge each photo."""

if TYPE_CHECKING:
    from torch import Tensor

    from fieldmark.classifier import Classifier


def keep(folder: Path, fold: str, classifier: Classifier, directions: NDArray[np.float32] | None) -> None:
    """Write down the network of a fold, whole, into a run's folder.

    Args:
        folder: of the run, unfinished.
        fold: its name; what is not of the first way to cut the photos is not kept.
        classifier: the network.
        directions: float32 `[k, d]`, what its score for "none of these" goes by, where it has one.
    """
    from safetensors.torch import save
    from torch import from_numpy

    if not fold.startswith(FIRST):
        return
    tensors = {name: value.contiguous() for name, value in classifier.state_dict().items()}
    if directions is not None:
        tensors[runs.DIRECTIONS] = from_numpy(directions)
    path = Run(folder).fold(fold)
    path.parent.mkdir(exist_ok=True)
    write_bytes(path, save(tensors))


def thin(folder: Path, classifier: Classifier) -> None:
    """Take out of the networks of the folds what is the same in the run's own, bit by bit."""
    from safetensors.torch import load_file, save
    from torch import equal

    own = classifier.state_dict()
    for path in Run(folder).folds():
        tensors = load_file(path)
        changed = {name: value for name, value in tensors.items() if name not in own or not equal(value, own[name])}
        write_bytes(path, save(changed))


def check_kept(run: Run, folds: Iterable[str]) -> None:
    """Raise RunError where the network of one of the folds was not kept."""
    if not all(run.fold(fold).is_file() for fold in folds):
        raise RunError(
            f"{run.path} has not kept the networks of its folds, as runs of an older Fieldmark have not, so nothing "
            "smaller can be judged out of fold. Train again, or export in float32 or --fp16."
        )


def network_of(run: Run, fold: str) -> Mapping[str, Tensor]:
    """Return the tensors of a fold's network by name, and its directions as `runs.DIRECTIONS` where it has some.

    Raises:
        RunError: it cannot be read.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        own = {name: value for name, value in load_file(run.weights()).items() if name != runs.DIRECTIONS}
        return own | load_file(run.fold(fold))
    except (SafetensorError, OSError) as error:
        raise RunError(f"{run.fold(fold)} cannot be read. Train again, or export in float32 or --fp16.") from error
