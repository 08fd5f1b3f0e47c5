import csv
import errno
import io
import json
import os
import shutil
import subprocess
import sys
import time

import pytest

from fieldmark.artifacts.modelfile import Model
from fieldmark.artifacts.runs import FILES
from fieldmark.cli import main
from fieldmark.errors import explain_os_error
from support.flat import paint_flat
from support.tiny_model import picture_bytes, tiny_model_bytes

FLAGS = ["--epochs", "1,1", "--size", "64", "--batch", "8", "--head-lr", "0.01", "--lr", "1e-5,1e-4"]


@pytest.fixture
def model_file(tmp_path):
    (tmp_path / "model.onnx").write_bytes(tiny_model_bytes())
    return str(tmp_path / "model.onnx")


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(picture_bytes((220, 30, 30)))
    (folder / "b.jpg").write_bytes(picture_bytes((30, 30, 220)))
    return folder


def failure(capsys, *arguments: str) -> str:
    """Run a command that should fail with 1 and return the sentence it prints."""
    assert main(list(arguments)) == 1
    printed = capsys.readouterr()
    assert "Traceback" not in printed.err and printed.err.count("\n") < 40
    return printed.err.splitlines()[-1]


# ---------------------------------------------------------------------------------------------------------- in general


def test_without_a_command_it_helps(capsys):
    assert main([]) == 0
    assert "fieldmark demo" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["train", "evaluate", "export", "predict", "serve", "demo"])
def test_every_command_helps(capsys, command):
    with pytest.raises(SystemExit) as stop:
        main([command, "-h"])
    assert stop.value.code == 0 and "--json" in capsys.readouterr().out


def test_wrong_usage_ends_with_two(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["train", "folder", "--no-such-flag"])
    assert stop.value.code == 2
    assert main(["train", "folder", "--epochs", "many"]) == 2
    assert "--epochs many makes no sense" in capsys.readouterr().err


def test_help_answers_at_once():
    def seconds():
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "fieldmark", "--help"], check=True, capture_output=True)
        return time.perf_counter() - start

    code = (
        "import sys, fieldmark.cli; print(sorted({'torch', 'numpy', 'PIL', 'onnxruntime', 'rich'} & set(sys.modules)))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert loaded.strip() == "[]"  # what makes it quick; the clock is only looked at loosely
    assert min(seconds() for _ in range(3)) < 3


def test_ctrl_c_is_a_sentence(capsys, monkeypatch, model_file):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("fieldmark.artifacts.modelfile.Model.__init__", interrupted)

    assert main(["predict", model_file, "a.jpg"]) == 130
    assert "Stopped" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("number", "words"), [(errno.ENOSPC, "disk is full"), (errno.EROFS, "read-only"), (errno.EACCES, "no permission")]
)
def test_what_the_system_refuses_is_a_sentence(number, words):
    assert words in explain_os_error(OSError(number, "text", "/place"))


def test_failures_are_json_too(capsys):
    assert main(["export", "no-such-run", "--json"]) == 1
    assert "no-such-run" in json.loads(capsys.readouterr().out)["error"]


# ---------------------------------------------------------------------------------------------------------------- train


def test_train_prints_the_metrics_as_json(capsys, flat_folder):
    (flat_folder / "red" / "page.jpg").write_text("<html>")

    assert main(["train", str(flat_folder), *FLAGS, "--json"]) == 0
    printed = capsys.readouterr()
    metrics = json.loads(printed.out)

    assert metrics["classes"] == ["blue", "red"]
    assert (metrics["n_train"], metrics["n_valid"], metrics["seed"]) == (19, 5, 42)
    assert metrics["kept"]["stage"] in (1, 2) and metrics["stage2"]["wrong"] >= 0
    assert set(metrics["stage1"]) >= {"error_rate", "wrong", "valid_loss"}
    assert metrics["accuracy"] == pytest.approx(1 - metrics["error_rate"])
    assert metrics["unusable"] == [{"photo": "red/page.jpg", "reason": "an HTML page, not a picture"}]
    assert "epoch  train_loss  valid_loss  error_rate   time" in printed.err
    run = flat_folder / ".fieldmark" / "runs"
    assert metrics["run"] == str(next(run.iterdir()))
    names = sorted(path.name for path in next(run.iterdir()).iterdir())
    assert names == sorted((*FILES, "finder.csv"))
    assert json.loads((next(run.iterdir()) / "metrics.json").read_text())["wrong"] == metrics["wrong"]


def test_train_says_what_went_in_and_what_came_out(capsys, flat_folder, tmp_path):
    shutil.copy(flat_folder / "red" / "000.png", flat_folder / "blue" / "copy.png")

    assert main(["train", str(flat_folder), *FLAGS, "-o", str(tmp_path / "run")]) == 0
    printed = capsys.readouterr()

    assert "25 photos: 13 blue, 12 red. 20 to learn from, 5 to judge by." in printed.out
    assert "of 5 photos right" in printed.out and "chosen by its loss on these same 5 photos" in printed.out
    assert "One and the same photo lies under 2 labels" in printed.err
    assert (tmp_path / "run" / "report.html").is_file()


def test_one_stage_alone_is_a_run(capsys, flat_folder):
    assert main(["train", str(flat_folder), *FLAGS[2:], "--epochs", "1", "--json"]) == 0
    metrics = json.loads(capsys.readouterr().out)

    assert metrics["stage2"] is None and metrics["kept"] == {"stage": 1, "epoch": 1}


def test_photos_added_later_leave_the_old_ones_where_they_were(flat_folder):
    def sides():
        (path,) = (flat_folder / ".fieldmark" / "splits").iterdir()
        return json.loads(path.read_text())["sides"]

    assert main(["train", str(flat_folder), *FLAGS]) == 0
    before = sides()
    paint_flat(flat_folder / "more", {"red": 12, "blue": 12}, seed=9)
    for name in ("red", "blue"):
        for path in (flat_folder / "more" / name).iterdir():
            path.rename(flat_folder / name / f"new-{path.name}")
        (flat_folder / "more" / name).rmdir()
    (flat_folder / "more").rmdir()

    assert main(["train", str(flat_folder), *FLAGS]) == 0
    after = sides()
    assert len(after) == 48 and {id_: after[id_] for id_ in before} == before


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda root: shutil.rmtree(root), "no folder"),
        (lambda root: [shutil.rmtree(root / name) for name in ("red", "blue")], "no class folders"),
        (lambda root: shutil.rmtree(root / "red"), "only one class"),
        (lambda root: [path.unlink() for path in sorted((root / "red").iterdir())[1:]], "only 1 usable photo"),
        (lambda root: [path.write_text("no") for path in root.rglob("*.png")], "None of the 24 files"),
    ],
)
def test_a_folder_that_cannot_be_learned_from_is_a_sentence_and_nothing_is_written(capsys, flat_folder, make, words):
    make(flat_folder)

    assert words in failure(capsys, "train", str(flat_folder), *FLAGS)
    assert not (flat_folder / ".fieldmark" / "splits").exists()
    assert not list(flat_folder.glob(".fieldmark/runs/*"))


def test_an_unknown_backbone_is_a_sentence_and_nothing_is_written(capsys, flat_folder):
    assert "resnet34" in failure(capsys, "train", str(flat_folder), "--backbone", "reznet34")
    assert not (flat_folder / ".fieldmark").exists()


def test_weights_of_another_shape_are_a_sentence(capsys, flat_folder, tmp_path):
    (tmp_path / "bad.safetensors").write_bytes(b"nonsense")

    said = failure(capsys, "train", str(flat_folder), "--weights", str(tmp_path / "bad.safetensors"), *FLAGS)
    assert "not a safetensors file" in said and not list(flat_folder.glob(".fieldmark/runs/*"))


@pytest.mark.long
def test_a_full_disk_is_a_sentence_and_leaves_nothing(flat_folder, tmp_path):
    # A limit on the size of files fails every longer write, in the middle of it, as a full disk does.
    limited = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)); "
    arguments = ["train", str(flat_folder), "-o", str(tmp_path / "run"), *FLAGS]
    call = f"from fieldmark.cli import main; sys.exit(main({arguments!r}))"
    done = subprocess.run([sys.executable, "-c", limited + call], capture_output=True, text=True)

    assert done.returncode == 1, done.stderr
    assert "larger than this system allows" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists() and not list(tmp_path.glob(".run*"))


def test_a_read_only_folder_is_learned_from_and_remembered_elsewhere(capsys, flat_folder, monkeypatch):
    real = os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode: not str(path).startswith(str(flat_folder)) and real(path, mode)
    )

    assert main(["train", str(flat_folder), *FLAGS]) == 0
    assert "cannot be written to; splits and runs are kept in" in capsys.readouterr().out
    assert not (flat_folder / ".fieldmark").exists()


# ------------------------------------------------------------------------------------------------------------- evaluate


def test_evaluate_judges_a_model_file(capsys, tiny_model_file, tiny_folder, tmp_path):
    report = tmp_path / "report.html"
    assert main(["evaluate", str(tiny_model_file), str(tiny_folder), "--json", "--report", str(report)]) == 0
    metrics = json.loads(capsys.readouterr().out)

    assert metrics["n_valid"] == 28 and metrics["wrong"] == sum(
        metrics["confusion"][i][j] for i in range(2) for j in range(2) if i != j
    )
    assert metrics["unknown_share"] == 0.0 and metrics["kept"] is None
    assert "<html" in report.read_text()


def test_evaluate_judges_a_run_as_its_export(capsys, tiny_run, tiny_model_file, tiny_folder):
    figures = []
    for model in (str(tiny_run.path), str(tiny_model_file)):
        assert main(["evaluate", model, str(tiny_folder), "--json"]) == 0
        figures.append(json.loads(capsys.readouterr().out))

    assert figures[0]["confusion"] == figures[1]["confusion"]
    assert figures[0]["log_loss"] == pytest.approx(figures[1]["log_loss"])


def test_evaluate_leaves_a_sealed_side_closed_unless_told(capsys, tiny_model_file, tmp_path):
    paint_flat(tmp_path / "train", {"red": 3, "blue": 3})
    paint_flat(tmp_path / "test", {"red": 2, "blue": 2}, seed=1)

    counts = []
    for flags in ([], ["--test"]):
        assert main(["evaluate", str(tiny_model_file), str(tmp_path), "--json", *flags]) == 0
        counts.append(json.loads(capsys.readouterr().out)["n_valid"])

    assert counts == [6, 4]


def test_evaluate_refuses_a_class_the_model_does_not_know(capsys, tiny_model_file, tmp_path):
    folder = paint_flat(tmp_path / "photos", {"red": 2, "green": 2})

    assert "'green', which the model does not know" in failure(capsys, "evaluate", str(tiny_model_file), str(folder))


# --------------------------------------------------------------------------------------------------- export and predict


def test_export_writes_a_model_that_predict_reads(capsys, tiny_run, tiny_folder, tmp_path):
    out = tmp_path / "colours.onnx"
    assert main(["export", str(tiny_run.path), "-o", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bytes"] == out.stat().st_size

    assert main(["predict", str(out), str(tiny_folder / "blue")]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 14
    assert Model(out).classes == ("blue", "red")


def test_predict_answers_files_folders_and_patterns(capsys, model_file, pictures):
    for given in ([str(pictures / "a.jpg"), str(pictures / "b.jpg")], [str(pictures)], [str(pictures / "*.jpg")]):
        assert main(["predict", model_file, *given, "--json"]) == 0
        answers = json.loads(capsys.readouterr().out)
        assert [answer["image"] for answer in answers] == [str(pictures / "a.jpg"), str(pictures / "b.jpg")]
        assert [answer["predictions"][0][0] for answer in answers] == ["coral", "king"]
        assert all(answer["unknown"] is False for answer in answers)


def test_predict_tells_what_it_could_not_answer_and_ends_with_one(capsys, model_file, pictures):
    (pictures / "c.jpg").write_text("<html></html>")

    assert main(["predict", model_file, str(pictures), str(pictures / "none.jpg"), "--json"]) == 1
    answers = json.loads(capsys.readouterr().out)

    assert [sorted(answer) for answer in answers[2:]] == [["error", "image"]] * 2
    assert answers[2]["error"] == "an HTML page, not a picture" and answers[3]["error"] == "no such file"


def test_predict_prints_a_table(capsys, model_file, pictures):
    (pictures / "c.jpg").write_text("text")

    assert main(["predict", model_file, str(pictures), "--csv"]) == 1
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))

    assert [row["prediction"] for row in rows] == ["coral", "king", ""]
    assert float(rows[0]["p:coral"]) > 0.5 and rows[2]["error"] == "text, not a picture"


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "No model file"), (b"", "not an ONNX model"), (b"text", "not an ONNX model")],
)
def test_a_model_file_that_is_none_is_a_sentence(capsys, tmp_path, content, words):
    if content is not None:
        (tmp_path / "model.onnx").write_bytes(content)

    for command in (["predict", str(tmp_path / "model.onnx"), "a.jpg"], ["serve", str(tmp_path / "model.onnx")]):
        assert words in failure(capsys, *command)


def test_a_port_in_use_is_a_sentence(capsys, model_file):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert "in use" in failure(capsys, "serve", model_file, "--port", str(taken.getsockname()[1]))


@pytest.mark.parametrize("port", ["http", "-1", "70000", "80.5"])
def test_a_port_that_is_none_is_wrong_usage(capsys, model_file, monkeypatch, port):
    monkeypatch.setenv("PORT", port)

    assert main(["serve", model_file]) == 2
    assert "$PORT" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "toml", "named"),
    [
        (["--cost", "red->bleu=1000"], "", "blue"),
        (["--cost", "red->blue"], "", "--cost red->blue makes no sense"),
        (["--cost", "red->blue=-1"], "", "a cost is a number from 0"),
        ([], '[costs]\n"red->bleu" = 1000\n', "blue"),
        ([], "[costs]\n", None),
    ],
)
def test_costs_are_known_to_make_sense_before_anything_is_learned(arguments, toml, named, flat_folder, capsys):
    (flat_folder / "fieldmark.toml").write_text(toml)
    status = main(["train", str(flat_folder), "--epochs", "1,0", "--size", "32", "--valid-share", "0.3", *arguments])
    error = capsys.readouterr().err
    assert status == (2 if named else 0)
    assert (named or "") in error
    assert "Traceback" not in error
    assert (flat_folder / ".fieldmark" / "runs").exists() == (named is None)


@pytest.mark.long
def test_costs_of_a_table_reach_the_model_and_what_it_answers(flat_folder, tmp_path, capsys):
    (flat_folder / "fieldmark.toml").write_text('[costs]\n"red->blue" = 1000\n"->expert" = 0.5\n')
    run, model = str(tmp_path / "run"), str(tmp_path / "model.onnx")
    assert main(["train", str(flat_folder), "-o", run, "--epochs", "1,0", "--size", "32", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)["costs"]
    assert figures["answers"] == ["blue", "red", "expert"]
    assert (figures["watched"][0]["actual"], figures["watched"][0]["answer"]) == ("red", "blue")
    assert main(["export", run, "-o", model]) == 0
    assert Model(model).info.costs.prices == (("red", "blue", 1000.0), ("*", "expert", 0.5))
    assert main(["export", run, "-o", model, "--cost", "blue->red=7"]) == 0
    assert Model(model).info.costs.prices == (("blue", "red", 7.0),)
    assert main(["export", run, "-o", model, "--cost", "blu->red=7"]) == 2
    assert "blue" in capsys.readouterr().err
    assert main(["evaluate", model, str(flat_folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["costs"]["watched"][0]["actual"] == "blue"
