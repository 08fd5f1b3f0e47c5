"""Stage 2: the backbone unfrozen but for what every topic shares -> one that has learned these classes too."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from itertools import chain, repeat
from typing import TypeGuard

import torch
from torch import Tensor, nn

from fieldmark.artifacts.runs import Epoch, Finder
from fieldmark.backbones import layer_groups
from fieldmark.classifier import Classifier
from fieldmark.config import EARLY_SHARE
from fieldmark.halves import EARLY
from fieldmark.terminal import track
from fieldmark.training.finder import find_rate
from fieldmark.training.loop import SMOOTHING, UNJUDGED, WEIGHT_DECAY, Course, Lesson, adamw, judge, verdict

STAGE = 2

FINDER_STEPS = 20
FINDER_BATCH = 8
"""The finder's batches are smaller than those of training: half the time for a curve that shows the same."""

BOUNDS = (3e-4, 1e-3)
"""The finder's suggestion is kept within these: between them the error does not change, and below it is higher."""


def finetune(classifier: Classifier, lesson: Lesson, course: Course, done: int) -> Generator[Epoch]:
    """Train what is not frozen of the network, early layers slower than late ones; yield a row per epoch.

    The first `done` epochs were trained already. See `partly_frozen`.
    """
    epochs = lesson.settings.epochs[1]
    for epoch in range(done + 1, epochs + 1):
        start, total = time.perf_counter(), torch.zeros((), device=lesson.device.place)
        batches = lesson.batches(lesson.generator(STAGE, epoch), epoch)
        for inputs, labels in track(batches, f"stage 2, epoch {epoch} of {epochs}", lesson.steps()):
            total += learn_from(classifier, lesson, inputs, labels) * len(labels)
            course.step()
        is_judged = lesson.is_judged(epoch, epochs)
        valid_loss, error_rate = verdict(judge(classifier, lesson), lesson) if is_judged else UNJUDGED
        yield Epoch(STAGE, epoch, float(total) / len(lesson.train), valid_loss, error_rate, time.perf_counter() - start)


def find_rates(classifier: Classifier, lesson: Lesson) -> Finder:
    """Run the learning-rate finder on the network that stage 2 trains, whose weights are as they were afterwards."""
    before = {name: value.clone() for name, value in classifier.state_dict().items()}
    groups = depth_groups(classifier)
    shares = spread(1 / EARLY_SHARE, 1.0, len(groups))
    optimiser = adamw(groups, WEIGHT_DECAY)
    batches = chain.from_iterable(lesson.batches(lesson.generator(STAGE, -turn), 1) for turn in range(FINDER_STEPS))
    bar = track(repeat(None, FINDER_STEPS), "stage 2, learning rate", FINDER_STEPS)

    def step(rate: float) -> float:
        next(bar, None)
        inputs, labels = (part[:FINDER_BATCH] for part in next(batches))
        for group, share in zip(optimiser.param_groups, shares, strict=True):
            group["lr"] = rate * share
        optimiser.zero_grad()
        loss = learn_from(classifier, lesson, inputs, labels)
        optimiser.step()
        return float(loss)

    found = find_rate(STAGE, step, first=1e-5, last=1e-1, steps=FINDER_STEPS, bounds=BOUNDS)
    classifier.load_state_dict(before)
    return found


def learn_from(classifier: Classifier, lesson: Lesson, inputs: Tensor, labels: Tensor) -> Tensor:
    """Add a batch's gradients to all weights and return its loss, a scalar in nats.

    Batch norms that could not be folded stay at the statistics of the million photos they were pretrained on; those of
    sixteen would be noise to learn from. As photos of a batch then do not see each other, it may pass in parts.
    """
    classifier.train()
    for module in classifier.backbone.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()
    total, at_once = torch.zeros((), device=inputs.device), lesson.at_once
    for some, names in zip(torch.split(inputs, at_once), torch.split(labels, at_once), strict=True):
        with lesson.device.mixed():
            features = lesson.read(some)
        loss = lesson.loss(classifier.head(features.float()), names, labels, SMOOTHING)
        loss.backward()  # type: ignore[no-untyped-call]
        total += loss.detach()
    return total


@contextmanager
def partly_frozen(classifier: Classifier) -> Iterator[None]:
    """Keep the early layers and all depthwise kernels as they were pretrained while the block runs.

    Depthwise kernels are one weight in fifty of EfficientNet-Lite0, and on a processor their gradients take half of a
    step of the late half, and most of a step of the whole.
    """
    early = list(classifier.backbone.parameters())
    early = early[: round(EARLY * len(early))]
    kernels = (module.parameters() for module in classifier.backbone.modules() if is_depthwise(module))
    frozen = [*early, *chain.from_iterable(kernels)]
    for parameter in frozen:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in frozen:
            parameter.requires_grad_(True)


def is_depthwise(module: nn.Module) -> TypeGuard[nn.Conv2d]:
    """Whether a layer looks at each channel by itself."""
    return isinstance(module, nn.Conv2d) and module.groups == module.in_channels > 1


def depth_groups(classifier: Classifier) -> list[list[nn.Parameter]]:
    """Return all parameters in groups from the earliest layers to the head."""
    return [*layer_groups(classifier.backbone), list(classifier.head.parameters())]


def spread(early: float, late: float, n: int) -> list[float]:
    """Return n rates from `early` to `late`, evenly spaced on a logarithmic scale."""
    return [float(early * (late / early) ** (i / (n - 1))) for i in range(n)]
