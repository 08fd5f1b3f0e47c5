"""A model file -> a folder that a functions host runs: handler, model, and only the packages that answering needs."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from fieldmark.deploy.host import Host
from fieldmark.deploy.own import copy_modules
from fieldmark.deploy.pins import SERVING
from fieldmark.deploy.trim import trim
from fieldmark.deploy.wheels import install

MODEL = "model.onnx"

MAIN = '''"""What hosts call that take an ASGI application: `main:app`."""

from pathlib import Path

from fieldmark.serve.functions import open_app

app = open_app(Path(__file__).with_name("model.onnx"))
'''

HANDLER = '''"""What hosts call that pass events, such as AWS Lambda: `handler.handler`."""

from fieldmark.serve.functions import as_handler
from main import app

handler = as_handler(app)
'''


def fill(folder: Path, model: bytes, host: Host) -> None:
    """Lay everything out in an empty folder.

    Args:
        folder: exists.
        model: the bytes of a model file.
        host: where it shall run.

    Raises:
        TargetError: the packages cannot be had for that host.
    """
    install(SERVING, host, folder)
    trim(folder)
    copy_modules("fieldmark.serve.functions", folder)
    _copy_licence(folder)
    Path(folder, "main.py").write_text(MAIN, "utf-8", newline="\n")
    Path(folder, "handler.py").write_text(HANDLER, "utf-8", newline="\n")
    Path(folder, MODEL).write_bytes(model)


def _copy_licence(folder: Path) -> None:
    """Fieldmark's own licence goes along, as those of the packages do."""
    text = metadata.distribution("fieldmark").read_text("licenses/LICENSE")
    if text:
        Path(folder, "fieldmark", "LICENSE").write_text(text, "utf-8", newline="\n")
