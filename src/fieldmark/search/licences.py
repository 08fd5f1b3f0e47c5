"""What each site calls a licence -> one of a closed list of codes, with its version and where it can be read."""

from __future__ import annotations

import re
from typing import NamedTuple

from fieldmark.artifacts.licences import CODES
from fieldmark.errors import WrongUsage, nearest

FLICKR = {
    "0": ("arr", ""),
    "1": ("cc-by-nc-sa", "2.0"),
    "2": ("cc-by-nc", "2.0"),
    "3": ("cc-by-nc-nd", "2.0"),
    "4": ("cc-by", "2.0"),
    "5": ("cc-by-sa", "2.0"),
    "6": ("cc-by-nd", "2.0"),
    "7": ("no-known-restrictions", ""),
    "8": ("us-gov", ""),
    "9": ("cc0", "1.0"),
    "10": ("pdm", "1.0"),
    "11": ("cc-by", "4.0"),
    "12": ("cc-by-sa", "4.0"),
    "13": ("cc-by-nd", "4.0"),
    "14": ("cc-by-nc", "4.0"),
    "15": ("cc-by-nc-sa", "4.0"),
    "16": ("cc-by-nc-nd", "4.0"),
}
"""Flickr's ids, as its method `flickr.photos.licenses.getInfo` gave them in June 2025."""

GBIF = {"cc0": "CC0_1_0", "cc-by": "CC_BY_4_0", "cc-by-nc": "CC_BY_NC_4_0"}
"""The only licences that a record in GBIF can have; its pictures may have others."""

_CC_URL = re.compile(
    r"(?:https?:)?//(?:www\.)?creativecommons\.org/(licenses|publicdomain)/([a-z-]+)(?:/(\d\.\d))?(?:/|$|[?#])", re.I
)
_CC_NAME = re.compile(r"\bcc[ _-](by(?:[ _-](?:nc|nd|sa))*)(?![a-z])(?:[ _-](\d)[._](\d))?")
_CC0_NAME = re.compile(r"\bcc[ _-]?(?:0|zero)(?:[ _-](\d)[._](\d))?(?![\d.])")
_PDM_NAME = re.compile(r"\b(?:pdm|public domain|pd|cc-pd-mark)\b")


class Licence(NamedTuple):
    """A licence: its code, its version ("4.0"; empty where nobody says) and where it can be read."""

    code: str = "unknown"
    version: str = ""
    url: str = ""


UNKNOWN = Licence()


def check_codes(text: str) -> tuple[str, ...]:
    """Read the value of `--licence`, such as "cc0,cc-by". Raises WrongUsage for what is no code of ours."""
    wanted = [word.strip().lower() for word in text.split(",") if word.strip()]
    if not wanted:
        raise WrongUsage(f"--licence names no licence. Give some of: {', '.join(CODES)}.")
    for word in wanted:
        if word not in CODES:
            raise WrongUsage(f"There is no licence {word!r}.{nearest(word, CODES)} There are: {', '.join(CODES)}.")
    return tuple(dict.fromkeys(wanted))


def of_flickr(number: object) -> Licence:
    """Read one of Flickr's licence ids, "0" to "16", given as text or number."""
    code, version = FLICKR.get(str(number), ("unknown", ""))
    return Licence(code, version, url_of(code, version))


def flickr_ids(codes: tuple[str, ...]) -> str:
    """Return the ids that Flickr has for some codes, with commas between them; empty when it has none."""
    return ",".join(number for number, (code, _) in FLICKR.items() if code in codes)


def of_commons(code: str, short_name: str, url: str) -> Licence:
    """Read what Wikimedia Commons says: its machine code ("cc-by-sa-4.0"), else the short name ("CC BY-SA 4.0")."""
    found = of_text(code)
    if found.code == "unknown":
        found = of_text(short_name)
    # The page of a ported licence ("cc-by-3.0-de") is another than that of the plain one, so theirs goes first.
    return found if found.code == "unknown" else found._replace(url=url or found.url)


def of_openverse(code: str, version: str, url: str) -> Licence:
    """Read what Openverse says: "by-sa", "4.0" and a URL."""
    found = of_text(code if code in ("cc0", "pdm") else f"cc-{code}")
    if found.code == "unknown":
        return UNKNOWN
    version = version if re.fullmatch(r"\d\.\d", version) else found.version
    return Licence(found.code, version, url or url_of(found.code, version))


def of_inaturalist(code: object) -> Licence:
    """Read a photo's `license_code` at iNaturalist. None means that all rights are reserved; no version is said."""
    if code is None:
        return Licence("arr")
    return of_text(code) if isinstance(code, str) else UNKNOWN


def of_text(text: str) -> Licence:
    """Read a licence given as a URL or a name, in the spelling of any site. What cannot be read is "unknown"."""
    text = text.strip()[:300]
    at = _CC_URL.match(text)
    if at:
        code = (
            _cc_code(at[2].lower())
            if at[1].lower() == "licenses"
            else {"zero": "cc0", "mark": "pdm"}.get(at[2].lower())
        )
        return Licence(code, at[3] or "", url_of(code, at[3] or "")) if code else UNKNOWN
    return UNKNOWN if "//" in text else _of_name(text.lower())


def url_of(code: str, version: str) -> str:
    """Return where a licence can be read; empty where that hangs on a version that nobody says."""
    if code in ("cc0", "pdm"):
        return f"https://creativecommons.org/publicdomain/{'zero' if code == 'cc0' else 'mark'}/{version or '1.0'}/"
    if code.startswith("cc-") and version:
        return f"https://creativecommons.org/licenses/{code.removeprefix('cc-')}/{version}/"
    return {
        "us-gov": "https://www.usa.gov/government-copyright",
        "no-known-restrictions": "https://www.flickr.com/commons/usage/",
    }.get(code, "")


def _of_name(name: str) -> Licence:
    if name in CODES:
        return Licence(name, "1.0" if name in ("cc0", "pdm") else "", url_of(name, ""))
    if "rights reserved" in name and not re.search(r"\b(?:some|no) rights reserved", name):
        return Licence("arr")
    if "usgov" in name or "united states government" in name:
        return Licence("us-gov", "", url_of("us-gov", ""))
    if re.search(r"\bno (?:known )?(?:copyright )?restrictions\b", name):
        return Licence("no-known-restrictions", "", url_of("no-known-restrictions", ""))
    if _CC0_NAME.search(name):
        return Licence("cc0", "1.0", url_of("cc0", ""))
    at = _CC_NAME.search(name)
    if at:
        code, version = _cc_code(at[1].replace(" ", "-").replace("_", "-")), f"{at[2]}.{at[3]}" if at[2] else ""
        return Licence(code, version, url_of(code, version)) if code else UNKNOWN
    if _PDM_NAME.search(name):
        return Licence("pdm", "", url_of("pdm", ""))
    return UNKNOWN


def _cc_code(parts: str) -> str | None:
    """Put the parts of a Creative Commons licence in their usual order; early ones say "by-nd-nc"."""
    given = set(parts.split("-"))
    if "by" not in given or {"nd", "sa"} <= given:
        return None
    code = "-".join(["cc", *(part for part in ("by", "nc", "nd", "sa") if part in given)])
    return code if code in CODES else None
