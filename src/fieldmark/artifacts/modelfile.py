"""The one model file: an `.onnx` that holds preprocessing, network, labels, temperature and threshold.

Input `image`: uint8 `[height, width, 3]`, RGB, upright, any size. Outputs `probabilities` float32 `[classes]`, `logits`
float32 `[classes]` and `unknown_score` float32 `[1]`. What the graph cannot say stands as JSON in the file's metadata
under the key `fieldmark`.
"""

from __future__ import annotations

import hashlib
import html
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldmark.costs import Answer, Costs
from fieldmark.errors import ModelFileError
from fieldmark.imaging.decode import Photo, Pixels, as_pixels

SCHEMA = 1
METADATA_KEY = "fieldmark"
INPUT = "image"
OUTPUTS = ("probabilities", "logits", "unknown_score")

LARGE_PHOTO = 16_000_000
"""Pixels above which memory is given back after an answer. What phones take has 12 million, and taking memory anew for
each of those makes looking at one a third slower."""

PRECISIONS = ("float32", "float16", "int8-weights", "int8")
"""What a graph is held in and answers in: all in float32; stored in 16 or in 8 bits, and answering in float32; stored
and answering in 8 bits."""


@dataclass(frozen=True)
class ModelInfo:
    """What a model file says about itself."""

    classes: tuple[str, ...]
    backbone: str
    trained_on: Mapping[str, Any]  # of the photos learned from, as `marks.describe` puts it; "sealed" what was left out
    metrics: Mapping[str, Any]  # the figures of the run, as in metrics.json
    version: str  # of the Fieldmark that wrote it
    threshold: float | None = None  # unknown_score above it means "none of these"; None: nothing is unknown
    preprocessing: Mapping[str, Any] = field(
        default_factory=dict
    )  # {"size": pixels, "fit": how a photo becomes square}
    costs: Costs | None = None  # what mistakes cost; None: all alike, and the most probable class is the answer
    precision: str = "float32"  # of the graph; one of PRECISIONS, but a newer Fieldmark may know others
    against_float32: Mapping[str, Any] = field(
        default_factory=dict
    )  # what a graph of another precision lost, as `evaluate.drop` measures it; empty for float32
    schema: int = SCHEMA

    def about(self, sha256: str) -> dict[str, Any]:
        """Return what every reply says of the model that gave it; `sha256` of the file, or the beginning of it."""
        return {
            "classes": list(self.classes),
            "backbone": self.backbone,
            "version": self.version,
            "schema": self.schema,
            "sha256": sha256,
        }

    def to_json(self) -> str:
        """Return the metadata as it stands in the file."""
        costs = self.costs.to_dict() if self.costs else None
        return json.dumps({**asdict(replace(self, costs=None)), "costs": costs}, allow_nan=False)

    @classmethod
    def from_json(cls, text: str, source: str) -> ModelInfo:
        """Read the metadata of the file called `source`.

        Raises:
            ModelFileError: the text is not our metadata, or was written by a newer schema.
        """
        try:
            values = json.loads(text)
            schema = int(values["schema"])
        except (ValueError, KeyError, TypeError):
            raise ModelFileError(f"{source} has damaged Fieldmark metadata. Export the model again.") from None
        if schema > SCHEMA:
            raise ModelFileError(
                f"{source} was written for schema {schema}; this Fieldmark reads up to {SCHEMA}. "
                "Run: pip install --upgrade fieldmark"
            )
        known = {name: values[name] for name in cls.__dataclass_fields__ if name in values}
        if not _is_sound(known):
            raise ModelFileError(f"{source} lacks part of its Fieldmark metadata. Export the model again.")
        return cls(**{**known, "classes": tuple(known["classes"]), "costs": _costs(known)})


def _costs(values: Mapping[str, Any]) -> Costs | None:
    """Read the costs, which may be absent. Raises ValueError when they are odd or about other classes."""
    given = values.get("costs")
    return None if given is None else Costs.from_dict(given, values["classes"])


_TABLES = ("trained_on", "metrics", "preprocessing", "against_float32")


def _is_sound(values: Mapping[str, Any]) -> bool:
    """Whether metadata of schema 1 has every key that it must have, each of its own type."""
    classes, threshold = values.get("classes"), values.get("threshold")
    return (
        isinstance(classes, list)
        and len(classes) >= 1
        and all(isinstance(name, str) for name in classes)
        and len(set(classes)) == len(classes)
        and (threshold is None or (isinstance(threshold, int | float) and not isinstance(threshold, bool)))
        and all(isinstance(values.get(key), str) for key in ("backbone", "version"))
        and isinstance(values.get("precision", ""), str)
        and all(isinstance(values.get(key, {}), Mapping) for key in _TABLES)
        and {"trained_on", "metrics"} <= values.keys()
        and _has_sound_costs(values)
    )


def _has_sound_costs(values: Mapping[str, Any]) -> bool:
    try:
        _costs(values)
    except ValueError:
        return False
    return True


@dataclass(frozen=True)
class Prediction:
    """The answer about one photo: every class with its probability, best first, and whether it may be none of them.

    A model that knows what mistakes cost also has an `answer`: what to decide, at which expected cost.
    """

    predictions: tuple[tuple[str, float], ...]
    unknown: bool
    unknown_score: float  # higher = less like the training photos
    answer: Answer | None = None

    @property
    def decision(self) -> str | None:
        """The answer that costs least: a class, "unknown" or "expert"; None where mistakes have no costs."""
        return self.answer.decision if self.answer else None

    @property
    def expected_cost(self) -> float | None:
        """What `decision` costs on average, in units of a common mistake; None where mistakes have no costs."""
        return self.answer.expected_cost if self.answer else None

    @property
    def advice(self) -> str | None:
        """A sentence on why `decision` is not the most probable class; None where it is."""
        return self.answer.advice if self.answer else None

    @property
    def label(self) -> str:
        """The most probable class."""
        return self.predictions[0][0]

    @property
    def probability(self) -> float:
        """The probability of `label`, 0 to 1."""
        return self.predictions[0][1]

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as the server and `predict --json` give it."""
        told: dict[str, Any] = {
            "predictions": [[name, round(p, 6)] for name, p in self.predictions],
            "unknown": self.unknown,
            "unknown_score": round(self.unknown_score, 6),
        }
        if self.answer:
            cost = round(self.answer.expected_cost, 6)
            told |= {"decision": self.answer.decision, "expected_cost": cost, "advice": self.answer.advice}
        return told

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{html.escape(name)}</td><td><progress max=1 value={p:.4f}></progress></td><td>{p:.1%}</td></tr>"
            for name, p in self.predictions
        )
        text = "Probably none of these." if self.unknown else self.advice
        note = f"<p>{html.escape(text)}</p>" if text else ""
        return f"<table>{rows}</table>{note}"


class Model:
    """A model file, opened with ONNX Runtime.

    >>> model = Model("snakes.onnx")                    # doctest: +SKIP
    >>> model.predict("photo.jpg").label                # doctest: +SKIP
    'coral'
    """

    def __init__(self, file: str | os.PathLike[str] | bytes, threads: int | None = None) -> None:
        """Open a model file.

        Args:
            file: a path, or the bytes of a model file.
            threads: processor threads for one photo; None lets ONNX Runtime choose. Of several, those that have nothing
                to do sleep, where those it chooses spin, which is a little quicker and keeps others waiting.

        Raises:
            ModelFileError: no such file, not ONNX, not one of ours, or written for a newer schema.
        """
        self.source = "these bytes" if isinstance(file, bytes) else os.fspath(file)
        data = file if isinstance(file, bytes) else _read(Path(file))
        self.digest = hashlib.sha256(data).hexdigest()[:16]  # tells one file from another in a server's replies
        self._session = _open_session(data, self.source, threads)
        self._giving_back = _run_options()
        custom = self._session.get_modelmeta().custom_metadata_map
        if METADATA_KEY not in custom:
            raise ModelFileError(
                f"{self.source} is an ONNX file, but not one that `fieldmark export` wrote: it names no classes."
            )
        self.info = ModelInfo.from_json(custom[METADATA_KEY], self.source)
        self._check_shape()

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes, in the order of the graph's outputs."""
        return self.info.classes

    def run(self, pixels: Pixels) -> tuple[NDArray[np.float32], NDArray[np.float32], float]:
        """Answer about one photo in the graph's own terms.

        Args:
            pixels: uint8 `[height, width, 3]`, RGB, upright, any size.

        Returns:
            probabilities float32 `[classes]`, logits float32 `[classes]`, and the unknown score.
        """
        feed = {INPUT: np.ascontiguousarray(pixels)}
        options = self._giving_back if pixels.size > 3 * LARGE_PHOTO else None
        probabilities, logits, unknown = self._session.run(list(OUTPUTS), feed, options)
        return probabilities, logits, float(unknown[0])

    def predict(self, photo: Photo) -> Prediction:
        """Answer about one photo: a path, bytes, a Pillow image, or a uint8 array `[height, width, 3]`.

        Raises:
            NotAPhoto: the file is missing or does not decode to a picture.
        """
        probabilities, _, unknown_score = self.run(as_pixels(photo))
        order = np.argsort(-probabilities, kind="stable")
        threshold, costs = self.info.threshold, self.info.costs
        is_unknown = threshold is not None and unknown_score > threshold
        return Prediction(
            predictions=tuple((self.classes[i], float(probabilities[i])) for i in order),
            unknown=is_unknown,
            unknown_score=unknown_score,
            answer=costs.answer(probabilities.astype(np.float64), is_unknown) if costs else None,
        )

    def _check_shape(self) -> None:
        inputs = {node.name for node in self._session.get_inputs()}
        outputs = {node.name: node.shape for node in self._session.get_outputs()}
        if inputs != {INPUT} or not set(OUTPUTS) <= outputs.keys():
            raise ModelFileError(
                f"{self.source} does not have the inputs and outputs of a Fieldmark model. Export the model again."
            )
        if outputs[OUTPUTS[0]] != [len(self.classes)]:
            raise ModelFileError(
                f"{self.source} names {len(self.classes)} classes, but its graph answers with "
                f"{outputs[OUTPUTS[0]]} of them. Export the model again."
            )

    def __repr__(self) -> str:
        return f"Model({self.source!r}, classes={list(self.classes)})"

    def _repr_html_(self) -> str:
        accuracy = self.info.metrics.get("accuracy")
        judged = (
            f", accuracy {accuracy:.1%} on {self.info.metrics.get('n_valid')} photos" if accuracy is not None else ""
        )
        names = ", ".join(html.escape(name) for name in self.classes)
        return (
            f"<p><b>{html.escape(self.source)}</b>: {names}<br>"
            f"{html.escape(self.info.backbone)}, learned from {self.info.trained_on.get('n')} photos{judged}</p>"
        )


def _run_options() -> Any:
    """Return what makes ONNX Runtime let go of memory after a run; it would keep the most that it ever needed."""
    import onnxruntime

    options = onnxruntime.RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    return options


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ModelFileError(f"No model file at {path}. `fieldmark export RUN -o {path}` writes one.") from None
    except IsADirectoryError:
        raise ModelFileError(
            f"{path} is a folder, not a model file. `fieldmark export {path}` may make one of it."
        ) from None
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read: {error.strerror}.") from error


def _open_session(data: bytes, source: str, threads: int | None) -> Any:
    import onnxruntime  # 130 ms, so only when a model is opened

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # its own errors come back as exceptions; no second copy on stderr
    if threads:
        options.intra_op_num_threads = threads
        # Threads of one photo look out for work between two layers, since waking them takes longer than most layers do;
        # once it is answered they rest, and leave the processors to others.
        options.add_session_config_entry("session.force_spinning_stop", "1")
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's exceptions share no base class
        raise ModelFileError(f"{source} is not an ONNX model, or not a whole one.") from error
