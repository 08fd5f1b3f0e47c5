"""A graph of a few convolutions with our own head, as the exporter would name it; it takes no torch to make."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from fieldmark.artifacts.modelfile import INPUT, METADATA_KEY, ModelInfo

SIZE = 16


def small_graph(seed: int = 0, mean: tuple[float, ...] = (127, 127, 127), wild: float = 1.0) -> bytes:
    """Build a model file: resize, normalise, convolve (3 x 3, depthwise, 1 x 1 and a shortcut), pool, tell two classes.

    Args:
        seed: of the weights.
        mean: the level of each channel that is taken as zero.
        wild: what one weight of the 1 x 1 convolution is multiplied by, so that few bits cannot hold the others.
    """
    random = np.random.default_rng(seed)
    weights = {
        "classifier.mean": np.array(mean, np.float32).reshape(1, 3, 1, 1),
        "classifier.std": np.array([128, 100, 60], np.float32).reshape(1, 3, 1, 1),
        "classifier.backbone.stem.weight": random.normal(0, 0.3, (8, 3, 3, 3)).astype(np.float32),
        "classifier.backbone.stem.bias": random.normal(0, 0.1, 8).astype(np.float32),
        "classifier.backbone.depth.weight": random.normal(0, 0.3, (8, 1, 3, 3)).astype(np.float32),
        "classifier.backbone.depth.bias": random.normal(0, 0.1, 8).astype(np.float32),
        "classifier.backbone.point.weight": random.normal(0, 0.3, (8, 8, 1, 1)).astype(np.float32),
        "classifier.backbone.point.bias": random.normal(0, 0.1, 8).astype(np.float32),
        "classifier.head.centre": np.zeros(8, np.float32),
        "classifier.head.linear.weight": random.normal(0, 1, (2, 8)).astype(np.float32),
        "classifier.head.linear.bias": np.zeros(2, np.float32),
        "side": np.array([1, 3, SIZE, SIZE], np.int64),
        "sides": np.array([2, 3], np.int64),
        "front": np.array([0], np.int64),
        "row": np.array(0, np.int64),
        "least": np.array(0, np.float32),
        "most": np.array(6, np.float32),
        "one": np.array([1], np.float32),
    }
    weights["classifier.backbone.point.weight"][0, 0] *= wild
    nodes = [
        helper.make_node("Transpose", [INPUT], ["planes"], "turn", perm=[2, 0, 1]),
        helper.make_node("Unsqueeze", ["planes", "front"], ["one_photo"], "front_node"),
        helper.make_node("Cast", ["one_photo"], ["levels"], "cast", to=TensorProto.FLOAT),
        helper.make_node("Resize", ["levels", "", "", "side"], ["fitted"], "fit", mode="linear", antialias=1),
        helper.make_node("Round", ["fitted"], ["whole"], "round"),
        helper.make_node("Sub", ["whole", "classifier.mean"], ["centred"], "less"),
        helper.make_node("Div", ["centred", "classifier.std"], ["normal"], "over"),
        _conv("stem", "normal", "a", strides=[2, 2]),
        helper.make_node("Clip", ["a", "least", "most"], ["b"], "clip"),
        _conv("depth", "b", "c", group=8),
        helper.make_node("Relu", ["c"], ["d"], "relu"),
        _conv("point", "d", "e", size=1),
        helper.make_node("Add", ["e", "b"], ["f"], "shortcut"),
        helper.make_node("ReduceMean", ["f", "sides"], ["view"], "pool", keepdims=0),
        helper.make_node("Sub", ["view", "classifier.head.centre"], ["off"], "off_node"),
        helper.make_node(
            "Gemm", ["off", "classifier.head.linear.weight", "classifier.head.linear.bias"], ["g"], "head", transB=1
        ),
        helper.make_node("Gather", ["g", "row"], ["logits"], "take"),
        helper.make_node("Softmax", ["logits"], ["probabilities"], "softmax", axis=0),
        helper.make_node("ReduceMax", ["probabilities"], ["greatest"], "greatest_node", keepdims=1),
        helper.make_node("Sub", ["one", "greatest"], ["unknown_score"], "score"),
    ]
    floats = {"logits": 2, "probabilities": 2, "unknown_score": 1}
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info(INPUT, TensorProto.UINT8, ["height", "width", 3])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [n]) for name, n in floats.items()],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    model = onnx.shape_inference.infer_shapes(model)
    onnx.checker.check_model(model)
    info = ModelInfo(("coral", "king"), "small", {"n": 2, "hash": "0" * 64}, {}, "0.0.0")
    helper.set_model_props(model, {METADATA_KEY: info.to_json()})
    return bytes(model.SerializeToString())


def photos(n: int, seed: int = 0) -> list[np.ndarray]:
    """Paint n photos of two colours that run into each other, with some noise."""
    random = np.random.default_rng(seed)
    painted = []
    for _ in range(n):
        ends = random.integers(0, 256, (2, 3))
        ramp = np.linspace(0, 1, 20)[:, None, None]
        colours = (1 - ramp) * ends[0] + ramp * ends[1] + random.normal(0, 12, (20, 24, 3))
        painted.append(colours.clip(0, 255).astype(np.uint8))
    return painted


def _conv(name: str, source: str, result: str, size: int = 3, **attributes: object) -> onnx.NodeProto:
    weight, bias = (f"classifier.backbone.{name}.{part}" for part in ("weight", "bias"))
    return helper.make_node(
        "Conv", [source, weight, bias], [result], name, pads=[size // 2] * 4, kernel_shape=[size, size], **attributes
    )
