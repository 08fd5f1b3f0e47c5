import hashlib

import numpy as np
import pytest
from onnx import TensorProto, helper
from PIL import Image

from fieldmark.artifacts.modelfile import METADATA_KEY, Model, ModelInfo
from fieldmark.artifacts.photos import PhotoFile
from fieldmark.evaluate.judge import judge
from fieldmark.imaging.crop import Crop

COLOURS = {"red": (220, 20, 20), "green": (20, 220, 20), "blue": (20, 20, 220)}


def write_colour_model(threshold: float | None = None) -> bytes:
    """A model file whose classes are the three channels: the brightest on average wins."""
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["float", "axes"], ["mean"], keepdims=0),
        helper.make_node("Div", ["mean", "scale"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=0),
        helper.make_node("ReduceMax", ["probabilities"], ["best"], keepdims=0),
        helper.make_node("Sub", ["one", "best"], ["unknown_score"]),
    ]
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["h", "w", 3])],
        [
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [3]),
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, [3]),
            helper.make_tensor_value_info("unknown_score", TensorProto.FLOAT, [1]),
        ],
        [
            helper.make_tensor("axes", TensorProto.INT64, [2], [0, 1]),
            helper.make_tensor("scale", TensorProto.FLOAT, [], [50.0]),
            helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    info = ModelInfo(tuple(COLOURS), "colours", {"n": 3}, {}, "0", threshold)
    helper.set_model_props(model, {METADATA_KEY: info.to_json()})
    return model.SerializeToString()


@pytest.fixture
def photos(tmp_path):
    found = []
    for name, colour in COLOURS.items():
        path = tmp_path / f"{name}.png"
        Image.new("RGB", (40, 30), colour).save(path)
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        found.append(PhotoFile(path.name, name, None, sha256))
    return found


@pytest.fixture
def broken(tmp_path):
    path = tmp_path / "page.jpg"
    path.write_text("<html>not found</html>")
    return PhotoFile("page.jpg", "red", None, "0" * 64)


def test_every_photo_is_answered_in_the_order_given(photos, tmp_path):
    predictions, unreadable = judge(Model(write_colour_model(), threads=1), tmp_path, photos[::-1] * 20)
    assert unreadable == []
    assert predictions.photos == tuple(photo.path for photo in photos[::-1]) * 20
    assert predictions.ids[0] == photos[2].id
    assert predictions.actual.tolist() == [2, 1, 0] * 20
    assert predictions.predicted.tolist() == [2, 1, 0] * 20
    assert predictions.probabilities.dtype == np.float64
    assert np.allclose(predictions.probabilities.sum(axis=1), 1)


def test_a_photo_that_cannot_be_read_is_named_with_its_reason_and_the_others_are_judged(photos, broken, tmp_path):
    gone = PhotoFile("gone.jpg", "red", None, "1" * 64)
    predictions, unreadable = judge(Model(write_colour_model(), threads=1), tmp_path, [broken, *photos, gone])
    assert len(predictions) == 3
    assert unreadable == [("page.jpg", "an HTML page, not a picture"), ("gone.jpg", "no such file")]


def test_nothing_readable_gives_a_table_without_rows(broken, tmp_path):
    predictions, unreadable = judge(Model(write_colour_model(), threads=1), tmp_path, [broken])
    assert len(predictions) == 0
    assert predictions.probabilities.shape == (0, 3)
    assert len(unreadable) == 1


def test_a_score_above_the_models_threshold_is_unknown(photos, tmp_path):
    path = tmp_path / "grey.png"
    Image.new("RGB", (8, 8), (90, 90, 90)).save(path)  # a third for each class: unknown score 0.67
    grey = PhotoFile("grey.png", "red", None, "2" * 64)
    predictions, _ = judge(Model(write_colour_model(threshold=0.5), threads=1), tmp_path, [photos[0], grey])
    assert predictions.unknown.tolist() == [False, True]
    without, _ = judge(Model(write_colour_model(threshold=None), threads=1), tmp_path, [grey])
    assert without.unknown.tolist() == [False]


def test_a_crop_is_all_that_the_model_sees(tmp_path):
    both = Image.new("RGB", (40, 30), COLOURS["red"])
    both.paste(COLOURS["blue"], (30, 0, 40, 30))
    both.save(tmp_path / "both.png")
    whole = PhotoFile("both.png", "red", None, "3" * 64)
    part = PhotoFile("both.png", "red", None, "3" * 64, crop=Crop(0.75, 0.0, 1.0, 1.0))
    predictions, _ = judge(Model(write_colour_model(), threads=1), tmp_path, [whole, part])
    assert predictions.predicted.tolist() == [0, 2]
