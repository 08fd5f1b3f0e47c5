"""Measure the checks that read features: wrong labels, strangers, look-alikes. Prints tables; the last line is JSON.

    python bench/checks.py DATA [WORK]

DATA holds `snakes`, `bears_raw` and `offtopic`; nothing is written there. WORK keeps copies, crops and features, so
that a second run takes a minute. Crops are JPEG of quality 90; mirrored ones are files of their own.
"""

import argparse
import json
import shutil
import tempfile
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
from near_duplicates import N_BEARS, SAME_BY_EYE, cropped, read, same_photos
from PIL import ImageOps

from fieldmark.artifacts.photos import read_folder
from fieldmark.artifacts.workspace import Workspace
from fieldmark.checks import labels, lookalikes, strangers
from fieldmark.embed import Features, embed

DRAWS, FLIPPED, STRANGERS = 10, 21, 40

# Parts of one photo that the list of 30 pairs does not know, found by looking at every pair that was joined.
PARTS_BY_EYE = [("king/000001", "king/000026"), ("king/000038", "king/000148")]


def features_of(folder: Path) -> Features:
    """Look at all photos of a folder of class folders."""
    found = read_folder(folder)
    return embed(Workspace.open(folder), found.photos, folder)


def flipped(features: Features, rng: np.random.Generator) -> tuple[tuple, set[str]]:
    """Give some photos the other label; return all photos and the paths of those."""
    chosen = set(rng.choice(len(features.photos), FLIPPED, replace=False).tolist())
    other = {"coral": "king", "king": "coral"}
    photos = tuple(
        replace(photo, label=other[photo.label]) if i in chosen else photo for i, photo in enumerate(features.photos)
    )
    return photos, {features.photos[i].path for i in chosen}


def labels_and_strangers(snakes: Features, off: Features) -> dict[str, list[float]]:
    """Flip labels, mix strangers in, both; return what part is found each time."""
    found: dict[str, list[float]] = {name: [] for name in ("flips", "flips with strangers", "strangers", "sure flips")}
    found |= {"strangers with flips": [], "sure strangers": [], "snakes sure strangers": []}
    same = lookalikes.groups(snakes.vectors, snakes.greys, snakes.shapes)
    for draw in range(DRAWS):
        rng = np.random.default_rng(draw)
        photos, wrong = flipped(snakes, rng)
        alone = labels.suspects(photos, snakes.vectors, same)
        found["flips"].append(len(wrong & {finding.photo for finding in alone[:42]}) / FLIPPED)
        found["sure flips"].append(len(wrong & {finding.photo for finding in alone if finding.sure}) / FLIPPED)
        chosen = rng.choice(len(off.photos), STRANGERS, replace=False).tolist()
        homes = rng.choice(["coral", "king"], STRANGERS).tolist()
        strange = tuple(replace(off.photos[i], label=home) for i, home in zip(chosen, homes, strict=True))
        vectors = np.concatenate([snakes.vectors, off.vectors[chosen]])
        paths = {photo.path for photo in strange}
        for name, shown in (("strangers", snakes.photos), ("strangers with flips", photos)):
            ranked = strangers.rank((*shown, *strange), vectors)
            found[name].append(len(paths & {finding.photo for finding in ranked[:50]}) / STRANGERS)
        sure = {finding.photo for finding in ranked if finding.sure}
        found["sure strangers"].append(len(paths & sure) / STRANGERS)
        found["snakes sure strangers"].append(len(sure - paths) / len(photos))
        away = {i for i, photo in enumerate((*photos, *strange)) if photo.path in sure}
        both = labels.suspects((*photos, *strange), vectors, same, away)
        found["flips with strangers"].append(len(wrong & {finding.photo for finding in both[:42]}) / FLIPPED)
    return found


def write_crops(data: Path, folder: Path) -> list[str]:
    """Write the originals and their crops, a folder a kind; return the originals' names."""
    snakes, bears = list(read(data / "snakes" / "classes")), list(read(data / "bears_raw"))
    originals = snakes + [bears[i] for i in np.linspace(0, len(bears) - 1, N_BEARS).round().astype(int)]
    for number, (_, image) in enumerate(originals):
        for share in (0, 5, 10, 20):
            part = cropped(image, *[share / 100] * 4)
            for kind, picture in ((f"{share}", part), (f"{share}-mirrored", ImageOps.mirror(part))):
                path = folder / kind / f"{number:03}.jpg"
                path.parent.mkdir(parents=True, exist_ok=True)
                if kind != "0-mirrored" and not path.exists():
                    picture.save(path, quality=90)
    return [name for name, _ in originals]


def crops(features: Features, names: list[str], same: list[set[int]]) -> dict[str, dict[str, float]]:
    """Group the originals with each kind of crop; return recall, precision of pairs, and the wrong pairs' names."""
    kinds = np.array([photo.label for photo in features.photos])
    numbers = np.array([int(Path(photo.path).stem) for photo in features.photos])
    told = {}
    for kind in sorted(set(kinds) - {"0"}):
        rows = np.flatnonzero((kinds == "0") | (kinds == kind))
        groups = lookalikes.groups(features.vectors[rows], features.greys[rows], features.shapes[rows])
        joined = [pair for group in groups for pair in combinations(rows[group].tolist(), 2)]
        own = sum(numbers[a] == numbers[b] for a, b in joined)
        wrong = {
            tuple(sorted((names[numbers[a]], names[numbers[b]])))
            for a, b in joined
            if numbers[a] != numbers[b] and {numbers[a], numbers[b]} not in same
        }
        n_wrong = sum(tuple(sorted((names[numbers[a]], names[numbers[b]]))) in wrong for a, b in joined)
        told[kind] = {"recall": own / len(names), "precision": 1 - n_wrong / len(joined), "wrong": sorted(wrong)}
    return told


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path, nargs="?", default=Path(tempfile.gettempdir()) / "fieldmark-checks")
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    for source, copy in (("snakes/classes", "snakes"), ("offtopic", "strangers/offtopic")):
        if not (given.work / copy).exists():
            shutil.copytree(given.data / source, given.work / copy)
    found = labels_and_strangers(features_of(given.work / "snakes"), features_of(given.work / "strangers"))
    print("| what | mean | least of 10 |\n|---|---:|---:|")
    for name, shares in found.items():
        print(f"| {name} | {np.mean(shares):.1%} | {min(shares):.1%} |")

    names = write_crops(given.data, given.work / "crops")
    same = same_photos(names, given.data / "snakes" / "classes")
    for first, second in PARTS_BY_EYE + SAME_BY_EYE:
        same.append({i for i, name in enumerate(names) if name.startswith((first, second))})
    told = crops(features_of(given.work / "crops"), names, same)
    print("\n| cropped by % a side | recall | precision | wrong |\n|---|---:|---:|---|")
    for kind, figures in told.items():
        print(f"| {kind} | {figures['recall']:.1%} | {figures['precision']:.1%} | {figures['wrong']} |")
    print(json.dumps({"found": found, "crops": told}))


if __name__ == "__main__":
    main()
