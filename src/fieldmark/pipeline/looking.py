"""The photos that a report shows -> where the model looked in each."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fieldmark.artifacts.modelfile import Model
from fieldmark.artifacts.photos import PhotoFolder
from fieldmark.artifacts.predictions import Predictions
from fieldmark.config import TrainSettings
from fieldmark.engines.local import map_threads
from fieldmark.errors import NotAPhoto
from fieldmark.evaluate.content import Glance
from fieldmark.evaluate.hardest import hardest
from fieldmark.evaluate.looked import LONGEST, Answer, look
from fieldmark.imaging.decode import Pixels
from fieldmark.imaging.thumbnail import data_uri, thumbnail
from fieldmark.imaging.veil import shrink, veil
from fieldmark.pipeline.extra import training
from fieldmark.terminal import track

if TYPE_CHECKING:
    from fieldmark.training.learn import Learned


def glances(folder: PhotoFolder, predictions: Predictions, answer: Answer) -> dict[str, Glance]:
    """Return photo -> where the model looked to call it as it did, for the photos that a report shows.

    What cannot be read any more is left out; the report says that it is gone.
    """
    photos = {photo.path: photo for photo in folder.photos}
    rows = [row for row in hardest(predictions) if predictions.photos[row] in photos]
    seen: dict[str, Glance] = {}
    for row in track(rows, "Asking where the model looked", total=len(rows)):
        label = int(predictions.predicted[row])
        try:
            pixels = photos[predictions.photos[row]].pixels(folder.root)
        except NotAPhoto:
            continue
        found = look(answer, pixels, label)
        veiled = None if found.after is None else data_uri(thumbnail(veil(shrink(pixels, LONGEST), found.heat)))
        seen[predictions.photos[row]] = Glance(
            veiled, predictions.classes[label], found.place, found.before, found.after
        )
    return seen


def asking_file(model: Model) -> Answer:
    """Return what a model file answers, on all processors; open it with `threads=1`."""

    def answer(pictures: Sequence[Pixels]) -> NDArray[np.float64]:
        return np.array(list(map_threads(lambda pixels: model.run(pixels)[0], pictures)), dtype=np.float64)

    return answer


def asking_learned(learned: Learned, settings: TrainSettings, temperature: float) -> Answer:
    """Return what a model answers that is no file yet, at a temperature."""
    learn, network, torch = training("fieldmark.training.learn"), training("fieldmark.classifier"), training("torch")
    fit, device = learn.fit_of(settings), training("fieldmark.device").pick_processor()
    classifier = copy.deepcopy(learned.classifier).eval()
    device.quicken(classifier.backbone, settings.size)

    def answer(pictures: Sequence[Pixels]) -> NDArray[np.float64]:
        fitted = torch.from_numpy(np.stack(list(map_threads(lambda pixels: network.fit_pixels(pixels, fit), pictures))))
        parts = torch.split(fitted.contiguous(memory_format=torch.channels_last), device.at_once)
        with torch.inference_mode(), device.mixed():
            logits = torch.cat([classifier(part) for part in parts]).double() / temperature
            return np.asarray(logits.softmax(dim=1).numpy(), dtype=np.float64)

    return answer
