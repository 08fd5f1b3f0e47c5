"""Literals -> the model file that Fieldmark 0.1.0 writes, in small: schema 1, byte for byte, whatever is written later.

Nothing here may be changed, nor may it call what writes files today: model files outlive the release that wrote them,
and this is what every later one is asked to read. The graph has the parts of a real one in their order: turned, resized
with antialiasing and rounded inside the graph, a convolution, the pooled features, the head, a temperature, and the
part of the features that no direction explains. It has one convolution where a real one has 49.
"""

from __future__ import annotations

import onnx
from onnx import parser

WITHOUT_COSTS = (
    '{"classes": ["coral", "king"], "backbone": "efficientnet_lite0", "trained_on": {"n": 341, '
    '"hash": "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"}, '
    '"metrics": {"accuracy": 0.953, "accuracy_ci95": [0.885, 0.982], "error_rate": 0.047, "wrong": 4, "n_valid": 85, '
    '"unknown": {"accepted_aim": 0.95, "fitted_on": "validation", "why_not": null, "refused": null}}, '
    '"version": "0.1.0", "threshold": 0.25, "preprocessing": {"size": 8, "fit": "squish"}, "costs": null, "schema": 1}'
)
"""As the first files of schema 1 are: they say nothing of precision."""

WITH_COSTS = (
    '{"classes": ["coral", "king"], "backbone": "efficientnet_lite0", "trained_on": {"n": 341, '
    '"hash": "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b", '
    '"sealed": {"n": 64, "hash": "d4735e3a265e16eee03f59718b9b5d03019c07d8b6c51f90da3a666eec13ab35"}}, '
    '"metrics": {"accuracy": 0.953, "accuracy_ci95": [0.885, 0.982], "error_rate": 0.047, "wrong": 4, "n_valid": 85, '
    '"unknown": {"accepted_aim": 0.95, "fitted_on": "folds", "why_not": null, "refused": null}}, '
    '"version": "0.1.0", "threshold": 0.25, "preprocessing": {"size": 8, "fit": "squish"}, '
    '"costs": {"classes": ["coral", "king"], "answers": ["coral", "king", "expert"], '
    '"matrix": [[0.0, 20.0, 0.5], [1.0, 0.0, 0.5]]}, "precision": "float32", "against_float32": {}, "schema": 1}'
)
"""As files are that 0.1.0 writes."""

_GRAPH = """
<ir_version: 10, opset_import: ["" : 20], producer_name: "fieldmark", producer_version: "0.1.0">
main_graph (uint8[height, width, 3] image)
    => (float[2] probabilities, float[2] logits, float[1] unknown_score)
<
    int64[1] first = {0},
    int64 zero = {0},
    int64[4] square = {1, 3, 8, 8},
    float[1,3,1,1] mean = {127.0, 127.0, 127.0},
    float[1,3,1,1] std = {128.0, 128.0, 128.0},
    float[4,3,1,1] kernel = {1.0, -0.5, -0.5,  -0.5, 1.0, -0.5,  -0.5, -0.5, 1.0,  0.25, 0.25, 0.25},
    float[4] bias = {0.5, 0.5, 0.5, 0.75},
    float lowest = {0.0},
    float highest = {6.0},
    int64[2] sides = {2, 3},
    int64[2] row = {1, 4},
    int64[1] column = {-1},
    float[4] centre = {0.5, 0.25, 0.5, 0.75},
    float[4] spread = {0.5, 0.5, 0.5, 0.5},
    float[2,4] head = {1.0, 0.25, -1.0, 0.0,  -1.0, 0.0, 1.0, 0.25},
    float[2] offset = {0.125, -0.125},
    float temperature = {1.5},
    float tiny = {0.000001},
    float[2,4] directions = {0.8, 0.0, 0.0, 0.6,  0.0, 0.0, 1.0, 0.0},
    float two = {2.0},
    float one = {1.0}
>
{
    turned = Transpose <perm = [2, 0, 1]> (image)
    alone = Unsqueeze (turned, first)
    levels = Cast <to = 1> (alone)
    resized = Resize <antialias = 1, coordinate_transformation_mode = "half_pixel", cubic_coeff_a = -0.75,
        exclude_outside = 1, keep_aspect_ratio_policy = "stretch", mode = "linear", nearest_mode = "floor">
        (levels, , , square)
    rounded = Round (resized)
    above = Sub (rounded, mean)
    normal = Div (above, std)
    seen = Conv <kernel_shape = [1, 1], strides = [2, 2]> (normal, kernel, bias)
    kept = Clip (seen, lowest, highest)
    pooled = ReduceMean <keepdims = 1> (kept, sides)
    features = Reshape <allowzero = 1> (pooled, row)
    centred = Sub (features, centre)
    spread_out = Div (centred, spread)
    scores = Gemm <transB = 1> (spread_out, head, offset)
    logits = Gather <axis = 0> (scores, zero)
    cooled = Div (logits, temperature)
    probabilities = Softmax <axis = 0> (cooled)
    vector = Gather <axis = 0> (features, zero)
    flat = Reshape <allowzero = 0> (vector, column)
    length = ReduceL2 <keepdims = 0> (flat)
    bounded = Clip (length, tiny)
    along = Div (vector, bounded)
    parts = MatMul (directions, along)
    squares = Pow (parts, two)
    explained = ReduceSum <keepdims = 0> (squares)
    share = Unsqueeze (explained, first)
    rest = Sub (one, share)
    unknown_score = Max (rest, lowest)
}
"""


def schema_1_bytes(metadata: str = WITH_COSTS) -> bytes:
    """Build the file."""
    model = parser.parse_model(_GRAPH)
    onnx.checker.check_model(model)
    model.metadata_props.add(key="fieldmark", value=metadata)
    return bytes(model.SerializeToString())
