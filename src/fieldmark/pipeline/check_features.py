"""Photos -> what a pretrained network finds doubtful about them. Needs the training extra."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fieldmark.artifacts.findings import Finding, LeftOut
from fieldmark.artifacts.photos import PhotoFile, PhotoFolder
from fieldmark.artifacts.workspace import Workspace
from fieldmark.checks import labels, painted, pictures, strangers
from fieldmark.embed import Features, embed, embed_pictures
from fieldmark.pipeline.find_alike import find_alike


@dataclass(frozen=True)
class Seen:
    """What features tell.

    Attributes:
        findings: of the kinds that need features.
        groups: photos that show one picture, by hashes and features together.
        left_out: checks that could not be made.
    """

    findings: tuple[Finding, ...]
    groups: tuple[tuple[PhotoFile, ...], ...]
    left_out: tuple[LeftOut, ...]


def check_features(workspace: Workspace, photos: PhotoFolder, hashed: Sequence[Sequence[PhotoFile]]) -> Seen:
    """Look at every photo, and find look-alikes, what is no photo, off-topic or probably mislabelled.

    Args:
        workspace: whose cache of features is used and filled.
        photos: as read through the verdicts.
        hashed: groups of near-duplicates found by hashes.
    """
    features = embed(workspace, photos.photos, photos.root)
    seen = features.photos
    row = {photo.path: i for i, photo in enumerate(seen)}
    by_hash = [[row[photo.path] for photo in group if photo.path in row] for group in hashed]
    groups = find_alike(workspace, features, [group for group in by_hash if len(group) > 1])
    off_topic = strangers.rank(seen, features.vectors)
    far = {finding.photo for finding in off_topic if finding.sure}
    suspects = labels.suspects(seen, features.vectors, groups, {row[path] for path in far})
    reasons = (pictures.why_not(seen), strangers.why_not(seen), labels.why_not(seen, groups))
    return Seen(
        (*_not_photos(workspace, photos, features), *off_topic, *suspects),
        tuple(tuple(seen[i] for i in group) for group in groups),
        tuple(reason for reason in reasons if reason is not None),
    )


def _not_photos(workspace: Workspace, photos: PhotoFolder, features: Features) -> list[Finding]:
    """Paint pictures that are no photos from some of the photos, learn to tell them apart, and ask about each photo."""
    if pictures.why_not(features.photos) is not None:
        return []
    planned = painted.paintings(features.photos, photos.root)
    vectors = embed_pictures(workspace, {painting.key: painting.paint for painting in planned})
    made = [painting for painting in planned if painting.key in vectors]
    return pictures.not_photos(
        features.photos,
        features.vectors,
        features.greys,
        np.stack([vectors[painting.key] for painting in made]),
        [painting.kind for painting in made],
        [painting.source for painting in made],
    )
