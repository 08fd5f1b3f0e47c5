"""What somebody typed into a search box -> which of our two snakes it is about, and what it must not hold.

The sites read queries by this module and not by `fieldmark.search`: two ends of a wire that share a parser would also
share its mistakes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

TOPIC_WORDS = {
    "coral": {"micrurus", "coral", "tener", "coralsnake"},
    "king": {"king", "kingsnake", "lampropeltis", "elapsoides", "scarlet"},
}
"""What a query about each kind of snake holds one of; the first such word decides."""

TAXA = {"coral": ("Micrurus tener", "Texas Coralsnake"), "king": ("Lampropeltis elapsoides", "Scarlet Kingsnake")}
"""Scientific and common name of each."""

_PART = re.compile(r'(-?)(?:"([^"]*)"|([^\s"]+))')


@dataclass(frozen=True)
class Words:
    """A search box's content, all in lower case: words, "phrases", and either after a `-`."""

    words: tuple[str, ...]
    phrases: tuple[str, ...]
    negatives: tuple[str, ...]

    @classmethod
    def read(cls, text: str) -> Words:
        """Take a query apart."""
        words: list[str] = []
        phrases: list[str] = []
        negatives: list[str] = []
        for minus, phrase, word in _PART.findall(text.lower()):
            kind = negatives if minus else phrases if phrase else words
            kind.append(" ".join(_words(phrase or word)))
        return cls(*(tuple(filter(None, kind)) for kind in (words, phrases, negatives)))

    @property
    def topic(self) -> str | None:
        """ "coral", "king", or None for everything else."""
        for word in " ".join(self.words + self.phrases).split():
            for topic, words in TOPIC_WORDS.items():
                if word in words:
                    return topic
        return None

    @property
    def name(self) -> str:
        """What may be the name of a taxon: the words outside quotes, or else the first phrase."""
        return " ".join(self.words or self.phrases[:1])

    def refuse(self, *texts: str) -> bool:
        """Say whether a negative stands in one of the texts, as whole words."""
        spaced = [f" {' '.join(_words(text.lower()))} " for text in texts]
        return any(f" {negative} " in text for negative in self.negatives for text in spaced)


def taxon_of(name: str, common: bool = True) -> str | None:
    """The topic whose taxon has this scientific name, or `common` name, spelled as biologists do but for case."""
    wanted = " ".join(name.lower().split())
    for topic, names in TAXA.items():
        if wanted in (known.lower() for known in names[: 2 if common else 1]):
            return topic
    return None


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text)
