from fieldmark.artifacts import findings
from fieldmark.artifacts.findings import Finding, in_order
from fieldmark.artifacts.verdicts import open_journal
from fieldmark.artifacts.workspace import Workspace


def found(photo, kind, score, group=None):
    return Finding(photo, photo, kind, score, f"{photo} is {kind}", score > 0.5, group)


def test_findings_stand_by_kind_and_the_most_doubtful_first():
    given = [found("a", "label", 0.4), found("b", "blurred", 0.3), found("c", "label", 0.9), found("d", "small", 0.1)]
    assert [finding.photo for finding in in_order(given)] == ["d", "b", "c", "a"]


def test_photos_that_were_found_together_stay_together():
    given = [
        found("a", "near_duplicate", 0.9, "x"),
        found("b", "near_duplicate", 0.8, "y"),
        found("c", "near_duplicate", 0.1, "x"),
        found("d", "near_duplicate", 0.7, "y"),
    ]
    assert [finding.photo for finding in in_order(given)] == ["a", "c", "b", "d"]


def test_a_check_replaces_what_the_one_before_found(flat_folder):
    with open_journal(Workspace.open(flat_folder)) as catalog:
        assert findings.read(catalog) == []
        findings.write(catalog, [found("a", "dark", 0.9)])
        second = [found("b", "label", 0.7), found("c", "label", 0.8), found("d", "blank", 0.2, "x")]
        findings.write(catalog, second)
        assert findings.read(catalog) == [second[2], second[1], second[0]]


def test_a_finding_is_printed_with_its_group_where_it_has_one():
    assert found("a", "dark", 0.9).to_dict() == {
        "photo": "a",
        "kind": "dark",
        "score": 0.9,
        "text": "a is dark",
        "sure": True,
    }
    assert found("a", "duplicate", 0.9, "x").to_dict()["group"] == "x"
