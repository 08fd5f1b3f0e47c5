"""A float graph -> one that is stored in fewer bits and answers in float32: no faster, no slower, less to send.

What is stored small is turned back by nodes whose inputs never change, which every runtime works out once, when it
opens the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from fieldmark.export.layers import Layer
from fieldmark.export.rounding import Rounded

SMALLEST = 256
"""Numbers that a weight must have to be worth two more nodes."""

LARGEST_HALF = float(np.finfo(np.float16).max)


def in_float16(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a graph whose weights are stored in 16 bits."""
    halves = {}
    for held in model.graph.initializer:
        if held.data_type == TensorProto.FLOAT and np.prod(held.dims) >= SMALLEST:
            values = numpy_helper.to_array(held)
            if np.abs(values).max() <= LARGEST_HALF:
                halves[held.name] = values.astype(np.float16)
    stored = [numpy_helper.from_array(values, f"{name}.half") for name, values in halves.items()]
    nodes = [
        helper.make_node("Cast", [f"{name}.half"], [name], f"{name}.float", to=TensorProto.FLOAT) for name in halves
    ]
    return _instead(model, halves, stored, nodes)


def in_whole_numbers(
    model: onnx.ModelProto, layers: Iterable[Layer], rounded: Mapping[str, Rounded]
) -> onnx.ModelProto:
    """Return a graph whose layers' weights are stored as whole numbers of 8 bits, and what one is worth."""
    stored, nodes, names = [], [], []
    for layer in layers:
        name, small = layer.weight, rounded[layer.name]
        names.append(name)
        stored += [
            numpy_helper.from_array(small.whole, f"{name}.whole"),
            numpy_helper.from_array(small.steps_along, f"{name}.steps"),
        ]
        nodes += [
            helper.make_node("Cast", [f"{name}.whole"], [f"{name}.float"], f"{name}.cast", to=TensorProto.FLOAT),
            helper.make_node("Mul", [f"{name}.float", f"{name}.steps"], [name], f"{name}.worth"),
        ]
        if layer.bias is not None and small.bias is not None:
            names.append(layer.bias)
            stored.append(numpy_helper.from_array(small.bias, layer.bias))
    return _instead(model, names, stored, nodes)


def _instead(
    model: onnx.ModelProto,
    without: Iterable[str],
    stored: Iterable[onnx.TensorProto],
    nodes: Iterable[onnx.NodeProto],
) -> onnx.ModelProto:
    """Return a copy of a graph with other weights in place of some, and nodes before all others."""
    gone = set(without)
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    kept = [held for held in model.graph.initializer if held.name not in gone]
    del copy.graph.initializer[:], copy.graph.node[:]
    copy.graph.initializer.extend([*kept, *stored])
    copy.graph.node.extend([*nodes, *model.graph.node])
    return copy
