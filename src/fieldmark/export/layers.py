"""An exported graph -> the layers of its backbone, their weights, and what passes through them.

A layer is a convolution or a product with a matrix, where a network's weights are and its time goes. What comes before
the features counts as the backbone; the head and the score for "none of these" come after them and are no layers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from onnx import numpy_helper

from fieldmark.artifacts.modelfile import INPUT
from fieldmark.imaging.decode import Pixels

Floats = NDArray[np.float32]

HEAD_READS = "classifier.head.centre"
"""The weight of ours that only the head has; what is taken from beside it are the features."""


@dataclass(frozen=True)
class Layer:
    """A node of the backbone that has weights.

    Attributes:
        node: as it stands in the graph.
        shape: of its weight.
    """

    node: onnx.NodeProto
    shape: tuple[int, ...]

    @property
    def name(self) -> str:
        """The node's name, which no other node has."""
        return str(self.node.name)

    @property
    def source(self) -> str:
        """The tensor it reads."""
        return str(self.node.input[0])

    @property
    def result(self) -> str:
        """The tensor it makes."""
        return str(self.node.output[0])

    @property
    def weight(self) -> str:
        """The name of its weight."""
        return str(self.node.input[1])

    @property
    def bias(self) -> str | None:
        """The name of what it adds to each channel; None for a layer that adds nothing."""
        return str(self.node.input[2]) if len(self.node.input) > 2 else None

    @property
    def groups(self) -> int:
        """Into how many parts its channels fall that do not see each other; 1 where all see all."""
        return int(self._of("group", 1))

    @property
    def pads(self) -> list[int]:
        """What a convolution pads: above, left, below, right."""
        return list(self._of("pads", [0, 0, 0, 0]))

    @property
    def strides(self) -> list[int]:
        """Rows and columns from one window of a convolution to the next."""
        return list(self._of("strides", [1, 1]))

    @property
    def dilations(self) -> list[int]:
        """Rows and columns from one input of a window to the next."""
        return list(self._of("dilations", [1, 1]))

    @property
    def reach(self) -> tuple[int, ...]:
        """Rows and columns from the first input of a window to its last, both counted."""
        return tuple((side - 1) * each + 1 for side, each in zip(self.shape[2:], self.dilations, strict=True))

    @property
    def channel_axis(self) -> int:
        """The axis of the weight along which its outputs lie."""
        return 0 if self.node.op_type == "Conv" or self._is_turned else 1

    def rows(self, weight: Floats) -> Floats:
        """Return a weight as `[groups, outputs of each, k]`: each output is a sum of k inputs."""
        by_output = weight if self.channel_axis == 0 else weight.T
        return by_output.reshape(self.groups, len(by_output) // self.groups, -1)

    def weight_of(self, rows: Floats) -> Floats:
        """Return rows as the weight that they are of."""
        by_output = rows.reshape(rows.shape[0] * rows.shape[1], -1)
        return np.ascontiguousarray(by_output.reshape(self.shape) if self.channel_axis == 0 else by_output.T)

    def inputs(self, activation: Floats, most: int, random: np.random.Generator) -> Floats:
        """Return the inputs that some of its outputs are sums of, at places drawn at random.

        Args:
            activation: what it read for one photo: `[1, c, h, w]` of a convolution, else `[..., k]`.
            most: places to draw.
            random: by which they are drawn.

        Returns:
            `[groups, k, places]`.
        """
        if self.node.op_type != "Conv":
            rows = activation.reshape(-1, activation.shape[-1])
            return np.ascontiguousarray(rows[_drawn(len(rows), most, random)].T[None])
        top, left, bottom, right = self.pads
        padded = np.pad(activation[0], ((0, 0), (top, bottom), (left, right)))
        (down, across), apart = self.strides, self.dilations
        windows = sliding_window_view(padded, self.reach, axis=(1, 2))[:, ::down, ::across, :: apart[0], :: apart[1]]
        height, width = windows.shape[1:3]
        places = _drawn(height * width, most, random)
        seen = windows[:, places // width, places % width]  # [c, places, window height, window width]
        return seen.transpose(0, 2, 3, 1).reshape(self.groups, -1, len(places))

    @property
    def _is_turned(self) -> bool:
        return self.node.op_type == "Gemm" and bool(self._of("transB", 0))

    def _of(self, name: str, otherwise: Any) -> Any:
        found = [onnx.helper.get_attribute_value(a) for a in self.node.attribute if a.name == name]
        return found[0] if found else otherwise


def _drawn(n: int, most: int, random: np.random.Generator) -> NDArray[np.int64]:
    return random.choice(n, most, replace=False) if n > most else np.arange(n)


def features_of(model: onnx.ModelProto) -> str:
    """Return the name of the tensor that holds the features.

    Raises:
        ValueError: the graph has no head of ours.
    """
    for node in model.graph.node:
        if HEAD_READS in node.input:
            return str(next(name for name in node.input if name != HEAD_READS))
    raise ValueError("no node of the graph reads the head's centre")


def layers_of(model: onnx.ModelProto) -> list[Layer]:
    """Return the layers of the backbone, in the order in which a photo passes them; none whose weights others share."""
    shapes = {weight.name: tuple(weight.dims) for weight in model.graph.initializer}
    readers, makers = readers_of(model), makers_of(model)
    backbone: set[str] = set()
    waiting = [features_of(model)]
    while waiting:
        node = makers.get(waiting.pop())
        if node is not None and node.name not in backbone:
            backbone.add(node.name)
            waiting += node.input
    return [
        Layer(node, shapes[node.input[1]])
        for node in model.graph.node
        if node.name in backbone and _is_layer(node, shapes) and all(readers[name] == 1 for name in node.input[1:])
    ]


def _is_layer(node: onnx.NodeProto, shapes: Mapping[str, tuple[int, ...]]) -> bool:
    if len(node.input) < 2 or node.input[1] not in shapes or node.input[0] in shapes:
        return False
    sides = len(shapes[node.input[1]])
    return (node.op_type == "Conv" and sides == 4) or (node.op_type in ("MatMul", "Gemm") and sides == 2)


def makers_of(model: onnx.ModelProto) -> dict[str, onnx.NodeProto]:
    """Return which node makes each tensor that is made."""
    return {name: node for node in model.graph.node for name in node.output}


def readers_of(model: onnx.ModelProto) -> Counter[str]:
    """Return how often each tensor, and each of what the graph holds, is read."""
    return Counter(name for node in model.graph.node for name in node.input)


def forget_shape(model: onnx.ModelProto, name: str) -> None:
    """Drop what the graph knows of a tensor's shape, in place."""
    for info in [info for info in model.graph.value_info if info.name == name]:
        model.graph.value_info.remove(info)


def forget_unread(model: onnx.ModelProto) -> None:
    """Drop what the graph holds and no node reads, in place. ONNX Runtime would complain, in a browser too."""
    readers = readers_of(model)
    for held in [held for held in model.graph.initializer if not readers[held.name]]:
        model.graph.initializer.remove(held)


def weights_of(model: onnx.ModelProto) -> dict[str, NDArray[Any]]:
    """Return what a graph holds, by name."""
    return {weight.name: numpy_helper.to_array(weight) for weight in model.graph.initializer}


def with_weights(model: onnx.ModelProto, weights: Mapping[str, NDArray[Any]]) -> onnx.ModelProto:
    """Return a copy of a graph with some of what it holds replaced."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for held in copy.graph.initializer:
        if held.name in weights:
            held.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(weights[held.name]), held.name))
    return copy


def watch(model: onnx.ModelProto, names: Sequence[str], photos: Sequence[Pixels]) -> Iterator[dict[str, NDArray[Any]]]:
    """Yield, photo by photo, what the tensors called `names` are for it."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    told = {output.name for output in copy.graph.output}
    copy.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in names if name not in told)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(copy.SerializeToString(), options, providers=["CPUExecutionProvider"])
    for photo in photos:
        yield dict(zip(names, session.run(list(names), {INPUT: photo}), strict=True))
