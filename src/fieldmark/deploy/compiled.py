"""A folder for a functions host -> the same with the modules that answering loads compiled, which halves a cold start.

Such hosts run from a disk that cannot be written to, so that Python would compile every module at every start.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from fieldmark.deploy.first_answer import event_for
from fieldmark.errors import TargetError

_LOAD = """
import json, sys
from fieldmark.serve.functions import as_handler, open_app
as_handler(open_app(sys.argv[1]))(json.load(sys.stdin), None)
print(json.dumps(sorted(sys.modules)))
"""

# Never checked against the source, whose time an upload changes; named as they lie in the zip, not on this machine.
_COMPILE = """
import json, os, py_compile, sys
os.chdir(sys.argv[1])
for name in json.load(sys.stdin):
    py_compile.compile(name, doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
"""


def compile_loaded(folder: Path, model: Path, picture: bytes) -> int:
    """Compile, for this version of Python, what is loaded from start to first answer. Returns how many modules.

    Args:
        folder: a functions host's folder, uncompiled.
        model: a model file; what answering loads is found by letting it answer here.
        picture: the bytes of any picture.

    Raises:
        TargetError: it does not answer here, or a module does not compile.
    """
    loaded = json.loads(_run([_LOAD, str(model)], json.dumps(event_for(picture))))
    names = [*loaded, "main", "handler"]
    files = sorted({file for name in names if (file := _file_of(name, folder))})
    _run([_COMPILE, str(folder)], json.dumps(files), isolated=True)
    return len(files)


def _file_of(module: str, folder: Path) -> str | None:
    """Return where a module's source lies in the folder, relative to it; None for what is not there."""
    stem = module.replace(".", "/")
    return next((name for name in (f"{stem}.py", f"{stem}/__init__.py") if (folder / name).is_file()), None)


def _run(words: Sequence[str], given: str, isolated: bool = False) -> str:
    # A process of its own, so that nothing done before changes which references Python's compiler shares.
    command = [sys.executable, *(["-I"] if isolated else []), "-B", "-c", *words]
    done = subprocess.run(command, input=given, capture_output=True, text=True)
    if done.returncode:
        words_of = (done.stderr.strip().splitlines() or ["nothing"])[-1]
        raise TargetError(f"What answering loads cannot be compiled: {words_of}. Please report this.")
    return done.stdout
