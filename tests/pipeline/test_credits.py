import csv
import io
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldmark.cli import main
from fieldmark.errors import WorkspaceError
from fieldmark.pipeline.credits import COLUMNS, Licences, as_csv, as_markdown, credits_of, escaped, guarded, linked
from support import kept

BY = {"licence": "cc-by", "licence_version": "4.0", "licence_url": "https://creativecommons.org/licenses/by/4.0/"}


@pytest.fixture
def workspace(tmp_path):
    root = kept.made(tmp_path / "snakes")
    kept.keep(root, 1, "https://x.org/1.jpg", page="https://x.org/1", title="A snake", author="Ana Field", **BY)
    kept.keep(root, 2, "https://y.org/2.jpg", label="king")
    kept.keep(root, 3, "https://z.org/3.jpg", label="king", licence="cc-by-nc-nd", licence_version="2.0", author="Bo")
    return root


def test_every_photo_has_its_credit_by_class(workspace):
    credits = credits_of(workspace)

    assert [credit.label for credit in credits] == ["coral", "king", "king"]
    assert credits[0].author == "Ana Field" and credits[0].licence_name == "CC BY 4.0"
    assert (workspace / "photos" / credits[0].file).is_file()


def test_a_missing_attribution_is_made_of_what_is_known(workspace):
    told = {credit.source: credit.attribution for credit in credits_of(workspace)}

    assert told["https://x.org/1.jpg"] == '"A snake" by Ana Field, https://x.org/1, CC BY 4.0'
    assert told["https://y.org/2.jpg"] == ""
    assert told["https://z.org/3.jpg"] == "by Bo, CC BY-NC-ND 2.0"


def test_a_licence_is_linked_even_where_the_provider_gave_its_name_alone(workspace):
    links = {credit.licence: credit.licence_url for credit in credits_of(workspace)}

    assert links["cc-by-nc-nd"] == "https://creativecommons.org/licenses/by-nc-nd/2.0/" and links["unknown"] == ""


def test_the_providers_attribution_is_kept(tmp_path):
    root = kept.made(tmp_path)
    kept.keep(root, 1, "https://x.org/1.jpg", author="Ana", attribution="(c) Ana, some rights reserved")

    assert credits_of(root)[0].attribution == "(c) Ana, some rights reserved"


def test_candidates_that_are_no_photos_are_not_credited(workspace):
    kept.name(workspace, "https://x.org/pending.jpg", author="Nobody")
    kept.keep(workspace, 1, "https://elsewhere.org/copy.jpg", provider="flickr", rank=9, author="Thief")

    assert {credit.author for credit in credits_of(workspace)} == {"Ana Field", "Bo", ""}


def test_licences_are_counted_and_explained():
    licences = Licences.of(["cc-by-nd", "cc-by-nc-nd", "unknown", "unknown", "cc-by", "arr"])

    assert next(iter(licences.counts.items())) == ("unknown", 2)
    assert (licences.unknown, licences.no_derivatives, licences.non_commercial) == (2, 2, 1)
    assert [text.split(":")[0].split(".")[0] for text in licences.sentences()] == [
        "No licence is known of 2 photos",
        "All rights are reserved on 1 photo",
        "ND (no derivatives) stands on 2 photos",
        "NC (non-commercial) stands on 1 photo",
    ]
    assert Licences.of(["cc0", "cc-by"]).sentences() == []


def test_markdown_gives_the_summary_first_and_then_a_table_per_class(workspace):
    page = as_markdown("snakes", credits_of(workspace))

    order = ["# Photo credits: snakes", "| CC BY 4.0 | 1 |", "No licence is known of 1 photo", "## coral (1 photo)"]
    places = [page.index(text) for text in [*order, "## king (2 photos)"]]
    assert places == sorted(places)
    assert "[CC BY 4.0](https://creativecommons.org/licenses/by/4.0/)" in page
    assert "[picture](https://x.org/1.jpg), [page](https://x.org/1)" in page


def test_a_file_of_this_disk_is_named_without_its_folder(tmp_path):
    root = kept.made(tmp_path)
    kept.keep(root, 1, "file:///home/ana/my%20snakes/red%20one.jpg", provider="folder")

    assert credits_of(root)[0].source == "red one.jpg"


HOSTILE = "a|b`c`\n\n# <script>alert(1)</script> [x](javascript:alert(1)) ![y](http://evil/) *b* \\| \u202egnp"


def test_hostile_text_is_text_in_markdown(tmp_path):
    root = kept.made(tmp_path)
    kept.keep(root, 1, "javascript:alert(1)", title=HOSTILE, author=HOSTILE, page="data:text/html,x", licence="arr")
    page = as_markdown(HOSTILE, credits_of(root))

    assert "<script" not in page and "\u202e" not in page
    assert "](javascript" not in re.sub(r"\\\]", "", page) and "](data" not in page
    (row,) = [line for line in page.splitlines() if line.startswith("| coral/")]
    assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) == 8
    assert sum(line.startswith("#") for line in page.splitlines()) == 2


@given(st.text())
def test_no_text_ends_a_markdown_cell_or_opens_a_tag(text):
    shown = escaped(text)

    assert not re.search(r"(?<!\\)(?:\\\\)*[|`\[\]*_~$]", shown)
    assert "<" not in shown and ">" not in shown and len(shown.splitlines()) <= 1


@given(st.text(), st.text())
def test_only_web_addresses_become_links(text, rest):
    assert "](" not in linked(text, "javascript:" + rest)
    link = linked("page", "https://x.org/" + rest)
    assert re.fullmatch(r"\[page\]\(https://x\.org/[^\s()<>|\[\]`\\\"]*\)", link)


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", " =cmd|' /C calc'!A0", "\t=1", "\uff1d1+1"])
def test_a_cell_that_a_spreadsheet_would_run_is_quoted(cell):
    assert guarded(cell) == "'" + cell


@pytest.mark.parametrize("cell", ["Ana Field", "https://x.org/=1", "", "'quoted'"])
def test_an_ordinary_cell_stays(cell):
    assert guarded(cell) == cell


def test_csv_survives_quotes_commas_and_line_breaks(tmp_path):
    root = kept.made(tmp_path)
    kept.keep(root, 1, "https://x.org/1.jpg", title='a "quoted",\r\ntitle', author="=HYPERLINK(1)")

    (row,) = csv.DictReader(io.StringIO(as_csv(credits_of(root))))
    assert list(row) == list(COLUMNS)
    assert row["title"] == 'a "quoted", title' and row["author"] == "'=HYPERLINK(1)"


def test_markdown_goes_to_stdout(workspace, capsys):
    assert main(["credits", str(workspace)]) == 0
    assert capsys.readouterr().out == as_markdown("snakes", credits_of(workspace))


@pytest.mark.parametrize(
    ("flags", "begin"),
    [(["-o", "c.csv"], "file,class"), (["-o", "c.md"], "# Photo"), (["-o", "c.txt", "--format", "csv"], "file,class")],
    ids=["csv by suffix", "markdown by suffix", "csv by flag"],
)
def test_the_suffix_or_the_flag_decides_the_format(workspace, tmp_path, monkeypatch, capsys, flags, begin):
    monkeypatch.chdir(tmp_path)

    assert main(["credits", str(workspace), *flags]) == 0
    assert (tmp_path / flags[1]).read_text("utf-8").startswith(begin)
    assert "3 photos" in capsys.readouterr().out


def test_json_is_one_document(workspace, capsys):
    assert main(["credits", str(workspace), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)

    assert told["photos"] == 3 and told["licences"] == {"cc-by": 1, "cc-by-nc-nd": 1, "unknown": 1}
    assert told["without_licence"] == 1 and len(told["credits"]) == 3


def test_a_plain_folder_has_no_credits(flat_folder):
    with pytest.raises(WorkspaceError, match="so nothing is known"):
        credits_of(flat_folder)


def test_a_file_that_cannot_be_written_is_wrong_usage(workspace, tmp_path, capsys):
    assert main(["credits", str(workspace), "-o", str(tmp_path / "no" / "c.md")]) == 2
    assert "does not exist" in capsys.readouterr().err
