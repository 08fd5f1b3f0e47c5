"""Photos on two sides -> the best classifier that two stages make of them, and how it went."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import Module

from fieldmark import backbones
from fieldmark.artifacts.features import key_of
from fieldmark.artifacts.photos import PhotoFile, Unusable
from fieldmark.artifacts.runs import DIRECTIONS, Epoch, Finder
from fieldmark.artifacts.unfinished import Checkpoint, Unfinished
from fieldmark.classifier import Classifier, Fit
from fieldmark.config import EARLY_SHARE, TrainSettings
from fieldmark.device import Device, pick_device
from fieldmark.embed import Features
from fieldmark.errors import RunError, TrainingFailed
from fieldmark.halves import EARLY, cut
from fieldmark.sights import Sights
from fieldmark.terminal import say, warn
from fieldmark.training.augment import ROOM
from fieldmark.training.finetune import depth_groups, find_rates, finetune, partly_frozen, spread
from fieldmark.training.head import PASSES, Seen, find_head_rate, train_head
from fieldmark.training.loop import Course, Lesson, classify, features_of, judge_features
from fieldmark.training.pixels import PixelStore, fill_store, listed
from fieldmark.training.progress import Progress, Story
from fieldmark.training.quick import quick_to_learn
from fieldmark.training.sight import UNMOVED, EarlySight, views_for

UNEQUAL = 3.0
"""From this ratio of the largest class to the smallest on, the loss is weighted by class."""

EXEMPLARS = 50
"""Training photos of a class at most that are looked at again once all is learned, 40 ms each. Only what they have in
common is wanted; with 20 a class of the snakes it refuses as many strangers as with all of them."""


@dataclass(frozen=True)
class Learned:
    """What a training leaves.

    Attributes:
        classifier: with the weights of the epoch that was kept, on the processor, float32.
        story: how it went.
        judged: the validation photos, in the order of `logits`.
        logits: float32 `[n, classes]`, what the kept weights say about them.
        features: float32 `[n, d]`, what they are to the kept weights.
        exemplars: float32 `[m, d]`, what some of the photos learned from are to the kept weights, not augmented and
            fitted as the exported model fits; see `exemplars_of`. None of those that are not among the material to
            judge by.
        exemplar_labels: int64 `[m]`, their classes.
        n_train: number of photos learned from.
        device: where it was trained, in words.
    """

    classifier: Classifier
    story: Story
    judged: tuple[PhotoFile, ...]
    logits: NDArray[np.float32]
    features: NDArray[np.float32]
    exemplars: NDArray[np.float32]
    exemplar_labels: NDArray[np.int64]
    n_train: int
    device: str


@dataclass(frozen=True)
class Material:
    """Photos that were looked at and decoded once, for one training or for many.

    Attributes:
        classes: class names, in the order of the outputs.
        settings: what was asked for.
        roomy: photos to learn from, kept a little larger than the network sees them.
        fitted: photos to judge by or to learn from, fitted as the exported model will fit them.
        features: what the pretrained backbone sees in all of them.
        sight: what its early half sees in them; None for a backbone that cannot be cut.
        seconds: how long the decoding took.
        unfinished: where a training keeps what it has learned so far; None where it need not.
    """

    classes: tuple[str, ...]
    settings: TrainSettings
    roomy: PixelStore
    fitted: PixelStore
    features: Features
    sight: EarlySight | None
    seconds: float
    unfinished: Unfinished | None = None

    def seen(self, lesson: Lesson) -> Seen:
        """Return what the pretrained backbone sees in the photos to learn from."""
        row = {photo.path: i for i, photo in enumerate(self.features.photos)}
        vectors = torch.from_numpy(self.features.vectors[[row[photo.path] for photo in lesson.train.photos]])
        return Seen(vectors.to(lesson.device.place), lesson.train.labels.to(lesson.device.place))

    def checkpoint(self, lesson: Lesson) -> Checkpoint | None:
        """Return where a training of these photos is kept."""
        if self.unfinished is None:
            return None
        sides = ([(key_of(photo), photo.label) for photo in side.photos] for side in (lesson.train, lesson.valid))
        train, valid = sides
        facts = {"settings": asdict(self.settings), "train": train, "valid": valid, "choose": lesson.judge_each}
        return self.unfinished.checkpoint({**facts, "classes": self.classes, "device": str(lesson.device)})

    @property
    def lost(self) -> tuple[Unusable, ...]:
        """Photos that vanished between being listed and being read, each once."""
        lost = (*self.features.lost, *self.roomy.lost, *self.fitted.lost)
        return tuple({file.path: file for file in lost}.values())


@contextmanager
def gather(
    root: Path,
    train: Sequence[PhotoFile],
    valid: Sequence[PhotoFile],
    classes: Sequence[str],
    settings: TrainSettings,
    features: Features,
    scratch: Path,
    unfinished: Unfinished | None = None,
    known: Sights | None = None,
) -> Iterator[Material]:
    """Decode photos for the trainings made within the block, as far as these ask for more than was seen already.

    Args:
        root: the folder that the photos' paths start from.
        train: photos to learn from.
        valid: photos to judge by.
        classes: class names, in the order of the outputs.
        settings: what was asked for.
        features: what the pretrained backbone sees in these photos, or others besides. Photos that are not among them
            could not be read, and are left out.
        scratch: a folder for the decoded pixels; nothing is left in it.
        unfinished: where the trainings keep what they have learned so far.
        known: what the early half of the pretrained backbone saw in some of them already.
    """
    start = time.perf_counter()
    seen = {photo.path for photo in features.photos}
    train, valid = ([photo for photo in side if photo.path in seen] for side in (train, valid))
    # Stage 2 sees photos to learn from as they are, too; else only the exemplars among them are looked at once more.
    also = train if settings.epochs[1] else exemplars_of(train)
    fitted = list({photo.path: photo for photo in (*valid, *also)}.values())
    early = _early_half(settings)
    with TemporaryDirectory(dir=scratch, prefix="pixels-", ignore_cleanup_errors=True) as folder:
        looked_at, there = listed(fitted, classes), _seen_of(fitted, known)
        if pick_device().half is not None or there is None:  # judging is done in full precision
            looked_at = fill_store(Path(folder, "fitted"), root, fitted, classes, fit_of(settings), "fitting photos")
            there = _seen_of(looked_at.photos, known)
        if settings.epochs[1]:
            readable = {photo.path for photo in looked_at.photos}
            train = [photo for photo in train if photo.path in readable]
        learned_from = listed(train, classes)
        if settings.epochs[1] > (len(UNMOVED) if early else 0):  # else no photo is ever augmented
            roomy, doing = Fit(round(settings.size * ROOM), settings.fit), "fitting photos to learn from"
            learned_from = fill_store(Path(folder, "roomy"), root, train, classes, roomy, doing)
        stores, sight = (learned_from, looked_at), None
        if early is not None:
            views, own = views_for(settings.epochs[1]), Sights(Path(folder))
            sight = EarlySight(early, *stores, settings.size, settings.seed, views, pick_device(), own, there)
        yield Material(tuple(classes), settings, *stores, features, sight, time.perf_counter() - start, unfinished)


def _seen_of(photos: Sequence[PhotoFile], known: Sights | None) -> tuple[Sights, NDArray[np.int64]] | None:
    """Return what the early half saw of photos already and the row of each, or None where it is not all of them."""
    row = {key: at for at, key in enumerate(known.keys)} if known is not None else {}
    keys = [key_of(photo) for photo in photos]
    if known is None or not row.keys() >= set(keys):
        return None
    return known, np.array([row[key] for key in keys], dtype=np.int64)


def _early_half(settings: TrainSettings) -> Callable[[Tensor], Tensor] | None:
    """Return what tells what the early half of the pretrained backbone sees, or None where it cannot be cut."""
    device, pretrained = pick_device(), backbones.pretrained(settings.backbone, _weights_file(settings))
    halves = cut(device.take(pretrained.network.eval()), settings.size)
    if halves is None:
        return None
    early = device.quicken(halves[0], settings.size)
    mean, std = (levels.view(1, 3, 1, 1).to(device.place) for levels in (pretrained.mean, pretrained.std))
    return partial(_look, early, mean, std)


def _look(early: Module, mean: Tensor, std: Tensor, images: Tensor) -> Tensor:
    seen: Tensor = early((images.float() - mean) / std)
    return seen


def learn(material: Material, train: Sequence[PhotoFile], valid: Sequence[PhotoFile], choose: bool = True) -> Learned:
    """Train a classifier in two stages.

    Args:
        material: decoded photos, and what was asked for.
        train: of these, the photos to learn from.
        valid: the photos to judge by; there may be none where nothing is to be chosen.
        choose: judge every epoch and keep the one whose validation loss is lowest. Else the last is kept, so that
            nothing about the classifier was decided on the photos it is judged by.

    Raises:
        BackboneError: the network or its weights cannot be had.
        TrainingFailed: the loss was no number from the first epoch on.
    """
    device, settings, classes = pick_device(), material.settings, material.classes
    story = Story(seconds={"read": round(material.seconds, 2)})
    torch.manual_seed(settings.seed)
    classifier = build(settings, len(classes), pretrained=True)
    device.take(classifier)
    roomy = material.roomy.only(train)
    weights = _class_weights(roomy, classes, story)
    valid_photos, exemplars = material.fitted.only(valid), material.fitted.only(exemplars_of(train))
    with partly_frozen(classifier), _less_to_do(classifier, settings, device):
        halves = cut(classifier.backbone, settings.size) if material.sight else None
        read = halves[1] if halves else classifier.features
        lesson = Lesson(roomy, valid_photos, weights, settings, device, read, material.sight, choose)
        classifier.load_state_dict(_run_stages(classifier, lesson, Progress(story), material))
        with _timed(story, "judge"):
            features = judge_features(classifier, lesson, lesson.valid)
            logits = classify(classifier, features)
            known = judge_features(classifier, lesson, exemplars)
    return Learned(
        classifier.to("cpu"),
        story,
        lesson.valid.photos,
        logits,
        features.cpu().numpy(),
        known.cpu().numpy(),
        exemplars.labels.numpy(),
        len(lesson.train),
        str(device),
    )


def _less_to_do(classifier: Classifier, settings: TrainSettings, device: Device) -> AbstractContextManager[None]:
    if settings.epochs[1] and device.can_fuse:
        return quick_to_learn(classifier.backbone, settings.size)
    return nullcontext()


def exemplars_of(train: Sequence[PhotoFile]) -> list[PhotoFile]:
    """Return at most `EXEMPLARS` photos of each class, spread evenly over their order."""
    by_class: dict[str, list[PhotoFile]] = {}
    for photo in train:
        by_class.setdefault(photo.label, []).append(photo)
    return [
        own[i] for own in by_class.values() for i in np.linspace(0, len(own) - 1, min(EXEMPLARS, len(own))).astype(int)
    ]


def build(settings: TrainSettings, classes: int, pretrained: bool) -> Classifier:
    """Build the classifier that `settings` describe, with pretrained weights or for weights of our own."""
    name = settings.backbone
    parts = backbones.pretrained(name, _weights_file(settings)) if pretrained else backbones.create(name)
    return Classifier(parts.network, parts.features, classes, parts.mean, parts.std)


def _weights_file(settings: TrainSettings) -> Path | None:
    return Path(settings.weights) if settings.weights else None


def check(settings: TrainSettings) -> None:
    """Raise BackboneError at once, before any photo is read, when the backbone or its weights cannot be had."""
    backbones.check_name(settings.backbone)
    backbones.check_size(settings.backbone, settings.size)
    backbones.find_weights(settings.backbone, _weights_file(settings))


def fit_of(settings: TrainSettings) -> Fit:
    """Return how a photo is fitted for a network trained with these settings."""
    return Fit(settings.size, settings.fit)


def restore(settings: TrainSettings, classes: int, weights: Path) -> Classifier:
    """Build the classifier of a run and load its weights. Raises RunError when they do not fit."""
    classifier = build(settings, classes, pretrained=False)
    try:
        classifier.load_state_dict({k: v for k, v in load_file(weights).items() if k != DIRECTIONS})
    except (SafetensorError, RuntimeError, OSError) as error:
        raise RunError(f"{weights} does not hold the weights of this run. Train again.") from error
    return classifier.eval()


def directions_in(weights: Path) -> Tensor | None:
    """Return what a run's score for "none of these" goes by, float32 `[k, d]`; None in a run that has none."""
    with safe_open(weights, "pt") as file:
        return file.get_tensor(DIRECTIONS) if DIRECTIONS in file.keys() else None  # noqa: SIM118


def answers(
    classifier: Classifier,
    root: Path,
    photos: Sequence[PhotoFile],
    classes: Sequence[str],
    settings: TrainSettings,
    scratch: Path,
) -> tuple[tuple[PhotoFile, ...], NDArray[np.float32]]:
    """Return what a trained classifier says of further photos, of those that can be read: logits `[n, classes]`."""
    device = pick_device()
    device.take(classifier)
    with TemporaryDirectory(dir=scratch, prefix="pixels-", ignore_cleanup_errors=True) as folder:
        store = fill_store(Path(folder) / "more", root, photos, classes, fit_of(settings), "fitting rejected photos")
        images = map(device.move, store.in_order(device.at_once))
        logits = classify(classifier, features_of(classifier, classifier.features, images))
    classifier.to("cpu")
    return store.photos, logits


def _run_stages(classifier: Classifier, lesson: Lesson, progress: Progress, material: Material) -> dict[str, Tensor]:
    """Run both stages and return the weights of the best epoch, or of the last good one where none is chosen."""
    story, seen, checkpoint = progress.story, material.seen(lesson), material.checkpoint(lesson)
    classifier.head.measure(seen.features)
    if progress.take_up(checkpoint, classifier):
        last = story.epochs[-1]
        say(f"Going on after epoch {last.epoch} of stage {last.stage}, where an earlier training was stopped.")
    for stage, begin in ((1, partial(_stage_1, seen)), (2, _stage_2)):
        total = lesson.settings.epochs[stage - 1]
        if story.stopped or story.done(stage) == total:
            continue
        with _timed(story, f"stage{stage}"):
            course, epochs = begin(classifier, lesson, progress)
            with closing(epochs):
                for epoch in epochs:
                    if not (math.isfinite(epoch.train_loss) and _is_sound(epoch, lesson) and _is_finite(classifier)):
                        _stop_at_nonsense(epoch, story)
                        return progress.best
                    _note(epoch, classifier, lesson, progress)
                    progress.keep(checkpoint, classifier, course, ended=story.done(stage) == total)
        progress.course = None
    return progress.best


def _note(epoch: Epoch, classifier: Classifier, lesson: Lesson, progress: Progress) -> None:
    """Tell how an epoch went, and keep its weights where they are the best so far."""
    story = progress.story
    story.epochs.append(epoch)
    say(row(epoch))
    if story.kept is None or not lesson.judge_each or epoch.valid_loss < story.kept.valid_loss:
        story.kept = epoch
        progress.best = {name: value.detach().clone() for name, value in classifier.state_dict().items()}


def _is_sound(epoch: Epoch, lesson: Lesson) -> bool:
    """Whether a validation loss is a number, where one was to be had."""
    is_judged = lesson.is_judged(epoch.epoch, lesson.settings.epochs[epoch.stage - 1])
    return math.isfinite(epoch.valid_loss) or not is_judged


def _is_finite(classifier: Classifier) -> bool:
    """Whether the last step of an epoch that was not judged left weights that are numbers."""
    return all(bool(torch.isfinite(value).all()) for value in classifier.parameters())


Begun = tuple[Course, Generator[Epoch]]
"""The steps of a stage, and its epochs as they are done."""


def _stage_1(seen: Seen, classifier: Classifier, lesson: Lesson, progress: Progress) -> Begun:
    story, settings = progress.story, lesson.settings
    finder = _found(story, 1, lambda: find_head_rate(classifier, lesson, seen))
    rate = settings.head_lr or finder.suggestion
    story.used[1] = (rate,)
    say(f"Stage 1: new head, frozen backbone. The finder suggests {finder.suggestion:.2g}; using {rate:.2g}.")
    say(HEADER)
    steps = settings.epochs[0] * PASSES * lesson.steps()
    course = Course([list(classifier.head.parameters())], [rate], steps, decay=0.0)
    return course, train_head(classifier, lesson, seen, _resumed(course, progress, 1), story.done(1))


def _stage_2(classifier: Classifier, lesson: Lesson, progress: Progress) -> Begun:
    story, settings = progress.story, lesson.settings
    finder = _found(story, 2, lambda: find_rates(classifier, lesson))
    rates = settings.lr or (finder.suggestion / EARLY_SHARE, finder.suggestion)
    story.used[2] = rates
    groups = depth_groups(classifier)
    each = spread(*rates, len(groups))
    first = each[round(EARLY * (len(groups) - 1))]
    say(
        f"Stage 2: the later layers unfrozen. The finder suggests {finder.suggestion:.2g}; "
        f"using {first:.2g} for the first of them to {rates[1]:.2g} for the last."
    )
    say(HEADER)
    course = Course(groups, each, settings.epochs[1] * lesson.steps())
    return course, finetune(classifier, lesson, _resumed(course, progress, 2), story.done(2))


def _found(story: Story, stage: int, find: Callable[[], Finder]) -> Finder:
    """Return what the finder found for a stage, in an earlier training that was stopped or now."""
    found = story.finder(stage)
    if found is None:
        found = find()
        story.finders.append(found)
    return found


def _resumed(course: Course, progress: Progress, stage: int) -> Course:
    """Take the steps of a stage up where an earlier training was stopped in it."""
    if progress.course is not None and progress.story.done(stage):
        course.resume(*progress.course)
    return course


HEADER = "epoch  train_loss  valid_loss  error_rate   time"


def row(epoch: Epoch) -> str:
    """Return an epoch as a line under `HEADER`."""
    minutes, seconds = divmod(round(epoch.seconds), 60)
    judged = (
        f"{value:10.4f}" if math.isfinite(value) else f"{'-':>10}" for value in (epoch.valid_loss, epoch.error_rate)
    )
    return f"{epoch.epoch:5}  {epoch.train_loss:10.4f}  {'  '.join(judged)}  {minutes:02}:{seconds:02}"


def _stop_at_nonsense(epoch: Epoch, story: Story) -> None:
    """A loss that is no number never becomes one again: stop, and keep what was good."""
    which = "head" if epoch.stage == 1 else "network"
    flag = "--head-lr" if epoch.stage == 1 else "--lr"
    where = f"epoch {epoch.epoch} of stage {epoch.stage}"
    if story.kept is None:
        raise TrainingFailed(f"The loss was no number in {where}: the {which} learned too fast. Try a smaller {flag}.")
    text = f"The loss was no number in {where}, so training stopped there; a smaller {flag} may help."
    story.stopped = text
    story.warnings.append(text)
    warn(text)


def _class_weights(train: PixelStore, classes: Sequence[str], story: Story) -> Tensor:
    """Weight classes by the inverse of their counts when they are very unequal, else all alike."""
    counts = Counter(photo.label for photo in train.photos)
    largest, smallest = max(classes, key=lambda c: counts[c]), min(classes, key=lambda c: counts[c])
    if counts[largest] < UNEQUAL * counts[smallest]:
        return torch.ones(len(classes))
    text = (
        f"The classes are very unequal: {counts[largest]} photos of {largest}, {counts[smallest]} of {smallest} "
        "to learn from. The loss is weighted to make up for it; judge by the balanced accuracy."
    )
    story.weighted = True
    story.warnings.append(text)
    warn(text)
    weights = torch.tensor([len(train) / (len(classes) * counts[name]) for name in classes])
    return weights.float()


@contextmanager
def _timed(story: Story, what: str) -> Iterator[None]:
    """Note the wall time of a block in the story."""
    start = time.perf_counter()
    yield
    story.seconds[what] = round(story.seconds.get(what, 0) + time.perf_counter() - start, 2)
