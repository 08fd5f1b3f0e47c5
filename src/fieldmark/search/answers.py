"""An answer from a site -> values of the kinds we expect, or the reason why there are none.

Sites send what they like: every field may be missing, of another type, or chosen by somebody who means harm. What
stands here never raises anything but a `SearchFailed`; a single bad field becomes an empty one.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from fieldmark.errors import Blocked, NoKey, PageChanged, RateLimited, SearchFailed
from fieldmark.search.provider import Response

LONGEST_TEXT = 500
"""Characters kept of a title, a description or a name: enough to look for negatives in, and to credit."""

LONGEST_URL = 8192
"""Longest URL that becomes a result, in characters; fetching refuses far shorter ones, with a status."""

MOST_PIXELS_A_SIDE = 1_000_000

_BLOCK_TAG = re.compile(r"</?(?:br|p|div|li|ul|ol|tr|td|th|table|h[1-6]|hr)\b[^<>]*>", re.I)
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>|<!--[^<>]*-->")
_INVISIBLE = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")
_WEB_URL = re.compile(r"https?://[^\s/?#\\<>\"]+(?:[/?#][^\t\r\n]*)?", re.I)


def check_status(response: Response, site: str) -> None:
    """Raise what a status other than success means on most sites; the body may say more, so look there before."""
    status = response.status
    if 200 <= status < 300:
        return
    if status in (429, 503):
        hint = "Some are more patient with those who give --contact."
        sentence = f"{site} wants us to come back later (status {status}). {hint}"
        raise RateLimited(sentence, retry_after(response))
    if status == 401:
        raise NoKey(f"{site} answers only to a key that it knows (status 401).")
    if status in (403, 407, 418, 451) or 300 <= status < 400:
        raise Blocked(f"{site} refuses us (status {status}). Try again later, or from another network.")
    if status in (400, 404, 405, 406, 410, 414, 422):
        raise PageChanged(f"{site} no longer understands what we ask (status {status}).{_their_words(response)}")
    raise SearchFailed(f"{site} is out of order (status {status}). Try again later.")


def read_object(response: Response, site: str, text: str | None = None) -> dict[str, Any]:
    """Return the JSON object that an answer is; `text` stands in for a body that had to be mended.

    Raises:
        PageChanged: it is something else.
    """
    value = parse(response.text if text is None else text)
    if not isinstance(value, dict):
        raise PageChanged(f"{site} answered something other than the JSON we know. A newer Fieldmark may know it.")
    return value


def parse(text: str) -> Any:
    """Return the value that some JSON says; None when it is no JSON, or nested deeper than anything honest."""
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None


def list_in(value: Mapping[str, Any], key: str, site: str) -> list[dict[str, Any]]:
    """Return the objects of a list that must be there. Raises PageChanged when it is not, or holds no object at all."""
    found = value.get(key)
    objects = objects_of(found)
    if not isinstance(found, list) or (found and not objects):
        raise PageChanged(f"{site} answered without the list {key!r} we know. A newer Fieldmark may know more.")
    return objects


def objects_of(value: object) -> list[dict[str, Any]]:
    """Return the objects of a list; nothing when it is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def object_of(value: object) -> dict[str, Any]:
    """Return an object as it is, and anything else as an empty one."""
    return value if isinstance(value, dict) else {}


def text_of(value: object, longest: int = LONGEST_TEXT) -> str:
    """Return text without tags, entities and invisible characters, in one line, cut to `longest` characters."""
    if not isinstance(value, str | int) or isinstance(value, bool):
        return ""
    cut = _clip(value, 20 * longest)
    plain = html.unescape(_TAG.sub("", _BLOCK_TAG.sub(" ", cut)))
    return " ".join(_INVISIBLE.sub("", plain).split())[:longest].rstrip()


def id_of(value: object) -> str:
    """Return an id, which sites give as text or number."""
    return text_of(value, 100)


def url_of(value: object, *, escaped: bool = True) -> str:
    """Return a web address as it was given, escapes and all; empty when it is none that a browser would call.

    `&amp;` becomes `&`, as no URL means it, but not where HTML was unescaped before (`escaped` false). Other entities
    stay: `&copy=2` in a URL is a parameter, not a sign.
    """
    if not isinstance(value, str) or len(value) > LONGEST_URL:
        return ""
    url = value.strip()
    url = url.replace("&amp;", "&") if escaped else url
    url = f"https:{url}" if url.startswith("//") else url
    return url if _WEB_URL.fullmatch(url) and not _INVISIBLE.search(url) else ""


def pixels_of(value: object) -> int | None:
    """Return a width or height, which sites give as number or digits; None when it is no sensible one."""
    number = number_of(value)
    return number if number is not None and 0 < number <= MOST_PIXELS_A_SIDE else None


def number_of(value: object) -> int | None:
    """Return a whole number from zero on, given as number or digits; None for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**18:
        return value
    return None


def page_size(most: int, largest: int, least: int = 10) -> int:
    """Return how many results to ask for at a time: a page no larger than what is wanted, nor than the site gives."""
    return min(largest, max(most, least))


def retry_after(response: Response) -> float | None:
    """Return the seconds that `Retry-After` names, or that lie between the answer's `Date` and the date it names."""
    named = response.headers.get("retry-after", "").strip()
    if number_of(named) is not None:
        return float(named)
    try:
        then, asked = parsedate_to_datetime(named), parsedate_to_datetime(response.headers.get("date", ""))
        return max(0.0, (then - asked).total_seconds())
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def quoted(value: object) -> str:
    """Return a site's own words for a sentence of ours, or nothing when it has none."""
    words = text_of(value, 200)
    return f" It says: {words}" if words else ""


def _their_words(response: Response) -> str:
    body = object_of(parse(response.text))
    error = body.get("error")
    return quoted(object_of(error).get("message") or body.get("detail") or body.get("message") or error)


def _clip(value: str | int, longest: int) -> str:
    if isinstance(value, int):
        return str(value) if abs(value) < 10**30 else ""  # Python refuses to write out very long numbers
    return value[:longest]
