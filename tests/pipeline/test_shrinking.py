"""`export --int8` from a run to a file that was judged beside float32, or to a refusal that says why."""

import json
import shutil
from copy import deepcopy

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from starlette.testclient import TestClient

from fieldmark.artifacts.modelfile import Model
from fieldmark.artifacts.runs import DIRECTIONS, Run
from fieldmark.cli import main
from fieldmark.errors import ExportDisagrees, FolderError, RunError
from fieldmark.evaluate import drop
from fieldmark.export import graph as export_graph
from fieldmark.export import rounding
from fieldmark.imaging.decode import decode
from fieldmark.pipeline import export as pipeline
from fieldmark.pipeline import fold_networks
from fieldmark.pipeline.evaluate import evaluate
from fieldmark.pipeline.export import export
from fieldmark.pipeline.side_by_side import Answers
from fieldmark.serve.app import create_app
from fieldmark.training import learn
from support.flat import paint_flat

pytestmark = pytest.mark.long

FLAGS = ["--size", "64", "--batch", "8", "--head-lr", "1e-2", "--epochs", "2,1", "--lr", "1e-5,1e-4"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return paint_flat(tmp_path_factory.mktemp("shrink") / "colours", {"red": 22, "blue": 22})


@pytest.fixture(scope="module")
def folded(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "folded"
    assert main(["train", str(folder), *FLAGS, "--folds", "2", "-o", str(out)]) == 0
    return Run.open(out)


@pytest.fixture(scope="module")
def graph(folded):
    return pipeline.graph_of(folded)


@pytest.fixture
def quick(graph, monkeypatch):
    """Make the float file of `folded` once for all tests, and round weights to the nearest, which takes no time."""
    monkeypatch.setattr(pipeline, "graph_of", lambda run, cost: graph)
    monkeypatch.setattr(rounding, "WIDEST", 0)


@pytest.fixture(scope="module")
def exported(folded, tmp_path_factory):
    return export(folded, tmp_path_factory.mktemp("models") / "small.onnx", precision="int8")


def test_the_networks_of_the_folds_are_kept_without_what_they_share(folded):
    own = load_file(folded.weights())

    assert [path.name for path in folded.folds()] == ["1.1.safetensors", "1.2.safetensors"]
    for path in folded.folds():
        tensors = load_file(path)
        assert "backbone.conv_stem.weight" not in tensors and "head.linear.weight" in tensors
        assert path.stat().st_size < 0.8 * folded.weights().stat().st_size
    assert len(fold_networks.network_of(folded, "1.1")) == len(own)


def test_a_fold_s_network_says_what_it_said_when_it_was_judged(folded, folder):
    told, facts = folded.predictions(), folded.settings()
    settings = learn.TrainSettings.of(facts["settings"])
    classifier = learn.build(settings, 2, pretrained=False)
    tensors = fold_networks.network_of(folded, "1.2")
    classifier.load_state_dict({name: value for name, value in tensors.items() if not name.startswith("unknown")})
    rows = [i for i, fold in enumerate(told.folds) if fold == "1.2"]
    photos = [learn.PhotoFile(told.photos[i], told.classes[told.actual[i]], None, "") for i in rows]

    _, logits = learn.answers(classifier.eval(), folder, photos, told.classes, settings, folder.parent)

    assert len(rows) == 22 and np.array_equal(logits.argmax(axis=1), told.predicted[rows])


def test_the_file_of_a_fold_s_network_answers_as_that_does_and_takes_no_export(folded, folder, graph, monkeypatch):
    data, answering, _ = graph
    tensors = dict(fold_networks.network_of(folded, "1.2"))
    tensors.pop(DIRECTIONS)  # so few photos have fewer directions than all together
    monkeypatch.setattr(export_graph, "to_onnx", None)

    model = Model(export_graph.of_network(data, answering, tensors, Model(data).info))

    other = deepcopy(answering)
    other.classifier.load_state_dict(tensors)
    pixels = decode((folder / "red" / "000.png").read_bytes())
    with torch.inference_mode():
        theirs = other.eval()(torch.from_numpy(pixels))[0].numpy()
    assert model.run(pixels)[0] == pytest.approx(theirs, abs=0.005)
    assert model.run(pixels)[0] != pytest.approx(Model(data).run(pixels)[0], abs=1e-6)


def test_a_file_of_eight_bits_is_smaller_and_says_what_it_lost(exported, folded):
    model = Model(exported.path)
    found = model.info.against_float32

    assert exported.n_bytes < 4.5e6 < 3 * exported.n_bytes < found["bytes_float32"]
    assert model.info.precision == "int8" and found["judged"] == "out-of-fold" and found["n"] == 44
    assert found["calibrated_on"] == 32 and found["layers"] == 49
    assert found["wrong_float32"] == folded.metrics()["wrong"] and found["lost"] <= found["allowed"] == 1


def test_the_figures_in_the_file_are_its_own(exported, folded):
    info, found = Model(exported.path).info, exported.shrunk.found

    assert info.metrics["wrong"] == found["wrong"] and info.metrics["n_valid"] == 44
    assert info.metrics["error_rate"] == found["wrong"] / 44
    assert info.trained_on == folded.settings()["trained_on"] and info.classes == ("blue", "red")


def test_the_threshold_is_set_anew_on_its_own_scores(exported, folded):
    info, found = Model(exported.path).info, exported.shrunk.found["unknown"]

    assert found["threshold_float32"] == folded.settings()["unknown"]["threshold"] != info.threshold
    assert info.threshold == found["threshold"] and info.metrics["unknown"]["refused"]["n"] == 44
    assert info.metrics["unknown"]["refused"]["count"] <= 8
    assert abs(found["threshold"] - found["threshold_float32"]) < 0.05


def test_without_folds_the_model_itself_is_judged_on_what_was_kept_aside(tiny_run, tmp_path):
    done = export(tiny_run, tmp_path / "small.onnx", precision="int8-weights")

    found = Model(done.path).info.against_float32
    assert found["judged"] == "validation" and found["n"] == 6 and found["unknown"] is None
    assert found["calibrated_on"] == 18 and found["differ"] == found["differ_in_the_model_itself"] == 0
    assert Model(done.path).info.precision == "int8-weights" and done.n_bytes < 4e6


def test_sixteen_bits_are_held_to_what_float32_is_held_to(tiny_run, tiny_model_file, tmp_path):
    done = export(tiny_run, tmp_path / "half.onnx", precision="float16")

    assert done.shrunk is None and done.proof.photos == 6 and done.proof.largest_difference <= 0.005
    assert done.n_bytes < 0.53 * tiny_model_file.stat().st_size
    assert Model(done.path).info.precision == "float16" and Model(tiny_model_file).info.precision == "float32"


def test_eight_bits_answer_alike_wherever_they_are_asked(tiny_int8_file, tiny_folder, tmp_path, capsys):
    """Of `fm.Model`, `predict`, the server and `evaluate`; the page is asked in tests/test_parity.py."""
    photo, model = tiny_folder / "red" / "000.png", Model(tiny_int8_file)
    expected = dict(model.predict(photo).predictions)

    assert main(["predict", str(tiny_int8_file), str(photo), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert dict(told[0]["predictions"]) == pytest.approx(expected, abs=1e-6)

    reply = TestClient(create_app(model)).post("/upload", files={"file": ("photo.png", photo.read_bytes())}).json()
    assert dict(reply["predictions"]) == pytest.approx(expected, abs=1e-6)

    judged = evaluate(tiny_int8_file, tiny_folder, report=tmp_path / "report.html")
    row = judged.predictions.photos.index("red/000.png")
    classes = judged.predictions.classes
    said = dict(zip(classes, judged.predictions.probabilities[row], strict=True))
    assert said == pytest.approx(expected, abs=1e-6)
    assert "<dt>precision</dt><dd>int8</dd>" in (tmp_path / "report.html").read_text()


def test_costs_hold_for_a_smaller_file_too(tiny_run, tmp_path, tiny_folder):
    done = export(tiny_run, tmp_path / "dear.onnx", cost=["red->blue=1000"], precision="int8-weights")

    assert Model(done.path).predict(tiny_folder / "blue" / "000.png").decision == "red"


def test_photos_that_have_moved_can_be_named(folded, folder, tmp_path, quick):
    moved = shutil.copytree(folder, tmp_path / "elsewhere", ignore=shutil.ignore_patterns(".fieldmark"))
    for photo in sorted((moved / "red").iterdir())[:3]:
        photo.unlink()

    done = export(folded, tmp_path / "small.onnx", photos=moved, precision="int8-weights")

    assert done.shrunk.found["n"] == 41


def test_no_photos_to_calibrate_on_is_a_sentence(tiny_run, tiny_folder, tmp_path, capsys):
    """The photos that it was judged by are there, those that it learned from are not."""
    judged = tmp_path / "judged"
    for name in tiny_run.predictions().photos:
        (judged / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(tiny_folder / name, judged / name)
    out = tmp_path / "small.onnx"

    assert main(["export", str(tiny_run.path), "-o", str(out), "--photos", str(judged), "--int8"]) == 1

    said = capsys.readouterr().err
    assert "int8 is calibrated on photos that the run learned from, 8 at least, and of those none can be read" in said
    assert "--photos DIR" in said and not out.exists()


def test_a_run_that_kept_no_networks_of_its_folds_is_a_sentence(folded, tmp_path, quick):
    old = Run.open(shutil.copytree(folded.path, tmp_path / "old", ignore=shutil.ignore_patterns("folds")))

    with pytest.raises(RunError, match=r"has not kept the networks of its folds.*Train again"):
        export(old, tmp_path / "small.onnx", precision="int8")
    assert not (tmp_path / "small.onnx").exists()


def test_a_damaged_network_of_a_fold_is_a_sentence(folded, tmp_path, quick):
    broken = Run.open(shutil.copytree(folded.path, tmp_path / "broken"))
    broken.fold("1.1").write_bytes(b"\x10")

    with pytest.raises(RunError, match=r"1\.1\.safetensors cannot be read"):
        export(broken, tmp_path / "small.onnx", precision="int8")


@pytest.fixture
def worse(monkeypatch):
    """Turn the answers about some photos round, in every file of fewer bits."""
    from fieldmark.pipeline import shrink

    def install(fold: int, own: int):
        asked = shrink.ask

        def ask(models, photos, doing):
            rows, (exact, rough, own_exact, own_rough) = asked(models, photos, doing)
            return rows, [exact, turned(rough, fold), own_exact, turned(own_rough, own)]

        monkeypatch.setattr(shrink, "ask", ask)

    def turned(answers: Answers, n: int) -> Answers:
        return Answers(np.concatenate([answers.probabilities[:n, ::-1], answers.probabilities[n:]]), answers.scores)

    return install


def test_a_file_that_loses_too_much_is_refused_and_not_written(folded, tmp_path, worse, monkeypatch, quick):
    monkeypatch.setattr(drop, "MOST_DIFFER", 1.0)
    worse(fold=4, own=0)

    with pytest.raises(ExportDisagrees, match=r"8 more of 44 photos wrong, where 1 may be lost.*--max-drop POINTS"):
        export(folded, tmp_path / "small.onnx", precision="int8-weights")
    assert list(tmp_path.iterdir()) == []

    assert export(folded, tmp_path / "small.onnx", precision="int8-weights", max_drop=20).shrunk.found["lost"] == 8


def test_a_file_that_answers_otherwise_is_refused(folded, tmp_path, worse, quick):
    worse(fold=1, own=0)

    with pytest.raises(ExportDisagrees, match="another class for 2 of 44 photos"):
        export(folded, tmp_path / "small.onnx", precision="int8-weights")


def test_a_model_that_answers_otherwise_about_photos_it_knows_is_refused(folded, tmp_path, worse, quick):
    worse(fold=0, own=1)

    with pytest.raises(ExportDisagrees, match="The model itself names another class for 2 of 44 photos"):
        export(folded, tmp_path / "small.onnx", precision="int8-weights")


def test_the_command_says_what_became_smaller_and_what_was_lost(tiny_run, tmp_path, capsys):
    out = tmp_path / "small.onnx"
    assert main(["export", str(tiny_run.path), "-o", str(out), "--int8-weights", "--json"]) == 0
    printed = capsys.readouterr()
    told = json.loads(printed.out)

    assert told["precision"] == "int8-weights" and told["bytes"] == out.stat().st_size
    assert told["against_float32"]["n"] == 6 and told["milliseconds"] > 0 < told["milliseconds_float32"]
    assert "in float32 it answers 6 photos as the network does" in printed.err.lower()
    assert "Of 6 photos kept aside" in printed.err and "ms on one thread of this processor" in printed.err


def test_a_drop_that_makes_no_sense_is_wrong_usage(tiny_run, capsys):
    assert main(["export", str(tiny_run.path), "--max-drop", "1"]) == 2
    assert "goes with --int8" in capsys.readouterr().err
    assert main(["export", str(tiny_run.path), "--int8", "--max-drop", "-1"]) == 2
    assert "0 to 100, not -1" in capsys.readouterr().err


def test_a_precision_that_is_none_names_its_neighbour(tiny_run, tmp_path):
    with pytest.raises(Exception, match=r"not in 'int'.*Did you mean int8"):
        export(tiny_run, tmp_path / "small.onnx", precision="int")


def test_too_few_photos_to_calibrate_on_are_counted(tiny_run, tiny_folder, tmp_path):
    few = tmp_path / "few"
    names = [*tiny_run.predictions().photos]
    names += [p.relative_to(tiny_folder).as_posix() for p in sorted(tiny_folder.glob("*/*.png"))][:5]
    for name in names:
        (few / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(tiny_folder / name, few / name)

    with pytest.raises(FolderError, match=r"of those \d can be read"):
        export(tiny_run, tmp_path / "small.onnx", photos=few, precision="int8")
