import hashlib
import json
import shutil
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from safetensors.torch import load_file, save_file

from fieldmark.artifacts.modelfile import Model
from fieldmark.artifacts.runs import Run
from fieldmark.classifier import Fit
from fieldmark.cli import main
from fieldmark.config import FITS
from fieldmark.errors import ExportDisagrees, ModelFileError, RunError
from fieldmark.evaluate.unknown import scores_of
from fieldmark.export.graph import Answering
from fieldmark.export.proof import prove
from fieldmark.imaging.decode import as_pixels
from fieldmark.pipeline.export import export, graph_of
from fieldmark.training.learn import directions_in

pytestmark = pytest.mark.long

AWKWARD = [(1, 1), (1, 700), (700, 1), (3, 2), (60, 80), (333, 500), (500, 333), (1200, 1600)]


def test_the_file_says_what_it_is(tiny_model_file, tiny_run):
    (entry,) = (p for p in onnx.load(tiny_model_file).metadata_props if p.key == "fieldmark")
    said = json.loads(entry.value)

    assert said["schema"] == 1 and said["classes"] == ["blue", "red"] and said["threshold"] is None
    assert said["backbone"] == "efficientnet_lite0" and said["trained_on"]["n"] == 22
    assert len(said["trained_on"]["hash"]) == 64
    assert said["metrics"]["error_rate"] == tiny_run.metrics()["error_rate"]
    assert said["preprocessing"] == {"size": 64, "fit": "squish"}


def test_it_is_one_file_with_the_inputs_and_outputs_of_the_contract(tiny_model_file):
    session = onnxruntime.InferenceSession(tiny_model_file)

    (image,) = session.get_inputs()
    assert (image.name, image.type, image.shape[2]) == ("image", "tensor(uint8)", 3)
    assert [output.name for output in session.get_outputs()] == ["probabilities", "logits", "unknown_score"]
    assert sorted(path.name for path in tiny_model_file.parent.iterdir()) == ["tiny.card.md", "tiny.onnx"]


@pytest.mark.parametrize("size", AWKWARD)
def test_a_picture_of_any_size_is_answered_as_torch_does(tiny_run, tiny_model_file, size):
    _, answering, _ = graph_of(tiny_run)
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)

    with torch.inference_mode():
        probabilities, logits, unknown = (part.numpy() for part in answering.eval()(torch.from_numpy(pixels)))
    answer = Model(tiny_model_file).run(pixels)

    assert np.abs(answer[0] - probabilities).max() < 1e-3 and np.abs(answer[1] - logits).max() < 0.02
    assert answer[2] == pytest.approx(float(unknown[0]), abs=1e-3)
    assert answer[0].sum() == pytest.approx(1, abs=1e-5)


def test_the_score_in_the_file_is_that_of_the_features(tiny_run, tiny_model_file, tiny_folder):
    _, answering, _ = graph_of(tiny_run)
    directions = directions_in(tiny_run.weights())

    assert directions.shape[1] == 1280 and 2 <= len(directions) <= 22  # no more than there were photos
    for photo in sorted(tiny_folder.glob("*/*.png"))[::5]:
        pixels = as_pixels(photo)
        with torch.inference_mode():
            features = answering.eval().classifier.features(answering.fit(torch.from_numpy(pixels)))
        score = Model(tiny_model_file).run(pixels)[2]
        assert score == pytest.approx(scores_of(directions.numpy(), features.numpy())[0], abs=1e-3)


def test_features_without_a_direction_score_the_same_in_the_graph_and_outside():
    class Silent(torch.nn.Module):
        def features(self, images):
            return torch.zeros(1, 3)

        def head(self, features):
            return features[:, :2]

    answering = Answering(Silent(), Fit(8, "squish"), directions=torch.eye(3)[:2])
    score = answering(torch.zeros(9, 9, 3, dtype=torch.uint8))[2]

    assert float(score) == scores_of(np.eye(3, dtype=np.float32)[:2], np.zeros((1, 3)))[0] == 1


def test_a_run_from_before_there_was_a_score_is_exported_as_it_was(tiny_run, tmp_path):
    old = shutil.copytree(tiny_run.path, tmp_path / "old")
    weights = load_file(old / "model.safetensors")
    del weights["unknown.directions"]
    save_file(weights, old / "model.safetensors")
    for name in ("settings.json", "metrics.json"):
        facts = json.loads((old / name).read_text())
        del facts["unknown"]
        (old / name).write_text(json.dumps(facts))

    model = Model(export(Run.open(old), tmp_path / "old.onnx").path)

    probabilities, _, score = model.run(np.full((60, 80, 3), 90, np.uint8))
    assert score == pytest.approx(1 - probabilities.max(), abs=1e-5) and model.info.threshold is None


@pytest.mark.parametrize("figure", ["accuracy", "n_valid"])
def test_a_run_that_lacks_a_figure_is_refused(tiny_run, tmp_path, figure):
    damaged = shutil.copytree(tiny_run.path, tmp_path / "damaged")
    facts = json.loads((damaged / "metrics.json").read_text())
    del facts[figure]
    (damaged / "metrics.json").write_text(json.dumps(facts))

    with pytest.raises(RunError, match=f"lacks '{figure}'"):
        export(Run.open(damaged), tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()


def test_the_threshold_of_the_run_is_in_the_file(tiny_run, tmp_path):
    judged = shutil.copytree(tiny_run.path, tmp_path / "judged")
    facts = json.loads((judged / "settings.json").read_text())
    (judged / "settings.json").write_text(json.dumps({**facts, "unknown": {"threshold": -1.0}}))

    model = Model(export(Run.open(judged), tmp_path / "judged.onnx").path)
    answer = model.predict(np.full((60, 80, 3), 90, np.uint8))

    assert model.info.threshold == -1 and answer.unknown  # no photo is nearer than nothing at all
    assert [name for name, _ in answer.predictions] and len(answer.predictions) == 2


def test_a_score_that_disagrees_is_refused(tiny_run, tiny_folder):
    data, answering, _ = graph_of(tiny_run)
    lying = Answering(answering.classifier, answering.fit, directions=answering.directions / 2)

    with pytest.raises(ExportDisagrees, match="how unlike the training photos"):
        prove(Model(data), lying, sorted((tiny_folder / "red").iterdir()))


@pytest.mark.parametrize("how", FITS)
def test_every_fit_means_the_same_inside_the_graph(how, tmp_path):
    class FitAlone(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.fit = Fit(96, how)

        def forward(self, image):
            return self.fit(image)

    free = {0: torch.export.Dim("height", min=1), 1: torch.export.Dim("width", min=1)}
    program = torch.onnx.export(
        FitAlone().eval(), (torch.zeros(320, 480, 3, dtype=torch.uint8),), dynamo=True, external_data=False,
        dynamic_shapes={"image": free}, input_names=["image"], verbose=False,
    )  # fmt: skip
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
    for size in AWKWARD:
        pixels = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
        ours = Fit(96, how)(torch.from_numpy(pixels)).numpy()
        theirs = session.run(None, {"image": pixels})[0]
        # A level that lies half way between two may round either way.
        assert np.abs(ours - theirs).max() <= 1 and (ours != theirs).mean() < 0.01, (how, size)


def test_a_graph_that_disagrees_is_refused(tiny_run, tiny_folder):
    data, answering, _ = graph_of(tiny_run)
    lying = Answering(answering.classifier, answering.fit, temperature=0.1)

    with pytest.raises(ExportDisagrees, match="disagrees with the network"):
        prove(Model(data), lying, sorted((tiny_folder / "red").iterdir()))


def test_a_card_stands_beside_it_with_the_figures_of_the_run_and_the_hash_of_the_file(tiny_run, tiny_model_file):
    text = tiny_model_file.with_name("tiny.card.md").read_text("utf-8")
    metrics = tiny_run.metrics()

    assert hashlib.sha256(tiny_model_file.read_bytes()).hexdigest() in text
    right = metrics["n_valid"] - metrics["wrong"]
    assert f"{right} of {metrics['n_valid']} photos right" in text and "authors and licences are not known" in text
    assert str(tiny_run.path.parent) not in text and tiny_run.settings()["folder"] not in text


def test_a_card_that_a_person_changed_stays_and_the_command_says_so(tiny_run, tmp_path, capsys):
    line = ["export", str(tiny_run.path), "-o", str(tmp_path / "m.onnx"), "--json"]
    assert main(line) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["card"] == str(tmp_path / "m.card.md")
    (tmp_path / "m.card.md").write_text("mine")

    assert main(line) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["card"] == str(tmp_path / "m.card.new.md")
    assert "m.card.md was edited and stays as it is" in told.err and (tmp_path / "m.card.md").read_text() == "mine"


def test_nothing_is_written_when_it_disagrees(tiny_run, tmp_path, monkeypatch):
    def disagree(*_):
        raise ExportDisagrees("disagrees")

    monkeypatch.setattr("fieldmark.export.proof.prove", disagree)
    with pytest.raises(ExportDisagrees):
        export(tiny_run, tmp_path / "model.onnx")

    assert list(tmp_path.iterdir()) == []


def test_photos_that_have_moved_can_be_named(tiny_run, tiny_folder, tmp_path):
    empty = tmp_path / "elsewhere"
    empty.mkdir()
    with pytest.raises(ExportDisagrees, match="--photos DIR"):
        export(tiny_run, tmp_path / "model.onnx", photos=empty)

    assert export(tiny_run, tmp_path / "model.onnx", photos=tiny_folder).proof.photos == 6


def test_an_older_file_stays_when_the_export_fails(tiny_run, tmp_path):
    (tmp_path / "model.onnx").write_text("older")
    with pytest.raises(ExportDisagrees):
        export(tiny_run, tmp_path / "model.onnx", photos=tmp_path)

    assert (tmp_path / "model.onnx").read_text() == "older"


@pytest.mark.parametrize(("out", "sentence"), [(".", "is a folder"), ("none/model.onnx", "no folder")])
def test_a_place_that_cannot_be_written_to_is_explained(tiny_run, tmp_path, out, sentence):
    with pytest.raises(ModelFileError, match=sentence):
        export(tiny_run, tmp_path / out)


def test_a_model_file_answers_where_torch_is_not(tiny_model_file, tiny_folder):
    code = f"""
import sys
for name in ("torch", "torchvision", "timm", "onnx", "safetensors"):
    sys.modules[name] = None
import fieldmark as fm
prediction = fm.Model({str(tiny_model_file)!r}).predict({str(tiny_folder / "red" / "000.png")!r})
print(prediction.label)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert done.stdout.strip() == "red", done.stderr


def test_a_run_opened_again_answers_as_its_predictions_say(tiny_run, tiny_model_file, tiny_folder):
    predictions = Run.open(tiny_run.path).predictions()
    model = Model(tiny_model_file)

    for photo, row in zip(predictions.photos, predictions.probabilities, strict=True):
        answer = dict(model.predict(tiny_folder / photo).predictions)
        assert [answer[name] for name in predictions.classes] == pytest.approx(list(row), abs=0.005)
