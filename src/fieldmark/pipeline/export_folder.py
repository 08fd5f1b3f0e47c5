"""A workspace or a folder of class folders -> a plain copy of its photos, laid out for another tool."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fieldmark.artifacts import contents, splits
from fieldmark.artifacts.atomic import write_text
from fieldmark.artifacts.catalog import Catalog
from fieldmark.artifacts.contents import Photo
from fieldmark.artifacts.photos import PhotoFile, PhotoFolder
from fieldmark.artifacts.reading import read_photos
from fieldmark.artifacts.sealed import read_seal, without
from fieldmark.artifacts.splits import Sides
from fieldmark.artifacts.store import SUFFIXES
from fieldmark.artifacts.workspace import Workspace, given_path
from fieldmark.config import TrainSettings
from fieldmark.errors import FolderError, WrongUsage, nearest
from fieldmark.imaging.shrink import as_jpeg
from fieldmark.imaging.sniff import name_content
from fieldmark.pipeline.credits import COLUMNS, Credit, Licences, as_csv, credit_of, escaped, licence_table
from fieldmark.pipeline.telling import tell_unusable
from fieldmark.split import split
from fieldmark.terminal import track
from fieldmark.version import __version__

LAYOUTS = ("imagefolder", "fastai", "hf")
"""`<class>/<id>.jpg`; `train|valid|test/<class>/<id>.jpg`; `train/<id>.jpg` beside `train/metadata.csv`."""

CREDITS = "CREDITS.csv"

PROVENANCE = tuple(name for name in COLUMNS if name not in ("file", "class"))
"""The columns of `metadata.csv` after `file_name` and `label`."""

# Hugging Face's names for the licences of a data set; those that are not here, and mixtures, are "other".
_HUB_LICENCES = {
    ("cc0", "1.0"): "cc0-1.0",
    **{
        (code, "4.0"): f"{code}-4.0"
        for code in ("cc-by", "cc-by-sa", "cc-by-nd", "cc-by-nc", "cc-by-nc-sa", "cc-by-nc-nd")
    },
}


@dataclass(frozen=True)
class ExportedFolder:
    """A copy that was written.

    Attributes:
        path: where it lies.
        layout: one of `LAYOUTS`.
        photos: number of photos per class.
        sealed: how many of the photos are sealed.
        sides: number of photos on "train", "valid" and, sealed ones, "test"; empty where the layout has no sides.
        conflicts: photos left out, as two classes hold the same bytes.
        copies: files left out, as their class holds the same bytes already.
        without_origin: photos of a workspace that its catalog does not know.
    """

    path: Path
    layout: str
    photos: dict[str, int]
    sealed: int
    sides: dict[str, int]
    conflicts: int
    copies: int
    without_origin: int

    def to_dict(self) -> dict[str, Any]:
        """Return the document that `export-folder --json` prints."""
        return {**asdict(self), "path": str(self.path)}


@dataclass(frozen=True)
class _Item:
    """One photo on its way: what it is, the name of its copy below the new folder, and its credit if there is one."""

    photo: PhotoFile
    name: str
    credit: Credit | None


def export_folder(
    folder: str | os.PathLike[str],
    out: str | os.PathLike[str],
    layout: str = "imagefolder",
    seed: int = TrainSettings.seed,
    valid_share: float = TrainSettings.valid_share,
) -> ExportedFolder:
    """Copy the photos of a workspace or a plain folder, as the verdicts leave them; the copy is whole or absent.

    Rejected photos are left out, relabelled ones lie below their new class, and of cropped ones the part is copied.
    Photos of a workspace come with their origin. Identical files of one class are copied once; what two classes hold
    is left out, as no one class can be right.

    Args:
        folder: what to copy.
        out: the folder to make; it does not exist, or is empty.
        layout: one of `LAYOUTS`.
        seed: which split "fastai" uses; one that was kept stands, and a new one is kept.
        valid_share: the part of it that goes to "valid".

    Raises:
        WrongUsage: there is no such layout, or `out` cannot be made where it is.
        FieldmarkError: the folder or its catalog cannot be read, or its photos cannot be split.
        OSError: the copy cannot be written; nothing of it is left.
    """
    if layout not in LAYOUTS:
        raise WrongUsage(f"There is no layout {layout!r}.{nearest(layout, LAYOUTS)} There are: {', '.join(LAYOUTS)}.")
    workspace = Workspace.open(folder)
    target = _checked_target(given_path(out), workspace)
    found = read_photos(workspace)
    tell_unusable(found.unusable)
    chosen, conflicts, copies = _chosen(found)
    seal = read_seal(workspace)
    sides = _sides(workspace, without(found, seal), seed, valid_share) if layout == "fastai" else {}
    sealed = seal.ids if seal else frozenset()
    sides |= dict.fromkeys(sealed, "test") if sides else {}
    items = _items(workspace, chosen, layout, sides)
    with _whole(target) as partial:
        _copy(found.root, items, partial)
        if workspace.harvested:
            write_text(partial / CREDITS, as_csv(item.credit for item in items if item.credit))
        if layout == "hf":
            write_text(partial / "train" / "metadata.csv", _metadata(items))
            write_text(partial / "README.md", _card(workspace.root.name, items))
    return ExportedFolder(
        path=target,
        layout=layout,
        photos=dict(sorted(Counter(photo.label for photo in chosen).items())),
        sealed=sum(photo.id in sealed for photo in chosen),
        sides=dict(sorted(Counter(sides[photo.id] for photo in chosen).items())) if sides else {},
        conflicts=conflicts,
        copies=copies,
        without_origin=sum(item.credit is None for item in items) if workspace.harvested else 0,
    )


def _checked_target(out: Path, workspace: Workspace) -> Path:
    """Return where the copy goes, absolute. Raises WrongUsage when it must not go there."""
    target = out.resolve()
    if not target.parent.is_dir():
        raise WrongUsage(f"There is no folder {target.parent} to make {target.name} in.")
    for kept in (workspace.photos, workspace.conflicts, workspace.originals):
        if target.is_relative_to(kept):
            raise WrongUsage(f"{out} lies inside {kept}, whose photos are to be copied. Give a folder outside.")
    if target.exists() and not target.is_dir():
        raise WrongUsage(f"{out} is a file. Give a folder that does not exist yet.")
    if target.exists() and any(target.iterdir()):
        raise WrongUsage(f"{out} is not empty. Give a folder that does not exist yet, or remove this one.")
    return target


def _chosen(found: PhotoFolder) -> tuple[list[PhotoFile], int, int]:
    """Return one file for each photo, how many photos two classes hold, and how many files were copies of another."""
    by_id: dict[str, list[PhotoFile]] = {}
    for photo in found.photos:
        by_id.setdefault(photo.id, []).append(photo)
    agreed = [files for files in by_id.values() if len({file.label for file in files}) == 1]
    if not agreed:
        raise FolderError(f"Every photo of {found.root} lies under two classes or more, so there is nothing to copy.")
    chosen = sorted((files[-1] for files in agreed), key=lambda file: (file.label, file.id))
    return chosen, len(by_id) - len(agreed), sum(len(files) - 1 for files in agreed)


def _sides(workspace: Workspace, found: PhotoFolder, seed: int, share: float) -> Sides:
    """Return the side of every photo: the folder's own, that of the kept split, or of one that is drawn and kept."""
    draw = splits.halves(share)
    sides = split(found.photos, seed, share, splits.read_kept(workspace, seed, draw))
    if not any(photo.side == "valid" for photo in found.photos):
        splits.keep(workspace, seed, draw, sides)
    return sides


def _items(workspace: Workspace, chosen: Sequence[PhotoFile], layout: str, sides: Sides) -> list[_Item]:
    known: dict[str, Photo] = {}
    if workspace.harvested:
        with Catalog.open_reading(workspace.catalog) as catalog:
            known = {photo.id: photo for photo in contents.photos(catalog)}
    items = []
    for photo in chosen:
        name = _name(workspace.photos / photo.path, photo, layout, sides)
        origin = known.get(photo.id)
        # A person may have moved a photo to another class since; its origin is the same.
        items.append(_Item(photo, name, credit_of(origin, name, photo.label) if origin else None))
    return items


def _name(path: Path, photo: PhotoFile, layout: str, sides: Sides) -> str:
    with path.open("rb") as file:
        suffix = SUFFIXES.get(name_content(file.read(64)) or "", path.suffix.lower())
    if photo.crop is not None:
        suffix = ".jpg"
    folder = {"imagefolder": photo.label, "fastai": f"{sides.get(photo.id)}/{photo.label}", "hf": "train"}[layout]
    return f"{folder}/{photo.id}{suffix}"


@contextmanager
def _whole(target: Path) -> Iterator[Path]:
    """Lend a folder beside `target`, which takes its place at the end; otherwise nothing is left."""
    partial = target.with_name(f".{target.name}.fieldmark-partial")
    shutil.rmtree(partial, ignore_errors=True)  # that of an export which was killed
    try:
        partial.mkdir()
        yield partial
        if target.exists():
            target.rmdir()
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _copy(root: Path, items: Sequence[_Item], target: Path) -> None:
    for item in track(items, "copying photos"):
        path = target / item.name
        path.parent.mkdir(parents=True, exist_ok=True)
        if item.photo.crop is None:
            shutil.copyfile(root / item.photo.path, path)
        else:
            path.write_bytes(as_jpeg(item.photo.pixels(root)))


def _metadata(items: Sequence[_Item]) -> str:
    """Return the table that Hugging Face `datasets` reads: a row per photo, the label a column."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    columns = PROVENANCE if any(item.credit for item in items) else ()
    table.writerow(["file_name", "label", *columns])
    for item in items:
        origin = item.credit.row()[2:] if item.credit else [""] * len(columns)
        table.writerow([item.name.partition("/")[2], item.photo.label, *origin])
    return text.getvalue()


def _card(title: str, items: Sequence[_Item]) -> str:
    """Return the card of the data set: what it holds, under which licences, how it was made."""
    credits = [item.credit for item in items if item.credit]
    header = [
        "---",
        f"pretty_name: {json.dumps(title, ensure_ascii=True)}",
        f"license: {_hub_licence(items)}",
        "task_categories:",
        "- image-classification",
        "size_categories:",
        f"- {_hub_size(len(items))}",
        "---",
    ]
    counts = Counter(item.photo.label for item in items)
    classes = [f"| {escaped(name)} | {n} |" for name, n in sorted(counts.items())]
    lines = [*header, "", f"# {escaped(title)}", "", "| Class | Photos |", "|---|---|", *classes, ""]
    if credits:
        lines += [
            "## Licences",
            "",
            "Each photo has its own; see `train/metadata.csv`.",
            "",
            *licence_table(credits),
            "",
        ]
    else:
        lines += ["## Licences", "", f"Nothing is known of where these photos come from. {_ASK}", ""]
    return "\n".join([*lines, "## How it was made", "", _how_it_was_made(bool(credits)), ""])


_ASK = "Ask before you share or publish them."


def _how_it_was_made(harvested: bool) -> str:
    if not harvested:
        return f"Copied from a folder of class folders by Fieldmark {__version__}. Identical files are there once."
    return (
        f"Harvested from the web by Fieldmark {__version__} from search queries. The photos were turned upright, "
        "converted to sRGB and saved as JPEG, most of them smaller than they came. Identical files are there once; "
        "photos that two classes claimed were left out. The label of a photo is the class whose query found it, unless "
        "a person has moved it: some labels are wrong."
    )


def _hub_licence(items: Sequence[_Item]) -> str:
    """Return Hugging Face's name of the licence that all photos share; "other" for a mixture, "unknown" for none."""
    found = {(item.credit.licence, item.credit.licence_version) if item.credit else ("unknown", "") for item in items}
    if len(found) > 1:
        return "other"
    (licence,) = found
    return "unknown" if Licences.of([licence[0]]).unknown else _HUB_LICENCES.get(licence, "other")


def _hub_size(n: int) -> str:
    """Return Hugging Face's name of a size."""
    for bound, name in ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K")):
        if n < bound:
            return name
    return "100K<n<1M"
