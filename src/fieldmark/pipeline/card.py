"""A run and the model file made of it -> the facts of a model card, and the card beside the file."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fieldmark.artifacts import card, contents
from fieldmark.artifacts.card import Written
from fieldmark.artifacts.catalog import Catalog
from fieldmark.artifacts.modelfile import ModelInfo
from fieldmark.artifacts.runs import Run
from fieldmark.artifacts.verdicts import read_journal
from fieldmark.artifacts.workspace import Workspace
from fieldmark.errors import FieldmarkError
from fieldmark.pipeline.card_text import CardFacts, render
from fieldmark.pipeline.credits import Credit, credit_of


def write_card(run: Run, model: Path, info: ModelInfo, folder: Path) -> Written:
    """Write the card of a model file beside it.

    Args:
        run: what the file was made of.
        model: the file, as it was written.
        info: what it says about itself.
        folder: where the run's photos lie; of a workspace their origins are told.

    Raises:
        OSError: it cannot be written.
    """
    data = model.read_bytes()
    given = run.settings()
    facts = CardFacts(
        name=model.stem,
        info=info,
        n_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        metrics=_metrics(run, info),
        settings=given.get("settings", {}),
        rates=given.get("learning_rates", {}),
        photos=given.get("files", {}).get("counts", {}),
        credits=_credits(folder),
        created=datetime.now(UTC).date().isoformat(),
    )
    return card.write(model, render(facts))


def _metrics(run: Run, info: ModelInfo) -> dict[str, Any]:
    """Return the figures; those of costs only where the file decides by the costs that they were measured with."""
    costs = info.costs.to_dict() if info.costs else None
    return run.metrics() if run.settings().get("costs") == costs else {**run.metrics(), "costs": None}


def _credits(folder: Path) -> list[Credit] | None:
    """Return the origins of a workspace's photos, but for those that were rejected; None where there are none."""
    try:
        workspace = Workspace.of_photos(folder)
        if not workspace.harvested:
            return None
        rejected = {id for id, made in read_journal(workspace).decisions().items() if made.state == "reject"}
        with Catalog.open_reading(workspace.catalog) as catalog:
            return [credit_of(photo) for photo in contents.photos(catalog) if photo.id not in rejected]
    except FieldmarkError:  # it has gone: the model is as good as before
        return None
