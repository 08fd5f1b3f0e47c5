"""A seed -> what exists on the small web: which site lists which picture, under which URL, and what it ends as.

Nothing here depends on what was asked before. Each class has `per_class` photos. Each photo is at home on Openverse,
Commons or iNaturalist, so that the three together have all of them; other sites hold copies, byte for byte or
recompressed, resized or mirrored. Beside them lies what every harvest meets: pictures too small, too long, gone, or
really a web page, and a few that both classes claim.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from urllib.parse import quote

from fieldmark.demo.smallweb.odd import ODD, list_odd
from fieldmark.demo.smallweb.pictures import COPIES, Picture
from fieldmark.demo.smallweb.words import TAXA, Words

HOMES = {"openverse": 0.4, "commons": 0.3, "inaturalist": 0.3}
"""Sites that photos come from, and their shares of them."""

COPIED = {"google": 0.5, "bing": 0.6, "flickr": 0.35, "openverse": 0.1, "commons": 0.08, "gbif": 0.05, "baidu": 0.35}
"""How likely a site has a photo that is at home elsewhere."""

ALTERED = 0.15
"""How many of those copies are not byte for byte."""

SHARED_INDEX = 0.9
"""How much of Bing's index DuckDuckGo shows: both name the very same URLs."""

OFTEN_BOTH = ("google", "bing", "flickr", "openverse", "commons", "baidu")
"""Sites where people mix up the two snakes."""

CONFLICTS = 3
"""Photos that each of those sites lists for both classes: the first under one URL, the others under two."""

JUNK: dict[str, tuple[str, ...]] = {
    "google": ("page", "gone", "placeholder"),
    "bing": ("small", "panorama", "page", "gone", "placeholder"),
    "flickr": ("gone", "placeholder"),
    "openverse": ("gone", "small"),
    "commons": ("panorama", "small"),
    "inaturalist": ("gone",),
    "gbif": ("gone", "page"),
    "baidu": ("small", "gone", "page"),
}
"""What each site lists for each class that is no usable photo."""

JUNK_ENDS = {
    "small": "too_small",
    "panorama": "bad_shape",
    "page": "not_an_image",
    "gone": "http_error",
    "placeholder": "too_small",
}

HOSTILE_SITES = ("openverse", "bing")

_BY = (("cc-by", "2.0"), ("cc-by-sa", "2.0"), ("cc-by-nc", "2.0"), ("cc-by-nc-sa", "2.0"), ("cc-by-nd", "2.0"))
LICENCES: dict[str, tuple[tuple[str, str], ...]] = {
    "flickr": (*_BY, ("cc-by-nc-nd", "4.0"), ("arr", ""), ("arr", ""), ("cc0", "1.0"), ("us-gov", "")),
    "openverse": (*_BY, ("cc-by", "4.0"), ("cc-by-sa", "4.0"), ("cc0", "1.0"), ("pdm", "1.0")),
    "commons": (("cc-by-sa", "4.0"), ("cc-by-sa", "4.0"), ("cc-by-sa", "3.0"), ("cc-by", "4.0"), ("cc0", "1.0")),
    "inaturalist": (("cc-by-nc", ""), ("cc-by-nc", ""), ("cc-by-nc", ""), ("cc-by", ""), ("cc0", ""), ("arr", "")),
    "gbif": (("cc-by-nc", "4.0"), ("cc-by-nc", "4.0"), ("cc-by", "4.0"), ("cc0", "1.0")),
}
"""Normalised codes and versions that occur, as often as they stand here; on other sites nobody knows."""

_FIRST = ("Ana", "Björn", "Chiara", "Dele", "Ewa", "Farid", "Greta", "Hiro", "Inés", "Jonas", "Kofi", "Łucja", "Mina")
_LAST = ("Field", "Marsh", "O'Dell", "Prairie-Smith", "Quist", "Rivers", "Stone", "Thicket", "Underhill", "Wren")
_PLACES = ("Bastrop", "Austin", "Ocala", "Houston", "Tampa", "Savannah", "Mobile", "Waco", "Galveston", "Tallahassee")
_SETTINGS = ("in leaf litter", "under a log", "crossing a road", "after rain", "at dusk", "by a fence", "on sand")
_ASIDES = {"coral": "not a king snake", "king": "no coral snake"}
ASIDE_ODDS = 12
"""One title in so many names the other snake, which is what negatives in a query are about."""


@dataclass(frozen=True)
class Listed:
    """One picture as one site lists it.

    Attributes:
        provider: whose listing it stands in.
        topic: "coral" or "king", the class it is listed for.
        id: the site's number for it.
        url: what leads to the picture.
        picture: what lies there; None for what is none of ours.
        junk: a name of `JUNK_ENDS`, or empty.
        ends: the statuses that a harvest of this URL alone may end it with.
        title, description, tags, author, place: text that a site may show.
        licence, version: normalised; "unknown" where the site knows none.
        width, height: what the site promises; no site has looked.
    """

    provider: str
    topic: str
    id: int
    url: str
    picture: Picture | None
    junk: str = ""
    ends: tuple[str, ...] = ("ok",)
    title: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    author: str = ""
    place: str = ""
    licence: str = "unknown"
    version: str = ""
    width: int = 800
    height: int = 600

    @property
    def login(self) -> str:
        """The author's name as sites make account names of it."""
        return "".join(letter for letter in self.author.lower() if letter.isascii() and letter.isalnum())

    @property
    def secret(self) -> str:
        """Ten hexadecimal digits that only this picture has, for URLs and hashes."""
        return f"{digest(self.provider, self.id):016x}"[:10]

    @property
    def page(self) -> str:
        """A page that shows the picture, on a site that does not exist."""
        return f"https://www.example.org/{self.topic}/{self.id}"


class Pool:
    """All that is listed. `origin` is where the web answers, http://127.0.0.1:PORT; `hostile` names the oddities."""

    def __init__(self, seed: int, per_class: int, origin: str, hostile: Collection[str] = ()) -> None:
        self._seed, self._per_class, self.origin = seed, per_class, origin
        self._listings: dict[tuple[str, str], list[Listed]] = {}
        self._behind: dict[str, Picture | str] = {}
        for topic in TAXA:
            for provider, pictures in self._spread(topic).items():
                self._listings[provider, topic] = self._list(provider, topic, pictures, hostile)
            shared = random.Random(f"{seed} shared {topic}")
            self._listings["duckduckgo", topic] = [
                replace(listed, provider="duckduckgo", description="")
                for listed in self._listings["bing", topic]
                if shared.random() < SHARED_INDEX and listed.junk not in ODD
            ]

    @property
    def photos(self) -> list[Picture]:
        """Every photo that is served as it was painted or altered, in the order in which harvests meet them first."""
        met = {
            listed.picture.original: None
            for rank in range(max(map(len, self._listings.values())))
            for listing in self._listings.values()
            for listed in listing[rank : rank + 1]
            if listed.picture is not None
        }
        return list(met)

    def behind(self, target: str) -> Picture | str | None:
        """What lies at a path and query: a picture, the name of some junk, or nothing."""
        return self._behind.get(target)

    def all(self, provider: str, topic: str) -> list[Listed]:
        """A site's whole listing for a topic, best first."""
        return self._listings[provider, topic]

    def search(self, provider: str, text: str, negatives: str = "honoured") -> list[Listed]:
        """What a site finds for a query, best first.

        Args:
            provider: whose listing.
            text: the query as typed.
            negatives: "honoured", "softly" (one result in three slips through) or "ignored".
        """
        words = Words.read(text)
        found = [] if words.topic is None else self._listings[provider, words.topic]
        if negatives == "ignored":
            return list(found)
        return [
            listed
            for listed in found
            if not words.refuse(listed.title, listed.description, *listed.tags)
            or (negatives == "softly" and listed.id % 3 == 0)
        ]

    def _spread(self, topic: str) -> dict[str, list[Picture]]:
        """Decide which site has which photo of a class, in no order yet."""
        rng = random.Random(f"{self._seed} spread {topic}")
        has: dict[str, list[Picture]] = {provider: [] for provider in JUNK}
        for number in range(1, self._per_class + 1):
            photo = Picture(topic, number)
            home = rng.choices(list(HOMES), list(HOMES.values()))[0]
            has[home].append(photo)
            for provider, share in COPIED.items():
                passed_on = provider == "gbif" and home == "inaturalist"  # GBIF holds what iNaturalist publishes
                if provider != home and (rng.random() < share or passed_on):
                    altered = not passed_on and rng.random() < ALTERED
                    has[provider].append(replace(photo, variant=rng.choice(COPIES)) if altered else photo)
            if home == "inaturalist" and number % 6 == 0:
                has[home].append(replace(photo, variant="brighter"))  # a second photo of the same animal
        for provider in OFTEN_BOTH:
            has[provider] += self.conflicts
        return has

    @property
    def conflicts(self) -> list[Picture]:
        """The photos that both classes claim."""
        kinds = ("coral", "king")
        return [Picture(kinds[i % 2], self._per_class + 1 + i) for i in range(CONFLICTS)]

    def _list(self, provider: str, topic: str, pictures: list[Picture], hostile: Collection[str]) -> list[Listed]:
        rows = [self._one(provider, topic, picture) for picture in pictures]
        rows += [self._junk(provider, topic, kind) for kind in JUNK[provider]]
        if provider in HOSTILE_SITES:
            rows += self._odd(provider, topic, hostile)
        if provider == "inaturalist":
            return sorted(rows, key=lambda listed: listed.id)  # the order in which one pages there
        random.Random(f"{self._seed} order {provider} {topic}").shuffle(rows)
        return rows

    def _one(self, provider: str, topic: str, picture: Picture) -> Listed:
        one_url = picture == self.conflicts[0]
        key = digest(self._seed, provider, picture, "" if one_url else topic)
        listed = self._describe(provider, topic, key)
        target = _target(provider, key, self._describe(provider, "coral", key) if one_url else listed)
        self._behind[target] = picture
        if provider == "commons" and "/thumb/" in target:
            self._behind[full_size(target)] = replace(picture, variant="double") if not picture.variant else picture
        author = _person(random.Random(digest(self._seed, picture.original)))  # the same wherever the photo is
        return replace(listed, url=self.origin + target, picture=picture, author=author)

    def _junk(self, provider: str, topic: str, kind: str) -> Listed:
        key = digest(self._seed, provider, topic, kind)
        listed = self._describe(provider, topic, key)
        target = _target(provider, key, listed)
        altered = kind in ("small", "panorama")
        picture = Picture(topic, 1, kind) if altered else None
        if picture is not None or kind != "gone":
            self._behind[target] = picture or kind
        return replace(listed, url=self.origin + target, picture=picture, junk=kind, ends=(JUNK_ENDS[kind],))

    def _odd(self, provider: str, topic: str, names: Collection[str]) -> Iterator[Listed]:
        for number, (name, url, variant, ends) in enumerate(list_odd(self.origin, provider, topic)):
            if name not in names:
                continue
            key = digest(self._seed, provider, topic, name)
            photo = Picture(topic, self._per_class + 100 + number, variant) if variant is not None else None
            if photo is not None:
                self._behind[url.removeprefix(self.origin)] = photo
            yield replace(self._describe(provider, topic, key), url=url, picture=photo, junk=name, ends=ends)

    def _describe(self, provider: str, topic: str, key: int) -> Listed:
        rng = random.Random(key)
        scientific, common = TAXA[topic]
        place, setting = rng.choice(_PLACES), rng.choice(_SETTINGS)
        title = f"{common} {setting}" if rng.random() < 0.6 else f"{scientific} – {place}"
        if provider not in ("inaturalist", "gbif") and rng.randrange(ASIDE_ODDS) == 0:
            title += f", {_ASIDES[topic]}"
        longer = rng.randrange(576, 801)
        wordless = provider == "baidu" or (provider == "bing" and key % 3 == 0)
        licence, version = rng.choice(LICENCES[provider]) if provider in LICENCES else ("unknown", "")
        return Listed(
            provider=provider,
            topic=topic,
            id=10**8 + key % 10**10,
            url="",
            picture=None,
            title=title,
            description="" if wordless else f"{scientific} {setting}, near {place}",
            tags=(*scientific.lower().split(), "snake", place.lower()),
            author=_person(rng),
            place=place,
            licence=licence,
            version=version,
            width=longer,
            height=round(longer * 0.75),
        )


def _person(rng: random.Random) -> str:
    return f"{rng.choice(_FIRST)} {rng.choice(_LAST)}"


def full_size(thumb: str) -> str:
    """On Commons, the path of the file that a scaled copy was made from."""
    return thumb.replace("/thumb/", "/").rpartition("/")[0]


def _target(provider: str, key: int, listed: Listed) -> str:
    """A path, and perhaps a query, as the hosts of each site form them; everything is served by one host here."""
    number, secret, mark = listed.id, f"{key:016x}"[:10], f"{key:016x}"[-2:]
    slug = listed.title.replace(" ", "_")
    match provider:
        case "flickr" | "openverse":
            return f"/img/live.staticflickr.com/65535/{number}_{secret}_b.jpg"
        case "commons":
            name = quote(f"{slug}_{number}.jpg")
            upper = f"/img/upload.wikimedia.org/wikipedia/commons/thumb/{mark[0]}/{mark}/{name}"
            return f"{upper}/960px-{name}" if key % 3 else upper.replace("/thumb/", "/")
        case "inaturalist":
            host = "static.inaturalist.org" if listed.licence == "arr" else "inaturalist-open-data.s3.amazonaws.com"
            stamp = f"?{1536150664 + key % 10**6}" if key % 5 == 0 else ""
            return f"/img/{host}/photos/{number}/large.{'jpeg' if key % 2 else 'jpg'}{stamp}"
        case "gbif":
            return f"/img/inaturalist-open-data.s3.amazonaws.com/photos/{number}/original.jpeg"
    forms = (
        f"/img/blog.example.net/{number}/{secret}.jpg",
        f"/img/herps.example.org/{quote(listed.title)}%20({number}).jpg?w=1600&q=80",
        f"/img/cdn.example.com/p%2F{secret}/{number}?fmt=jpeg&sig={secret}%3D%3D",
        f"/img/forum.example.edu/attachments/{number}.jpeg",
    )
    return forms[key % len(forms)]


def digest(*parts: object) -> int:
    """A number of 64 bits that depends on the parts alone, and not on the process."""
    return int.from_bytes(hashlib.blake2b("\x1f".join(map(str, parts)).encode(), digest_size=8).digest())
