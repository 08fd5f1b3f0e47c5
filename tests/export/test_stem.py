import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from fieldmark.export import quantise
from fieldmark.export.layers import watch, weights_of
from fieldmark.export.quantise import to_int8
from fieldmark.export.stem import lay_out_stem
from support.small_graph import photos, small_graph

STEM = "classifier.backbone.stem.weight_quantized"
ONE_MEAN, THREE_MEANS = (127, 127, 127), (124, 116, 104)


def as_quantised(mean, monkeypatch):
    """A graph in 8 bits, of which the stem was left as the quantiser makes it."""
    with monkeypatch.context() as patch:
        patch.setattr(quantise, "lay_out_stem", lambda model: model)
        return onnx.load_from_string(to_int8(small_graph(mean=mean), photos(40)).data)


def kinds(model):
    return {node.op_type for node in model.graph.node}


def before_the_stem(model):
    """The kinds of node between photo and first convolution, the last first."""
    makers = {name: node for node in model.graph.node for name in node.output}
    node = next(node for node in model.graph.node if node.op_type == "Conv")
    while node.input[0] in makers:
        node = makers[node.input[0]]
        yield node.op_type


@pytest.mark.parametrize("mean", [ONE_MEAN, THREE_MEANS])
def test_no_answer_changes_to_the_last_bit(mean, monkeypatch):
    model = as_quantised(mean, monkeypatch)

    laid_out = lay_out_stem(model)

    onnx.checker.check_model(laid_out, full_check=True)
    asked = [*photos(12), *(np.full((9, 9, 3), level, np.uint8) for level in (0, 255))]
    for before, after in zip(watch(model, ["logits"], asked), watch(laid_out, ["logits"], asked), strict=True):
        assert np.array_equal(before["logits"], after["logits"])


def test_a_stem_of_three_channels_reads_four_of_which_one_has_no_weight(monkeypatch):
    model = as_quantised(ONE_MEAN, monkeypatch)

    laid_out = lay_out_stem(model)

    before, after = weights_of(model)[STEM], weights_of(laid_out)[STEM]
    assert before.shape == (8, 3, 3, 3) and after.shape == (8, 4, 3, 3)
    assert np.array_equal(after[:, :3], before) and not after[:, 3].any()


def test_the_quantiser_rounds_where_levels_are_whole_in_eight_bits(monkeypatch):
    model = as_quantised(ONE_MEAN, monkeypatch)

    assert list(before_the_stem(model))[:4] == ["DequantizeLinear", "QuantizeLinear", "Sub", "Round"]
    assert list(before_the_stem(lay_out_stem(model)))[:4] == ["DequantizeLinear", "Gather", "QuantizeLinear", "Resize"]


def test_levels_less_a_mean_of_their_own_for_each_channel_are_rounded_before(monkeypatch):
    laid_out = lay_out_stem(as_quantised(THREE_MEANS, monkeypatch))

    assert {"Round", "Gather"} <= set(before_the_stem(laid_out))


def test_a_file_in_eight_bits_has_it_so():
    small = onnx.load_from_string(to_int8(small_graph(), photos(40)).data)

    assert weights_of(small)[STEM].shape == (8, 4, 3, 3) and "Round" not in kinds(small)


@pytest.mark.parametrize("mean", [ONE_MEAN, THREE_MEANS])
def test_nothing_is_held_that_nobody_reads(mean):
    """ONNX Runtime complains of it, in a browser's console too."""
    small = onnx.load_from_string(to_int8(small_graph(mean=mean), photos(40)).data)

    read = {name for node in small.graph.node for name in node.input}
    assert {held.name for held in small.graph.initializer} <= read


def test_a_stem_of_four_channels_stays(monkeypatch):
    laid_out = lay_out_stem(as_quantised(ONE_MEAN, monkeypatch))

    assert lay_out_stem(laid_out) == laid_out


def test_a_stem_in_float_is_left_alone():
    model = onnx.load_from_string(small_graph())

    assert lay_out_stem(model) is model


@pytest.mark.parametrize("read", ["levels", "weight"])
def test_what_something_else_reads_too_is_left_alone(read, monkeypatch):
    model = as_quantised(ONE_MEAN, monkeypatch)
    nodes = list(model.graph.node)
    made = next(node for node in nodes if STEM in node.input) if read == "weight" else None
    levels = next(node for node in nodes if node.op_type == "QuantizeLinear")
    name = made.output[0] if made else levels.output[0]
    model.graph.node.append(helper.make_node("Shape", [name], ["unused"], "other"))

    assert lay_out_stem(model) is model


def test_levels_that_are_halved_in_eight_bits_are_rounded_before(monkeypatch):
    model = as_quantised(ONE_MEAN, monkeypatch)
    step = next(held for held in model.graph.initializer if held.name == "centred_scale")
    step.CopyFrom(numpy_helper.from_array(np.array(2, np.float32), step.name))

    assert "Round" in set(before_the_stem(lay_out_stem(model)))
