"""Model files of other releases: the first schema is read for good; a newer one, or a stranger's, gets a sentence."""

import hashlib
import json

import numpy as np
import onnx
import pytest
from PIL import Image
from starlette.testclient import TestClient

from fieldmark.artifacts.modelfile import Model
from fieldmark.cli import main
from fieldmark.serve.app import create_app
from support.schema_1 import WITH_COSTS, WITHOUT_COSTS, schema_1_bytes
from support.tiny_model import tiny_model_bytes

HASHES = {
    WITHOUT_COSTS: "51d8243190ef9499f9073596b453c55952b14bf3648ebc08fa043499aad0cd0d",
    WITH_COSTS: "25c46db3bd8f12a4352090c0fabda5a7e0afa6d71bfcd871819f8d8d14d2beb8",
}
AGES = pytest.mark.parametrize("metadata", [WITHOUT_COSTS, WITH_COSTS], ids=["without costs", "with costs"])


def flat(*colour, size=(20, 30)):
    return np.full((*size, 3), colour, np.uint8)


def slope():
    row, column = np.mgrid[0:30, 0:40]
    return np.stack([row * 8, column * 6, (row + column) * 3], axis=-1).astype(np.uint8)


# Pixels -> logits, the probability of "coral", the unknown score, what to decide where mistakes have costs.
ANSWERS = [
    (flat(200, 30, 30), (3.65625, -3.899414), 0.993549, 0.130483, "coral"),
    (flat(30, 30, 200), (-3.65625, 3.413086), 0.008899, 0.046831, "king"),
    (flat(60, 30, 130), (-1.640625, 1.358398), 0.119271, 0.012158, "expert"),
    (flat(90, 140, 60, size=(1, 1)), (1.207031, -0.916992), 0.804713, 0.692999, "unknown"),
    (slope(), (0.695679, -0.607361), 0.704474, 0.302352, "unknown"),
]


@AGES
def test_the_recipe_makes_the_same_bytes_for_ever(metadata):
    """Should a new version of onnx order the parts of a file otherwise, compare the two with `onnx.printer` first."""
    assert hashlib.sha256(schema_1_bytes(metadata)).hexdigest() == HASHES[metadata]


@AGES
def test_a_file_of_the_first_schema_answers_as_it_did_when_it_was_written(metadata):
    model = Model(schema_1_bytes(metadata))

    for pixels, logits, coral, unknown, decision in ANSWERS:
        probabilities, theirs, score = model.run(pixels)
        assert theirs == pytest.approx(logits, abs=1e-4)
        assert probabilities == pytest.approx((coral, 1 - coral), abs=1e-4)
        assert score == pytest.approx(unknown, abs=1e-4)
        answer = model.predict(pixels)
        assert answer.unknown == (unknown > 0.25)
        assert answer.decision == (decision if metadata == WITH_COSTS else None)


@AGES
def test_what_it_says_of_itself_is_read(metadata):
    info = Model(schema_1_bytes(metadata)).info

    assert info.classes == ("coral", "king") and info.backbone == "efficientnet_lite0" and info.version == "0.1.0"
    assert (info.schema, info.threshold, info.precision) == (1, 0.25, "float32")
    assert info.trained_on["n"] == 341 and info.metrics["n_valid"] == 85 and info.metrics["accuracy"] == 0.953
    assert info.preprocessing == {"size": 8, "fit": "squish"} and info.against_float32 == {}
    assert info.costs is None if metadata == WITHOUT_COSTS else info.costs.prices[0] == ("coral", "king", 20)


@AGES
def test_commands_and_the_server_answer_with_it(metadata, tmp_path, capsys):
    model, photo = tmp_path / "old.onnx", tmp_path / "photo.png"
    model.write_bytes(schema_1_bytes(metadata))
    Image.fromarray(slope()).save(photo)

    assert main(["predict", str(model), str(photo), "--json"]) == 0
    (printed,) = json.loads(capsys.readouterr().out)
    served = TestClient(create_app(Model(model))).post("/upload", files={"file": photo.read_bytes()}).json()

    for told in (printed, served):
        assert told["predictions"] == [
            ["coral", pytest.approx(0.704474, abs=1e-4)],
            ["king", pytest.approx(0.295526, abs=1e-4)],
        ]
        assert told["unknown"] is True
    assert served["model"]["schema"] == 1 and served["threshold"] == 0.25


def test_what_is_written_today_is_what_the_recipe_writes(tiny_model_file):
    """When this fails, files have changed: add a recipe of the new ones, and leave the old one as it is."""
    today, recipe = onnx.load(tiny_model_file), onnx.load_from_string(schema_1_bytes())

    assert (today.ir_version, today.opset_import) == (recipe.ir_version, recipe.opset_import)
    assert interface(today.graph.input) == interface(recipe.graph.input)
    assert interface(today.graph.output) == interface(recipe.graph.output)
    assert kinds(today) == kinds(recipe)


def interface(nodes):
    return [(node.name, node.type) for node in nodes]


def kinds(model):
    """The keys of the metadata with what kind of value each has; costs and threshold may be null."""
    (entry,) = (prop for prop in model.metadata_props if prop.key == "fieldmark")
    optional = ("costs", "threshold")
    return {key: type(value) for key, value in json.loads(entry.value).items() if key not in optional}


def foreign(kind):
    """A model file that this release cannot read."""
    model = onnx.load_from_string(tiny_model_bytes())
    (entry,) = model.metadata_props
    if kind == "newer":
        entry.value = json.dumps({**json.loads(entry.value), "schema": 2, "classes": {"by": "another rule"}})
    else:
        model.metadata_props.remove(entry)
    return model.SerializeToString()


COMMANDS = {
    "predict": ["predict", "MODEL", "PHOTO"],
    "serve": ["serve", "MODEL", "--port", "0"],
    "serve by two": ["serve", "MODEL", "--port", "0", "--workers", "2"],
    "evaluate": ["evaluate", "MODEL", "FOLDER"],
    "a static page": ["export", "MODEL", "--web", "OUT"],
    "a zip": ["export", "MODEL", "--target", "zip", "-o", "OUT"],
    "a container": ["export", "MODEL", "--target", "docker", "-o", "OUT"],
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("newer", "was written for schema 2; this Fieldmark reads up to 1. Run: pip install --upgrade fieldmark\n"),
        ("a stranger's", "is an ONNX file, but not one that `fieldmark export` wrote: it names no classes.\n"),
    ],
)
def test_a_file_that_cannot_be_read_gets_a_sentence_from_every_command(
    kind, words, command, tiny_folder, tmp_path, capfd
):
    places = {name: tmp_path / name.lower() for name in ("MODEL", "PHOTO", "OUT")} | {"FOLDER": tiny_folder}
    places["MODEL"].write_bytes(foreign(kind))
    Image.fromarray(slope()).save(places["PHOTO"], "PNG")

    assert main([str(places.get(word, word)) for word in command]) == 1

    said = capfd.readouterr().err
    assert said.endswith(words) and f"{places['MODEL']} " in said
    assert "Traceback" not in said and not places["OUT"].exists()
