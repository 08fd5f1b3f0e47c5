"""Measures -> which pictures show nothing: the blank ones, and those that say "image not available"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fieldmark.artifacts.findings import Finding
from fieldmark.artifacts.photos import PhotoFile
from fieldmark.imaging.measures import Measures

# Figures: 200 painted placeholders and one from the web, 751 photos, 304 drawings and cut-outs made of 76 of them; see
# docs/checks.md.

LEAST_CONTENT = 3.0
"""Standard deviation, in levels, below which a picture is blank. 400 plain colours with noise, ramps and poor JPEG have
2.1 at most, a few small words on a page 3.4, the barest of 751 photos 10.7."""

FEW_COLOURS = 12
"""Colours of a placeholder at most, with `MOST_ENTROPY` and `LEAST_PLAIN`. The plainest photo has 14."""

MOST_ENTROPY = 2.0
"""Bits of the histogram of grey."""

LEAST_PLAIN = 0.75
"""Share of cells of one colour."""

MOST_GROUND = 0.8
"""Share of one colour from which on a picture is nearly empty."""

EMPTY = (40, 1.9, 0.55)
"""The same three for such a picture: poor JPEG adds colours beside letters. Thin snakes on white or black have as
little entropy, and 105 colours."""

OFTEN = 3
"""Addresses, or files, that give one picture from which on it is suspect."""

OFTEN_SEEN = (12, 2.5, 0.6)
"""The same three for a picture that was sent so often. A real photo that many pages show is far from them."""


def is_blank(measures: Measures) -> bool:
    """Return whether nothing can be seen on a picture: one colour, or a soft ramp from one to another."""
    return measures.content < LEAST_CONTENT


def looks_like_one(measures: Measures, times: int = 1) -> bool:
    """Return whether a picture has the look of a placeholder: few colours, a plain ground, a little on it.

    Args:
        measures: of the picture.
        times: how many addresses gave it, or how many files hold it.
    """
    if is_blank(measures):
        return False
    if measures.ground >= MOST_GROUND and _is_poorer(measures, *EMPTY):
        return True
    if times >= OFTEN and _is_poorer(measures, *OFTEN_SEEN):
        return True
    return _is_poorer(measures, FEW_COLOURS, MOST_ENTROPY, LEAST_PLAIN)


def _is_poorer(measures: Measures, colours: int, entropy: float, plain: float) -> bool:
    return measures.colours <= colours and measures.entropy <= entropy and measures.plain >= plain


def find_placeholders(
    photos: Sequence[PhotoFile],
    measured: Mapping[str, Measures],
    addresses: Mapping[str, int] | None = None,
) -> list[Finding]:
    """Return a finding for each placeholder.

    Args:
        photos: to be judged.
        measured: measures by `PhotoFile.path`; a photo without is passed over.
        addresses: in a workspace, by photo id, how many URLs gave the same bytes.
    """
    files = _files_of_bytes(photos)
    found = []
    for photo in photos:
        measures = measured.get(photo.path)
        if measures is None:
            continue
        times = max(files[photo.sha256], (addresses or {}).get(photo.id, 1))
        if looks_like_one(measures, times):
            found.append(Finding(photo.path, photo.id, "placeholder", _score(measures, times), _text(measures, times)))
    return found


def _files_of_bytes(photos: Sequence[PhotoFile]) -> dict[str, int]:
    counted: dict[str, int] = {}
    for photo in photos:
        counted[photo.sha256] = counted.get(photo.sha256, 0) + 1
    return counted


def _score(measures: Measures, times: int) -> float:
    return measures.plain + (1 - measures.entropy / 8) + (times >= OFTEN)


def _text(measures: Measures, times: int) -> str:
    often = f", and {times} addresses or files give the same" if times >= OFTEN else ""
    shown = f"{100 * measures.plain:.0f} % of it is plain and {measures.colours} colours make up the rest"
    return f'Looks like a picture that says "image not available": {shown}{often}.'
