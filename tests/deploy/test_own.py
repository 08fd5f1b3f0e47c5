import subprocess
import sys

from fieldmark.deploy.own import HOME, copy_modules, copy_whole, modules_needed

ANSWERS = "fieldmark.serve.functions"


def test_what_answering_needs_is_there_and_what_trains_or_harvests_is_not():
    needed = {path.as_posix() for path in modules_needed(ANSWERS)}

    assert {"__init__.py", "serve/functions.py", "serve/app.py", "imaging/decode.py", "net/guard.py"} <= needed
    assert "paper/favicon.svg" in needed  # no Python, but the page shows it
    rooms = {name.partition("/")[0] for name in needed}
    assert not rooms & {"training", "backbones.py", "api.py", "cli", "pipeline", "demo", "search", "deploy"}


def test_the_copy_imports_with_no_other_fieldmark_in_sight(tmp_path):
    copy_modules(ANSWERS, tmp_path)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import {ANSWERS} as m; print(m.__file__)"

    done = subprocess.run([sys.executable, "-E", "-c", code], capture_output=True, text=True, cwd=tmp_path)

    assert done.stdout.strip() == str(tmp_path / "fieldmark" / "serve" / "functions.py"), done.stderr


def test_a_whole_copy_leaves_out_what_this_python_compiled(tmp_path):
    copy_whole(tmp_path)

    assert (tmp_path / "fieldmark" / "cli" / "__init__.py").is_file()
    assert (tmp_path / "fieldmark" / "py.typed").is_file()
    assert not list(tmp_path.rglob("__pycache__"))
    assert len(list(tmp_path.rglob("*.py"))) == len(list(HOME.rglob("*.py")))
