"""A float model file and photos of its training -> the same in 8 bits: smaller, and faster where a processor can.

Static quantisation: weights are whole numbers of seven bits for each channel, activations unsigned ones of eight bits
for each tensor, between quantisers that ONNX Runtime takes together with the layers they surround. Preprocessing, the
features, the head, the temperature and the score for "none of these" stay in float32, and so do layers that the answer
cannot spare, which is measured and not listed.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import onnx

from fieldmark.export.layers import Layer, features_of, layers_of, watch, weights_of, with_weights
from fieldmark.export.levels import take_levels
from fieldmark.export.rounding import Rounded, look, round_all
from fieldmark.export.stem import lay_out_stem
from fieldmark.export.stored import in_float16, in_whole_numbers
from fieldmark.export.upright import upright
from fieldmark.imaging.decode import Pixels

CALIBRATED_ON = 32
"""Photos that decide the ranges of activations and how weights are rounded. With 24 the features were 24.2 dB above the
noise, with 48 24.1 dB, and the time it takes grows with them."""

PROBED_ON = 16
"""Further photos that tell what came of it."""

FEWEST = 8
"""Photos to calibrate on: of fewer the ranges mean nothing."""

AIM = 20.0
"""Decibels that the features should be above what 8 bits add to them, or layers are left in float32. At 20 the noise
has a tenth of the features' length."""

MOST_FLOAT = 0.5
"""Part of the layers that may be left in float32."""

TOGETHER = ("Add", "Clip", "Relu", "MaxPool")
"""What is done in 8 bits too where it comes after layers that are."""

Range = tuple[float, float]


@dataclass(frozen=True)
class Small:
    """A model file of fewer bits.

    Attributes:
        data: the bytes, with the metadata of the float file.
        n_photos: how many photos it was calibrated on.
        layers: how many layers the backbone has.
        in_float: names of those that stay in float32.
        decibels: how far the features of further photos are above what was added to them.
    """

    data: bytes
    n_photos: int
    layers: int
    in_float: tuple[str, ...]
    decibels: float


def to_float16(data: bytes) -> bytes:
    """Store a float model file in 16 bits; it answers in float32."""
    return bytes(in_float16(onnx.load_from_string(data)).SerializeToString())


def to_int8_weights(data: bytes, photos: Sequence[Pixels]) -> Small:
    """Store the weights of a float model file in 8 bits; it answers in float32.

    Args:
        data: a float model file.
        photos: `FEWEST` or more that the model learned from, fitted or not.
    """
    model = onnx.load_from_string(data)
    layers = layers_of(model)
    calibrate, probe = _shared_out(photos)
    rounded = round_all(layers, weights_of(model), look(model, layers, calibrate), bits=8)
    small = in_whole_numbers(model, layers, rounded)
    return Small(bytes(small.SerializeToString()), len(calibrate), len(layers), (), _decibels(model, small, probe))


def to_int8(data: bytes, photos: Sequence[Pixels]) -> Small:
    """Make a float model file answer in 8 bits.

    Args:
        data: a float model file.
        photos: `FEWEST` or more that the model learned from, fitted or not.
    """
    calibrate, probe = _shared_out(photos)
    model = upright(onnx.load_from_string(data), probe[:2])
    model = take_levels(model, layers_of(model))
    layers = layers_of(model)
    rounded = round_all(layers, weights_of(model), look(model, layers, calibrate), bits=7)
    ranges = _ranges(model, layers, calibrate)
    in_float: list[str] = []
    while True:
        small = _in_8_bits(model, layers, rounded, ranges, in_float)
        decibels = _decibels(model, small, probe)
        more = max(1, len(layers) // 10)
        if decibels >= AIM or len(in_float) + more > MOST_FLOAT * len(layers):
            break
        in_float += _noisiest(model, small, [layer for layer in layers if layer.name not in in_float], probe)[:more]
    small = lay_out_stem(small)
    onnx.checker.check_model(small)
    return Small(bytes(small.SerializeToString()), len(calibrate), len(layers), tuple(in_float), decibels)


def _shared_out(photos: Sequence[Pixels]) -> tuple[Sequence[Pixels], Sequence[Pixels]]:
    """Share photos out among calibrating and probing; of few all do both."""
    probes = min(PROBED_ON, len(photos) // 5)
    if probes == 0:
        return photos, photos
    return photos[probes:][:CALIBRATED_ON], photos[:probes]


def _ranges(model: onnx.ModelProto, layers: Sequence[Layer], photos: Sequence[Pixels]) -> dict[str, Range]:
    """Return between what each tensor lies that may be in 8 bits; what comes before any layer lies as pixels can."""
    together = [node for node in model.graph.node if node.op_type in TOGETHER]
    names = {name for layer in layers for name in (layer.source, layer.result)}
    held = {weight.name for weight in model.graph.initializer}
    names |= {name for node in together for name in (*node.input, *node.output) if name and name not in held}
    after = _after(model, layers)
    black, white = (np.full((32, 32, 3), level, dtype=np.uint8) for level in (0, 255))
    seen = _extremes(model, [name for name in names if name in after], photos)
    return seen | _extremes(model, [name for name in names if name not in after], [black, white])


def _extremes(model: onnx.ModelProto, names: Sequence[str], photos: Sequence[Pixels]) -> dict[str, Range]:
    """Return the least and greatest value of each tensor, and 0 between them, as padding is exactly 0."""
    found: dict[str, Range] = {}
    for tensors in watch(model, names, photos):
        for name, values in tensors.items():
            low, high = found.get(name, (0.0, 0.0))
            found[name] = min(low, float(values.min())), max(high, float(values.max()))
    return found


def _after(model: onnx.ModelProto, layers: Sequence[Layer]) -> set[str]:
    """Return the tensors that some layer had a part in."""
    names = {layer.name for layer in layers}
    after: set[str] = set()
    for node in model.graph.node:  # sorted, as ONNX demands it
        if node.name in names or after.intersection(node.input):
            after.update(node.output)
    return after


def _in_8_bits(
    model: onnx.ModelProto,
    layers: Sequence[Layer],
    rounded: Mapping[str, Rounded],
    ranges: Mapping[str, Range],
    in_float: Collection[str],
) -> onnx.ModelProto:
    """Return the graph with quantisers around all layers but some."""
    chosen = [layer for layer in layers if layer.name not in in_float]
    names = _joined(model, {layer.name for layer in chosen})
    if not names:
        return model
    weights = {layer.weight: rounded[layer.name].weight for layer in chosen}
    weights |= {layer.bias: bias for layer in chosen if (bias := rounded[layer.name].bias) is not None and layer.bias}
    steps = {layer.weight: _steps(rounded[layer.name]) for layer in chosen}
    small = _quantised(with_weights(model, weights), names, ranges, steps)
    small.producer_name, small.producer_version = model.producer_name, model.producer_version
    del small.metadata_props[:]
    small.metadata_props.extend(model.metadata_props)
    return small


def _quantised(
    model: onnx.ModelProto, names: Collection[str], ranges: Mapping[str, Range], steps: Mapping[str, object]
) -> onnx.ModelProto:
    """Have ONNX Runtime put quantisers around nodes.

    Args:
        model: a float graph, whose weights are whole numbers of steps already.
        names: of the nodes.
        ranges: by tensor, between what it lies.
        steps: by weight, what `_steps` makes of it.
    """
    from onnxruntime.quantization import QuantType
    from onnxruntime.quantization.calibrate import TensorData
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

    bounds = {name: np.array(ends, dtype=np.float32) for name, ends in ranges.items()}
    with _quiet():
        quantizer = QDQQuantizer(
            model,
            per_channel=True,
            reduce_range=False,  # the steps are given
            weight_qType=QuantType.QInt8,
            activation_qType=QuantType.QUInt8,
            tensors_range={name: TensorData(lowest=low, highest=high) for name, (low, high) in bounds.items()},
            nodes_to_quantize=sorted(names),
            nodes_to_exclude=[],
            op_types_to_quantize=["Conv", "MatMul", "Gemm", *TOGETHER],
            extra_options={"TensorQuantOverrides": dict(steps), "QDQDisableWeightAdjustForInt32Bias": True},
        )
        quantizer.quantize_model()
        quantizer.model.topological_sort()
    small: onnx.ModelProto = quantizer.model.model
    return small


def _steps(small: Rounded) -> list[dict[str, object]]:
    """Return the steps of a layer's weights as ONNX Runtime's quantiser wants them, channel by channel."""
    told: list[dict[str, object]] = [
        {"scale": np.array(step, dtype=np.float32), "zero_point": np.array(0, dtype=np.int8)} for step in small.steps
    ]
    told[0]["axis"] = small.axis
    return told


def _joined(model: onnx.ModelProto, layers: set[str]) -> set[str]:
    """Return names of layers, and of nodes that go together with them: all that they read was made in 8 bits."""
    names, small = set(layers), set[str]()
    held = {weight.name for weight in model.graph.initializer}
    for node in model.graph.node:
        reads = [name for name in node.input if name and name not in held]
        if node.op_type in TOGETHER and reads and small.issuperset(reads):
            names.add(node.name)
        if node.name in names:
            small.update(node.output)
    return names


def _decibels(model: onnx.ModelProto, small: onnx.ModelProto, photos: Sequence[Pixels]) -> float:
    """Return how far the features of photos are above what a smaller graph adds to them."""
    name = features_of(model)
    (noise,) = _noises(model, small, [name], photos)
    return float(-10 * np.log10(max(noise, 1e-20)))


def _noisiest(
    model: onnx.ModelProto, small: onnx.ModelProto, layers: Sequence[Layer], photos: Sequence[Pixels]
) -> list[str]:
    """Return the names of layers, first those that add most noise to what they read."""
    made = {name for node in small.graph.node for name in node.output}
    readers = {name: node for node in model.graph.node for name in node.input}
    # An activation that the quantiser did away with has left its name to what the layer makes.
    results = [layer.result if layer.result in made else str(readers[layer.result].output[0]) for layer in layers]
    names = [*(layer.source for layer in layers), *results]
    noises = _noises(model, small, names, photos)
    added = np.array(noises[len(layers) :]) - np.array(noises[: len(layers)])
    return [layers[i].name for i in np.argsort(-added, kind="stable")]


def _noises(
    model: onnx.ModelProto, small: onnx.ModelProto, names: Sequence[str], photos: Sequence[Pixels]
) -> list[float]:
    """Return the square of what a smaller graph adds to each tensor, as a part of the tensor's own square."""
    unique = list(dict.fromkeys(names))
    noise, signal = dict.fromkeys(unique, 0.0), dict.fromkeys(unique, 0.0)
    for exact, rough in zip(watch(model, unique, photos), watch(small, unique, photos), strict=True):
        for name in unique:
            noise[name] += float(np.square(rough[name] - exact[name], dtype=np.float64).sum())
            signal[name] += float(np.square(exact[name], dtype=np.float64).sum())
    return [noise[name] / max(signal[name], 1e-20) for name in names]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the quantiser's advice to itself; it goes through the root logger."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
