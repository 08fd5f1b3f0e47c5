"""A layer's weights -> whole numbers of few bits, rounded so that what it makes of real photos hardly changes.

Rounding every weight to the nearest whole number is not best: errors of weights whose inputs rise and fall together can
cancel. E. Frantar, S. Ashkboos, T. Hoefler and D. Alistarh, "GPTQ: accurate post-training quantization for generative
pre-trained transformers" (2022): round one input's weights after another, and let those not yet rounded make up for
what was lost. What then is left of the mean is taken out of the bias: M. Nagel, M. van Baalen, T. Blankevoort and
M. Welling, "Data-free quantization through weight equalization and bias correction" (2019).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray

from fieldmark.export.layers import Floats, Layer, watch
from fieldmark.imaging.decode import Pixels

LARGEST = {8: 127, 7: 63}
"""The largest whole number by the bits that it may take; the smallest is its opposite.

Layers that multiply in 8 bits have weights of seven. Processors without VNNI add two products of a weight and an
activation (0 to 255) in sixteen bits before they go on: 2 x 255 x 63 fits into them, 2 x 255 x 127 does not, and the
answer would be another one there."""

PLACES = 200
"""Places of a photo at which a layer's inputs are looked at."""

DAMPING = 0.01
"""Part of the mean variance that is added to each, as the photos are too few to tell them all."""

WIDEST = 5000
"""Inputs of one output beyond which weights are rounded to the nearest: their covariances take 200 MB and more."""

BLOCK = 128
"""Inputs after which the others are told of what was lost, all at once."""

TINY = 1e-12


@dataclass
class Seen:
    """What a layer read at some places of some photos.

    Attributes:
        n: places.
        total: `[groups, k]`, sum of each input.
        products: `[groups, k, k]`, sum of the products of each two; None of a layer that is too wide.
    """

    n: int
    total: NDArray[np.float64]
    products: NDArray[np.float64] | None

    @property
    def mean(self) -> NDArray[np.float64]:
        """The mean of each input, `[groups, k]`."""
        return self.total / self.n

    def spread(self, centred: bool) -> NDArray[np.float64] | None:
        """Return the covariances of the inputs, `[groups, k, k]`, or not `centred` their mean products."""
        if self.products is None:
            return None
        mean = self.mean
        return self.products / self.n - (mean[:, :, None] * mean[:, None, :] if centred else 0)


@dataclass(frozen=True)
class Rounded:
    """A layer's weights as whole numbers.

    Attributes:
        whole: int8, in the weight's own shape.
        steps: float32 `[outputs]`, what one is worth in each output.
        bias: float32 `[outputs]`, what is to be added instead of the old bias; None where nothing is.
        axis: of the weight along which the outputs lie.
    """

    whole: NDArray[np.int8]
    steps: Floats
    bias: Floats | None
    axis: int

    @property
    def steps_along(self) -> Floats:
        """The steps in a shape that the whole numbers can be multiplied by."""
        return self.steps.reshape([-1 if i == self.axis else 1 for i in range(self.whole.ndim)])

    @property
    def weight(self) -> Floats:
        """The weights that they stand for."""
        return self.whole.astype(np.float32) * self.steps_along


def look(model: onnx.ModelProto, layers: Sequence[Layer], photos: Sequence[Pixels], seed: int = 0) -> dict[str, Seen]:
    """Return what each layer reads of photos, by the layer's name."""
    random = np.random.default_rng(seed)
    seen: dict[str, Seen] = {}
    for tensors in watch(model, sorted({layer.source for layer in layers}), photos):
        for layer in layers:
            inputs = layer.inputs(tensors[layer.source], PLACES, random)
            narrow = inputs.shape[1] <= WIDEST
            products = np.matmul(inputs, inputs.transpose(0, 2, 1)).astype(np.float64) if narrow else None
            _add(seen, layer.name, Seen(inputs.shape[2], inputs.sum(axis=2, dtype=np.float64), products))
    return seen


def _add(seen: dict[str, Seen], name: str, more: Seen) -> None:
    if name not in seen:
        seen[name] = more
        return
    before = seen[name]
    before.n += more.n
    before.total += more.total
    if before.products is not None and more.products is not None:
        before.products += more.products


def round_layer(layer: Layer, weight: Floats, bias: Floats | None, seen: Seen, bits: int) -> Rounded:
    """Round a layer's weights.

    Args:
        layer: which.
        weight: its weight.
        bias: float32 `[outputs]`; None where it adds nothing, and nothing can make up for a mean that has moved.
        seen: what it reads of photos.
        bits: that a weight may take, see `LARGEST`.
    """
    rows = layer.rows(weight).astype(np.float64)
    steps = np.maximum(np.abs(rows).max(axis=2), TINY) / LARGEST[bits]
    spread = seen.spread(centred=bias is not None)
    whole = compensated(rows, steps, spread, LARGEST[bits])
    if bias is not None:
        moved = ((whole * steps[:, :, None] - rows) * seen.mean[:, None, :]).sum(axis=2)
        bias = (bias - moved.reshape(-1)).astype(np.float32)
    small = layer.weight_of(whole.astype(np.float32)).astype(np.int8)
    return Rounded(small, steps.reshape(-1).astype(np.float32), bias, layer.channel_axis)


def compensated(
    rows: NDArray[np.float64], steps: NDArray[np.float64], spread: NDArray[np.float64] | None, largest: int
) -> NDArray[np.float64]:
    """Round rows of weights by GPTQ.

    Args:
        rows: `[groups, outputs, k]`.
        steps: `[groups, outputs]`, what one is worth.
        spread: `[groups, k, k]`, how the inputs vary together; None to round to the nearest.
        largest: whole number that there is.

    Returns:
        whole numbers, `[groups, outputs, k]`.
    """
    if spread is None:
        return _nearest(rows / steps[:, :, None], largest)
    variances = np.einsum("gii->gi", spread)
    # Those that vary most first: there is most left then that can make up for them.
    order = np.argsort(-variances, axis=1, kind="stable")
    left = np.take_along_axis(rows, order[:, None, :], axis=2)
    upper = _upper(spread, variances, order)
    whole = np.zeros_like(left)
    k = rows.shape[2]
    for start in range(0, k, BLOCK):
        end = min(start + BLOCK, k)
        lost = np.zeros((*rows.shape[:2], end - start))
        for j in range(start, end):
            whole[:, :, j] = _nearest(left[:, :, j] / steps, largest)
            lost[:, :, j - start] = (left[:, :, j] - whole[:, :, j] * steps) / upper[:, j, j, None]
            left[:, :, j:end] -= lost[:, :, j - start, None] * upper[:, None, j, j:end]
        left[:, :, end:] -= np.matmul(lost, upper[:, start:end, end:])
    return np.take_along_axis(whole, np.argsort(order, axis=1)[:, None, :], axis=2)


def _upper(
    spread: NDArray[np.float64], variances: NDArray[np.float64], order: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the upper triangle whose square is the inverse of the damped covariances, in the order given."""
    damped = spread.copy()
    k = range(spread.shape[1])
    damped[:, k, k] += DAMPING * variances.mean(axis=1, keepdims=True) + TINY
    damped = np.take_along_axis(np.take_along_axis(damped, order[:, :, None], 1), order[:, None, :], 2)
    return np.linalg.cholesky(np.linalg.inv(damped)).transpose(0, 2, 1)


def _nearest(values: NDArray[np.float64], largest: int) -> NDArray[np.float64]:
    return np.clip(np.rint(values), -largest, largest)


def round_all(
    layers: Iterable[Layer], weights: Mapping[str, Floats], seen: Mapping[str, Seen], bits: int
) -> dict[str, Rounded]:
    """Round the weights of layers to whole numbers of so many bits; by the layer's name."""
    return {
        layer.name: round_layer(
            layer, weights[layer.weight], None if layer.bias is None else weights[layer.bias], seen[layer.name], bits
        )
        for layer in layers
    }
