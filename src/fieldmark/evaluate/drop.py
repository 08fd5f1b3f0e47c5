"""What a float graph and a smaller one said of the same photos -> how much is lost, and whether that is too much."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldmark.artifacts.predictions import Predictions
from fieldmark.evaluate.paired import ALPHA, Paired, compare_pair
from fieldmark.evaluate.wording import percent

MAX_DROP = 0.5
"""Points of accuracy that may be lost, by default."""

MOST_DIFFER = 0.03
"""Part of the photos that may get another top class, right or wrong."""


@dataclass(frozen=True)
class Drop:
    """How a smaller graph compares with the float one, of which it should be as good.

    Attributes:
        pair: errors of the smaller graph (a) and of the float one (b), on photos that neither had learned from.
        allowed: photos that may be lost, net.
        differ: photos whose top class is another one.
    """

    pair: Paired
    allowed: int
    differ: int

    @property
    def lost(self) -> int:
        """Right answers that were lost, less those that were won."""
        return round(self.pair.wrong_a - self.pair.wrong_b)

    @property
    def p(self) -> float:
        """How often luck alone would lose that many or more, were the two equally good: one-sided, exact."""
        # The sums of flipped signs lie evenly about 0, so one side of what `compare_pair` counts is half of it.
        return self.pair.p / 2 if self.lost > 0 else 1.0

    @property
    def refused(self) -> str | None:
        """Why the smaller graph is not good enough, in a sentence; None where it is."""
        n = self.pair.n
        if self.lost > self.allowed and self.p < ALPHA:
            return (
                f"It gets {self.lost} more of {n} photos wrong, where {self.allowed} may be lost, and luck does that "
                f"less than once in twenty times (p = {self.p:.2g})."
            )
        if self.differ > MOST_DIFFER * n:
            return f"It names another class for {self.differ} of {n} photos, which is more than {percent(MOST_DIFFER)}."
        return None

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as a model file and `--json` have them; shares of all photos."""
        pair = self.pair
        return {
            "n": pair.n,
            "wrong": round(pair.wrong_a),
            "wrong_float32": round(pair.wrong_b),
            "lost": self.lost,
            "allowed": self.allowed,
            "more_error": pair.difference,
            "more_error_ci95": [pair.low, pair.high],
            "p": self.p,
            "differ": self.differ,
        }


def measure_drop(
    small: NDArray[np.int64], exact: NDArray[np.int64], judged: Predictions, max_drop: float = MAX_DROP
) -> Drop:
    """Compare the top classes of two graphs.

    Args:
        small: int64 `[n]`, top class of each photo by the smaller graph.
        exact: the same by the float graph.
        judged: the photos, each once, with their true classes; what belongs together in a group counts whole.
        max_drop: points of accuracy that may be lost; they are rounded up to a whole photo.
    """
    groups = np.unique(np.array(judged.groups or judged.photos), return_inverse=True)[1]
    pair = compare_pair(small != judged.actual, exact != judged.actual, groups)
    # 0.7 % of 1,000 photos are 7 and not a hair more.
    return Drop(pair, ceil(round(max_drop / 100 * len(judged), 9)), int((small != exact).sum()))


def sentences(precision: str, found: Mapping[str, Any]) -> list[str]:
    """Say what a model file's `against_float32` holds, a sentence for each thing that was measured."""
    n, lost = found["n"], found["lost"]
    low, high = (f"{100 * end:+.1f}" for end in found["more_error_ci95"])
    change = f"{abs(lost)} {'more' if lost >= 0 else 'fewer'}"
    where = "out of fold" if found["judged"] == "out-of-fold" else "kept aside"
    left = found["layers_in_float32"]
    told = [
        f"Calibrated on {found['calibrated_on']} photos; "
        + (f"{left} of {found['layers']} layers stay in float32." if left else f"all {found['layers']} layers are so."),
        f"Of {n} photos {where} {found['wrong']} are wrong in {precision} and {found['wrong_float32']} in float32: "
        f"{change}, {100 * found['more_error']:+.1f} points (95 % interval {low} to {high}); "
        f"{found['allowed']} may be lost. {found['differ']} get another class, right or wrong. "
        f"Log loss {found['log_loss']:.4f}, in float32 {found['log_loss_float32']:.4f}.",
    ]
    unknown = found.get("unknown")
    if unknown:
        refused = f"it refuses {percent(unknown['refused']['share'])} of these photos"
        before = unknown.get("refused_float32")
        told.append(
            f"The threshold for “none of these” was set anew on its scores, {unknown['threshold']:.4f} in place of "
            f"{unknown['threshold_float32']:.4f}: {refused}"
            + (f", float32 {percent(before['share'])}." if before else ".")
        )
    return told
