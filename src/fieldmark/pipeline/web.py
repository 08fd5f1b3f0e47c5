"""A model file -> a folder with a page that answers in the browser, without a server."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from fieldmark.artifacts.modelfile import Model
from fieldmark.deploy.gate import LIMITS
from fieldmark.errors import ModelFileError
from fieldmark.web import folder, runtime, site

AIM = LIMITS["web"].unpacked
"""Bytes that a page should stay below: about ten seconds on a phone's connection of 16 Mbit/s."""


@dataclass(frozen=True)
class Page:
    """A static page that was written.

    Attributes:
        path: its folder.
        version: what tells it from an earlier one.
        sizes: file below the folder -> its bytes, the largest first.
    """

    path: Path
    version: str
    sizes: dict[str, int]

    @property
    def n_bytes(self) -> int:
        """Of all files together, as they are stored and sent."""
        return sum(self.sizes.values())


class Maker:
    """Makes one static page. What it lacks is said before anything else is done, since an export takes its time."""

    def __init__(self, out: str | os.PathLike[str], package: str | os.PathLike[str] | None = None) -> None:
        """Look at the folder, and get ONNX Runtime Web.

        Args:
            out: the folder to write: empty, not there, or with the page of an earlier export, which is replaced.
            package: a downloaded package of ONNX Runtime Web; by default the one in the cache, or else npm brings it.

        Raises:
            WebPageError: the folder holds something else, or ONNX Runtime Web is not to be had.
        """
        self._out = Path(out).absolute()
        folder.check(self._out)
        self._runtime = runtime.gather(package)

    def make(self, model: str | os.PathLike[str]) -> Page:
        """Write the page of a model file.

        Raises:
            ModelFileError: the file is missing, not ONNX, or not one of ours.
            OSError: the folder cannot be written to; a page that was there still is.
        """
        info = Model(model).info
        try:
            data = Path(model).read_bytes()
        except OSError as error:
            raise ModelFileError(f"{model} cannot be read: {error.strerror}.") from error
        made = site.build(data, info, self._runtime)
        folder.write(made, self._out)
        sizes = {name: len(content) for name, content in made.files.items()}
        return Page(self._out, made.version, dict(sorted(sizes.items(), key=lambda entry: -entry[1])))
