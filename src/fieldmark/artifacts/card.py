"""`model.card.md` beside `model.onnx`: what a model is and is not. One that a person changed is never written over."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from fieldmark.artifacts.atomic import write_text

_SEAL = re.compile(r"\n<!-- Written by Fieldmark; .* \[sha256 ([0-9a-f]{64})\] -->\s*\Z")


@dataclass(frozen=True)
class Written:
    """Where a card went.

    Attributes:
        path: the card that was written.
        edited: the card of that model which a person has changed, and which therefore stays; None where there is none.
    """

    path: Path
    edited: Path | None = None


def path_of(model: Path) -> Path:
    """Return where the card of a model file lies: `snakes.card.md` beside `snakes.onnx`."""
    return model.with_suffix(".card.md")


def write(model: Path, text: str) -> Written:
    """Write the card of a model file, in the place of one that nobody has changed.

    A card that somebody has changed stays as it is, and this one becomes `snakes.card.new.md`, or the next free name.

    Raises:
        OSError: it cannot be written.
    """
    wanted = path_of(model)
    path = next(name for name in _names(wanted) if not name.exists() or is_untouched(name))
    write_text(path, sealed(text))
    return Written(path, None if path == wanted else wanted)


def sealed(text: str) -> str:
    """Return a card with a last line by which one can tell later whether anything above it was changed."""
    text = text.rstrip() + "\n"
    seal = f"Written by Fieldmark; once anything above is changed, it is not written over. [sha256 {_digest(text)}]"
    return f"{text}\n<!-- {seal} -->\n"


def is_untouched(path: Path) -> bool:
    """Whether a card is, but for line ends, as it was written. What cannot be read as text is somebody else's."""
    try:
        text = path.read_text("utf-8").replace("\r\n", "\n")
    except (OSError, ValueError):
        return False
    seal = _SEAL.search(text)
    return seal is not None and _digest(text[: seal.start()]) == seal[1]


def _names(wanted: Path) -> Iterator[Path]:
    stem = wanted.name.removesuffix(".md")
    yield wanted
    yield wanted.with_name(f"{stem}.new.md")
    for number in count(2):
        yield wanted.with_name(f"{stem}.new-{number}.md")


def _digest(text: str) -> str:
    return hashlib.sha256(text.strip().encode("utf-8")).hexdigest()
