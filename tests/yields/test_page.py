import base64
import io
from html.parser import HTMLParser
from urllib.parse import urlsplit

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from yield_samples import Sample

from fieldmark.artifacts import contents
from fieldmark.artifacts.candidates import STATUSES
from fieldmark.artifacts.contents import Photo
from fieldmark.yields import page as page_module
from fieldmark.yields.page import GROUPS, PER_CLASS, PER_GROUP, SIDE, safe_link, spread, write_page
from support.chromium import CHROMIUM, chromium

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>'


class Page(HTMLParser):
    """What a browser would make of the page: its tags with their attributes, and the text a person sees."""

    VOID = frozenset({"meta", "img", "br"})

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.unclosed: list[str] = []
        self.pieces: list[str] = []
        self.feed(html)
        self.close()
        assert self.unclosed == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.unclosed.append(tag)

    def handle_endtag(self, tag):
        assert self.unclosed.pop() == tag
        if tag in ("td", "th"):
            self.pieces.append(" ")

    def handle_data(self, data):
        if "style" not in self.unclosed:
            self.pieces.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.pieces).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def written(sample) -> Page:
    path = sample.workspace.root / "harvest.html"
    write_page(path, sample.workspace, sample.catalog)
    return Page(path.read_text("utf-8"))


def noise(seed: int, side: int = 300) -> bytes:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()


def photo(id_="0" * 16, provider="bing", rank=1, **more) -> Photo:
    fields = dict.fromkeys(Photo.__dataclass_fields__, "")
    return Photo(**{**fields, "id": id_, "label": "coral", "provider": provider, "rank": rank, **more})


def test_a_harvest_of_nothing_has_a_page(sample):
    assert "0 photos from 0 candidates. No search has named a candidate." in written(sample).text


def test_the_page_says_what_was_found_and_what_became_of_it(sample, jpeg):
    sample.photo(b"one", jpeg)
    sample.end("robots", n=2)
    sample.end("timeout", n=3)
    page = written(sample)
    assert "2 photos" not in page.text
    assert "1 photo of 1 class from 3 candidates." in page.text
    assert "robots 1 The robots.txt of its host keeps it from us; not fetched." in page.text


def test_every_status_is_explained(sample):
    text = written(sample).text
    assert [status for status in STATUSES if f" {status} 0 " not in text] == []


def test_each_outcome_of_a_search_is_told_in_words(sample):
    sample.search("blocked", "It wants a puzzle solved.", provider="bing")
    sample.search("nothing found", provider="gbif")
    sample.search("", provider="commons")
    text = written(sample).text
    assert "blocked 1 search Takes us for a robot" in text
    assert "It wants a puzzle solved." in text
    assert "nothing found 1 search Answered, and has nothing." in text
    assert "not finished 1 search" in text
    assert "1 search failed: see why" in text


def test_an_outcome_from_elsewhere_is_shown_as_it_is(sample):
    sample.search("on strike", provider="unions")
    assert "on strike 1 search" in written(sample).text


def test_a_thumbnail_leads_to_its_page_and_names_author_and_licence(sample, jpeg):
    more = {"page": "https://site.example/7", "author": "Ana Field", "licence": "cc-by-sa", "licence_version": "4.0"}
    sample.photo(b"one", jpeg, title="A coral snake", **more)
    page = written(sample)
    (link,) = [a for a in page.all("a") if a["href"].startswith("http")]
    assert (link["href"], link["rel"]) == ("https://site.example/7", "noopener noreferrer nofollow")
    assert "Ana Field CC BY-SA 4.0 openverse" in page.text
    (image,) = page.all("img")
    assert image["alt"] == "A coral snake"
    head, _, data = image["src"].partition(",")
    assert head == "data:image/jpeg;base64"
    assert max(Image.open(io.BytesIO(base64.b64decode(data))).size) <= SIDE


def test_a_photo_without_a_page_leads_to_itself_and_one_from_a_folder_nowhere(sample, jpeg):
    sample.photo(b"one", jpeg, url="https://site.example/a.jpg")
    sample.photo(b"two", jpeg, url="file:///home/ana/b.jpg", provider="folder", n=2)
    hrefs = [a["href"] for a in written(sample).all("a")]
    assert hrefs == ["https://site.example/a.jpg"]


def test_the_text_of_strangers_is_escaped_everywhere(tmp_path, jpeg):
    hostile = {"query": HOSTILE, "page": f"https://x.example/{HOSTILE}", "author": HOSTILE, "title": HOSTILE}
    hostile |= {
        "provider": HOSTILE,
        "licence": HOSTILE,
        "licence_version": HOSTILE,
        "licence_url": "javascript:alert(1)",
    }
    sample = Sample(tmp_path / "a<b>&'c")
    ids = [sample.photo(bytes([i]), jpeg, n=i, label="<i>x", **hostile) for i in range(3)]
    sample.photo(b"both", jpeg, n=7, label="<i>x", **hostile)
    sample.photo(b"both", jpeg, n=8, label="<b>y", **hostile)
    contents.write_groups(sample.catalog, [(ids[0], ids)])
    sample.search(HOSTILE, HOSTILE, label="<i>x", query=HOSTILE, provider=HOSTILE)
    page = written(sample)
    sample.catalog.close()
    tags = {tag for tag, _ in page.tags}
    assert "script" not in tags
    assert all(image["src"].startswith("data:image/jpeg;base64,") for image in page.all("img"))
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert all(a["href"].startswith(("https://", "#")) for a in page.all("a"))
    assert "<script>alert(1)</script>" in page.text


def test_the_page_asks_no_other_computer_for_anything(sample, jpeg):
    sample.photo(b"one", jpeg)
    page = written(sample)
    policy = next(m["content"] for m in page.all("meta") if m.get("http-equiv") == "Content-Security-Policy")
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    assert not page.all("link") and not page.all("script")


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "ftp://a.example/b", "//a.example", "https://",
     "https://[::1", "https://a.example:99999/", "https://a.example/\n", "\x01https://a.example", "", "https:a.example",
     "https://a.example/" + "x" * 3000],
)  # fmt: skip
def test_only_web_addresses_become_links(url):
    assert safe_link(url) == ""


def test_web_addresses_stay_as_they_are():
    assert safe_link("https://a.example/b?c=d&e#f") == "https://a.example/b?c=d&e#f"


@given(st.text() | st.text().map("http://".__add__) | st.text().map("https://a.example/".__add__))
def test_no_text_makes_a_link_of_another_scheme(text):
    link = safe_link(text)
    assert link in ("", text)
    assert not link or urlsplit(link).scheme in ("http", "https")


def test_every_provider_has_its_turn():
    photos = [photo(f"{i:016}", "bing", i) for i in range(50)] + [photo(f"a{i:015}", "gbif", i) for i in range(3)]
    chosen = spread(photos, 10)
    assert [p.provider for p in chosen] == ["bing", "gbif"] * 3 + ["bing"] * 4
    assert [p.rank for p in chosen if p.provider == "bing"] == list(range(7))
    assert spread([], 10) == []


def test_a_class_shows_at_most_so_many_photos_and_says_how_many_there_are(sample, jpeg):
    for i in range(PER_CLASS + 5):
        sample.photo(str(i).encode(), jpeg, n=i)
    page = written(sample)
    assert len(page.all("img")) == PER_CLASS
    assert f"coral {PER_CLASS} of {PER_CLASS + 5} photos" in page.text


def test_photos_that_are_gone_or_damaged_are_passed_over(sample, jpeg):
    gone = sample.photo(b"gone", jpeg, n=1)
    bad = sample.photo(b"bad", jpeg, n=2)
    sample.photo(b"good", jpeg, n=3)
    sample.store.path(gone, "coral").unlink()
    sample.store.path(bad, "coral").write_bytes(b"no picture")
    page = written(sample)
    assert len(page.all("img")) == 1
    assert "coral 1 of 3 photos" in page.text


def test_near_duplicates_stand_side_by_side_with_the_best_copy_marked(sample, jpeg):
    ids = [sample.photo(bytes([i]), jpeg, n=i) for i in range(PER_GROUP + 2)]
    contents.write_groups(sample.catalog, [(ids[3], ids)])
    page = written(sample)
    assert f"coral {PER_GROUP + 2} copies, {PER_GROUP} shown best copy 640 × 480" in page.text
    assert page.text.count("best copy") == 1


def test_only_the_first_groups_are_shown_and_the_others_counted(sample, jpeg):
    pairs = [[sample.photo(f"{i}{side}".encode(), jpeg, n=2 * i + side) for side in (0, 1)] for i in range(GROUPS + 3)]
    contents.write_groups(sample.catalog, [(pair[0], pair) for pair in pairs])
    page = written(sample)
    assert f"{GROUPS} of {GROUPS + 3} groups are shown" in page.text
    assert page.text.count("best copy") == GROUPS


def test_a_conflict_shows_the_photo_and_who_claims_it(sample, jpeg):
    sample.photo(b"both", jpeg, label="coral", provider="bing", page="https://site.example/1")
    id_ = sample.photo(b"both", jpeg, label="king", provider="commons", page="https://site.example/2")
    page = written(sample)
    assert "1 photo claimed by several classes and kept out" in page.text
    assert f"coral bing texas coral snake king commons texas coral snake conflicts/{id_}.jpg" in page.text
    assert [a["href"] for a in page.all("a") if a["href"].startswith("http")] == [
        "https://site.example/1",
        "https://site.example/2",
    ]


def test_licences_are_counted_and_explained(sample, jpeg):
    url = "https://creativecommons.org/licenses/by-nc/4.0/"
    for i in range(3):
        sample.photo(bytes([i]), jpeg, n=i, licence="cc-by-nc", licence_version="4.0", licence_url=url)
    sample.photo(b"x", jpeg, n=9)
    page = written(sample)
    assert "CC BY-NC 4.0 3 name the author, no commercial use" in page.text
    assert "licence unknown 1 nobody says; take it that all rights are reserved" in page.text
    assert url in [a["href"] for a in page.all("a")]


def test_the_pictures_stay_within_their_budget(sample, monkeypatch):
    for i in range(12):
        sample.photo(bytes([i]), noise(i), n=i)
    budget = 40_000
    monkeypatch.setattr(page_module, "BUDGET", budget)
    page = written(sample)
    assert 0 < sum(len(image["src"]) for image in page.all("img")) <= budget
    assert len(page.all("img")) < 12


def test_many_classes_share_the_strips_evenly(sample, jpeg, monkeypatch):
    monkeypatch.setattr(page_module, "IN_STRIPS", 12)
    for label in "abcd":
        for i in range(6):
            sample.photo(f"{label}{i}".encode(), jpeg, label=label, n=i)
    text = written(sample).text
    assert all(f"{label} 3 of 6 photos" in text for label in "abcd")


def test_a_folder_whose_name_is_no_utf_8_has_a_page(tmp_path):
    root = tmp_path / "a\udcffb"
    try:
        sample = Sample(root)
    except (OSError, UnicodeError):
        pytest.skip("this file system takes only UTF-8")
    assert "b: Fieldmark harvest" in written(sample).text
    sample.catalog.close()


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no {CHROMIUM} to drive")
def test_no_page_scrolls_sideways_or_makes_the_browser_complain(sample, jpeg):
    for label in ("coral", "x" * 120):
        ids = [sample.photo(f"{label}{i}".encode(), jpeg, label=label, n=i, query="q" * 150) for i in range(20)]
        for status in STATUSES[4:]:
            sample.end(status, label=label, n=100 + STATUSES.index(status), provider="p" * 40)
    for label in ("coral", "king"):
        sample.photo(b"both", jpeg, label=label, n=300, query="q" * 150, provider="p" * 40)
    contents.write_groups(sample.catalog, [(ids[0], ids[:9])])
    sample.search("blocked", "r" * 400, provider="bing")
    written(sample)
    complaints = []
    with chromium() as browser:
        page = browser.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("request", lambda request: request.url.startswith("http") and complaints.append(request.url))
        page.goto((sample.workspace.root / "harvest.html").as_uri())
        wide = {}
        for width in (320, 390, 768, 1280):
            page.set_viewport_size({"width": width, "height": 844})
            page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
            wide[width] = page.evaluate("document.documentElement.scrollWidth")
    assert complaints == []
    assert all(across <= width for width, across in wide.items()), wide
