"""A model file becomes a zip or a folder, or nothing at all and a sentence."""

import io
import json
import subprocess
import sys
import zipfile
from random import Random

import pytest
from PIL import Image

from fieldmark.artifacts.modelfile import Model
from fieldmark.cli import main
from fieldmark.deploy import first_answer, functions
from fieldmark.deploy.first_answer import FirstAnswer
from fieldmark.deploy.host import Host
from fieldmark.errors import ModelFileError, TargetError, WrongUsage
from fieldmark.pipeline import ship as module
from fieldmark.pipeline.ship import ship
from support.tiny_model import BLUE, RED, picture_bytes, tiny_model_bytes

ELSEWHERE = Host("3.12", "arm64" if sys.platform == "linux" and Host.of(None, "x86_64").is_like_this else "x86_64")


@pytest.fixture
def model_file(tmp_path):
    (tmp_path / "snakes.onnx").write_bytes(tiny_model_bytes())
    return tmp_path / "snakes.onnx"


@pytest.fixture
def packages(monkeypatch):
    """Stand-ins for what pip would bring, so that no index is asked. Returns what was asked for."""
    asked = []

    def install(names, host, folder):
        asked.append((tuple(names), host))
        (folder / "numpy" / "tests").mkdir(parents=True)
        (folder / "numpy" / "__init__.py").write_text("")
        (folder / "numpy" / "tests" / "test_all.py").write_text("")

    monkeypatch.setattr(functions, "install", install)
    return asked


def left(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_zip_holds_handler_app_model_and_what_answers_and_nothing_of_the_rest(model_file, packages, tmp_path):
    done = ship(model_file, "zip", tmp_path / "snakes.zip", ELSEWHERE)

    with zipfile.ZipFile(done.path) as archive:
        names = archive.namelist()
        assert archive.read("model.onnx") == model_file.read_bytes()
    assert {"handler.py", "main.py", "fieldmark/serve/functions.py", "fieldmark/LICENSE", "numpy/__init__.py"} <= set(
        names
    )
    assert "numpy/tests/test_all.py" not in names and not any("/training/" in name or "/cli/" in name for name in names)
    assert packages == [(functions.SERVING, ELSEWHERE)]
    assert done.first_answer is None and done.weight.packed == done.path.stat().st_size


def test_the_same_model_gives_the_same_zip(model_file, packages, tmp_path):
    one, two = (ship(model_file, "zip", tmp_path / name, ELSEWHERE).path for name in ("1.zip", "2.zip"))

    assert one.read_bytes() == two.read_bytes()


def test_a_zip_that_the_host_would_not_take_is_not_written_and_its_heaviest_parts_are_named(packages, tmp_path):
    big = tmp_path / "big.onnx"
    big.write_bytes(tiny_model_bytes(classes=[Random(number).randbytes(32).hex() for number in range(60_000)]))

    with pytest.raises(
        TargetError, match=r"Too large: .* MB packed, and a functions host takes 1.0 MB. Heaviest: model"
    ):
        ship(big, "zip", tmp_path / "big.zip", ELSEWHERE, max_mb=1)
    assert left(tmp_path) == ["big.onnx"]
    assert ship(big, "zip", tmp_path / "big.zip", ELSEWHERE, max_mb=60).path.is_file()


@pytest.mark.skipif(not Host.of().is_like_this, reason="this is neither Linux nor x86_64, so no zip runs here")
@pytest.mark.parametrize(
    "predictions", [[["coral", 0.2], ["king", 0.8]], [["coral", 0.9]], [["coral", float("nan")], ["king", 0.5]]]
)
def test_a_handler_that_answers_otherwise_than_the_model_is_not_shipped(
    model_file, packages, tmp_path, monkeypatch, predictions
):
    monkeypatch.setattr(module, "ask_fresh", lambda *_: FirstAnswer(1.0, {"predictions": predictions}))

    with pytest.raises(TargetError, match="answers differently"):
        ship(model_file, "zip", tmp_path / "snakes.zip", Host.of())
    assert left(tmp_path) == ["snakes.onnx"]


def test_a_handler_that_agrees_is_shipped_with_its_time(model_file, packages, tmp_path, monkeypatch):
    def ask(folder, picture):
        return FirstAnswer(0.5, {"predictions": Model(folder / "model.onnx").predict(picture).to_dict()["predictions"]})

    monkeypatch.setattr(module, "ask_fresh", ask)
    monkeypatch.setattr(Host, "is_like_this", True)

    assert ship(model_file, "zip", tmp_path / "snakes.zip", ELSEWHERE).first_answer == 0.5


def test_the_folder_for_containers_is_whole_or_absent(model_file, tmp_path, monkeypatch):
    done = ship(model_file, "docker", tmp_path / "site", Host("3.13", "x86_64"))

    assert left(done.path) == [
        ".dockerignore", "Dockerfile", "README.md", "constraints.txt", "fieldmark", "model.onnx", "requirements.txt"
    ]  # fmt: skip
    assert "python:3.13-slim" in (done.path / "Dockerfile").read_text()
    assert done.path.stat().st_mode & 0o777 == 0o755
    assert done.weight.parts["onnxruntime"] > 2e7 and done.weight.unpacked < 250e6

    monkeypatch.setattr(module.container, "fill", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        ship(model_file, "docker", tmp_path / "other", Host.of())
    assert left(tmp_path) == ["site", "snakes.onnx"]


@pytest.mark.parametrize("target", ["zip", "docker"])
def test_the_card_beside_a_model_goes_along(model_file, packages, tmp_path, target):
    (tmp_path / "snakes.card.md").write_text("# Snakes, in my words")

    done = ship(model_file, target, tmp_path / "out", ELSEWHERE)

    inside = zipfile.Path(done.path) if target == "zip" else done.path
    assert (inside / "model.card.md").read_text() == "# Snakes, in my words"


def test_a_model_too_heavy_for_its_container_is_refused(model_file, tmp_path, monkeypatch):
    monkeypatch.setattr(module.container, "packages_here", lambda: {"onnxruntime": 260_000_000})

    with pytest.raises(TargetError, match=r"Heaviest: onnxruntime 260.0 MB"):
        ship(model_file, "docker", tmp_path / "site", Host.of())
    assert left(tmp_path) == ["snakes.onnx"]


def test_what_cannot_be_shipped_says_so(model_file, packages, tmp_path):
    (tmp_path / "other.onnx").write_bytes(b"nothing")
    (tmp_path / "folder").mkdir()

    with pytest.raises(ModelFileError, match="No model file at"):
        ship(tmp_path / "absent.onnx", "zip", tmp_path / "a.zip", ELSEWHERE)
    with pytest.raises(ModelFileError, match="not an ONNX model"):
        ship(tmp_path / "other.onnx", "docker", tmp_path / "a", ELSEWHERE)
    with pytest.raises(TargetError, match="There is no folder"):
        ship(model_file, "zip", tmp_path / "absent" / "a.zip", ELSEWHERE)
    with pytest.raises(TargetError, match=r"is a folder\. Name the file"):
        ship(model_file, "zip", tmp_path / "folder", ELSEWHERE)
    with pytest.raises(WrongUsage, match="--max-mb 0"):
        ship(model_file, "zip", tmp_path / "a.zip", ELSEWHERE, max_mb=0)


def export(*line):
    return main(["export", *map(str, line)])


def test_the_command_takes_a_model_file_and_says_what_it_wrote(model_file, packages, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    assert export("snakes.onnx", "--target", "zip", "--python", "3.12", "--arch", "arm64", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["target"] == "zip" and told["python"] == "3.12" and told["arch"] == "arm64"
    assert told["packed_bytes"] == (tmp_path / "snakes.zip").stat().st_size
    assert told["first_answer_seconds"] is None and "model.onnx" in told["parts"]

    assert export("snakes.onnx", "--target", "docker") == 0
    assert "docker build -t classifier snakes-docker" in capsys.readouterr().out
    assert export("snakes.onnx", "--target", "docker") == 1
    assert "may hold changes of yours" in capsys.readouterr().err


@pytest.mark.long
def test_the_command_takes_a_run_and_ships_the_model_made_of_it(tiny_run, packages, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    assert export(tiny_run.path, "--target", "docker", "-o", "site", "--cost", "red->blue=7") == 0
    model = Model(tmp_path / "site" / "model.onnx")
    assert model.info.costs.prices == (("red", "blue", 7.0),) and left(tmp_path) == ["site"]
    assert "| red | blue | 7 |" in (tmp_path / "site" / "model.card.md").read_text()


@pytest.mark.long
def test_a_run_is_shipped_in_eight_bits_where_that_is_asked_for(tiny_run, packages, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert export(tiny_run.path, "--target", "docker", "-o", "site", "--int8-weights") == 0
    info = Model(tmp_path / "site" / "model.onnx").info
    assert info.precision == "int8-weights" and info.against_float32["n"] == 6
    card = (tmp_path / "site" / "model.card.md").read_text()
    assert "| Precision | int8-weights: stored in 8 bits, answers in 32 |" in card and "Of 6 photos kept aside" in card


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["snakes.onnx"], "is a model file already"),
        (["absent.onnx"], "is a model file already"),
        (["snakes.onnx", "--python", "3.12"], "add --target zip"),
        (["run", "--max-mb", "9"], "add --target zip"),
        (["snakes.onnx", "--target", "docker", "--arch", "arm64"], "docker build --platform linux/arm64"),
        (["snakes.onnx", "--target", "zip", "--cost", "coral->king=9"], "cannot be given with it"),
        (["snakes.onnx", "--target", "zip", "--photos", "x"], "cannot be given with it"),
        (["snakes.onnx", "--target", "zip", "--int8"], "--int8 cannot be given with it"),
    ],
)
def test_lines_that_make_no_sense_are_wrong_usage(model_file, tmp_path, monkeypatch, capsys, line, said):
    monkeypatch.chdir(tmp_path)

    assert export(*line) == 2
    assert said in capsys.readouterr().err


def test_a_model_file_is_shipped_without_torch(model_file, tmp_path):
    code = (
        "import sys; from fieldmark.cli import main; "
        f"code = main(['export', {str(model_file)!r}, '--target', 'docker', '-o', {str(tmp_path / 'site')!r}]); "
        "sys.exit(code or bool({'torch', 'onnx', 'timm'} & sys.modules.keys()))"
    )

    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


@pytest.fixture(scope="module")
def real_zip(tiny_model_file, tmp_path_factory):
    """A zip for this very machine, as a person would make it, and the folder that it unpacks to."""
    folder = tmp_path_factory.mktemp("real")
    done = ship(tiny_model_file, "zip", folder / "tiny.zip", Host.of())
    with zipfile.ZipFile(done.path) as archive:
        archive.extractall(folder / "task")
    return done, folder / "task"


FORMATS = {
    "JPEG": {}, "PNG": {}, "WEBP": {}, "GIF": {}, "BMP": {}, "TIFF": {"compression": "tiff_lzw"}, "AVIF": {},
    "JPEG2000": {},
}  # fmt: skip


@pytest.mark.long
@pytest.mark.skipif(not Host.of().is_like_this, reason="this is neither Linux nor x86_64, so no zip runs here")
def test_a_zip_with_a_model_of_the_usual_size_fits_and_has_answered(real_zip, tiny_model_file):
    done, folder = real_zip

    assert tiny_model_file.stat().st_size > 13_500_000
    assert done.weight.packed <= 50_000_000 and done.weight.unpacked <= 250_000_000 and done.first_answer > 0
    assert not list(folder.rglob("libonnxruntime.so*")) and not (folder / "torch").exists()
    assert list(folder.glob("numpy-*.dist-info/licenses/**/LICENSE*"))


@pytest.mark.long
@pytest.mark.skipif(not Host.of().is_like_this, reason="this is neither Linux nor x86_64, so no zip runs here")
@pytest.mark.parametrize("kind", FORMATS)
def test_what_was_trimmed_is_missed_by_no_kind_of_picture(real_zip, tiny_model_file, kind):
    picture = picture_bytes(BLUE, format=kind, **FORMATS[kind])

    reply = first_answer.ask_fresh(real_zip[1], picture).reply

    assert reply["predictions"] == Model(tiny_model_file, threads=1).predict(picture).to_dict()["predictions"]


@pytest.mark.long
@pytest.mark.skipif(not Host.of().is_like_this, reason="this is neither Linux nor x86_64, so no zip runs here")
def test_colour_profiles_and_cmyk_are_read_in_the_zip_too(real_zip, tiny_model_file):
    buffer = io.BytesIO()
    Image.new("CMYK", (60, 40), (10, 200, 200, 20)).save(buffer, "JPEG")

    reply = first_answer.ask_fresh(real_zip[1], buffer.getvalue()).reply

    expected = Model(tiny_model_file, threads=1).predict(buffer.getvalue()).to_dict()
    assert {name: reply[name] for name in expected} == expected


@pytest.mark.long
def test_one_for_another_python_on_arm64_fits_and_holds_what_runs_there(tiny_model_file, tmp_path):
    done = ship(tiny_model_file, "zip", tmp_path / "arm.zip", Host("3.12", "arm64"))

    assert done.weight.packed <= 50_000_000
    with zipfile.ZipFile(done.path) as archive:
        modules = [name for name in archive.namelist() if ".so" in name]
        machines = {archive.read(name)[18:20] for name in modules}
    assert machines == {b"\xb7\x00"}  # e_machine of an ELF file for AArch64
    assert any("cpython-312" in name for name in modules) and not any("cpython-311" in name for name in modules)


@pytest.mark.long
@pytest.mark.skipif(not Host.of().is_like_this, reason="this is neither Linux nor x86_64, so no zip runs here")
def test_a_runtime_that_asks_again_and_again_is_answered_on_a_disk_it_cannot_write_to(real_zip, tmp_path):
    """As AWS's runtime does: import once, then events one after another, of every shape a person sends."""
    pictures = [picture_bytes(RED), picture_bytes(BLUE), b"no picture"]
    events = [first_answer.event_for(picture) for picture in pictures * 3]
    code = (
        "import json, sys; sys.path.insert(0, sys.argv[1]); import handler\n"
        "for line in sys.stdin: print(json.dumps(handler.handler(json.loads(line), None)))"
    )
    lines = "".join(json.dumps(event) + "\n" for event in events)
    before = set(real_zip[1].rglob("*"))

    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", code, str(real_zip[1])], input=lines, capture_output=True, text=True
    )

    replies = [json.loads(line) for line in done.stdout.splitlines()]
    assert [reply["statusCode"] for reply in replies] == [200, 200, 400] * 3, done.stderr
    assert set(real_zip[1].rglob("*")) == before
