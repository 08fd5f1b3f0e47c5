"""A graph in 8 bits -> the same, whose stem is laid out as ONNX Runtime's fastest kernel wants it.

That kernel takes four channels at a time, and leaves a stem that reads red, green and blue to one half as fast. So the
last channel comes twice, the second time with weights of zero. And a quantiser rounds as it is, so that levels need not
be rounded before it. Neither changes any answer, to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from fieldmark.export.layers import Layer

AT_A_TIME = 4
"""Channels that the kernel takes together."""

CHANNELS = 1
"""The axis of channels, of activations as of weights."""


@dataclass(frozen=True)
class _Stem:
    quantiser: onnx.NodeProto
    dequantiser: onnx.NodeProto
    weight: onnx.TensorProto


def lay_out_stem(small: onnx.ModelProto) -> onnx.ModelProto:
    """Return the graph with its stem laid out; the graph itself where the first convolution is none in 8 bits.

    Args:
        small: a graph with quantisers, sorted as ONNX demands it.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(small)
    stem = _stem_of(copy)
    if stem is None:
        return small
    _let_the_quantiser_round(copy, stem)
    _fill_up_channels(copy, stem)
    return copy


def _stem_of(model: onnx.ModelProto) -> _Stem | None:
    """Return what surrounds the first convolution, if all of it is there and nothing else reads it."""
    makers = {name: node for node in model.graph.node for name in node.output}
    held = {weight.name: weight for weight in model.graph.initializer}
    first = next((node for node in model.graph.node if node.op_type == "Conv"), None)
    if first is None or not makers.keys() >= set(first.input[:2]):
        return None
    dequantiser, of_weight = makers[first.input[0]], makers[first.input[1]]
    quantiser = makers.get(dequantiser.input[0])
    if quantiser is None or quantiser.op_type != "QuantizeLinear" or of_weight.input[0] not in held:
        return None
    weight = held[of_weight.input[0]]
    read = (quantiser.output[0], dequantiser.output[0], weight.name, of_weight.output[0])
    if Layer(first, tuple(weight.dims)).groups != 1 or any(_readers(model, name) != 1 for name in read):
        return None
    return _Stem(quantiser, dequantiser, weight)


def _readers(model: onnx.ModelProto, name: str) -> int:
    return sum(name in node.input for node in model.graph.node)


def _let_the_quantiser_round(model: onnx.ModelProto, stem: _Stem) -> None:
    """Have levels quantised as they are, where they are rounded and lessened first by what is zero in 8 bits."""
    makers = {name: node for node in model.graph.node for name in node.output}
    less = makers.get(stem.quantiser.input[0])
    rounding = makers.get(less.input[0]) if less is not None and less.op_type == "Sub" else None
    if less is None or rounding is None or rounding.op_type != "Round":
        return
    numbers = [_number(model, name) for name in (*stem.quantiser.input[1:], less.input[1])]
    alone = _readers(model, less.output[0]) == _readers(model, rounding.output[0]) == 1
    step, zero, lessened_by = numbers
    if not alone or step != 1 or zero is None or zero != lessened_by:
        return
    nothing = numpy_helper.from_array(np.array(0, dtype=np.uint8), f"{stem.quantiser.name}_from")
    model.graph.initializer.append(nothing)
    stem.quantiser.input[0], stem.quantiser.input[2] = rounding.input[0], nothing.name
    for node in (less, rounding):
        model.graph.node.remove(node)
    for held in [held for held in model.graph.initializer if held.name == less.input[1]]:
        if _readers(model, held.name) == 0:  # or a browser would complain of it
            model.graph.initializer.remove(held)


def _number(model: onnx.ModelProto, name: str) -> float | None:
    """Return the one number that the graph holds under a name."""
    found = [numpy_helper.to_array(held) for held in model.graph.initializer if held.name == name]
    return float(found[0].reshape(())) if found and found[0].size == 1 else None


def _fill_up_channels(model: onnx.ModelProto, stem: _Stem) -> None:
    """Have the stem read as many channels more as make its channels a multiple of `AT_A_TIME`."""
    weight: NDArray[np.int8] = numpy_helper.to_array(stem.weight)
    channels = weight.shape[CHANNELS]
    more = -channels % AT_A_TIME
    if more == 0:
        return
    filled = np.pad(weight, [(0, more if axis == CHANNELS else 0) for axis in range(weight.ndim)])
    stem.weight.CopyFrom(numpy_helper.from_array(filled, stem.weight.name))
    levels = stem.quantiser.output[0]
    which = numpy_helper.from_array(np.array([*range(channels), *[channels - 1] * more]), f"{levels}_channels")
    gather = onnx.helper.make_node("Gather", [levels, which.name], [f"{levels}_by_fours"], axis=CHANNELS)
    gather.name = gather.output[0]
    model.graph.initializer.append(which)
    model.graph.node.insert(list(model.graph.node).index(stem.dequantiser), gather)
    stem.dequantiser.input[0] = gather.output[0]
    for info in [info for info in model.graph.value_info if info.name == stem.dequantiser.output[0]]:
        model.graph.value_info.remove(info)
