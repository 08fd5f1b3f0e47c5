import numpy as np
import onnx
import pytest
import torch
from torch import nn

from fieldmark.artifacts.modelfile import ModelInfo
from fieldmark.backbones import pretrained
from fieldmark.classifier import Classifier, Fit
from fieldmark.export.graph import Answering, to_onnx
from fieldmark.export.layers import watch
from fieldmark.export.quantise import to_int8
from fieldmark.export.upright import upright
from support.small_graph import photos, small_graph

INFO = ModelInfo(("coral", "king"), "x", {"n": 2, "hash": "0" * 64}, {}, "0.0.0")


@pytest.fixture(scope="module", params=[64, 75])
def turned(request):
    """A network that pads to one side, turned, at an even and at an odd size."""
    torch.manual_seed(0)
    backbone = pretrained("efficientnet_lite0")
    classifier = Classifier(backbone.network, backbone.features, 2, backbone.mean, backbone.std)
    nn.init.normal_(classifier.head.linear.weight)
    return to_onnx(Answering(classifier, Fit(request.param, "squish")), INFO)


def kinds(model: onnx.ModelProto) -> set[str]:
    return {node.op_type for node in model.graph.node}


def says_the_same(before: onnx.ModelProto, after: onnx.ModelProto) -> bool:
    pairs = zip(watch(before, ["logits"], photos(4)), watch(after, ["logits"], photos(4)), strict=True)
    return all(np.allclose(a["logits"], b["logits"], atol=1e-3) for a, b in pairs)


def test_a_turned_network_reads_the_photo_upright_and_says_the_same(turned):
    model = onnx.load_from_string(turned)

    found = upright(model, photos(2))

    assert "Slice" in kinds(model) and "Slice" not in kinds(found)
    onnx.checker.check_model(found, full_check=True)
    assert says_the_same(model, found)


@pytest.mark.long
@pytest.mark.parametrize("turned", [75], indirect=True)
def test_in_int8_nothing_is_done_to_a_photo_channel_by_channel(turned):
    small = onnx.load_from_string(to_int8(turned, photos(12)).data)

    first = next(node for node in small.graph.node if node.op_type == "Conv")
    makers = {name: node for node in small.graph.node for name in node.output}
    before = []
    while first.input[0] in makers:
        first = makers[first.input[0]]
        before.append(first.op_type)
    assert "Sub" in before and not {"Div", "Slice"} & set(before)


def test_a_network_that_was_not_turned_is_left_alone():
    model = onnx.load_from_string(small_graph())

    assert upright(model, photos(1)) is model


@pytest.mark.parametrize("spoil", ["sizes unknown", "another reader", "unlike"])
def test_what_cannot_be_turned_back_is_left_alone(turned, spoil):
    model = onnx.load_from_string(turned)
    slice_ = next(node for node in model.graph.node if node.op_type == "Slice")
    if spoil == "sizes unknown":
        del model.graph.value_info[:]
    elif spoil == "another reader":
        model.graph.node.append(onnx.helper.make_node("Neg", [slice_.output[0]], ["unused"], "other"))
    else:  # the start of the slice leaves out a row, so that turning back would bring it in again
        start = next(held for held in model.graph.initializer if held.name == slice_.input[1])
        start.CopyFrom(onnx.numpy_helper.from_array(np.array([-3, -1]), start.name))

    assert upright(model, photos(2)) is model
