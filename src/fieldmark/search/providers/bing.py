"""Bing Images, by the fragment of HTML that its page loads as one scrolls. There is no interface for programs any more.

Each picture is an `<a class="iusc">` whose attribute `m` holds JSON. Two habits: past its end Bing gives the last page
again, and to visitors it does not like it gives an empty page with status 200.
"""

from __future__ import annotations

import hashlib
import re
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlsplit

from fieldmark.errors import Blocked, PageChanged
from fieldmark.search import answers
from fieldmark.search.provider import Page, Provider, Request, Response, Result, Search

SITE = "Bing"
URL = "https://www.bing.com/images/async"
PAGE, CAP = 35, 1000
MOST_TERMS, MOST_CHARACTERS = 10, 1000  # Bing reads ten terms and passes over the rest

_TAG = re.compile(r"""<[a-zA-Z](?:"[^"]{0,20000}+"|'[^']{0,20000}+'|[^"'<>]++){0,80}+>""")
_CHALLENGES = ("captcha", "challenge", "unusual traffic", "verify you are", "not a robot")
_NOTHING = {"no_results", "noresults", "no-results", "nores", "b_no"}  # from memory: no recorded page shows it


def start(search: Search) -> Request:
    """Ask for the first 35. Safe search stays on: with operators, Bing has brought unrelated and explicit pictures."""
    query = search.query.within(MOST_CHARACTERS, MOST_TERMS)
    return Request(URL, {"q": query, "async": "1", "first": "1", "count": str(PAGE), "adlt": "moderate"})


def read(response: Response) -> Page:
    """Read one fragment. An empty one is asked for once more; a second one counts as a block."""
    answers.check_status(response, SITE)
    fragment = _Fragment.of(response.text)
    request = response.request
    results = tuple(result for tag in fragment.pictures if (result := _result(*tag)).url)
    if not results:
        return _nothing(response, fragment)
    marks = [hashlib.sha256(result.url.encode()).hexdigest()[:8] for result in results]
    if set(marks) <= set(request.memo.get("last", "").split()):
        return Page()  # the last page over again
    first = answers.number_of(request.params.get("first")) or 1
    following = None
    if first + PAGE <= CAP:
        following = request.following({"first": str(first + PAGE)}, {"last": " ".join(marks), "again": ""})
    return Page(results[: max(CAP + 1 - first, 0)], following)


def _nothing(response: Response, fragment: _Fragment) -> Page:
    request, text = response.request, response.text.lower()
    if any(word in text for word in _CHALLENGES):
        raise Blocked("Bing takes us for a robot. Wait an hour, or try from another network.")
    if fragment.says_nothing:
        return Page()
    if fragment.pictures or fragment.links:
        raise PageChanged("Bing's page holds no picture in the markup we know. A newer Fieldmark may know it.")
    if request.memo.get("again"):
        raise Blocked("Bing gave an empty page twice: it blocks us, or has nothing; it answers both alike.")
    return Page(next=request.following({}, {"again": "1"}))


def _result(m: str, href: str) -> Result:
    facts = answers.object_of(answers.parse(m))
    sizes = _query_of(href)
    murl = facts.get("murl")
    return Result(
        url=answers.url_of(murl, escaped=False),
        id=answers.id_of(facts.get("mid")),
        page=answers.url_of(facts.get("purl"), escaped=False),
        title=answers.text_of(facts.get("t")),
        description=answers.text_of(facts.get("desc")),
        width=answers.pixels_of(sizes.get("expw", [""])[0]),
        height=answers.pixels_of(sizes.get("exph", [""])[0]),
    )


def _query_of(href: str) -> dict[str, list[str]]:
    try:
        return parse_qs(urlsplit(href).query, max_num_fields=100)
    except ValueError:
        return {}


class _Fragment(HTMLParser):
    """What a fragment holds: the `m` and `href` of each picture, whether there are other links, and a plain no."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pictures: list[tuple[str, str]] = []
        self.links = 0
        self.says_nothing = False

    @classmethod
    def of(cls, text: str) -> _Fragment:
        """Parse some HTML, whatever it is, tag by tag: as a whole, `<a ` without end takes the parser minutes."""
        fragment = cls()
        for tag in _TAG.finditer(text):
            fragment.reset()
            fragment.feed(tag[0])
        return fragment

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a picture, a link, or the element that says that nothing was found."""
        held = {name: value or "" for name, value in attrs}
        classes = set(held.get("class", "").lower().split())
        if "iusc" in classes:
            self.pictures.append((held.get("m", ""), held.get("href", "")))
        elif tag in ("a", "img"):
            self.links += 1
        self.says_nothing |= bool(_NOTHING & (classes | {held.get("id", "").lower()}))


PROVIDER = Provider(
    name="bing",
    about="Bing Images, read from its page: large, best effort, licence unknown",
    start=start,
    read=read,
    interval=2.5,
    browser=True,
    cap=CAP,
)
