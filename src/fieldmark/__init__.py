"""Fieldmark: from a search query to an image classifier you can trust and put online.

>>> import fieldmark as fm
>>> fm.harvest("snakes.csv").photos                     # doctest: +SKIP
{'coral': 233, 'king': 193}
>>> fm.clean("snakes/", auto=True).counts()             # doctest: +SKIP
{'reject': 7, 'once': 1}
>>> run = fm.train("snakes/")                           # doctest: +SKIP
>>> model = run.export("snakes.onnx")                   # doctest: +SKIP
>>> model.predict("photo.jpg").label                    # doctest: +SKIP
'coral'
"""

import os
from typing import TYPE_CHECKING, Any

from fieldmark.version import __version__

if TYPE_CHECKING:
    from fieldmark.api import Run, check, clean, compare, curve, harvest, train
    from fieldmark.artifacts.modelfile import Model, Prediction
    from fieldmark.errors import FieldmarkError

__all__ = [
    "FieldmarkError",
    "Model",
    "Prediction",
    "Run",
    "__version__",
    "check",
    "clean",
    "compare",
    "curve",
    "harvest",
    "train",
]

# From 1.29 on ONNX Runtime tells Microsoft about the computer and the models it opens, from the moment it is imported,
# unless this is set by then. We tell nobody; a person who wants to sets it to 0.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

_HOMES = {
    "FieldmarkError": "fieldmark.errors",
    "Model": "fieldmark.artifacts.modelfile",
    "Prediction": "fieldmark.artifacts.modelfile",
    "Run": "fieldmark.api",
    "check": "fieldmark.api",
    "clean": "fieldmark.api",
    "compare": "fieldmark.api",
    "curve": "fieldmark.api",
    "harvest": "fieldmark.api",
    "train": "fieldmark.api",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, so that `import fieldmark` and `--help` stay quick."""
    if name not in _HOMES:
        raise AttributeError(f"module 'fieldmark' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)
