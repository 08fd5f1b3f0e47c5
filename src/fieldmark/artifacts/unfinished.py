"""`unfinished/`: what trainings had learned by their last whole epoch, so that one that was stopped goes on.

One npz for each training, read without pickle, called after a hash of all that decides what comes out. They are
removed when the run is written. A cache: losing it costs time, and what cannot be trusted counts as absent.
"""

from __future__ import annotations

import hashlib
import json
import time
import zipfile
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldmark.artifacts.atomic import whole_file
from fieldmark.errors import explain_os_error
from fieldmark.terminal import warn

Array = NDArray[Any]

FOLDER = "unfinished"
ABOUT = "about"
SCHEMA = 1
KEPT_FOR = 14 * 24 * 3600.0
"""Seconds after which what nobody went on with is removed: 40 MB each."""


class Unfinished:
    """Where the trainings of one run keep what they have learned so far."""

    def __init__(self, memory: Path, facts: Mapping[str, Any]) -> None:
        """Name it.

        Args:
            memory: of the workspace.
            facts: what all the trainings of the run share and what decides the outcome; JSON can hold it.
        """
        self.folder = memory / FOLDER
        self.facts = facts
        self._used: list[Path] = []
        self._sweep()

    def checkpoint(self, facts: Mapping[str, Any]) -> Checkpoint:
        """Return that of one training, which `facts` tells from the others of the run."""
        text = json.dumps([SCHEMA, self.facts, facts], sort_keys=True, default=str)
        key = hashlib.sha256(text.encode("utf-8")).hexdigest()[:32]
        self._used.append(self.folder / f"{key}.npz")
        return Checkpoint(self._used[-1], key)

    def forget(self) -> None:
        """Remove what the trainings of this run have kept: the run is whole."""
        for path in self._used:
            with suppress(OSError):
                path.unlink(missing_ok=True)
        with suppress(OSError):  # it is not empty while another training is at work, and it may not be there
            self.folder.rmdir()

    def _sweep(self) -> None:
        with suppress(OSError):
            for path in self.folder.glob("*.npz"):
                if time.time() - path.stat().st_mtime > KEPT_FOR:
                    path.unlink(missing_ok=True)


@dataclass
class Checkpoint:
    """What one training has learned so far, on disk."""

    path: Path
    key: str
    written: float = field(default_factory=time.monotonic)  # when, or since when nothing was
    refused: bool = False  # whether the disk took nothing, which is said once

    @property
    def age(self) -> float:
        """Seconds of work since it was written, or begun."""
        return time.monotonic() - self.written

    def read(self) -> tuple[dict[str, Array], dict[str, Any]] | None:
        """Return the arrays by name, and the notes beside them; None where there are none that can be trusted."""
        try:
            with self.path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
                about = json.loads(str(file[ABOUT]))
                if about["key"] != self.key:
                    return None
                return {name: file[name] for name in file.files if name != ABOUT}, about["notes"]
        except (
            OSError,
            ValueError,
            KeyError,
            TypeError,
            EOFError,
            NotImplementedError,
            zipfile.BadZipFile,
            zlib.error,
        ):
            return None

    def write(self, arrays: Mapping[str, Array], notes: Mapping[str, Any]) -> None:
        """Replace what was kept. A disk that takes nothing costs a warning, once."""
        if self.refused:
            return
        about = np.array(json.dumps({"key": self.key, "notes": notes}))
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(self.path) as file:
                np.savez(file, allow_pickle=False, **{ABOUT: about}, **arrays)
            self.written = time.monotonic()
        except OSError as error:
            self.refused = True
            warn(f"A training that is stopped will begin anew the next time. {explain_os_error(error)}")
