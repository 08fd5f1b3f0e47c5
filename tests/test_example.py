"""`examples/snakes.py` runs as a script, on photos or a query sheet, and as the notebook that jupytext makes of it."""

import os
import subprocess
import sys
from pathlib import Path

import jupytext
import pytest
from nbclient import NotebookClient

from fieldmark.demo.smallweb import SmallWeb, cheap
from support.harvesting import sheet_in

pytestmark = pytest.mark.long

SCRIPT = Path(__file__).parents[1] / "examples" / "snakes.py"


def test_it_runs_as_a_script_on_any_folder(tiny_folder, tmp_path):
    environment = {**os.environ, "FIELDMARK_SHORT": "1", "FIELDMARK_WORK": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(tiny_folder)], capture_output=True, text=True, env=environment
    )

    assert done.returncode == 0, done.stderr
    assert "of 6 wrong; right between" in done.stdout
    assert (tmp_path / "snakes.onnx").is_file()


def test_it_begins_with_a_query_sheet(tmp_path):
    with SmallWeb(per_class=8, paint=cheap) as web:
        environment = {**os.environ, **web.environment(), "FIELDMARK_SHORT": "1", "FIELDMARK_WORK": str(tmp_path)}
        environment["FIELDMARK_CONTACT"] = "tests@example.org"
        command = [sys.executable, str(SCRIPT), sheet_in(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)

    assert done.returncode == 0, done.stderr
    assert "photos in 2 classes" in done.stdout and "right between" in done.stdout
    assert (tmp_path / "snakes" / "catalog.db").is_file() and list((tmp_path / "snakes" / "photos" / "coral").iterdir())


def test_it_runs_as_a_notebook_on_painted_snakes(tmp_path, monkeypatch):
    for name, value in {"SHORT": "1", "PAINT": "6", "WORK": str(tmp_path)}.items():
        monkeypatch.setenv(f"FIELDMARK_{name}", value)
    notebook = jupytext.read(SCRIPT)

    NotebookClient(notebook, timeout=300, kernel_name="python3").execute()

    shown = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert any("photos right" in output.get("data", {}).get("text/html", "") for output in shown)
    assert (tmp_path / "snakes" / "coral").is_dir() and (tmp_path / "snakes.onnx").is_file()
