"""Figures -> the words a person reads first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from fieldmark.artifacts.runs import STAGES, Epoch
from fieldmark.terminal import count


def percent(share: float) -> str:
    """Write a share as a percentage; what is not all and not nothing never reads as "100 %" or "0 %"."""
    if share in (0, 1):
        return f"{share * 100:.0f} %"
    decimals = 1
    while decimals < 6 and round(share * 100, decimals) in (0, 100):
        decimals += 1
    return f"{share * 100:.{decimals}f} %"


def whole_percent(share: float) -> str:
    """Write a share as a percentage without decimals, where room is short."""
    if 0 < share < 0.005:
        return "<1 %"
    return ">99 %" if 0.995 <= share < 1 else f"{share * 100:.0f} %"


def duration(seconds: float) -> str:
    """Write a time span as people say it."""
    if not isfinite(seconds):
        return "–"
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def loss(value: float) -> str:
    """Write a loss to four digits after the point, a huge one with its power of ten."""
    if not isfinite(value):
        return "–"
    return f"{value:.4f}" if abs(value) < 1e4 else f"{value:.3g}"


def rate(value: float) -> str:
    """Write a learning rate as one types it: 2.1e-3."""
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent)}"


def photos(n: int) -> str:
    """Count photos: "1 photo", "85 photos", "12,000 photos"."""
    return count(n, "photo")


def headline(metrics: Mapping[str, Any], n: int) -> str:
    """Say how many of the n judged photos were right, and between which bounds the true share probably lies.

    Where the model learned from some of them no bounds hold, and that is said instead.
    """
    low, high = metrics["accuracy_ci95"]
    what = photos(n) if metrics.get("repeats", 1) == 1 else f"{n:,} answers"
    right = f"{n - metrics['wrong']:,} of {what} right: {percent(metrics['accuracy'])}"
    if learned := metrics.get("n_learned_from"):
        return f"{right}; but the model learned from {_some(learned, n)} of them."
    return f"{right}; the true share is probably between {percent(low)} and {percent(high)}."


def learned_from(learned: int, judged: int) -> str:
    """Say what it means that a model learned from some of the photos that it was judged by."""
    return (
        f"The model learned from {_some(learned, judged)} of these {photos(judged)}, with their answers, so it is "
        "right about them more often than it will be about others, and the figures say too much. Judge it by photos it "
        "has not learned from."
    )


def _some(part: int, n: int) -> str:
    return "all" if part == n else f"{part:,}"


def how_judged(metrics: Mapping[str, Any]) -> str | None:
    """Say what a figure stands on that was judged out of fold; None where there were no folds."""
    if not metrics.get("folds"):
        return None
    times = metrics["repeats"]
    how_often = "once" if times == 1 else f"{times} times"
    return (
        f"Each of {photos(metrics['n_valid'])} was judged {how_often}, by a model that had seen neither it nor a copy "
        "of it, and nothing was chosen by what came out. The model that is kept learned from all of them and is likely "
        "a little better."
    )


def flattery(n: int) -> str:
    """Say why a figure from training is a little too good."""
    these = "this same photo" if n == 1 else f"these same {n:,} photos"
    return (
        f"The epoch that was kept was chosen on {these}, so this figure flatters a little. "
        "Photos that training never saw give a fairer one: `fieldmark evaluate`."
    )


def regraded(metrics: Mapping[str, Any]) -> str | None:
    """Say what the figure would be had nobody touched the photos it is judged by; None when nobody did."""
    changes = metrics.get("regraded")
    if not changes:
        return None
    before = changes["uncleaned"]
    low, high = before["accuracy_ci95"]
    n, one = changes["rejected"] + changes["relabelled"], changes["rejected"] + changes["relabelled"] == 1
    done = ", ".join(f"{changes[what]:,} {what}" for what in ("rejected", "relabelled") if changes[what])
    return (
        f"{photos(n)} of those held back {'was' if one else 'were'} regraded ({done}) after an earlier model had been "
        f"judged by {'it' if one else 'them'}. Judged as before: "
        f"{before['n'] - before['wrong']:,} of {photos(before['n'])} right, {percent(before['accuracy'])} "
        f"({percent(low)} to {percent(high)})."
    )


def against_baseline(metrics: Mapping[str, Any], n: int) -> str:
    """Say how far one gets without looking."""
    baseline = metrics["baseline"]
    right = n - round(baseline["error_rate"] * n)
    return (
        f"Without looking, by always saying “{baseline['majority_class']}”, "
        f"{right:,} of {n:,} would be right: {percent(right / n)}."
    )


def baselines(metrics: Mapping[str, Any]) -> str:
    """Say what simpler ways to answer get wrong of the same photos, and whether the model beats the best of them."""
    told = [
        f"{one['name']} {one['wrong']:,} of {one['n']:,} wrong ({percent(one['error_rate'])}, "
        f"{percent(one['ci95'][0])} to {percent(one['ci95'][1])})"
        for one in metrics["baselines"]
    ]
    against = metrics.get("against_centroid")
    return f"On the same photos: {'; '.join(told)}." + (f" {against}" if against else "")


def unknowns(metrics: Mapping[str, Any], n: int) -> str | None:
    """Say how many photos the model called none of these; None when there were none."""
    unknown = round(metrics.get("unknown_share", 0) * n)
    if not unknown:
        return None
    return (
        f"Of {unknown:,} of the {n:,} photos ({percent(unknown / n)}) the model said “none of these”; "
        "the figures here count them by their top class all the same."
    )


def opened(metrics: Mapping[str, Any]) -> str | None:
    """Say how often a sealed share was judged on before; None where this was the first time, or nothing was sealed."""
    before = metrics.get("opened") or []
    if not before:
        return None
    times = "once" if len(before) == 1 else f"{len(before):,} times"
    return (
        f"This sealed share was opened {times} before. Whoever chose anything after that has seen it, and the figure "
        "flatters by as much."
    )


def stage_results(metrics: Mapping[str, Any], n: int) -> list[str]:
    """Say how each stage ended, at the epoch of its best validation loss."""
    sentences = []
    for number, name in STAGES.items():
        if stage := metrics.get(f"stage{number}"):
            at = f", at epoch {stage['epoch']}" if stage.get("epoch") else ""
            sentences.append(
                f"{name.capitalize()}: {stage['wrong']:,} of {n:,} wrong ({percent(stage['error_rate'])}), "
                f"validation loss {loss(stage['valid_loss'])}{at}."
            )
    return sentences


def overfitting(epochs: Sequence[Epoch], kept: Mapping[str, Any] | None) -> str | None:
    """Say which epoch was kept and what came after it; None without training."""
    chosen = kept_row(epochs, kept)
    if chosen is None:
        return None
    last = epochs[-1]
    where = f"epoch {chosen.epoch} of stage {chosen.stage}"
    if chosen.stage != last.stage:
        return (
            f"Validation loss was best at {where} and no epoch of stage {last.stage} went below it; "
            "the weights of that epoch were kept."
        )
    if chosen == last:
        return f"Validation loss was best at {where}, the last one; the weights of that epoch were kept."
    course = "rose" if last.valid_loss > chosen.valid_loss else "did not fall"
    sentence = f"Validation loss was best at {where} and {course} after it; the weights of that epoch were kept."
    if last.valid_loss > chosen.valid_loss and last.train_loss < chosen.train_loss:
        sentence += " Training loss went on falling meanwhile: the later epochs overfit."
    return sentence


def kept_row(epochs: Sequence[Epoch], kept: Mapping[str, Any] | None) -> Epoch | None:
    """Return the epoch that `kept` ({"stage": .., "epoch": ..}) names, if it is there."""
    if not kept:
        return None
    return next((row for row in epochs if (row.stage, row.epoch) == (kept["stage"], kept["epoch"])), None)
