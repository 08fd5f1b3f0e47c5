import numpy as np
import onnx
import onnxruntime
import pytest

from fieldmark.artifacts.modelfile import Model
from fieldmark.export.layers import weights_of
from fieldmark.export.quantise import to_float16, to_int8_weights
from fieldmark.export.stored import SMALLEST
from support.small_graph import photos, small_graph


def opened(data: bytes, tmp_path) -> onnx.ModelProto:
    """What ONNX Runtime makes of a file when it opens it."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(tmp_path / "opened.onnx")
    onnxruntime.InferenceSession(data, options)
    return onnx.load(tmp_path / "opened.onnx")


@pytest.mark.parametrize("store", [to_float16, lambda data: to_int8_weights(data, photos(20)).data])
def test_what_is_stored_small_is_turned_back_when_the_file_is_opened(store, tmp_path):
    data = small_graph()

    nodes = [node.op_type for node in opened(store(data), tmp_path).graph.node]

    assert nodes.count("Cast") == 1 and "Mul" not in nodes  # that of the levels


def test_sixteen_bits_answer_alike_and_large_weights_take_half(tmp_path):
    data = small_graph()
    small = to_float16(data)

    exact, rough = weights_of(onnx.load_from_string(data)), weights_of(onnx.load_from_string(small))
    for name, value in exact.items():
        if value.dtype == np.float32 and value.size >= SMALLEST:
            assert rough[f"{name}.half"].nbytes * 2 == value.nbytes and name not in rough
        else:
            assert np.array_equal(rough[name], value)
    for photo in photos(5):
        assert np.allclose(Model(data).run(photo)[0], Model(small).run(photo)[0], atol=0.005)


def test_a_weight_too_large_for_sixteen_bits_keeps_its_own():
    data = small_graph(wild=1e6)
    model = onnx.load_from_string(data)
    (held,) = [held for held in model.graph.initializer if held.name == "classifier.backbone.stem.weight"]
    big = onnx.numpy_helper.to_array(held) * 1e6
    held.CopyFrom(onnx.numpy_helper.from_array(np.resize(big, (32, 3, 3, 3)), held.name))

    rough = weights_of(onnx.load_from_string(to_float16(bytes(model.SerializeToString()))))

    assert rough["classifier.backbone.stem.weight"].dtype == np.float32


def test_eight_bits_answer_nearly_alike_and_say_how_nearly():
    data = small_graph()

    small = to_int8_weights(data, photos(40))

    assert small.layers == 3 and small.in_float == () and small.n_photos == 32 and small.decibels > 25
    assert weights_of(onnx.load_from_string(small.data))["classifier.backbone.stem.weight.whole"].dtype == np.int8
    for photo in photos(5, seed=9):
        assert np.allclose(Model(data).run(photo)[0], Model(small.data).run(photo)[0], atol=0.05)
