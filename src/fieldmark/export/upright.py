"""A graph whose network reads a photo turned by half -> one that reads it upright.

Training is faster turned (`turning`), because PyTorch pads alike on all sides only. ONNX pads each side by itself, so
that nothing need be turned there: kernels are turned back, and what was padded at the start is padded at the end.
Turning one photo takes ONNX Runtime a twentieth of an answer in int8, and keeps the first layer from taking levels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from fieldmark.export.layers import Layer, features_of, layers_of, readers_of, watch, weights_of, with_weights
from fieldmark.imaging.decode import Pixels

HEIGHT_AND_WIDTH = [2, 3]


def upright(model: onnx.ModelProto, photos: Sequence[Pixels]) -> onnx.ModelProto:
    """Return the graph without the turning; the graph itself where that is not to be had.

    Args:
        model: a float graph that knows the shapes of its tensors.
        photos: some on which both must see the same.
    """
    turning = _turning(model)
    if turning is None:
        return model
    layers = [layer for layer in layers_of(model) if layer.node.op_type == "Conv"]
    weights = weights_of(model)
    turned_back = with_weights(model, {layer.weight: weights[layer.weight][:, :, ::-1, ::-1] for layer in layers})
    nodes = {node.name: node for node in turned_back.graph.node}
    sides = _sides(model)
    for layer in layers:
        pads = _pads(layer, sides)
        if pads is None:
            return model
        _put(nodes[layer.name], "pads", pads)
        if layer.source == turning.output[0]:
            nodes[layer.name].input[0] = turning.input[0]
    turned_back.graph.node.remove(nodes[turning.name])
    return turned_back if _see_the_same(model, turned_back, photos) else model


def _turning(model: onnx.ModelProto) -> onnx.NodeProto | None:
    """Return the node that turns a photo by half, if there is one and one alone reads what it makes."""
    weights = weights_of(model)
    turnings: list[onnx.NodeProto] = [node for node in model.graph.node if _turns(node, weights)]
    return turnings[0] if len(turnings) == 1 and readers_of(model)[turnings[0].output[0]] == 1 else None


def _turns(node: onnx.NodeProto, weights: Mapping[str, NDArray[Any]]) -> bool:
    if node.op_type != "Slice" or len(node.input) != 5 or not weights.keys() >= set(node.input[1:]):
        return False
    axes, steps = (weights[name].tolist() for name in node.input[3:])
    return bool(axes == HEIGHT_AND_WIDTH and steps == [-1, -1])


def _sides(model: onnx.ModelProto) -> dict[str, list[int]]:
    """Return height and width of each tensor of which both are known."""
    found = {}
    for info in (*model.graph.value_info, *model.graph.output):
        dims = [dim.dim_value for dim in info.type.tensor_type.shape.dim]
        if len(dims) == 4 and all(dims[2:]):
            found[info.name] = dims[2:]
    return found


def _pads(layer: Layer, sides: dict[str, list[int]]) -> list[int] | None:
    """Return the padding with which a layer lays its windows from the other end; None where it would be negative."""
    if layer.source not in sides or layer.result not in sides:
        return None
    begins, ends = [], []
    for axis in (0, 1):
        begin, end = layer.pads[axis], layer.pads[2 + axis]
        covered = (sides[layer.result][axis] - 1) * layer.strides[axis] + layer.reach[axis]
        left_over = sides[layer.source][axis] + begin + end - covered  # at the end, where no window comes
        begins.append(end - left_over)
        ends.append(begin)
    return None if min(begins) < 0 else [*begins, *ends]


def _put(node: onnx.NodeProto, name: str, value: list[int]) -> None:
    for attribute in [attribute for attribute in node.attribute if attribute.name == name]:
        node.attribute.remove(attribute)
    node.attribute.append(onnx.helper.make_attribute(name, value))


def _see_the_same(before: onnx.ModelProto, after: onnx.ModelProto, photos: Sequence[Pixels]) -> bool:
    name = features_of(before)
    pairs = zip(watch(before, [name], photos), watch(after, [name], photos), strict=True)
    return all(np.allclose(a[name], b[name], rtol=1e-3, atol=1e-4 * float(np.abs(a[name]).max())) for a, b in pairs)
