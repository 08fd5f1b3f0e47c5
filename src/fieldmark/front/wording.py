"""What a model is about and how it did -> the words at the head and the foot of its page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def question(classes: tuple[str, ...]) -> str:
    """Put the classes as a question: "coral or king?"; beyond four their number."""
    if len(classes) > 4:
        return f"Which of {len(classes)}?"
    return f"{_join(classes)}?"


def _join(names: tuple[str, ...]) -> str:
    """List names as a sentence does: "black, grizzly or teddy"."""
    return f"{', '.join(names[:-1])} or {names[-1]}" if len(names) > 1 else names[0]


def track_record(metrics: Mapping[str, Any]) -> str | None:
    """Say how well the model did on photos it had not learned from, with their number, the interval and the catch."""
    accuracy, n = metrics.get("accuracy"), metrics.get("n_valid")
    interval = metrics.get("accuracy_ci95")
    if not isinstance(accuracy, int | float) or not n:
        return None
    text = f"Right on {_percent(accuracy)} of {n} photos held back from learning"
    if interval:
        text += f" (95\u00a0% interval {_percent(interval[0])} to {_percent(interval[1])})"
    # Model files of before this was written down came from trainings in which it was so.
    if metrics.get("chosen_on_judged", True):
        text += "; when to stop learning was chosen on those same photos"
    return text


def _percent(share: float) -> str:
    return f"{100 * share:.1f}\u00a0%"
