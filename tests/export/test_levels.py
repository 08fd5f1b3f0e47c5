import numpy as np
import onnx
import pytest

from fieldmark.export.layers import layers_of, watch
from fieldmark.export.levels import take_levels
from support.small_graph import photos, small_graph


@pytest.mark.parametrize("mean", [(127, 127, 127), (124, 116, 104)])
def test_the_answer_stays_the_same(mean):
    model = onnx.load_from_string(small_graph(mean=mean))

    taken = take_levels(model, layers_of(model))

    onnx.checker.check_model(taken, full_check=True)
    for before, after in zip(watch(model, ["logits"], photos(3)), watch(taken, ["logits"], photos(3)), strict=True):
        assert np.allclose(before["logits"], after["logits"], atol=1e-4)


def test_the_first_layer_reads_whole_levels_less_one_number():
    model = onnx.load_from_string(small_graph())

    taken = take_levels(model, layers_of(model))

    assert "Div" not in {node.op_type for node in taken.graph.node}
    assert layers_of(taken)[0].source == "centred"
    (told,) = watch(taken, ["centred"], photos(1))
    assert np.array_equal(told["centred"], np.rint(told["centred"])) and told["centred"].min() >= -127
    (held,) = [held for held in taken.graph.initializer if held.name == "classifier.mean"]
    assert list(held.dims) == []


def test_levels_that_something_else_reads_too_are_left_alone():
    model = onnx.load_from_string(small_graph(mean=(1, 2, 3)))
    model.graph.node.insert(8, onnx.helper.make_node("Neg", ["normal"], ["unused"], "other"))

    assert take_levels(model, layers_of(model)) == model
