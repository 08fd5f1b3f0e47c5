import json
import os
import subprocess
import sys

import numpy as np
import onnx
import pytest
from PIL import Image

from fieldmark.artifacts import modelfile
from fieldmark.artifacts.modelfile import METADATA_KEY, Model, ModelInfo, Prediction
from fieldmark.errors import ModelFileError, NotAPhoto
from support.tiny_model import BLUE, RED, tiny_model_bytes

GREY = (120, 120, 120)


def flat(colour, size=(20, 30)):
    return np.full((*size, 3), colour, np.uint8)


def with_metadata(change):
    """The tiny model with `change` applied to its metadata, a dict; a string takes its place, None leaves none."""
    graph = onnx.load_from_string(tiny_model_bytes())
    (entry,) = (p for p in graph.metadata_props if p.key == METADATA_KEY)
    if change is None:
        graph.metadata_props.remove(entry)
    elif isinstance(change, str):
        entry.value = change
    else:
        entry.value = json.dumps({**json.loads(entry.value), **change})
    return graph.SerializeToString()


def refusal(data):
    with pytest.raises(ModelFileError) as caught:
        Model(data)
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith((".", "--upgrade fieldmark"))
    return message


def test_answers_from_path_bytes_image_and_array_alike(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(flat(RED)).save(path)
    model = Model(tiny_model_bytes())
    photos = (path, str(path), path.read_bytes(), Image.fromarray(flat(RED)), flat(RED))
    answers = {model.predict(photo) for photo in photos}
    assert len(answers) == 1
    assert answers.pop().label == "coral"
    assert model.predict(flat(BLUE)).label == "king"


def test_predictions_are_sorted_and_sum_to_one():
    answer = Model(tiny_model_bytes(("a", "b", "c"))).predict(flat(BLUE))
    values = [p for _, p in answer.predictions]
    assert [name for name, _ in answer.predictions] == ["c", "b", "a"]
    assert values == sorted(values, reverse=True)
    assert sum(values) == pytest.approx(1)
    assert answer.probability == values[0]


def test_any_size_of_photo_is_answered():
    model = Model(tiny_model_bytes())
    for size in ((1, 1), (1, 500), (500, 1), (333, 77)):
        assert model.predict(flat(RED, size)).label == "coral"


def test_pixels_that_do_not_lie_in_a_row_are_answered_alike():
    wide = np.zeros((20, 60, 3), np.uint8)
    wide[:, ::2] = RED
    assert Model(tiny_model_bytes()).predict(wide[:, ::2]) == Model(tiny_model_bytes()).predict(flat(RED))


def test_run_gives_the_graphs_own_outputs():
    probabilities, logits, unknown = Model(tiny_model_bytes()).run(flat(RED))
    assert probabilities.dtype == logits.dtype == np.float32
    assert probabilities.shape == logits.shape == (2,)
    assert probabilities == pytest.approx(np.exp(logits) / np.exp(logits).sum(), abs=1e-6)
    assert unknown == pytest.approx(1 - probabilities.max())


def test_a_large_photo_is_answered_like_any_other(monkeypatch):
    model, pixels = Model(tiny_model_bytes()), flat(RED, (50, 40))
    as_small = model.run(pixels)
    monkeypatch.setattr(modelfile, "LARGE_PHOTO", 50 * 40 - 1)
    as_large = model.run(pixels)
    assert [part.tolist() for part in as_large[:2]] == [part.tolist() for part in as_small[:2]]
    assert as_large[2] == as_small[2]


def test_unknown_means_a_score_above_the_threshold():
    assert not Model(tiny_model_bytes()).predict(flat(GREY)).unknown
    assert Model(tiny_model_bytes(threshold=0.3)).predict(flat(GREY)).unknown
    assert not Model(tiny_model_bytes(threshold=0.3)).predict(flat(RED)).unknown
    score = Model(tiny_model_bytes()).predict(flat(GREY)).unknown_score
    assert not Model(tiny_model_bytes(threshold=score)).predict(flat(GREY)).unknown


def test_what_is_no_photo_is_said_so(tmp_path):
    model = Model(tiny_model_bytes())
    with pytest.raises(NotAPhoto, match="no such file"):
        model.predict(tmp_path / "missing.jpg")
    with pytest.raises(NotAPhoto, match="an HTML page"):
        model.predict(b"<html>")


def test_to_dict_is_what_goes_into_json():
    answer = Prediction((("coral", 0.98765432), ("king", 0.01234568)), False, 0.01234568)
    document = answer.to_dict()
    assert json.loads(json.dumps(document)) == document
    assert document == {
        "predictions": [["coral", 0.987654], ["king", 0.012346]],
        "unknown": False,
        "unknown_score": 0.012346,
    }


def test_notebooks_see_names_escaped_and_the_doubt():
    shown = Prediction((("<b>", 0.75), ("king", 0.25)), True, 0.25)._repr_html_()
    assert "&lt;b&gt;" in shown
    assert "<b>" not in shown
    assert "none of these" in shown
    model = Model(tiny_model_bytes(("<i>", "king"), metrics={"accuracy": 0.953, "n_valid": 85}))
    assert "&lt;i&gt;" in model._repr_html_()
    assert "95.3% on 85 photos" in model._repr_html_()
    assert "accuracy" not in Model(tiny_model_bytes())._repr_html_()


def test_a_model_tells_its_source_and_classes(tmp_path):
    path = tmp_path / "snakes.onnx"
    path.write_bytes(tiny_model_bytes())
    model = Model(path, threads=1)
    assert model.classes == ("coral", "king")
    assert "snakes.onnx" in repr(model)
    assert model.info.trained_on["n"] == 2


def test_metadata_survives_its_json():
    info = ModelInfo(
        ("a", "b"), "net", {"n": 1, "hash": "0"}, {"accuracy": 0.5}, "0.1", 0.25, {"size": 64, "fit": "squish"}
    )
    assert ModelInfo.from_json(info.to_json(), "x") == info


@pytest.mark.parametrize("data", [b"", b"hello", b"<html></html>", b"\x00" * 100, tiny_model_bytes()[:200]])
def test_bytes_that_are_no_onnx_are_refused(data):
    assert "is not an ONNX model" in refusal(data)


def test_an_onnx_file_of_others_is_refused():
    assert "not one that `fieldmark export` wrote" in refusal(with_metadata(None))


def test_a_newer_schema_asks_for_a_newer_fieldmark():
    assert "schema 2" in refusal(with_metadata({"schema": 2}))


@pytest.mark.parametrize(
    "text", ["", "{", "null", "[]", '"text"', '{"classes": ["a"]}', '{"schema": null}', '{"schema": "x"}']
)
def test_metadata_that_is_damaged_is_refused(text):
    assert "damaged" in refusal(with_metadata(text))


@pytest.mark.parametrize(
    "text", ['{"schema": 1}', '{"schema": 1, "classes": ["a", "b"]}', '{"schema": 1, "classes": 3}']
)
def test_metadata_that_lacks_a_part_is_refused(text):
    assert "lacks part" in refusal(with_metadata(text))


def test_unknown_fields_of_the_same_schema_are_passed_over():
    assert Model(with_metadata({"colour": "new"})).classes == ("coral", "king")


def test_a_graph_with_other_inputs_or_outputs_is_refused():
    graph = onnx.load_from_string(tiny_model_bytes())
    del graph.graph.output[2]
    assert "inputs and outputs" in refusal(graph.SerializeToString())


def test_paths_that_lead_to_no_file_are_named(tmp_path):
    with pytest.raises(ModelFileError, match=r"No model file at .*missing\.onnx"):
        Model(tmp_path / "missing.onnx")
    with pytest.raises(ModelFileError, match="is a folder, not a model file"):
        Model(tmp_path)


def test_a_refused_file_is_named(tmp_path):
    path = tmp_path / "notes.onnx"
    path.write_text("not a model")
    with pytest.raises(ModelFileError, match=r"notes\.onnx is not an ONNX model"):
        Model(path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("classes", "ab"),
        ("classes", []),
        ("classes", [1, 2]),
        ("classes", ["coral", "coral"]),
        ("threshold", "0.5"),
        ("threshold", True),
        ("metrics", []),
        ("trained_on", 3),
        ("backbone", None),
        ("costs", []),
        ("costs", {}),
        ("costs", {"classes": ["king", "coral"], "answers": ["king", "coral"], "matrix": [[0, 1], [1, 0]]}),
        ("costs", {"classes": ["coral", "king"], "answers": ["coral", "king"], "matrix": [[0, -1], [1, 0]]}),
        ("costs", {"classes": ["coral", "king"], "answers": ["coral", "king"], "matrix": [[0, 1e99], [1, 0]]}),
        ("costs", {"classes": ["coral", "king"], "answers": ["coral", "king"], "matrix": [[0, "1"], [1, 0]]}),
    ],
)
def test_metadata_of_other_types_is_refused(key, value):
    assert "lacks part of" in refusal(with_metadata({key: value}))


@pytest.mark.parametrize("classes", [["coral"], ["coral", "king", "rat"]])
def test_a_graph_that_answers_with_another_number_of_classes_is_refused(classes):
    assert "of them" in refusal(with_metadata({"classes": classes}))


REDDISH = (120, 60, 110)


def test_a_model_that_knows_what_mistakes_cost_says_what_to_decide():
    model = Model(tiny_model_bytes(cost=["king->coral=1000", "*->expert=5"]))
    answer = model.predict(flat(REDDISH))
    assert (answer.label, answer.decision) == ("coral", "king")
    assert answer.advice == "Treat it as king: taking king for coral is costly."
    assert answer.expected_cost == pytest.approx(answer.probability)
    assert {name: answer.to_dict()[name] for name in ("decision", "advice")} == {
        "decision": "king",
        "advice": answer.advice,
    }
    assert answer.advice in answer._repr_html_()
    assert (model.predict(flat(BLUE)).decision, model.predict(flat(BLUE)).advice) == ("king", None)


def test_a_model_without_costs_says_nothing_of_them():
    answer = Model(tiny_model_bytes()).predict(flat(REDDISH))
    assert (answer.decision, answer.expected_cost, answer.advice) == (None, None, None)
    assert set(answer.to_dict()) == {"predictions", "unknown", "unknown_score"}


def test_an_unknown_photo_is_unknown_whatever_mistakes_cost():
    answer = Model(tiny_model_bytes(threshold=0.3, cost=["king->coral=1000"])).predict(flat(GREY))
    assert (answer.unknown, answer.decision, answer.expected_cost, answer.advice) == (True, "unknown", 1.0, None)


def test_costs_outlive_the_file_and_older_files_have_none():
    info = Model(tiny_model_bytes(cost=["king->coral=1000"])).info
    assert info.costs.prices == (("king", "coral", 1000),)
    values = json.loads(info.to_json())
    del values["costs"]
    assert ModelInfo.from_json(json.dumps(values), "old.onnx").costs is None
    assert json.loads(Model(tiny_model_bytes()).info.to_json())["costs"] is None


def test_opening_a_model_tells_nobody_and_writes_nothing(tmp_path):
    (tmp_path / "model.onnx").write_bytes(tiny_model_bytes())
    code = "import numpy, fieldmark; m = fieldmark.Model('model.onnx'); m.run(numpy.zeros((9, 9, 3), numpy.uint8))"
    # ONNX Runtime is silent under CI too, which would hide what it does for everybody else.
    kept = {name: value for name, value in os.environ.items() if name not in ("CI", "ORT_DISABLE_TELEMETRY")}
    homes = {name: str(tmp_path) for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "TMPDIR")}

    subprocess.run([sys.executable, "-B", "-c", code], env={**kept, **homes}, cwd=tmp_path, check=True)

    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]
