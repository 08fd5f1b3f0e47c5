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

_COLUMNS = ("photo", "id", "actual", "predicted", "loss", "unknown", "fold", "group")


@dataclass(frozen=True)
class Predictions:
    """Probabilities for n photos over c classes, beside the truth; with repeated folds a photo has several rows.

    Attributes:
        classes: the c class names, in the order of the columns of `probabilities`.
        photos: n paths, relative to the photo folder, with forward slashes.
        ids: n photo ids, the first 16 hex digits of the sha256 of the file.
        actual: int64 `[n]`, index of the true class.
        probabilities: float64 `[n, c]`, each row sums to 1.
        unknown: bool `[n]`, whether the model said "none of these"; still counted by its top class.
        folds: n names, `2.5` for the fifth fold of the second way to cut them; empty where there were no folds.
        groups: n names that photos share which must stay together, as copies do; empty where that is not known.
    """

    classes: tuple[str, ...]
    photos: tuple[str, ...]
    ids: tuple[str, ...]
    actual: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    unknown: NDArray[np.bool_]
    folds: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

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

    @property
    def repeats(self) -> int:
        """How many times each photo was judged: 1, or the number of times that folds were cut."""
        return len({name.split(".")[0] for name in self.folds}) or 1

    @property
    def n_photos(self) -> int:
        """How many different photos were judged."""
        return len(set(self.photos))

    def only(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Predictions:
        """Return some of the rows, by their numbers or by flags for all."""
        numbers = np.arange(len(self))[rows]
        photos, ids, folds, groups = (
            tuple(names[i] for i in numbers) if names else ()
            for names in (self.photos, self.ids, self.folds, self.groups)
        )
        return Predictions(
            self.classes,
            photos,
            ids,
            self.actual[numbers],
            self.probabilities[numbers],
            self.unknown[numbers],
            folds,
            groups,
        )

    def wrong(self) -> tuple[NDArray[np.bool_], NDArray[np.int64], NDArray[np.int64]]:
        """Return what was wrong photo by photo; see `by_photo`."""
        return self.by_photo(self.predicted != self.actual)

    def by_photo(self, flags: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.int64], NDArray[np.int64]]:
        """Sort what is true of some judgements, bool `[n]`, by photo.

        Returns:
            the flags, bool `[repeats, m]`; the true class of each of the m photos, int64 `[m]`; and numbers that photos
            of a group share, int64 `[m]`.
        """
        paths = {path: i for i, path in enumerate(dict.fromkeys(self.photos))}
        rows = np.array([paths[path] for path in self.photos], dtype=np.int64)
        names = self.groups or self.photos
        numbers = {name: i for i, name in enumerate(dict.fromkeys(names))}
        table = np.zeros((self.repeats, len(paths)), dtype=np.bool_)
        actual, group = np.zeros(len(paths), dtype=np.int64), np.zeros(len(paths), dtype=np.int64)
        seen = np.zeros(len(paths), dtype=np.int64)
        for row, flag, label, name in zip(rows, flags, self.actual, names, strict=True):
            table[seen[row], row], actual[row], group[row] = flag, label, numbers[name]
            seen[row] += 1
        return table, actual, group

    def write(self, path: Path) -> None:
        """Write a row per judgement: photo, id, actual, predicted, loss, unknown, fold, group, `p:<class>` for each."""
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow([*_COLUMNS, *(f"p:{name}" for name in self.classes)])
        rows = zip(
            self.photos,
            self.ids,
            self.actual,
            self.predicted,
            self.losses,
            self.unknown,
            self.folds or [""] * len(self),
            self.groups or [""] * len(self),
            self.probabilities,
            strict=True,
        )
        for photo, id_, actual, predicted, loss, unknown, fold, group, row in rows:
            names = self.classes[actual], self.classes[predicted]
            known = photo, id_, *names, f"{loss:.6f}", int(unknown), fold, group
            writer.writerow([*known, *(f"{p:.8g}" for p in row)])
        write_text(path, buffer.getvalue())

    @classmethod
    def read(cls, path: Path) -> Predictions:
        """Read what `write` wrote, or an older table without `fold` and `group`.

        Raises:
            RunError: the file is missing or is not such a table.
        """
        try:
            with path.open(newline="", encoding="utf-8") as file:
                header, *rows = csv.reader(file)
            column = {name: i for i, name in enumerate(header)}
            chances = [i for i, name in enumerate(header) if name.startswith("p:")]
            classes = tuple(header[i][2:] for i in chances)
            index = {name: i for i, name in enumerate(classes)}
            return cls(
                classes=classes,
                photos=tuple(row[column["photo"]] for row in rows),
                ids=tuple(row[column["id"]] for row in rows),
                actual=np.array([index[row[column["actual"]]] for row in rows], dtype=np.int64),
                probabilities=np.array([[row[i] for i in chances] for row in rows], dtype=np.float64).reshape(
                    len(rows), len(classes)
                ),
                unknown=np.array([row[column["unknown"]] == "1" for row in rows], dtype=np.bool_),
                folds=_filled(rows, column.get("fold")),
                groups=_filled(rows, column.get("group")),
            )
        except (OSError, ValueError, KeyError, IndexError) as error:
            raise RunError(f"{path} cannot be read as a table of predictions.") from error


def _filled(rows: list[list[str]], column: int | None) -> tuple[str, ...]:
    """Return a column that says something in every row; empty where it does not."""
    values = tuple(row[column] for row in rows) if column is not None else ()
    return values if all(values) else ()
