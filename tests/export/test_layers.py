import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from fieldmark.export.layers import Layer, features_of, layers_of, watch, weights_of
from support.small_graph import photos, small_graph


@pytest.fixture
def model():
    return onnx.load_from_string(small_graph())


def test_the_layers_are_those_before_the_features(model):
    assert features_of(model) == "view"
    assert [layer.name for layer in layers_of(model)] == ["stem", "depth", "point"]  # and not the head


def test_a_layer_whose_weights_another_node_reads_is_left_alone(model):
    model.graph.node.append(helper.make_node("Neg", ["classifier.backbone.point.weight"], ["unused"], "other"))

    assert [layer.name for layer in layers_of(model)] == ["stem", "depth"]


def test_a_graph_without_our_head_has_no_features(model):
    for node in model.graph.node:
        for i, name in enumerate(node.input):
            if name == "classifier.head.centre":
                node.input[i] = "one"

    with pytest.raises(ValueError, match="head's centre"):
        features_of(model)


CONVOLUTIONS = {
    "plain": ((5, 4, 3, 3), {"pads": [1, 1, 1, 1]}),
    "strided": ((5, 4, 3, 3), {"pads": [1, 1, 1, 1], "strides": [2, 2]}),
    "padded on one side": ((5, 4, 2, 3), {"pads": [0, 1, 1, 2], "strides": [2, 1]}),
    "not padded": ((5, 4, 3, 3), {}),
    "dilated": ((5, 4, 3, 3), {"pads": [2, 2, 2, 2], "dilations": [2, 2]}),
    "depthwise": ((4, 1, 5, 5), {"pads": [2, 2, 2, 2], "group": 4}),
    "in two groups": ((6, 2, 3, 3), {"pads": [1, 1, 1, 1], "group": 2}),
    "one by one": ((7, 4, 1, 1), {}),
}


@pytest.mark.parametrize("which", CONVOLUTIONS)
def test_rows_times_inputs_is_what_a_convolution_makes(which):
    shape, attributes = CONVOLUTIONS[which]
    random = np.random.default_rng(1)
    weight = random.normal(size=shape).astype(np.float32)
    photo = random.normal(size=(1, 4, 9, 8)).astype(np.float32)
    node = helper.make_node("Conv", ["x", "w"], ["y"], "conv", kernel_shape=shape[2:], **attributes)
    layer = Layer(node, shape)

    made = np.matmul(layer.rows(weight), layer.inputs(photo, 10_000, random))

    (wanted,) = _run(node, {"x": photo, "w": weight})
    assert np.allclose(made.reshape(wanted.shape[1], -1), wanted[0].reshape(wanted.shape[1], -1), atol=1e-4)
    assert np.array_equal(layer.weight_of(layer.rows(weight)), weight)


@pytest.mark.parametrize(("kind", "attributes"), [("MatMul", {}), ("Gemm", {}), ("Gemm", {"transB": 1})])
def test_rows_times_inputs_is_what_a_product_makes(kind, attributes):
    random = np.random.default_rng(1)
    weight = random.normal(size=(3, 6) if attributes else (6, 3)).astype(np.float32)
    rows = random.normal(size=(4, 6)).astype(np.float32)
    node = helper.make_node(kind, ["x", "w"], ["y"], "product", **attributes)
    layer = Layer(node, weight.shape)

    made = np.matmul(layer.rows(weight), layer.inputs(rows, 10_000, random))[0]

    (wanted,) = _run(node, {"x": rows, "w": weight})
    assert np.allclose(made.T, wanted, atol=1e-4)
    assert np.array_equal(layer.weight_of(layer.rows(weight)), weight)


def test_no_more_places_are_drawn_than_asked_for_and_none_twice():
    node = helper.make_node("Conv", ["x", "w"], ["y"], "conv")
    counted = np.arange(30, dtype=np.float32).reshape(1, 1, 5, 6)

    drawn = Layer(node, (1, 1, 1, 1)).inputs(counted, 7, np.random.default_rng(0))

    assert drawn.shape == (1, 1, 7) and len(np.unique(drawn)) == 7


def test_tensors_are_told_photo_by_photo(model):
    told = list(watch(model, ["a", "view"], photos(3)))

    assert [sorted(one) for one in told] == [["a", "view"]] * 3
    assert told[0]["a"].shape == (1, 8, 8, 8) and not np.array_equal(told[0]["view"], told[1]["view"])
    assert [output.name for output in model.graph.output] == ["logits", "probabilities", "unknown_score"]


def test_the_weights_are_read_by_name(model):
    assert weights_of(model)["classifier.backbone.stem.weight"].shape == (8, 3, 3, 3)


def _run(node, given):
    tensors = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("x", "y")]
    held = [numpy_helper.from_array(given["w"], "w")]
    model = helper.make_model(
        helper.make_graph([node], "one", tensors[:1], tensors[1:], held), opset_imports=[helper.make_opsetid("", 20)]
    )
    return ReferenceEvaluator(model).run(None, {"x": given["x"]})
