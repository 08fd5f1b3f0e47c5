"""Check folders of real photos by their pixels alone, print what is found, and lay each kind out on a sheet.

    python bench/checks_pixels.py SHEETS FOLDER...

Each FOLDER holds class folders and is only read. SHEETS gets a PNG for each folder and kind, to be looked at: they show
other people's photos and belong into no repository. The last line is JSON.
"""

import argparse
import json
import time
from collections import Counter, defaultdict
from pathlib import Path

from PIL import Image, ImageDraw

from fieldmark.artifacts.findings import Finding
from fieldmark.artifacts.photos import PhotoFolder, read_folder
from fieldmark.checks.copies import exact, near
from fieldmark.checks.pixels import check_pixels, unreadable
from fieldmark.checks.placeholders import find_placeholders
from fieldmark.checks.shortcuts import audit, clue_of
from fieldmark.imaging.decode import as_pixels
from fieldmark.imaging.measures import Measures, measure

SIDE, ACROSS = 160, 8


def findings_of(folder: PhotoFolder, measured: dict[str, Measures]) -> list[Finding]:
    """Everything that pixels and hashes say of a folder."""
    found = unreadable(folder.unusable) + exact(folder.photos) + near(folder.photos, measured)
    for photo in folder.photos:
        found += check_pixels(photo, measured[photo.path])
    return found + find_placeholders(folder.photos, measured)


def sheet(root: Path, findings: list[Finding], out: Path) -> None:
    """Lay the photos of one kind out, each with its path below it."""
    rows = -(-len(findings) // ACROSS)
    page = Image.new("RGB", (ACROSS * SIDE, rows * (SIDE + 24)), "#446")
    draw = ImageDraw.Draw(page)
    for number, finding in enumerate(sorted(findings, key=lambda one: (one.group or "", one.photo))):
        photo = Image.fromarray(as_pixels(root / finding.photo))
        photo.thumbnail((SIDE - 4, SIDE - 4))
        x, y = number % ACROSS * SIDE, number // ACROSS * (SIDE + 24)
        page.paste(photo, (x, y))
        draw.text((x, y + SIDE - 2), f"{finding.photo[-24:]}\n{finding.score:.2f} {finding.group or ''}", fill="white")
    page.save(out)


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sheets", type=Path)
    parser.add_argument("folders", type=Path, nargs="+")
    given = parser.parse_args()
    given.sheets.mkdir(parents=True, exist_ok=True)
    summary = {}
    for root in given.folders:
        folder = read_folder(root)
        start = time.perf_counter()
        measured = {photo.path: measure((root / photo.path).read_bytes()) for photo in folder.photos}
        a_photo = (time.perf_counter() - start) / len(measured)
        kinds = defaultdict(list)
        for finding in findings_of(folder, measured):
            kinds[finding.kind].append(finding)
        for kind, findings in kinds.items():
            for finding in findings:
                print(f"{kind:15} {finding.sure!s:6} {finding.photo}: {finding.text}")
            if kind != "unreadable":
                sheet(root, findings, given.sheets / f"{root.name}-{kind}.png")
        shortcuts = audit([clue_of(photo, measured[photo.path]) for photo in folder.photos])
        for shortcut in shortcuts:
            print(f"{'WARNED' if shortcut.warned else 'no':7} p {shortcut.p:.3f} {shortcut.text}")
        sure = Counter(finding.kind for findings in kinds.values() for finding in findings if finding.sure)
        summary[root.name] = {"photos": len(measured), "ms_a_photo": round(1000 * a_photo, 1), "sure": dict(sure)}
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
