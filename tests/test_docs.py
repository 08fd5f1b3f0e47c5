import dataclasses
import re
import runpy
import sys
from pathlib import Path

import pytest

from fieldmark.artifacts.runs import FILES
from fieldmark.cli import build_parser
from fieldmark.config import FITS, TrainSettings

ROOT = Path(__file__).parents[1]
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text("utf-8")
    for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
}
COMMANDS = next(action for action in build_parser()._actions if action.dest == "command").choices


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="argparse words its help differently in other versions")
def test_the_page_of_commands_says_what_help_says():
    assert PAGES["docs/commands.md"] == runpy.run_path(str(ROOT / "docs" / "commands.py"))["page"]()


def test_every_setting_and_fit_is_in_the_docs():
    prose = PAGES["docs/tour.md"]

    for field in dataclasses.fields(TrainSettings):
        assert f"`--{field.name.replace('_', '-')}" in prose, field.name
    assert all(f"`{how}`" in prose for how in FITS)


def test_every_command_is_in_the_readme():
    assert all(f"fieldmark {name}" in PAGES["README.md"] for name in COMMANDS)


def test_every_file_of_a_run_is_in_the_docs():
    assert all(f"`{name}`" in PAGES["docs/artifacts.md"] for name in FILES)


@pytest.mark.parametrize("page", PAGES)
def test_commands_shown_exist_with_their_flags(page):
    shown = re.findall(r"^\$? ?fieldmark (\w+)(.*)$", PAGES[page], flags=re.MULTILINE)
    for name, rest in shown:
        assert name in COMMANDS, f"{page}: fieldmark {name}"
        for flag in re.findall(r"(?<=\s)--[a-z-]+", rest):
            assert flag in COMMANDS[name]._option_string_actions, f"{page}: fieldmark {name} {flag}"


@pytest.mark.parametrize("page", PAGES)
def test_links_within_the_repository_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", PAGES[page]):
        assert ((ROOT / page).parent / target).exists(), f"{page}: {target}"


def test_the_readme_leads_with_the_two_commands():
    first_screen = "\n".join(PAGES["README.md"].splitlines()[:40])

    assert "make demo" in first_screen and "make test" in first_screen and "![" in first_screen
