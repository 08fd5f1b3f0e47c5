import importlib.util
import subprocess
import sys

import pytest

from fieldmark.deploy.compiled import compile_loaded
from fieldmark.deploy.own import copy_modules
from fieldmark.errors import TargetError
from support.tiny_model import RED, picture_bytes, tiny_model_bytes


@pytest.fixture
def model(tmp_path):
    (tmp_path / "model.onnx").write_bytes(tiny_model_bytes())
    return tmp_path / "model.onnx"


def filled(folder):
    copy_modules("fieldmark.serve.functions", folder)
    (folder / "unused").mkdir()
    (folder / "unused" / "__init__.py").write_text("never = 'loaded'\n")
    (folder / "main.py").write_text("app = None\n")
    (folder / "handler.py").write_text("from main import app\n")
    return folder


def cache_of(path):
    return importlib.util.cache_from_source(str(path))


def test_what_answering_loads_is_compiled_and_what_it_does_not_is_left(tmp_path, model):
    folder = filled(tmp_path / "task")

    assert compile_loaded(folder, model, picture_bytes(RED)) > 20
    caches = {path.relative_to(folder).as_posix() for path in folder.rglob("*.pyc")}
    tag = sys.implementation.cache_tag
    assert {f"__pycache__/{name}.{tag}.pyc" for name in ("main", "handler")} <= caches
    assert f"fieldmark/imaging/__pycache__/decode.{tag}.pyc" in caches
    assert f"fieldmark/serve/__pycache__/functions.{tag}.pyc" in caches and "unused" not in str(caches)


def test_it_is_the_same_every_time_and_names_no_folder_of_this_machine(tmp_path, model):
    one, two = (filled(tmp_path / name) for name in ("one", "a-longer-name-than-one"))
    for folder in (one, two):
        compile_loaded(folder, model, picture_bytes(RED))

    caches = [sorted((p.relative_to(f).as_posix(), p.read_bytes()) for p in f.rglob("*.pyc")) for f in (one, two)]
    assert caches[0] == caches[1] and not any(str(tmp_path).encode() in content for _, content in caches[0])


def test_a_copy_with_other_times_still_uses_what_was_compiled(tmp_path, model):
    folder = filled(tmp_path / "task")
    compile_loaded(folder, model, picture_bytes(RED))
    (folder / "main.py").write_text("app = 'the source, newer and another'\n")

    code = "import sys; sys.path.insert(0, sys.argv[1]); import main; print(main.app)"
    said = subprocess.run([sys.executable, "-I", "-c", code, str(folder)], capture_output=True, text=True).stdout

    assert said.strip() == "None"


def test_what_does_not_compile_is_said(tmp_path, model):
    folder = filled(tmp_path / "task")
    (folder / "handler.py").write_text("def (:\n")

    with pytest.raises(TargetError, match="cannot be compiled"):
        compile_loaded(folder, model, picture_bytes(RED))
