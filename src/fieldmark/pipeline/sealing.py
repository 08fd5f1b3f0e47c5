"""`--test 15%` -> photos that no training in this folder sees any more, nor newer copies of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fieldmark.artifacts.photos import PhotoFile, PhotoFolder
from fieldmark.artifacts.sealed import Seal, counts_in, keep_seal, read_seal, without
from fieldmark.artifacts.workspace import Workspace
from fieldmark.config import TrainSettings
from fieldmark.errors import FolderError
from fieldmark.split import draw_test
from fieldmark.terminal import say


@dataclass(frozen=True)
class Sealed:
    """What is kept from a training.

    Attributes:
        seal: the share.
        counts: photos of it that are there, per class.
        copies: photos left out because they came later and look like one of these.
    """

    seal: Seal
    counts: dict[str, int]
    copies: int

    @property
    def n(self) -> int:
        """How many of the photos that are there are sealed."""
        return sum(self.counts.values())

    def to_dict(self) -> dict[str, str | int]:
        """Return what a run, and the model made of it, says that it left out."""
        return {"n": self.n, "hash": self.seal.hash}

    def tell(self) -> None:
        """Say what is left out, and who opens it."""
        listed = ", ".join(f"{n} {name}" for name, n in self.counts.items())
        say(
            f"{self.n} photos are sealed ({listed}; {self.seal.share:.3g} of those there were, drawn with seed "
            f"{self.seal.seed}). No training here sees them; `fieldmark evaluate RUN DIR --test` opens them."
        )
        if self.copies:
            say(f"{self.copies} more that came since are left out too: copies of some of them, by their looks.")


def check_share(workspace: Workspace, photos: PhotoFolder, settings: TrainSettings) -> None:
    """Refuse a share that cannot be sealed, before any work is done.

    Raises:
        FolderError: the folder has a sealed side of its own, or another share was sealed.
    """
    if settings.test is None:
        return
    if photos.sealed:
        raise FolderError(
            f"{workspace.root} has a test/ folder of its own, which is sealed already. Leave --test out, or move its "
            "photos to train/ to have a share drawn."
        )
    seal = read_seal(workspace)
    if seal is not None and abs(seal.share - settings.test) > 1e-9:
        raise FolderError(
            f"A share of {seal.share:.3g} was sealed in {workspace.root} before and stays; it was asked for "
            f"{settings.test:.3g} now. Leave --test out, or give --test {seal.share:.3g}."
        )


def set_aside(workspace: Workspace, photos: PhotoFolder, settings: TrainSettings) -> tuple[PhotoFolder, Sealed | None]:
    """Take sealed photos out of those to be trained on; a share that is asked for is drawn and kept first.

    Args:
        workspace: whose draws are kept.
        photos: all of them, in groups.
        settings: `test` asks for a share.

    Raises:
        FolderError: the share cannot be drawn, or nothing is left.
    """
    seal = read_seal(workspace)
    if seal is None:
        if settings.test is None:
            return photos, None
        sides = draw_test(photos.photos, settings.seed, settings.test)
        seal = keep_seal(workspace, settings.seed, settings.test, sides)
    copies = _newer_copies(photos.photos, seal)
    left = without(photos, seal)
    sealed = Sealed(seal, counts_in(photos, seal), len(copies))
    return replace(left, photos=tuple(photo for photo in left.photos if photo.id not in copies)), sealed


def _newer_copies(photos: Sequence[PhotoFile], seal: Seal) -> set[str]:
    """Return the ids of photos that came after the draw and are in a group with sealed ones."""
    groups = {photo.group for photo in photos if photo.group and photo.id in seal.ids}
    return {p.id for p in photos if p.group in groups and p.id not in seal.ids | seal.others}
