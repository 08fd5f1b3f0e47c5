"""Stage 1: a frozen backbone -> a head that reads its features."""

from __future__ import annotations

import time
from collections.abc import Iterator

import torch
from torch import Tensor

from fieldmark.artifacts.runs import Epoch, Finder
from fieldmark.classifier import Classifier
from fieldmark.terminal import track
from fieldmark.training.finder import find_rate
from fieldmark.training.loop import (
    SMOOTHING,
    UNJUDGED,
    WEIGHT_DECAY,
    Lesson,
    classify,
    judge_features,
    one_cycle,
    verdict,
)

STAGE = 1


def train_head(classifier: Classifier, lesson: Lesson, rate: float) -> Iterator[Epoch]:
    """Train the head over the frozen backbone, augmentations drawn afresh each epoch, and yield a row per epoch."""
    epochs = lesson.settings.epochs[0]
    optimiser, schedule = one_cycle([list(classifier.head.parameters())], [rate], epochs * lesson.steps())
    judged = judge_features(classifier, lesson)  # the backbone is frozen, so these stay as they are
    for epoch in range(1, epochs + 1):
        start, total = time.perf_counter(), 0.0
        batches = lesson.batches(lesson.generator(STAGE, epoch))
        for images, labels in track(batches, f"stage 1, epoch {epoch} of {epochs}", lesson.steps()):
            features = frozen_features(classifier, lesson, images)
            classifier.head.train()
            loss = lesson.loss(classifier.head(features), labels, smoothing=SMOOTHING)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            total += float(loss.detach()) * len(labels)
        is_judged = lesson.is_judged(epoch, epochs)
        valid_loss, error_rate = verdict(classify(classifier, judged), lesson) if is_judged else UNJUDGED
        yield Epoch(STAGE, epoch, total / len(lesson.train), valid_loss, error_rate, time.perf_counter() - start)


def find_head_rate(classifier: Classifier, lesson: Lesson) -> Finder:
    """Run the learning-rate finder for the head on features of one augmented view of each photo.

    The backbone is frozen, so its features are computed once and every step of the finder is cheap. The head is as it
    was afterwards, but for the scale of the features, which it learns here.
    """
    views, labels = zip(*((frozen_features(classifier, lesson, i), y) for i, y in _one_view(lesson)), strict=True)
    classifier.head.measure(torch.cat(views))
    before = {name: value.clone() for name, value in classifier.head.state_dict().items()}
    optimiser = torch.optim.AdamW(classifier.head.parameters(), weight_decay=WEIGHT_DECAY)
    taken = 0

    def step(rate: float) -> float:
        nonlocal taken
        optimiser.param_groups[0]["lr"] = rate
        classifier.head.train()
        logits = classifier.head(views[taken % len(views)])
        loss = lesson.loss(logits, labels[taken % len(labels)], smoothing=SMOOTHING)
        taken += 1
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        return float(loss.detach())

    found = find_rate(STAGE, step, first=1e-5, last=1.0, steps=100, bounds=(3e-4, 1e-2))
    classifier.head.load_state_dict(before)
    return found


def _one_view(lesson: Lesson) -> Iterator[tuple[Tensor, Tensor]]:
    return track(lesson.batches(lesson.generator(STAGE, 0)), "stage 1, learning rate", lesson.steps())


def frozen_features(classifier: Classifier, lesson: Lesson, images: Tensor) -> Tensor:
    """Return features float32 `[n, features]` of a batch, through a backbone that does not learn from it."""
    classifier.backbone.eval()
    with torch.no_grad(), lesson.device.mixed(learning=False):
        return classifier.features(images).float()
