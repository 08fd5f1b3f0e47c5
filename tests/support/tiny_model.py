"""A model file of a few hundred bytes: red pictures are the first class, blue ones the last."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from fieldmark.artifacts.modelfile import INPUT, METADATA_KEY, ModelInfo
from fieldmark.costs import Costs

RED = (200, 30, 30)
BLUE = (30, 30, 200)


def tiny_model_bytes(
    classes: Sequence[str] = ("coral", "king"),
    threshold: float | None = None,
    sharpness: float = 8.0,
    metrics: dict[str, object] | None = None,
    cost: Sequence[str] = (),
) -> bytes:
    """Build a model whose logits fall from the first class to the last for red pictures, and rise for blue ones.

    The unknown score is 1 - the greatest probability, so that a grey picture is the most unknown of all.
    """
    info = ModelInfo(
        classes=tuple(classes),
        backbone="mean_colour",
        trained_on={"n": 2, "hash": "0" * 64},
        metrics=metrics or {},
        version="0.0.0",
        threshold=threshold,
        costs=Costs.read(classes, cost),
    )
    graph = helper.make_graph(
        [
            helper.make_node("Cast", [INPUT], ["float"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMean", ["float", "sides"], ["mean"], keepdims=0),
            helper.make_node("Div", ["mean", "white"], ["colour"]),
            helper.make_node("MatMul", ["colour", "weights"], ["logits"]),
            helper.make_node("Softmax", ["logits"], ["probabilities"], axis=0),
            helper.make_node("ReduceMax", ["probabilities"], ["greatest"], keepdims=1),
            helper.make_node("Sub", ["one", "greatest"], ["unknown_score"]),
        ],
        "tiny",
        [helper.make_tensor_value_info(INPUT, TensorProto.UINT8, ["height", "width", 3])],
        [
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [len(classes)]),
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, [len(classes)]),
            helper.make_tensor_value_info("unknown_score", TensorProto.FLOAT, [1]),
        ],
        [
            numpy_helper.from_array(np.array([0, 1], dtype=np.int64), "sides"),
            numpy_helper.from_array(np.array(255, dtype=np.float32), "white"),
            numpy_helper.from_array(np.array([1], dtype=np.float32), "one"),
            numpy_helper.from_array(_weights(len(classes), sharpness), "weights"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.checker.check_model(model)
    helper.set_model_props(model, {METADATA_KEY: info.to_json()})
    return model.SerializeToString()


def picture_bytes(
    colour: tuple[int, int, int] = RED, size: tuple[int, int] = (60, 40), format: str = "PNG", **options: object
) -> bytes:
    """Encode a picture of one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, format, **options)
    return buffer.getvalue()


def _weights(classes: int, sharpness: float) -> np.ndarray:
    blueness = np.linspace(0, 1, classes, dtype=np.float32)
    return np.stack([sharpness * (1 - blueness), np.zeros_like(blueness), sharpness * blueness])
