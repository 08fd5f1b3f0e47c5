"""Alter photos in known ways, group them, and print what was found, what was wrongly joined, and how long it takes.

    python bench/near_duplicates.py SNAKES_CLASSES BEARS

SNAKES_CLASSES holds `coral` and `king`, and beside it lies `near_duplicates.csv`; BEARS is the uncurated harvest. The
426 snakes and 74 of the bears give 500 originals; each comes ten times. A copy is found when it shares a group with its
original: among all 5,000, where copies in between may help, or among the originals and their copies of that one kind
alone. The last line is JSON.
"""

import argparse
import csv
import io
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from fieldmark.duplicates import near_duplicate_groups
from fieldmark.errors import NotAPhoto
from fieldmark.imaging.decode import as_pixels
from fieldmark.imaging.hashing import MIRROR_BITS, Fingerprint, fingerprint

N_BEARS = 74
LONGEST = 500  # pixels; what harvest stores
N_HASHES = 100_000

# Originals that are one photo though the list of 30 pairs does not know them, found by looking at every joined pair.
# Keys are the beginnings of paths in BEARS.
SAME_BY_EYE = [
    ("black/d00000007", "black/00000108"),  # a black bear on grass, once with more meadow and bush around it
]


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    """Encode and decode again."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def relit(image: Image.Image, gain: float = 1.0, gamma: float = 1.0) -> Image.Image:
    """Multiply every level, clipped at white, or bend the curve."""
    levels = 255 * np.clip(gain * (np.arange(256) / 255) ** gamma, 0, 1)
    return image.point(levels.round().astype(int).tolist() * 3)


def cropped(image: Image.Image, left: float, top: float, right: float, bottom: float) -> Image.Image:
    """Cut these shares of the width and the height off the sides."""
    width, height = image.size
    box = (width * left, height * top, width * (1 - right), height * (1 - bottom))
    return image.crop(tuple(round(edge) for edge in box))


Change = Callable[[Image.Image], Image.Image]

CHANGES: dict[str, Change] = {
    "recompressed, quality 50": lambda image: jpeg(image, 50),
    "recompressed, quality 30": lambda image: jpeg(image, 30),
    "resized to 50 %": lambda image: ImageOps.scale(image, 0.5),
    "resized to 200 px": lambda image: ImageOps.contain(image, (200, 200)),
    "mirrored": ImageOps.mirror,
    "brightness +25 %": lambda image: relit(image, gain=1.25),
    "brightness -25 %": lambda image: relit(image, gain=0.75),
    "gamma 1.4": lambda image: relit(image, gamma=1.4),
    "cropped by 5 % a side": lambda image: cropped(image, 0.05, 0.05, 0.05, 0.05),
}

HARDER: dict[str, Change] = {
    "gamma 0.7": lambda image: relit(image, gamma=0.7),
    **{f"cropped by {c} % a side": lambda image, c=c: cropped(image, *[c / 100] * 4) for c in (1, 2, 3, 4, 6, 8, 10)},
    "10 % off the left": lambda image: cropped(image, 0.1, 0, 0, 0),
    "10 % off the bottom": lambda image: cropped(image, 0, 0, 0, 0.1),
    "padded to a white square": lambda image: ImageOps.pad(image, (LONGEST,) * 2, color="white"),
    "padded to a white square, quality 35": lambda image: jpeg(ImageOps.pad(image, (LONGEST,) * 2, color="white"), 35),
    "mirrored, cropped by 5 %, quality 50": lambda image: jpeg(cropped(ImageOps.mirror(image), *[0.05] * 4), 50),
}


def read(folder: Path) -> Iterator[tuple[str, Image.Image]]:
    """Yield every photo that can be read, files of equal bytes once, brought to the size harvest stores."""
    seen = set()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        data = path.read_bytes()
        try:
            image = Image.fromarray(as_pixels(data))
        except NotAPhoto:
            continue
        if data not in seen:
            yield path.relative_to(folder).as_posix(), ImageOps.contain(image, (min(LONGEST, max(image.size)),) * 2)
        seen.add(data)


def same_photos(names: list[str], snakes: Path) -> list[set[int]]:
    """Return the originals that are copies of one another, as pairs of their places in `names`."""
    with (snakes.parent / "near_duplicates.csv").open(newline="") as lines:
        listed = [(row["photo"], row["twin"]) for row in csv.DictReader(lines)]
    found = []
    for first, second in listed + SAME_BY_EYE:
        pair = {i for i, name in enumerate(names) if name.startswith((first, second))}
        found += [pair] if len(pair) == 2 else []  # a bear that is not among the 74 has no pair
    return found


def prints(images: Iterable[Image.Image]) -> list[Fingerprint]:
    """Take the fingerprints of pictures."""
    return [fingerprint(np.asarray(image)) for image in images]


def group(marks: list[Fingerprint]) -> list[list[int]]:
    """Group fingerprints."""
    return near_duplicate_groups([mark.phash for mark in marks], [mark.detail for mark in marks])


def precision(groups: list[list[int]], original_of: list[int], same: list[set[int]]) -> tuple[int, Counter]:
    """Count the pairs within groups, and by their originals those that belong apart."""
    pairs, wrong = 0, Counter()
    for members in groups:
        for first, second in combinations((original_of[i] for i in members), 2):
            pairs += 1
            if first != second and {first, second} not in same:
                wrong[min(first, second), max(first, second)] += 1
    return pairs, wrong


def found(groups: list[list[int]], k: int, n: int) -> int:
    """Count the originals that share a group with their copy of kind k, which is photo `k * n + i`."""
    group_of = {member: number for number, members in enumerate(groups) for member in members}
    return sum(group_of.get(i, -1) == group_of.get(k * n + i, -2) for i in range(n))


def many_marks(images: list[Image.Image], marks: list[Fingerprint], n: int) -> list[Fingerprint]:
    """Make n fingerprints with the statistics of photos: n/2 mixtures of parts of photos, n/2 noisy copies of them.

    A copy differs in 0 to 20 bits of the hash and by a few levels in the thumbnail; one in four is mirrored.
    """
    rng = np.random.default_rng(0)
    small = np.stack([np.asarray(image.resize((96, 96), Image.Resampling.BOX)) for image in images]).astype(np.uint16)
    made = list(marks)
    while len(made) < n // 2:
        parts = [small[rng.integers(len(small)), y : y + 64, x : x + 64] for y, x in rng.integers(0, 33, (3, 2))]
        weights = rng.dirichlet([0.6] * 3)
        made.append(fingerprint(sum(w * part for w, part in zip(weights, parts, strict=True)).round().astype(np.uint8)))
    return made + [noisy(mark, rng) for mark in made[: n - len(made)]]


def noisy(mark: Fingerprint, rng: np.random.Generator) -> Fingerprint:
    """Change some bits and some levels, and mirror one in four."""
    thumbnail = np.frombuffer(mark.detail, np.uint8).reshape(16, 16) + rng.normal(0, 3, (16, 16))
    bits = int(mark.phash, 16)
    for bit in rng.choice(64, rng.integers(0, 21), replace=False).tolist():
        bits ^= 1 << bit
    if rng.random() < 0.25:
        bits, thumbnail = bits ^ MIRROR_BITS, thumbnail[:, ::-1]
    return Fingerprint(f"{bits:016x}", thumbnail.clip(0, 255).round().astype(np.uint8).tobytes())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("snakes", type=Path)
    parser.add_argument("bears", type=Path)
    given = parser.parse_args()
    snakes, bears = list(read(given.snakes)), list(read(given.bears))
    chosen = [bears[i] for i in np.linspace(0, len(bears) - 1, N_BEARS).round().astype(int)]
    names, images = map(list, zip(*snakes, *chosen, strict=True))
    n, same = len(names), same_photos(names, given.snakes)

    start = time.perf_counter()
    originals = prints(images)
    mark_ms = 1000 * (time.perf_counter() - start) / n
    report = {"originals": n, "images": n * (1 + len(CHANGES)), "ms_a_fingerprint": round(mark_ms, 3)}

    alone = group(originals[: len(snakes)])
    together = {frozenset(pair) for members in alone for pair in combinations(members, 2)}
    report["listed_pairs_found"] = sum(frozenset(pair) in together for pair in same if max(pair) < len(snakes))
    report["groups_across_classes"] = sum(len({names[i].split("/")[0] for i in members}) > 1 for members in alone)
    print(f"{len(snakes)} snakes: {len(alone)} groups, {report['listed_pairs_found']} of 30 listed pairs in one group,")
    print(f"{report['groups_across_classes']} groups across classes. {mark_ms:.2f} ms a fingerprint.\n")

    altered = {kind: prints(map(change, images)) for kind, change in {**CHANGES, **HARDER}.items()}
    pairs_of = {kind: group(originals + marks) for kind, marks in altered.items()}
    apart = {kind: found(groups, 1, n) for kind, groups in pairs_of.items()}
    astray = {kind: precision(groups, [*range(n)] * 2, same)[1].total() for kind, groups in pairs_of.items()}
    marks = originals + [mark for kind in CHANGES for mark in altered[kind]]
    groups = group(marks)
    among = {kind: found(groups, k, n) for k, kind in enumerate(CHANGES, 1)}
    print(f"| change | found of {n} among {len(marks)} | alone with the originals | wrong pairs then |")
    print("|---|---:|---:|---:|")
    for kind in altered:
        print(
            f"| {kind} | {f'{among[kind] / n:.1%}' if kind in among else ''} | {apart[kind] / n:.1%} | {astray[kind]} |"
        )
    report |= {"recall": {kind: count / n for kind, count in among.items()}}
    report |= {"recall_alone": {kind: count / n for kind, count in apart.items()}, "wrong_alone": astray}

    pairs, wrong = precision(groups, [i % n for i in range(len(marks))], same)
    report["precision"] = 1 - wrong.total() / pairs
    report["wrong"] = [[names[a], names[b], count] for (a, b), count in wrong.most_common()]
    print(f"\n{len(groups)} groups hold {pairs} pairs, {wrong.total()} of them wrong.", end=" ")
    print(f"Precision: {report['precision']:.3%}.")
    for line in report["wrong"]:
        print("wrong:", *line)

    marks = many_marks(images, originals, N_HASHES)
    start = time.perf_counter()
    sizes = [len(members) for members in group(marks)]
    report |= {"hashes": len(marks), "seconds": round(time.perf_counter() - start, 1), "largest_group": max(sizes)}
    print(f"\n{len(marks)} hashes in {report['seconds']} s: {len(sizes)} groups, the largest of {max(sizes)}.")
    print(json.dumps(report))


if __name__ == "__main__":
    main()
