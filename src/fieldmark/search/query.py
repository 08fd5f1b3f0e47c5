"""What a person typed -> words, "phrases" and -negatives; and what the negatives say of a result."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_TOKEN = re.compile(r'(?P<minus>-*)"(?P<phrase>[^"]*)"|(?P<word>[^\s"]+)')
_QUOTES = str.maketrans(dict.fromkeys("“”„‟«»", '"'))
_DASHES = "-‐‑‒–—−"  # what spreadsheets and word processors make of a `-`
_DASH = re.compile(rf"(?<![^\s\x22])[{_DASHES}]")  # before a word or a phrase


@dataclass(frozen=True)
class Query:
    """A query, read once; every provider renders the parts that it supports.

    Attributes:
        words: single words, in order. `red-backed` is one: a hyphen negates only at the start of a word.
        phrases: what stood in double quotes.
        negatives: words and phrases after a `-`.
    """

    words: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    negatives: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Query:
        """Read a query. Raises ValueError, with a reason, for an open quote or when nothing positive is left."""
        text = _DASH.sub("-", text.translate(_QUOTES))
        if text.count('"') % 2:
            raise ValueError("a quote is opened and never closed")
        words: list[str] = []
        phrases: list[str] = []
        negatives: list[str] = []
        for token in _TOKEN.finditer(text):
            phrase, word = token["phrase"], token["word"]
            if phrase is not None and phrase.strip(f" {_DASHES}"):
                (negatives if token["minus"] else phrases).append(" ".join(phrase.split()).lstrip(f" {_DASHES}"))
            elif word is not None and word.strip(_DASHES):
                (negatives if word.startswith("-") else words).append(word.lstrip(_DASHES))
        if not words and not phrases:
            raise ValueError("there is nothing to look for in it")
        return cls(tuple(words), tuple(phrases), tuple(negatives))

    @property
    def typed(self) -> str:
        """The whole query in the notation that most search engines share: `micrurus tener "coral snake" -king`."""
        return " ".join(self.terms)

    @property
    def terms(self) -> tuple[str, ...]:
        """What `typed` is made of: words, quoted phrases, then negatives with their `-`."""
        return (
            *self.words,
            *(f'"{phrase}"' for phrase in self.phrases),
            *(f"-{_quoted(negative)}" for negative in self.negatives),
        )

    def within(self, characters: int, terms: int | None = None) -> str:
        """Return `typed`, cut to what a site reads: whole terms, so many at most, in at most so many characters.

        What is cut off is looked for by nobody; negatives are, since every provider's results are filtered by them.
        """
        kept = ""
        for term in self.terms[:terms]:
            longer = f"{kept} {term}" if kept else term
            if len(longer) > characters:
                break
            kept = longer
        return kept or self.terms[0][:characters].rstrip('"').lstrip('"')

    @property
    def positive(self) -> str:
        """Words and quoted phrases, without the negatives."""
        return " ".join([*self.words, *(f'"{phrase}"' for phrase in self.phrases)])

    @property
    def plain(self) -> str:
        """Words and phrases without quotes or negatives, for sites that know neither."""
        return " ".join([*self.words, *self.phrases])

    @property
    def name(self) -> str:
        """What may be the name of a living thing: the words alone, or the first phrase where there are no words."""
        return " ".join(self.words) or self.phrases[0]

    def negative_in(self, *texts: str) -> str | None:
        """Return the first negative that stands in one of `texts` as a whole word, case and Unicode form aside."""
        folded = [_fold(text) for text in texts if text]
        for negative in self.negatives:
            pattern = re.compile(rf"(?<!\w){re.escape(_fold(negative))}(?!\w)")
            if any(pattern.search(text) for text in folded):
                return negative
        return None


def _quoted(text: str) -> str:
    return f'"{text}"' if " " in text else text


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
