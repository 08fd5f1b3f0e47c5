"""Stage 1: a frozen backbone -> a head that reads its features."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from itertools import chain

import torch
from torch import Tensor

from fieldmark.artifacts.runs import Epoch, Finder
from fieldmark.classifier import Classifier
from fieldmark.training.finder import find_rate
from fieldmark.training.loop import SMOOTHING, UNJUDGED, Course, Lesson, classify, judge_features, verdict

STAGE = 1

PASSES = 5
"""Times that the head reads all features in an epoch: they are there already, and five take a tenth of a second."""

STIFFNESS = 100.0
"""Weight of the L2 penalty: the precision of a normal prior of the head's weights. With it and passes enough to come to
rest, a head errs on a fifth fewer of the snakes than one that stops early; see docs/recipe.md."""


@dataclass(frozen=True)
class Seen:
    """What the frozen backbone saw in the photos to learn from, once for all epochs.

    Attributes:
        features: float32 `[n, d]`, on the device.
        labels: int64 `[n]`, likewise.
    """

    features: Tensor
    labels: Tensor

    def batches(self, lesson: Lesson, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield features `[m, d]` and labels `[m]`, `PASSES` times each, every time in another order."""
        generator = lesson.generator(STAGE, epoch)
        for _ in range(PASSES):
            order = torch.randperm(len(self.labels), generator=generator).to(self.labels.device)
            for rows in order.tensor_split(lesson.steps()):
                yield self.features[rows], self.labels[rows]


def train_head(classifier: Classifier, lesson: Lesson, seen: Seen, course: Course, done: int) -> Generator[Epoch]:
    """Train the head over the frozen backbone and yield a row per epoch, after the first `done`."""
    epochs = lesson.settings.epochs[0]
    judged = judge_features(classifier, lesson, lesson.valid)  # the backbone is frozen, so these stay as they are
    for epoch in range(done + 1, epochs + 1):
        start, total = time.perf_counter(), 0.0
        for features, labels in seen.batches(lesson, epoch):
            total += learn_from_features(classifier, lesson, features, labels) * len(labels)
            course.step()
        is_judged = lesson.is_judged(epoch, epochs)
        valid_loss, error_rate = verdict(classify(classifier, judged), lesson) if is_judged else UNJUDGED
        train_loss = total / (PASSES * len(lesson.train))
        yield Epoch(STAGE, epoch, train_loss, valid_loss, error_rate, time.perf_counter() - start)


def find_head_rate(classifier: Classifier, lesson: Lesson, seen: Seen) -> Finder:
    """Run the learning-rate finder for the head, which is as it was afterwards."""
    before = {name: value.clone() for name, value in classifier.head.state_dict().items()}
    optimiser = torch.optim.AdamW(classifier.head.parameters(), weight_decay=0.0)
    batches = chain.from_iterable(seen.batches(lesson, -turn) for turn in range(FINDER_STEPS))

    def step(rate: float) -> float:
        optimiser.param_groups[0]["lr"] = rate
        optimiser.zero_grad()
        loss = learn_from_features(classifier, lesson, *next(batches))
        optimiser.step()
        return loss

    found = find_rate(STAGE, step, first=1e-5, last=1.0, steps=FINDER_STEPS, bounds=(3e-4, 1e-2))
    classifier.head.load_state_dict(before)
    return found


FINDER_STEPS = 100


def learn_from_features(classifier: Classifier, lesson: Lesson, features: Tensor, labels: Tensor) -> float:
    """Add a batch's gradients to the head's weights and return its loss in nats, without the penalty."""
    head = classifier.head.eval()  # no dropout: the penalty does what it would
    loss = lesson.loss(head(features), labels, smoothing=SMOOTHING)
    penalty = STIFFNESS / (2 * len(lesson.train)) * head.linear.weight.square().sum()
    (loss + penalty).backward()  # type: ignore[no-untyped-call]
    return float(loss.detach())
