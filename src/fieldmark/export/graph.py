"""A classifier -> the bytes of a model file: preprocessing, network, temperature and "none of these" in one graph."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from copy import deepcopy

import onnx
import torch
from torch import Tensor, nn

from fieldmark.artifacts.modelfile import INPUT, METADATA_KEY, OUTPUTS, ModelInfo
from fieldmark.artifacts.runs import DIRECTIONS
from fieldmark.classifier import Classifier, Fit
from fieldmark.engines.memory import uncollected

TINY_LENGTH = 1e-6
"""Features shorter than this have no direction."""

OPSET = 20  # the first in which Resize is antialiased as torch does it, and old enough for every runtime in use


class Answering(nn.Module):
    """One photo of any size -> everything a model file answers."""

    directions: Tensor | None

    def __init__(
        self, classifier: Classifier, fit: Fit, temperature: float = 1.0, directions: Tensor | None = None
    ) -> None:
        """Put together what a model file does.

        Args:
            classifier: features and logits of a fitted photo.
            fit: how a photo is fitted.
            temperature: what the logits are divided by.
            directions: float32 `[k, d]`, orthonormal, the main directions of the features of photos of the classes; the
                unknown score is the part of a photo's features that lies in none of them. None, as in runs that have
                none: it is 1 - the greatest probability.
        """
        super().__init__()
        self.register_buffer("directions", directions)
        self.fit = fit
        self.classifier = classifier
        self.temperature = temperature

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Answer about one photo.

        Args:
            image: uint8 `[height, width, 3]`, RGB, upright.

        Returns:
            probabilities float32 `[classes]`; logits float32 `[classes]`, before the temperature; unknown score float32
            `[1]`, higher for photos less like those of the classes.
        """
        features = self.classifier.features(self.fit(image)).float()
        logits = self.classifier.head(features)[0]
        probabilities = torch.softmax(logits / self.temperature, dim=0)
        if self.directions is None:
            return probabilities, logits, 1 - probabilities.max().unsqueeze(0)
        # The length is bounded from below as in `evaluate.unknown`, whose arithmetic this is.
        along = features[0] / torch.linalg.vector_norm(features[0]).clamp(min=TINY_LENGTH)
        explained = (self.directions @ along).square().sum().unsqueeze(0)
        return probabilities, logits, (1 - explained).clamp(min=0)


def to_onnx(answering: Answering, info: ModelInfo) -> bytes:
    """Export to ONNX and write what the graph cannot say into the file's metadata."""
    answering = answering.cpu().float().eval()
    example = torch.zeros(320, 480, 3, dtype=torch.uint8)  # any size would do: both sides are free
    free = {0: torch.export.Dim("height", min=1), 1: torch.export.Dim("width", min=1)}
    with torch.inference_mode(), _quiet(), uncollected():
        program = torch.onnx.export(
            answering,
            (example,),
            dynamo=True,
            external_data=False,
            input_names=[INPUT],
            output_names=list(OUTPUTS),
            dynamic_shapes={"image": free},
            opset_version=OPSET,
            verbose=False,
        )
    assert program is not None  # it is None only for the old exporter
    model: onnx.ModelProto = program.model_proto
    _forget_origins(model)
    model.producer_name, model.producer_version = "fieldmark", info.version
    onnx.helper.set_model_props(model, {METADATA_KEY: info.to_json()})
    return bytes(model.SerializeToString())


def _forget_origins(model: onnx.ModelProto) -> None:
    """Take out where in whose source each node came from: 260 kB, and paths of a person's computer."""
    graph = model.graph
    for part in (graph, *graph.node, *graph.value_info, *graph.initializer, *graph.input, *graph.output):
        part.ClearField("metadata_props")


def described(data: bytes, info: ModelInfo) -> bytes:
    """Return a model file that says something else of itself."""
    model = onnx.load_from_string(data)
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {METADATA_KEY: info.to_json()})
    return bytes(model.SerializeToString())


def of_network(data: bytes, answering: Answering, tensors: Mapping[str, Tensor], info: ModelInfo) -> bytes:
    """Return the model file of another network of the same architecture.

    Args:
        data: the model file of `answering`.
        answering: a network.
        tensors: of the other, by name; and as `runs.DIRECTIONS` its directions, which go by where `answering` has some.
        info: what the file says of itself.
    """
    own = answering.classifier.state_dict()
    directions = tensors.get(DIRECTIONS) if answering.directions is not None else None
    theirs = {name: value for name, value in tensors.items() if name != DIRECTIONS}
    changed = {f"classifier.{name}": value for name, value in theirs.items() if not torch.equal(value, own[name])}
    filled = refilled(data, changed if directions is None else {**changed, "directions": directions})
    if filled is not None:
        return filled
    other = deepcopy(answering)
    other.classifier.load_state_dict(theirs)
    other.directions = directions
    return to_onnx(other, info)


def refilled(data: bytes, tensors: Mapping[str, Tensor]) -> bytes | None:
    """Return a model file with other weights in the places of some, which saves an export.

    Args:
        data: a float model file as `to_onnx` makes it.
        tensors: the other weights, by the names that the file has for them.

    Returns:
        The bytes; None where the file does not hold each of them by its name and in its shape, as where the exporter
        turned a matrix. Then it takes an export.
    """
    model = onnx.load_from_string(data)
    held = {weight.name: weight for weight in model.graph.initializer}
    for name, value in tensors.items():
        if name not in held or list(held[name].dims) != list(value.shape):
            return None
        held[name].CopyFrom(onnx.numpy_helper.from_array(value.numpy(), name))
    return bytes(model.SerializeToString())


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's notes to itself: it tells of its own deprecations, not of our graph."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
