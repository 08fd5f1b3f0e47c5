"""A model file -> a folder that a container is built from: Dockerfile, versions of packages, Fieldmark, the model."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from importlib import metadata
from importlib.resources import files
from pathlib import Path

from fieldmark.deploy.own import copy_whole
from fieldmark.deploy.pins import as_requirements, core, pins
from fieldmark.errors import TargetError

MODEL = "model.onnx"

_TEMPLATES = {"Dockerfile": "Dockerfile", "dockerignore": ".dockerignore", "README.md": "README.md"}


def fill(folder: Path, model: bytes, python: str) -> None:
    """Write everything that `docker build` needs into an empty folder.

    Args:
        folder: exists.
        model: the bytes of a model file.
        python: version of the image to build on, "3.12".
    """
    for template, name in _TEMPLATES.items():
        text = files("fieldmark.deploy").joinpath("templates", template).read_text("utf-8")
        Path(folder, name).write_text(text.replace("{python}", python), "utf-8", newline="\n")
    names = core()
    versions = pins(names)
    Path(folder, "requirements.txt").write_text(as_requirements(versions, names), "utf-8", newline="\n")
    Path(folder, "constraints.txt").write_text(as_requirements(versions), "utf-8", newline="\n")
    copy_whole(folder)
    Path(folder, MODEL).write_bytes(model)


def packages_here() -> Mapping[str, int]:
    """Return name -> bytes of each package that the image will hold, as installed here.

    Another processor's packages are a little smaller or larger; what the Dockerfile removes is left out.
    """
    return {name: _size(metadata.distribution(name)) for name in pins(core())}


def _size(distribution: metadata.Distribution) -> int:
    paths = [
        Path(str(distribution.locate_file(file)))
        for file in distribution.files or []
        if file.suffix != ".pyc" and not str(file).startswith("onnxruntime/capi/libonnxruntime.so.")
    ]
    return sum(path.stat().st_size for path in paths if path.is_file())


def refuse_taken(out: Path) -> None:
    """Raise TargetError where something is there already, which may hold what a person changed."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise TargetError(
            f"{out} is there already, and may hold changes of yours. Give another folder with -o, or remove it; for a "
            f"new model alone, write it over {out / MODEL}."
        )


def place(filled: Path, out: Path) -> None:
    """Move a filled folder to where it was asked for; until then nothing is there. Raises TargetError as above."""
    refuse_taken(out)
    if out.exists():
        out.rmdir()
    filled.rename(out)


def scratch_beside(out: Path) -> tempfile.TemporaryDirectory[str]:
    """Return a temporary folder on the same disk as `out`, so that moving is renaming."""
    return tempfile.TemporaryDirectory(prefix=f".{out.name}.", suffix=".partial", dir=out.parent)
