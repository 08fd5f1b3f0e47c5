"""Photos and their features -> groups of photos that are one photo; what was laid over each other once is not again.

Needs the training extra.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fieldmark.artifacts import overlays
from fieldmark.artifacts.features import key_of
from fieldmark.artifacts.keeper import Keeper
from fieldmark.artifacts.workspace import Workspace
from fieldmark.checks import lookalikes
from fieldmark.embed import Features


def find_alike(workspace: Workspace, features: Features, hashed: Iterable[Sequence[int]] = ()) -> list[list[int]]:
    """Do what `lookalikes.groups` does, and keep which photos were laid over which in the workspace's memory.

    Args:
        workspace: whose memory holds the cache; where it cannot be written to, a warning says so and work goes on.
        features: of the photos.
        hashed: groups found otherwise, as indices; those that touch are joined.

    Returns:
        Indices of the photos of each group, two or more.
    """
    path = overlays.path_of(workspace)
    laid = overlays.read(path, lookalikes.METHOD)
    keys = [key_of(photo) for photo in features.photos]
    wanted = lookalikes.worth_laying(features.vectors)
    missing = [(whole, part) for whole, part in wanted if (keys[whole], keys[part]) not in laid]
    keeper = Keeper(
        lambda: overlays.write(path, lookalikes.METHOD, laid),
        "Which photos were compared with which is not kept for the next time.",
    )
    for whole, parts in lookalikes.lay(features.greys, features.shapes, missing):
        laid |= {(keys[whole], keys[part]): inside for part, inside in parts.items()}
        keeper.now_and_then()
    keeper.at_last()
    alike = [(whole, part) for whole, part in wanted if laid[keys[whole], keys[part]]]
    return lookalikes.joined(len(keys), alike, hashed)
