import ast
import dataclasses
import re
import runpy
import sys
from pathlib import Path

import pytest

import fieldmark
from fieldmark.artifacts import candidates, contents
from fieldmark.artifacts.candidates import STATUSES, Candidate
from fieldmark.artifacts.catalog import Catalog
from fieldmark.artifacts.contents import Content
from fieldmark.artifacts.licences import CODES
from fieldmark.artifacts.migrations import MIGRATIONS
from fieldmark.artifacts.runs import FILES
from fieldmark.cli import build_parser
from fieldmark.cli.defaults import apply_defaults
from fieldmark.config import FITS, HarvestSettings, TrainSettings
from fieldmark.pipeline.export_folder import LAYOUTS
from fieldmark.search import registry
from fieldmark.search.sheet import COLUMNS, read_sheet
from fieldmark.yields.table import COLUMNS as YIELD_COLUMNS
from fieldmark.yields.table import MEANINGS, OUTCOMES, UNFINISHED

ROOT = Path(__file__).parents[1]
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text("utf-8")
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
}
COMMANDS = next(action for action in build_parser()._actions if action.dest == "command").choices


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGES[page], flags=re.MULTILINE | re.DOTALL)


def rows(page: str, heading: str) -> dict[str, list[str]]:
    """Return the table whose first heading this is: first cell -> the others."""
    table = PAGES[page].partition(f"| {heading} |")[2].partition("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in table]
    return {first.strip("`"): others for first, *others in cells}


@pytest.fixture
def catalog(tmp_path):
    """A catalog with one photo of each of two classes, one more that looks alike, and a page that gave none."""
    with Catalog.open(tmp_path / "catalog.db") as opened:
        for number, (label, licence) in enumerate([("coral", "cc-by"), ("coral", "cc0"), ("king", "arr")]):
            id_, url = f"{number:016x}", f"https://example.org/{number}.jpg"
            candidates.add(opened, Candidate(label, f"{label} snake", "openverse", url, number, licence=licence))
            contents.add(opened, Content(id_, id_ * 4, "0" * 16, bytes(256), 500, 400, 1000))
            candidates.attach(opened, url, id_)
            candidates.settle(opened, id_)
        contents.write_groups(opened, [("0" * 16, ["0" * 16, f"{1:016x}"])])
        candidates.add(opened, Candidate("king", "king snake", "bing", "https://example.org/x", 1), "not_an_image", "-")
        yield opened


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="argparse words its help differently in other versions")
def test_the_page_of_commands_says_what_help_says():
    assert PAGES["docs/commands.md"] == runpy.run_path(str(ROOT / "docs" / "commands.py"))["page"]()


@pytest.mark.parametrize("settings", [HarvestSettings, TrainSettings])
def test_every_setting_is_in_the_tour(settings):
    for field in dataclasses.fields(settings):
        assert f"`--{field.name.replace('_', '-')}" in PAGES["docs/tour.md"], field.name


def test_the_tour_gives_the_defaults_of_a_harvest():
    told = rows("docs/tour.md", "setting")

    for name in ("max", "size", "min_side", "max_aspect", "max_mb", "timeout"):
        (text,) = (cells[0] for flags, cells in told.items() if f"`--{name.replace('_', '-')}`" in f"`{flags}`")
        assert re.search(rf"; {HarvestSettings.__dataclass_fields__[name].default:g}\b", text), name


def test_every_fit_layout_and_licence_code_is_in_the_tour():
    assert all(f"`{word}`" in PAGES["docs/tour.md"] for word in (*FITS, *LAYOUTS, *CODES))


def test_the_tour_says_of_every_status_what_the_program_says():
    told = rows("docs/tour.md", "status")

    assert list(told) == list(STATUSES)
    for status, (column, meaning) in told.items():
        assert meaning == MEANINGS[status]
        assert status in YIELD_COLUMNS[column]


def test_the_tour_says_of_every_outcome_what_the_program_says():
    told = rows("docs/tour.md", "outcome")

    assert told == {outcome or "unfinished": [meaning] for outcome, meaning in OUTCOMES.items()}


def test_every_column_of_a_query_sheet_is_in_the_tour():
    assert tuple(rows("docs/tour.md", "column")) == COLUMNS


@pytest.mark.parametrize("page", ["README.md", "docs/tour.md"])
def test_query_sheets_shown_are_read(page, tmp_path):
    sheets = blocks(page, "csv")
    for text in sheets:
        (tmp_path / "shown.csv").write_text(text)
        read = read_sheet(tmp_path / "shown.csv")
        assert {row.label for row in read} == {"coral", "king"}
        assert any(row.query.phrases == ("texas coral snake",) and row.query.negatives for row in read)
    assert sheets


def test_the_settings_file_of_the_tour_is_taken_as_it_stands(tmp_path):
    (text,) = blocks("docs/tour.md", "toml")
    (tmp_path / "fieldmark.toml").write_text(text)
    parser, line = build_parser(), ["harvest", "snakes.csv", "-o", str(tmp_path)]

    given = apply_defaults(parser, parser.parse_args(line), line)

    assert given.contact == "ana@example.org" and given.keep and "flickr" in given.provider


def test_every_provider_is_listed_as_it_is():
    listed = rows("docs/providers.md", "name")
    ours = registry.providers()

    assert list(listed) == [*ours, *registry.LOCAL]
    for name, provider in ours.items():
        key, licence, most, seconds, _ = listed[name]
        assert (key, licence) == ("yes" if provider.keys else "no", "yes" if provider.licences else "no"), name
        assert float(seconds) == provider.interval, name
        assert provider.cap is None or f"{provider.cap:,}" in most, name
    for name in listed:
        assert f"\n## {name}\n" in PAGES["docs/providers.md"]


def test_every_key_and_every_way_in_which_a_search_can_fail_is_on_the_page_of_providers():
    for provider in registry.providers().values():
        for variable in (name for together in provider.keys for name in together):
            assert f"`{variable}`" in PAGES["docs/providers.md"], variable
            assert f"`{variable}`" in PAGES["docs/tour.md"], variable
    reached = set(OUTCOMES) - {UNFINISHED, "unreachable"}
    assert set(rows("docs/providers.md", "outcome")) >= reached


def test_every_command_is_in_the_readme():
    assert all(f"`fieldmark {name}" in PAGES["README.md"] for name in COMMANDS)


def test_every_file_of_a_run_is_in_the_docs():
    assert all(f"`{name}`" in PAGES["docs/artifacts.md"] for name in FILES)


def test_every_table_and_column_of_the_catalog_is_in_the_docs(catalog):
    page = PAGES["docs/artifacts.md"]
    tables = [row["name"] for row in catalog.rows("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")]

    assert len(tables) >= 7
    for table in tables:
        assert f"`{table}`" in page, table
        for column in catalog.rows("SELECT name FROM pragma_table_info(?)", (table,)):
            assert f"`{column['name']}`" in page, f"{table}.{column['name']}"


def test_every_version_of_the_catalog_is_in_the_docs():
    told = rows("docs/artifacts.md", "version")

    assert {n: cells[0] for n, cells in told.items()} == {
        str(n): f"`{migration.__name__}`" for n, migration in enumerate(MIGRATIONS, 1)
    }


def test_queries_shown_run_and_find_what_they_say(catalog):
    yields, shared = (catalog.rows(text) for text in blocks("docs/artifacts.md", "sql"))

    assert [tuple(row) for row in yields] == [
        ("openverse", "coral snake", 2, 2),
        ("openverse", "king snake", 1, 1),
        ("bing", "king snake", 1, 0),
    ]
    assert [row["file"] for row in shared] == [f"coral/{0:016x}.jpg"]


@pytest.mark.parametrize("page", PAGES)
def test_commands_shown_exist_with_their_flags(page):
    shown = re.findall(r"^(?:\$ )?fieldmark ([\w-]+)(.*)$", PAGES[page], flags=re.MULTILINE)
    for name, rest in shown:
        assert name in COMMANDS, f"{page}: fieldmark {name}"
        for flag in re.findall(r"(?<=\s)--?[a-z][a-z0-9-]*", rest.partition(" # ")[0]):
            known = COMMANDS[name]._option_string_actions
            assert flag in known or flag[:2] in known, f"{page}: fieldmark {name} {flag}"


@pytest.mark.parametrize("page", PAGES)
def test_python_shown_is_python_and_asks_for_what_there_is(page):
    for text in blocks(page, "python"):
        ast.parse(text)
        for name in re.findall(r"\bfm\.(\w+)", text):
            assert name in fieldmark.__all__, f"{page}: fm.{name}"


@pytest.mark.parametrize("page", PAGES)
def test_links_within_the_repository_lead_somewhere(page):
    for target, _, anchor in (link.partition("#") for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", PAGES[page])):
        path = ((ROOT / page).parent / target if target else ROOT / page).resolve()
        assert path.exists(), f"{page}: {target}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), flags=re.MULTILINE)
            anchors = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
            assert anchor in anchors, f"{page}: #{anchor}"


def test_the_readme_leads_with_the_two_commands():
    first_screen = "\n".join(PAGES["README.md"].splitlines()[:40])

    assert "make demo" in first_screen and "make test" in first_screen and "![" in first_screen
