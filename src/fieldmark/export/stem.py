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

from fieldmark.export.layers import (
    Layer,
    forget_shape,
    forget_unread,
    makers_of,
    readers_of,
    weights_of,
    with_weights,
)

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
    copy = with_weights(small, {})
    stem = _stem_of(copy)
    if stem is None:
        return small
    _let_the_quantiser_round(copy, stem)
    _fill_up_channels(copy, stem)
    forget_unread(copy)
    return copy


def _stem_of(model: onnx.ModelProto) -> _Stem | None:
    """Return what surrounds the first convolution, if all of it is there and nothing else reads it."""
    makers, readers = makers_of(model), readers_of(model)
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
    if Layer(first, tuple(weight.dims)).groups != 1 or any(readers[name] != 1 for name in read):
        return None
    return _Stem(quantiser, dequantiser, weight)


def _let_the_quantiser_round(model: onnx.ModelProto, stem: _Stem) -> None:
    """Have levels quantised as they are, where they are rounded and lessened first by what is zero in 8 bits."""
    makers, readers, weights = makers_of(model), readers_of(model), weights_of(model)
    less = makers.get(stem.quantiser.input[0])
    rounding = makers.get(less.input[0]) if less is not None and less.op_type == "Sub" else None
    if less is None or rounding is None or rounding.op_type != "Round":
        return
    alone = readers[less.output[0]] == readers[rounding.output[0]] == 1
    named = (*stem.quantiser.input[1:], less.input[1])
    if not alone or not weights.keys() >= set(named):
        return
    step, zero, lessened_by = (weights[name] for name in named)
    if step != 1 or not np.array_equal(zero, lessened_by):
        return
    nothing = numpy_helper.from_array(np.array(0, dtype=np.uint8), f"{stem.quantiser.name}_from")
    model.graph.initializer.append(nothing)
    stem.quantiser.input[0], stem.quantiser.input[2] = rounding.input[0], nothing.name
    for node in (less, rounding):
        model.graph.node.remove(node)


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
    forget_shape(model, stem.dequantiser.output[0])
