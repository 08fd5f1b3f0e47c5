"""The measures of one photo -> what is wrong with it by itself: small, odd shape, blank, dark, bright, blurred."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fieldmark.artifacts.findings import Finding
from fieldmark.artifacts.photos import PhotoFile, Unusable
from fieldmark.checks.placeholders import LEAST_CONTENT, is_blank, looks_like_one
from fieldmark.imaging.measures import Measures

# Figures: 426 snakes, 125 bears, 200 ImageNet photos, and what was painted or made of them; see docs/checks.md.

DARKEST = 110.0
"""Level that 1 % of the pixels of a lit photo surpass. One of 751 photos stays below, and it is a dark one."""

BRIGHTEST = 185.0
"""Level below which 5 % of the pixels of a photo lie that is not washed out. A thin snake on a white page has 181."""

SHARPEST = 0.31
"""Sharpness of what is called blurred, at most. Photos blurred by 2 pixels of 500 have 0.29 at most, the softest of 751
photos 0.32."""


@dataclass(frozen=True)
class Limits:
    """What a photo must have.

    Attributes:
        min_side: pixels of the shorter side.
        max_aspect: how many times the longer side may be as long as the shorter one.
    """

    min_side: int = 128
    max_aspect: float = 3.0


def unreadable(unusable: Iterable[Unusable]) -> list[Finding]:
    """Return a finding for each file that is no usable photo; its id is that of its bytes."""
    return [
        Finding(file.path, file.id, "unreadable", 1.0, f"{file.reason[:1].upper()}{file.reason[1:]}.")
        for file in unusable
    ]


def check_pixels(photo: PhotoFile, measures: Measures, limits: Limits = Limits()) -> list[Finding]:
    """Return what is wrong with one photo.

    Size and shape are judged of every photo. A blank one is not called dark or blurred as well, nor a placeholder.
    """
    told = [_small(measures, limits), _shape(measures, limits)]
    if is_blank(measures):
        told.append(_blank(measures))
    elif not looks_like_one(measures):
        told.append(_dark(measures) or _bright(measures) or _blurred(measures))
    return [Finding(photo.path, photo.id, kind, score, text) for kind, score, text in filter(None, told)]


_Told = tuple[str, float, str] | None


def _small(measures: Measures, limits: Limits) -> _Told:
    shorter = min(measures.width, measures.height)
    if shorter >= limits.min_side:
        return None
    text = f"{measures.width} x {measures.height} pixels; the shorter side should have {limits.min_side}."
    return "small", 1 - shorter / limits.min_side, text


def _shape(measures: Measures, limits: Limits) -> _Told:
    if measures.aspect <= limits.max_aspect:
        return None
    way = "wide" if measures.width > measures.height else "high"
    other = "high" if measures.width > measures.height else "wide"
    size = f"{measures.width} x {measures.height} pixels"
    return "shape", measures.aspect, f"{measures.aspect:.1f} times as {way} as {other} ({size})."


def _blank(measures: Measures) -> _Told:
    text = f"What is on it varies by {measures.content:.1f} of 255 levels (photos: 10 and more)."
    return "blank", LEAST_CONTENT - measures.content, text


def _dark(measures: Measures) -> _Told:
    if measures.bright_end >= DARKEST:
        return None
    text = f"99 % of it is below level {measures.bright_end:.0f} of 255."
    return "dark", 1 - measures.bright_end / 255, text


def _bright(measures: Measures) -> _Told:
    if measures.dark_end <= BRIGHTEST:
        return None
    text = f"95 % of it is at level {measures.dark_end:.0f} of 255 or brighter."
    return "bright", measures.dark_end / 255, text


def _blurred(measures: Measures) -> _Told:
    if measures.sharpness > SHARPEST:
        return None
    part = f"{100 * measures.sharpness:.0f} % of their change (sharp photos: 40 % and more)"
    return "blurred", 1 - measures.sharpness, f"Within one pixel its steepest edges do only {part}."
