from collections import Counter

import numpy as np
import onnx
import onnxruntime
import pytest

from fieldmark.artifacts.modelfile import Model
from fieldmark.export import quantise
from fieldmark.export.layers import weights_of
from fieldmark.export.quantise import to_int8
from support.small_graph import photos, small_graph

AWKWARD = [(1, 1), (1, 5000), (5000, 1), (3, 2), (333, 500), (1200, 1600)]


@pytest.fixture(scope="module")
def small():
    return to_int8(small_graph(), photos(40))


def opened(data: bytes, tmp_path) -> Counter:
    """The kinds of node that ONNX Runtime makes of a file."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(tmp_path / "opened.onnx")
    onnxruntime.InferenceSession(data, options)
    return Counter(node.op_type for node in onnx.load(tmp_path / "opened.onnx").graph.node)


def test_every_layer_and_what_joins_them_is_done_in_eight_bits(small, tmp_path):
    kinds = opened(small.data, tmp_path)

    assert kinds["QLinearConv"] == 3 and kinds["QLinearAdd"] == 1 and kinds["Conv"] == 0
    assert kinds["Relu"] == kinds["Clip"] == 0  # the quantiser of what they make does their work
    assert kinds["QuantizeLinear"] == kinds["DequantizeLinear"] == 1  # before the first layer, and after the last


def test_preprocessing_features_and_head_stay_in_float(small):
    graph = onnx.load_from_string(small.data).graph

    float_nodes = ("Resize", "ReduceMean", "Sub", "Gemm", "Softmax")
    made = {node.op_type for node in graph.node}
    assert made.issuperset(float_nodes)
    assert weights_of(onnx.load_from_string(small.data))["classifier.head.linear.weight"].dtype == np.float32


def test_the_first_layer_reads_the_very_levels(small):
    weights = weights_of(onnx.load_from_string(small.data))

    assert weights["centred_scale"] == 1 and weights["centred_zero_point"] == 127


def test_weights_take_seven_bits_and_activations_are_unsigned(small):
    weights = weights_of(onnx.load_from_string(small.data))

    whole = [value for name, value in weights.items() if name.endswith("weight_quantized")]
    assert len(whole) == 3 and all(value.dtype == np.int8 and np.abs(value).max() == 63 for value in whole)
    points = [value for name, value in weights.items() if name.endswith("zero_point") and "weight" not in name]
    assert {value.dtype.name for value in points if value.dtype != np.int32} == {"uint8"}


def test_it_answers_nearly_alike_about_photos_it_was_not_calibrated_on(small):
    exact, rough = Model(small_graph()), Model(small.data)

    differences = [np.abs(exact.run(photo)[0] - rough.run(photo)[0]).max() for photo in photos(30, seed=5)]

    assert max(differences) < 0.06 and small.decibels > quantise.AIM and small.in_float == ()
    assert small.n_photos == 32 and small.layers == 3


@pytest.mark.parametrize("size", AWKWARD)
def test_a_picture_of_any_size_is_answered(small, size):
    picture = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)

    exact, rough = Model(small_graph()).run(picture), Model(small.data).run(picture)

    assert np.allclose(exact[0], rough[0], atol=0.1) and np.isfinite(rough[2])


def test_what_the_file_says_of_itself_is_kept(small):
    assert Model(small.data).info == Model(small_graph()).info


def test_the_same_photos_give_the_same_bytes(small):
    assert to_int8(small_graph(), photos(40)).data == small.data


def test_layers_that_the_answer_cannot_spare_stay_in_float(monkeypatch, tmp_path):
    monkeypatch.setattr(quantise, "AIM", 60.0)  # more than eight bits can do
    monkeypatch.setattr(quantise, "MOST_FLOAT", 0.7)

    small = to_int8(small_graph(), photos(40))

    assert len(small.in_float) == 2 and small.layers == 3
    kinds = opened(small.data, tmp_path)
    assert kinds["QLinearConv"] == 1 and kinds["Conv"] + kinds["FusedConv"] == 2


def test_the_layer_that_adds_most_noise_is_the_first_to_stay_in_float(monkeypatch):
    """One weight a thousand times the others, so that these all become 0."""
    monkeypatch.setattr(quantise, "MOST_FLOAT", 0.4)
    data = small_graph(wild=1000.0)
    model = onnx.load_from_string(data)
    for held in model.graph.initializer:
        if held.name == "classifier.backbone.point.bias":
            held.CopyFrom(onnx.numpy_helper.from_array(np.zeros(8, np.float32), held.name))
    layers = quantise.layers_of(model)
    seen = quantise.look(model, layers, photos(20))
    rounded = quantise.round_all(layers, weights_of(model), seen, bits=7)
    rounded["depth"] = quantise.round_all(layers, weights_of(model), seen, bits=7)["depth"]
    rough = {
        **rounded,
        "depth": type(rounded["depth"])(
            rounded["depth"].whole // 16 * 16, rounded["depth"].steps, rounded["depth"].bias, 0
        ),
    }
    small = quantise._in_8_bits(model, layers, rough, quantise._ranges(model, layers, photos(20)), ())

    assert quantise._noisiest(model, small, layers, photos(4, seed=3))[0] == "depth"


def test_nothing_is_said_by_the_quantiser(caplog, capsys):
    to_int8(small_graph(), photos(10))

    assert caplog.text == "" and capsys.readouterr() == ("", "")
