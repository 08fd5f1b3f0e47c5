"""What both stages share: the data of a training, the order of its photos, its steps, and its validation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn

from fieldmark.classifier import Classifier
from fieldmark.config import TrainSettings
from fieldmark.device import Device
from fieldmark.training.augment import augment
from fieldmark.training.pixels import PixelStore
from fieldmark.training.sight import EarlySight

WEIGHT_DECAY = 0.01
FEWEST_STEPS = 5
"""A cycle of four steps or fewer has no room to climb in (torch divides by zero); such a training ends half way."""

LATE_AT_ONCE = 4
"""Times as many photos pass through a late half together as through a whole network, where it learns."""

SMOOTHING = 0.1
"""Few photos are soon known by heart, and a network that is certain of all of them is certain of its mistakes too."""


@dataclass(frozen=True)
class Lesson:
    """What there is to learn from, and how.

    Attributes:
        train: photos to learn from, kept a little larger than the network sees them.
        valid: photos to judge by, fitted as the exported model will fit them.
        class_weights: float32 `[classes]`, weight of each class in the loss; all one when classes are about equal.
        settings: what was asked for.
        device: where to work.
        read: what turns photos into features `[n, features]`: the late half of the classifier's backbone, which reads
            what the early half saw; or the whole of one that cannot be cut, which takes levels 0 to 255.
        sight: what the early half sees; None for a backbone that cannot be cut.
        judge_each: whether every epoch is judged, so that the best can be chosen; else the last of each stage is.
    """

    train: PixelStore
    valid: PixelStore
    class_weights: Tensor
    settings: TrainSettings
    device: Device
    read: Callable[[Tensor], Tensor]
    sight: EarlySight | None = None
    judge_each: bool = True

    def is_judged(self, epoch: int, epochs: int) -> bool:
        """Whether an epoch, counted from 1, of so many in its stage is judged."""
        return len(self.valid) > 0 and (self.judge_each or epoch == epochs)

    def loss(self, logits: Tensor, labels: Tensor, out_of: Tensor | None = None, smoothing: float = 0.0) -> Tensor:
        """Return the loss of both stages: mean cross entropy in nats, weighted by class.

        Args:
            logits: float32 `[n, classes]`.
            labels: int64 `[n]`.
            out_of: labels of the whole batch, where these are only part of it; the parts' losses sum to the whole's.
            smoothing: part of each label that is shared out among all classes; 0 to judge, `SMOOTHING` to learn.
        """
        weights = self.class_weights.to(logits.device)
        summed = nn.functional.cross_entropy(logits, labels, weight=weights, reduction="sum", label_smoothing=smoothing)
        return summed / weights[labels if out_of is None else out_of].sum()

    def generator(self, stage: int, epoch: int) -> Generator:
        """Return the source of randomness of one epoch, which depends on nothing that happened before it.

        What PyTorch draws from a source of its own, as dropout does, begins anew too.
        """
        seed = (self.settings.seed * 1_000_003 + stage * 1_009 + epoch) % 2**63
        torch.manual_seed(seed)
        return Generator().manual_seed(seed)

    def batches(self, generator: Generator, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the training photos once, in random order, augmented as in one epoch, counted from 1.

        Args:
            generator: where all chance comes from, but for how photos are augmented whose early sight is kept.
            epoch: which.

        Yields:
            what `read` takes, and int64 labels `[n]`, both on the device.
        """
        order = torch.randperm(len(self.train), generator=generator)
        # Parts of equal size, one photo more or less: a last part of one photo would get a whole step to itself.
        for rows in order.tensor_split(self.steps()):
            labels = self.train.labels[rows].to(self.device.place)
            if self.sight is not None:
                yield self.sight.view(epoch, self.train.rows[rows.numpy()]), labels
                continue
            images = self.device.move(self.train.batch(rows.numpy()))
            yield self.device.move(augment(images, self.settings.size, generator)), labels

    def judged(self, photos: PixelStore) -> Iterator[Tensor]:
        """Yield what `read` takes of photos to judge by, in order."""
        if self.sight is None:
            yield from map(self.device.move, photos.in_order(self.device.at_once))
            return
        for rows in np.array_split(photos.rows, -(-len(photos) // self.at_once) or 1):
            yield self.sight.judged(rows)

    @property
    def at_once(self) -> int:
        """Photos to pass through `read` together: what a late half makes of one is small."""
        return self.device.learned_at_once * (1 if self.sight is None else LATE_AT_ONCE)

    def steps(self) -> int:
        """Return the number of steps in an epoch."""
        return max(1, round(len(self.train) / self.settings.batch))


class Course:
    """The steps of one stage: AdamW, at rates that climb to each group's highest and come down again.

    The 1cycle policy of L. N. Smith, "A disciplined approach to neural network hyper-parameters" (2018).
    """

    def __init__(
        self, groups: list[list[nn.Parameter]], rates: list[float], steps: int, decay: float = WEIGHT_DECAY
    ) -> None:
        """Prepare so many steps for groups of parameters, each with its highest rate."""
        self.optimiser = adamw(groups, decay)
        total = max(steps, FEWEST_STEPS)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser, max_lr=rates, total_steps=total, pct_start=0.25
        )

    def step(self) -> None:
        """Move the parameters by their gradients, and forget these."""
        self.optimiser.step()
        self.schedule.step()
        self.optimiser.zero_grad()

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return what it takes to go on from here: tensors by name, and plain numbers that JSON can hold."""
        state = self.optimiser.state_dict()
        tensors = {f"{i}.{name}": value for i, own in state["state"].items() for name, value in own.items()}
        plain = {key: value for key, value in self.schedule.state_dict().items() if isinstance(value, int | float)}
        return tensors, {"groups": state["param_groups"], "schedule": plain}

    def resume(self, tensors: dict[str, Tensor], plain: dict[str, Any]) -> None:
        """Go on from where `state` was asked."""
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in tensors.items():
            number, _, name = key.partition(".")
            state.setdefault(int(number), {})[name] = value
        self.optimiser.load_state_dict({"state": state, "param_groups": plain["groups"]})
        self.schedule.load_state_dict(plain["schedule"])


def adamw(groups: list[list[nn.Parameter]], decay: float) -> torch.optim.AdamW:
    """Return AdamW for groups of parameters; it updates each of them in one pass over memory."""
    return torch.optim.AdamW([{"params": group} for group in groups], weight_decay=decay, fused=True)


def judge(classifier: Classifier, lesson: Lesson) -> NDArray[np.float32]:
    """Return logits float32 `[n, classes]` for the validation photos, in full precision, as the exported model will."""
    return classify(classifier, judge_features(classifier, lesson, lesson.valid))


def judge_features(classifier: Classifier, lesson: Lesson, photos: PixelStore) -> Tensor:
    """Return features float32 `[n, features]` of some photos to judge by, in full precision."""
    return features_of(classifier, lesson.read, lesson.judged(photos) if len(photos) else ())


def features_of(classifier: Classifier, read: Callable[[Tensor], Tensor], inputs: Iterable[Tensor]) -> Tensor:
    """Return features float32 `[n, features]` of what `read`, of this classifier, takes; in full precision."""
    classifier.eval()
    with torch.inference_mode():
        parts = [read(some) for some in inputs]
        return torch.cat(parts).float() if parts else torch.zeros(0, classifier.head.linear.in_features)


def classify(classifier: Classifier, features: Tensor) -> NDArray[np.float32]:
    """Return the head's logits float32 `[n, classes]` for features float32 `[n, features]`."""
    classifier.head.eval()
    with torch.inference_mode():
        return np.asarray(classifier.head(features).cpu().numpy(), dtype=np.float32)


UNJUDGED = (float("nan"), float("nan"))
"""The verdict on an epoch that nothing was judged after."""


def verdict(logits: NDArray[np.float32], lesson: Lesson) -> tuple[float, float]:
    """Return the validation loss in nats, and the part of the photos whose top class is wrong."""
    guesses, labels = torch.from_numpy(logits), lesson.valid.labels
    return float(lesson.loss(guesses, labels)), float((guesses.argmax(dim=1) != labels).float().mean())
