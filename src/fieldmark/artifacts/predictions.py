"""`predictions.csv`: what a model said about each photo it was judged on."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fieldmark.artifacts.atomic import write_text
from fieldmark.errors import RunError

SMALLEST_PROBABILITY = 1e-12
"""A probability of zero would make one mistake cost infinity; losses are cut off at -log of this (27.6)."""


@dataclass(frozen=True)
class Predictions:
    """Probabilities for n photos over c classes, beside the truth.

    Attributes:
        classes: the c class names, in the order of the columns of `probabilities`.
        photos: n paths, relative to the photo folder, with forward slashes.
        ids: n photo ids, the first 16 hex digits of the sha256 of the file.
        actual: int64 `[n]`, index of the true class.
        probabilities: float64 `[n, c]`, each row sums to 1.
        unknown: bool `[n]`, whether the model said "none of these"; still counted by its top class.
    """

    classes: tuple[str, ...]
    photos: tuple[str, ...]
    ids: tuple[str, ...]
    actual: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    unknown: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.photos)

    @property
    def predicted(self) -> NDArray[np.int64]:
        """int64 `[n]`: index of the most probable class; of equals the first."""
        return np.asarray(self.probabilities.argmax(axis=1), dtype=np.int64)

    @property
    def losses(self) -> NDArray[np.float64]:
        """float64 `[n]`: -log of the probability given to the true class, in nats."""
        given = self.probabilities[np.arange(len(self)), self.actual]
        return np.asarray(-np.log(np.maximum(given, SMALLEST_PROBABILITY)), dtype=np.float64)

    def write(self, path: Path) -> None:
        """Write one row per photo: photo, id, actual, predicted, loss, unknown, then `p:<class>` for every class."""
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(
            ["photo", "id", "actual", "predicted", "loss", "unknown", *(f"p:{name}" for name in self.classes)]
        )
        rows = zip(
            self.photos,
            self.ids,
            self.actual,
            self.predicted,
            self.losses,
            self.unknown,
            self.probabilities,
            strict=True,
        )
        for photo, id_, actual, predicted, loss, unknown, row in rows:
            names = self.classes[actual], self.classes[predicted]
            writer.writerow([photo, id_, *names, f"{loss:.6f}", int(unknown), *(f"{p:.8g}" for p in row)])
        write_text(path, buffer.getvalue())

    @classmethod
    def read(cls, path: Path) -> Predictions:
        """Read what `write` wrote. Raises RunError when the file is missing or is not such a table."""
        try:
            with path.open(newline="", encoding="utf-8") as file:
                header, *rows = csv.reader(file)
            classes = tuple(name[2:] for name in header[6:])
            index = {name: i for i, name in enumerate(classes)}
            return cls(
                classes=classes,
                photos=tuple(row[0] for row in rows),
                ids=tuple(row[1] for row in rows),
                actual=np.array([index[row[2]] for row in rows], dtype=np.int64),
                probabilities=np.array([row[6:] for row in rows], dtype=np.float64).reshape(len(rows), len(classes)),
                unknown=np.array([row[5] == "1" for row in rows], dtype=np.bool_),
            )
        except (OSError, ValueError, KeyError, IndexError) as error:
            raise RunError(f"{path} cannot be read as a table of predictions.") from error
