"""How far a training is: which epochs are done, what the best of them left, and how to go on from there."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, from_numpy

from fieldmark.artifacts.runs import Epoch, Finder
from fieldmark.artifacts.unfinished import Array, Checkpoint
from fieldmark.classifier import Classifier
from fieldmark.training.loop import Course

WORTH_KEEPING = 5.0
"""Seconds of work that are done again rather than kept: a checkpoint is 40 MB, and epochs of stage 1 take a moment."""


@dataclass
class Story:
    """How a training went, written as it goes."""

    epochs: list[Epoch] = field(default_factory=list)
    finders: list[Finder] = field(default_factory=list)
    used: dict[int, tuple[float, ...]] = field(default_factory=dict)  # stage -> learning rates, as used
    kept: Epoch | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    weighted: bool = False  # whether the loss makes up for unequal classes
    warnings: list[str] = field(default_factory=list)
    stopped: str | None = None  # which of the warnings says that it ended early

    def finder(self, stage: int) -> Finder | None:
        """The finder's curve for a stage, where it has been run."""
        return next((finder for finder in self.finders if finder.stage == stage), None)

    def done(self, stage: int) -> int:
        """Number of epochs of a stage that are done."""
        return sum(epoch.stage == stage for epoch in self.epochs)


@dataclass
class Progress:
    """A training between two epochs.

    Attributes:
        story: how it went so far.
        best: the weights to keep, by name; of the last epoch where none is chosen.
        course: what the stage under way takes to go on, as `Course.state` gives it; None at its beginning.
    """

    story: Story
    best: dict[str, Tensor] = field(default_factory=dict)
    course: tuple[dict[str, Tensor], dict[str, Any]] | None = None

    def keep(self, checkpoint: Checkpoint | None, classifier: Classifier, course: Course, ended: bool) -> None:
        """Write a checkpoint after an epoch, where it is a stage's last or there is something to lose."""
        if checkpoint is None or not (ended or checkpoint.age > WORTH_KEEPING):
            return
        steps, plain = course.state()
        arrays = _named("now", classifier.state_dict()) | _named("best", self.best) | _named("course", steps)
        checkpoint.write(arrays, {"story": dataclasses.asdict(self.story), "course": plain})

    def take_up(self, checkpoint: Checkpoint | None, classifier: Classifier) -> bool:
        """Go on from a checkpoint; return whether there was one. One that does not fit is passed over."""
        kept = checkpoint.read() if checkpoint else None
        if kept is None:
            return False
        arrays, notes = kept
        try:
            told = _read_story(notes["story"])
            classifier.load_state_dict(_part("now", arrays))
            self.course = _part("course", arrays), notes["course"]
        except (KeyError, TypeError, ValueError, RuntimeError):
            return False
        self.best = _part("best", arrays)
        for key in ("epochs", "finders", "used", "kept", "stopped"):
            setattr(self.story, key, getattr(told, key))
        self.story.seconds |= told.seconds
        return True


def _named(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Array]:
    return {f"{prefix}.{name}": value.cpu().numpy() for name, value in tensors.items()}


def _part(prefix: str, arrays: dict[str, Array]) -> dict[str, Tensor]:
    start = f"{prefix}."
    return {name.removeprefix(start): from_numpy(own) for name, own in arrays.items() if name.startswith(start)}


def _read_story(notes: dict[str, Any]) -> Story:
    return Story(
        epochs=[Epoch(**epoch) for epoch in notes["epochs"]],
        finders=[Finder(f["stage"], tuple(f["rates"]), tuple(f["losses"]), f["suggestion"]) for f in notes["finders"]],
        used={int(stage): tuple(rates) for stage, rates in notes["used"].items()},
        kept=Epoch(**notes["kept"]) if notes["kept"] else None,
        seconds=notes["seconds"],
        stopped=notes["stopped"],
    )
