"""A module that needs torch -> the module, or the sentence that names the extra which brings it."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fieldmark.engines.memory import uncollected
from fieldmark.errors import MissingExtra


def training(module: str) -> Any:
    """Import a module that needs torch, or say which extra brings it."""
    with needs_train_extra("Training and exporting"), uncollected():
        return importlib.import_module(module)


@contextmanager
def needs_train_extra(what: str) -> Iterator[None]:
    """Turn a missing package of the training extra into the sentence that names the extra."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name and error.name.startswith("fieldmark"):
            raise
        raise MissingExtra(what, "train") from error
