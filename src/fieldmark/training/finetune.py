"""Stage 2: everything unfrozen -> a backbone that has learned these classes too."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import chain, repeat

import torch
from torch import Tensor, nn

from fieldmark.artifacts.runs import Epoch, Finder
from fieldmark.backbones import layer_groups
from fieldmark.classifier import Classifier
from fieldmark.config import EARLY_SHARE
from fieldmark.terminal import track
from fieldmark.training.finder import find_rate
from fieldmark.training.loop import SMOOTHING, UNJUDGED, WEIGHT_DECAY, Lesson, judge, one_cycle, verdict

STAGE = 2
AT_ONCE = 8
"""Photos whose gradients are computed together. Eight of 299 pixels take about 1.5 GB through EfficientNet-Lite0."""

FINDER_STEPS = 30
FINDER_BATCH = 8
"""The finder's batches are smaller than those of training: half the time for a curve that shows the same."""


def finetune(classifier: Classifier, lesson: Lesson, rates: tuple[float, float]) -> Iterator[Epoch]:
    """Train everything, early layers slower than late ones, and yield a row per epoch."""
    epochs = lesson.settings.epochs[1]
    groups = depth_groups(classifier)
    optimiser, schedule = one_cycle(groups, spread(*rates, len(groups)), epochs * lesson.steps())
    for epoch in range(1, epochs + 1):
        start, total = time.perf_counter(), 0.0
        batches = lesson.batches(lesson.generator(STAGE, epoch))
        for images, labels in track(batches, f"stage 2, epoch {epoch} of {epochs}", lesson.steps()):
            optimiser.zero_grad()
            total += learn_from(classifier, lesson, images, labels) * len(labels)
            optimiser.step()
            schedule.step()
        is_judged = lesson.is_judged(epoch, epochs)
        valid_loss, error_rate = verdict(judge(classifier, lesson), lesson) if is_judged else UNJUDGED
        yield Epoch(STAGE, epoch, total / len(lesson.train), valid_loss, error_rate, time.perf_counter() - start)


def find_rates(classifier: Classifier, lesson: Lesson) -> Finder:
    """Run the learning-rate finder on the unfrozen network, whose weights are as they were afterwards."""
    before = {name: value.clone() for name, value in classifier.state_dict().items()}
    groups = depth_groups(classifier)
    shares = spread(1 / EARLY_SHARE, 1.0, len(groups))
    optimiser = torch.optim.AdamW([{"params": group} for group in groups], weight_decay=WEIGHT_DECAY)
    batches = chain.from_iterable(lesson.batches(lesson.generator(STAGE, -turn)) for turn in range(FINDER_STEPS))
    bar = track(repeat(None, FINDER_STEPS), "stage 2, learning rate", FINDER_STEPS)

    def step(rate: float) -> float:
        next(bar, None)
        images, labels = (part[:FINDER_BATCH] for part in next(batches))
        for group, share in zip(optimiser.param_groups, shares, strict=True):
            group["lr"] = rate * share
        optimiser.zero_grad()
        loss = learn_from(classifier, lesson, images, labels)
        optimiser.step()
        return loss

    found = find_rate(STAGE, step, first=1e-5, last=1e-1, steps=FINDER_STEPS, bounds=(1e-4, 3e-3))
    classifier.load_state_dict(before)
    return found


def learn_from(classifier: Classifier, lesson: Lesson, images: Tensor, labels: Tensor) -> float:
    """Add a batch's gradients to all weights and return its loss in nats.

    Batch norms stay at the statistics of the million photos they were pretrained on; those of sixteen would be noise
    to learn from. As photos of a batch then do not see each other, it may pass in parts that need half the memory.
    """
    classifier.train()
    for module in classifier.backbone.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()
    total = 0.0
    for some, names in zip(torch.split(images, AT_ONCE), torch.split(labels, AT_ONCE), strict=True):
        with lesson.device.mixed(learning=True):
            features = classifier.features(some)
        loss = lesson.loss(classifier.head(features.float()), names, labels, SMOOTHING)
        loss.backward()  # type: ignore[no-untyped-call]
        total += float(loss.detach())
    return total


def depth_groups(classifier: Classifier) -> list[list[nn.Parameter]]:
    """Return all parameters in groups from the earliest layers to the head."""
    return [*layer_groups(classifier.backbone), list(classifier.head.parameters())]


def spread(early: float, late: float, n: int) -> list[float]:
    """Return n rates from `early` to `late`, evenly spaced on a logarithmic scale."""
    return [float(early * (late / early) ** (i / (n - 1))) for i in range(n)]
