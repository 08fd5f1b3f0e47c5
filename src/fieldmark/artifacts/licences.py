"""The licence codes that a catalog holds -> their names as people write them, and what they ask."""

from __future__ import annotations

_TERMS = {"by": "name the author", "nc": "no commercial use", "nd": "no changed copies", "sa": "share alike"}

_KNOWN = {  # code: (its name, what it asks); the six Creative Commons licences are spelt from their parts
    "cc0": ("CC0", "nothing: the author gave up all rights"),
    "pdm": ("Public Domain Mark", "nothing: there are no rights any more"),
    **dict.fromkeys(("cc-by", "cc-by-sa", "cc-by-nd", "cc-by-nc", "cc-by-nc-sa", "cc-by-nc-nd")),
    "us-gov": ("US government work", "nothing in the United States"),
    "no-known-restrictions": ("no known restrictions", "nothing that the museum or library knows of"),
    "arr": ("all rights reserved", "ask the author before you publish it"),
    "unknown": ("licence unknown", "nobody says; take it that all rights are reserved"),
}

CODES = tuple(_KNOWN)
"""Public domain dedication and mark, the six Creative Commons licences, works of the United States' government, what
museums know no restrictions of, all rights reserved, and what nobody says or we cannot read."""


def name_of(code: str, version: str = "") -> str:
    """Return a licence as people write it: ("cc-by-sa", "4.0") -> "CC BY-SA 4.0"."""
    known = _KNOWN.get(code)
    name = known[0] if known else code.upper().replace("CC-", "CC ", 1)
    return f"{name} {version}".strip()


def terms_of(code: str) -> str:
    """Return what a licence asks of whoever uses the photo, in a few words; empty for a code that is none of ours."""
    known = _KNOWN.get(code)
    if known:
        return known[1]
    return ", ".join(_TERMS[part] for part in code.removeprefix("cc-").split("-") if part in _TERMS)
