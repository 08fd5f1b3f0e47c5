"""Headers of a picture -> the words in which its owner reserves it from machine learning, if any."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

_WORDS = ("noai", "noimageai")

# Directives of `X-Robots-Tag` that have a colon of their own, and so are no agent's name.
_WITH_VALUE = ("unavailable_after", "max-snippet", "max-image-preview", "max-video-preview")


def opted_out(headers: Mapping[str, str], agent: str = "fieldmark") -> str | None:
    """Return the header that says that no machine shall learn from this picture, or None.

    `X-Robots-Tag: noai` or `noimageai` (a convention that began at DeviantArt in 2022), for everybody or after our own
    name, and `tdm-reservation: 1` (TDMRep, the machine-readable reservation of the EU's Directive 2019/790, article 4).
    Not `noindex` and `noimageindex`: they are about being found by search engines, and the picture was found.

    Args:
        headers: names in lower case; a header that came several times has its values on lines of their own.
        agent: our name in robots.txt and in these headers.
    """
    for line in headers.get("x-robots-tag", "").splitlines():
        for whom, word in _directives(line):
            if whom in ("", "*", agent.lower()) and word in _WORDS:
                return f"X-Robots-Tag: {word}"
    if any(value.strip() == "1" for value in headers.get("tdm-reservation", "").replace(",", "\n").splitlines()):
        return "tdm-reservation: 1"
    return None


def _directives(line: str) -> Iterator[tuple[str, str]]:
    """Yield (whom, directive) of one header line; a name before a colon holds until the next name."""
    whom = ""
    for part in line.lower().split(","):
        name, colon, rest = part.partition(":")
        if colon and name.strip() not in _WITH_VALUE:
            whom, part = name.strip(), rest
        yield whom, part.strip()
