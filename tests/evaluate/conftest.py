from collections.abc import Callable

import pytest
from evaluate_samples import EPOCHS, FINDERS, tell_with_errors

from fieldmark.artifacts.predictions import Predictions
from fieldmark.evaluate.metrics import summarize
from fieldmark.evaluate.report import ReportContent


@pytest.fixture
def snakes() -> Predictions:
    return tell_with_errors(["coral", "king"], n=85, wrong=4)


@pytest.fixture
def content(snakes: Predictions) -> Callable[..., ReportContent]:
    """A report of a training run; what is given stands in place of its parts."""

    def fill(predictions: Predictions = snakes, **parts: object) -> ReportContent:
        metrics = {
            **summarize(predictions),
            "n_train": 341,
            "n_valid": len(predictions),
            "seed": 42,
            "backbone": "efficientnet_lite0",
            "seconds": {"training": 214.2},
            "stage1": {"error_rate": 5 / 85, "wrong": 5, "valid_loss": 0.30, "epoch": 2},
            "stage2": {"error_rate": 4 / 85, "wrong": 4, "valid_loss": 0.14, "epoch": 2},
            "kept": {"stage": 2, "epoch": 2},
        }
        whole = {
            "title": "snakes",
            "created": "2026-11-23T14:05:00+00:00",
            "metrics": metrics,
            "predictions": predictions,
            "epochs": EPOCHS,
            "finders": FINDERS,
            "class_counts": dict.fromkeys(predictions.classes, (100, 25)),
            "settings": {"size": 299, "epochs": [4, 4]},
            "versions": {"numpy": "2.3"},
        }
        return ReportContent(**{**whole, **parts})

    return fill


@pytest.fixture
def judged_only(snakes: Predictions) -> Callable[..., ReportContent]:
    """A report of a model file judged on a folder: no training in it."""

    def fill(predictions: Predictions = snakes, **parts: object) -> ReportContent:
        whole = {
            "title": "garden",
            "created": "2026-11-23T14:05:00+00:00",
            "metrics": summarize(predictions),
            "predictions": predictions,
        }
        return ReportContent(**{**whole, **parts})

    return fill
