import re
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from fieldmark import terminal
from fieldmark.errors import Blocked, WrongUsage
from fieldmark.search import registry
from fieldmark.search.provider import Provider
from search.recorded import follow, read, search

ROOT = Path(__file__).parents[2]
OURS = ["openverse", "commons", "inaturalist", "gbif", "flickr", "google", "bing", "duckduckgo", "baidu"]
THEIRS = replace(registry.find("openverse"), name="moths")
CLASHING = replace(THEIRS, name="bing")
UNNAMED = replace(THEIRS, name="Moths ")


@pytest.fixture
def others(monkeypatch):
    """Let other packages bring providers: pass their objects as `module:attribute`."""

    def bring(*values: str) -> None:
        entries = [EntryPoint(f"entry{n}", value, registry.GROUP) for n, value in enumerate(values)]
        monkeypatch.setattr(registry, "entry_points", lambda group: entries if group == registry.GROUP else [])
        registry._of_others.cache_clear()

    yield bring
    monkeypatch.undo()
    registry._of_others.cache_clear()


def test_ours_stand_in_a_fixed_order(others):
    others()

    assert list(registry.providers()) == OURS
    assert all(name == provider.name for name, provider in registry.providers().items())


def test_the_defaults_need_no_key_and_know_licences():
    for name in registry.DEFAULTS:
        assert not registry.find(name).keys and registry.find(name).licences


def test_a_name_is_found_whatever_its_case():
    assert registry.find(" OpenVerse").name == "openverse"


def test_an_unknown_name_is_refused_with_the_nearest_and_all_others():
    with pytest.raises(WrongUsage) as caught:
        registry.find("binge")

    assert "Did you mean bing?" in str(caught.value)
    assert all(name in str(caught.value) for name in [*OURS, "urls", "folder"])


def test_a_local_source_is_no_provider_and_it_says_how_to_give_one():
    with pytest.raises(WrongUsage, match="fieldmark harvest PATH"):
        registry.find("urls")


def test_a_provider_of_another_package_stands_after_ours(others):
    others(f"{__name__}:THEIRS")

    assert list(registry.providers()) == [*OURS, "moths"]
    assert registry.find("Moths") is THEIRS


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("no_such_module_at_all:PROVIDER", "cannot be loaded: ModuleNotFoundError"),
        (f"{__name__}:NO_SUCH_NAME", "cannot be loaded: AttributeError"),
        (f"{__name__}:OURS", "is no Provider"),
        (f"{__name__}:UNNAMED", "is no Provider"),
        (f"{__name__}:CLASHING", "there is one of that name already"),
    ],
    ids=["module", "name", "type", "case", "clash"],
)
def test_a_broken_provider_is_warned_of_once_and_left_out(others, capsys, value, why):
    others(value, f"{__name__}:THEIRS")

    with terminal.speaking(terminal.Voice.STDOUT):
        assert list(registry.providers()) == [*OURS, "moths"]
        registry.providers()

    assert why in capsys.readouterr().err
    assert capsys.readouterr().err == ""


def test_keys_are_those_of_the_provider_that_are_set():
    environ = {"FLICKR_API_KEY": " k\n", "SERPAPI_KEY": "", "OTHER": "x"}

    assert registry.keys_of(registry.find("flickr"), environ) == {"FLICKR_API_KEY": "k"}
    assert registry.keys_of(registry.find("google"), environ) == {}


@pytest.mark.parametrize(
    ("environ", "google", "flickr"),
    [
        ({}, False, False),
        ({"GOOGLE_API_KEY": "a"}, False, False),
        ({"GOOGLE_API_KEY": "a", "GOOGLE_CSE_ID": "b"}, True, False),
        ({"SERPAPI_KEY": "a", "FLICKR_API_KEY": "b"}, True, True),
    ],
)
def test_ready_are_those_whose_keys_are_whole(environ, google, flickr):
    ready = registry.ready(environ)

    assert ("google" in ready, "flickr" in ready) == (google, flickr)
    assert set(registry.DEFAULTS) < set(ready)


def test_a_base_moves_a_url_and_says_so_once(capsys):
    environ = {"FIELDMARK_OPENVERSE_BASE": "http://127.0.0.1:8123/openverse/"}
    registry._announced.clear()

    base = registry.base_override("openverse", environ)
    registry.base_override("openverse", environ)

    assert registry.moved("https://api.openverse.org/v1/images/?a=%2F", base) == (
        "http://127.0.0.1:8123/openverse/v1/images/?a=%2F"
    )
    assert capsys.readouterr().err.count("FIELDMARK_OPENVERSE_BASE is set") == 1


def test_without_a_base_a_url_stays_where_it_is():
    assert registry.base_override("openverse", {"FIELDMARK_BING_BASE": "http://x"}) is None
    assert registry.moved("https://a.example/b", None) == "https://a.example/b"


def test_a_hyphen_in_a_name_is_an_underscore_in_its_variable():
    assert registry.base_override("my-moths", {"FIELDMARK_MY_MOTHS_BASE": "http://127.0.0.1:1"}) == "http://127.0.0.1:1"


@pytest.mark.parametrize(
    "text", ["127.0.0.1:8123", "ftp://a", "http://", "http://a:x", "http://a:99999", "http://[", "http://a?b"]
)
def test_a_base_that_is_no_address_is_refused(text):
    with pytest.raises(WrongUsage, match="FIELDMARK_BING_BASE"):
        registry.base_override("bing", {"FIELDMARK_BING_BASE": text})


def test_every_provider_key_and_local_source_is_in_the_docs():
    page = (ROOT / "docs" / "providers.md").read_text("utf-8")

    for name, provider in registry.providers().items():
        assert f"\n## {name}\n" in page
        assert all(f"`{key}`" in page for together in provider.keys for key in together)
    assert all(f"\n## {name}\n" in page for name in registry.LOCAL)


def test_the_provider_that_the_docs_write_works():
    page = (ROOT / "docs" / "providers.md").read_text("utf-8")
    shown: dict[str, Provider] = {}
    exec(re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)[0], shown)
    moths = shown["PROVIDER"]

    pages = {"1": b'{"moths": [{"photo": "https://a.example/1.jpg"}, {"photo": null}]}', "2": b'{"moths": []}'}
    asked, found = follow(moths, search("luna -king"), lambda request: pages[request.params["page"]])

    assert [request.params["q"] for request in asked] == ["luna -king"] * 2
    assert [result.url for result in found] == ["https://a.example/1.jpg"]
    with pytest.raises(Blocked):
        read(moths, asked[0], b"", 403)
