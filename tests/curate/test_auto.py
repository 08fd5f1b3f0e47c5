from fieldmark.artifacts.findings import Finding
from fieldmark.artifacts.photos import PhotoFile
from fieldmark.artifacts.verdicts import Decision, Verdict
from fieldmark.curate.auto import safe_verdicts


def photo(id_, label="coral"):
    return PhotoFile(f"{label}/{id_}.jpg", label, None, id_ * 64)


A, B, C = (letter * 16 for letter in "abc")
PHOTOS = [photo("a"), photo("b"), photo("c")]


def found(id_, kind, sure=True, group=None):
    return Finding(f"coral/{id_[:1]}.jpg", id_, kind, 1.0, f"it is {kind}", sure, group)


GROUP = [found(A, "near_duplicate", False, A), found(B, "near_duplicate", True, A), found(C, "near_duplicate", True, A)]


def test_what_cannot_be_read_and_placeholders_go():
    made = safe_verdicts([found("d" * 16, "unreadable"), found(A, "placeholder")], PHOTOS, {})
    assert made == [Verdict("d" * 16, "reject", "it is unreadable"), Verdict(A, "reject", "it is placeholder")]


def test_only_what_is_sure_and_safe_is_decided():
    doubtful = [found(A, kind) for kind in ("label", "off_topic", "not_a_photo", "blurred", "conflict", "dark")]
    assert safe_verdicts([found(A, "placeholder", sure=False), *doubtful], PHOTOS, {}) == []


def test_a_file_whose_bytes_nobody_could_read_has_no_id_and_no_verdict():
    assert safe_verdicts([found("", "unreadable")], PHOTOS, {}) == []


def test_of_near_duplicates_the_best_copy_stays():
    assert [verdict.photo_id for verdict in safe_verdicts(GROUP, PHOTOS, {})] == [B, C]


def test_near_duplicates_of_two_classes_are_left_to_a_person():
    assert safe_verdicts(GROUP, [photo("a"), photo("b"), photo("c", "king")], {}) == []
    assert len(safe_verdicts(GROUP, [photo("a"), photo("b"), photo("c", "king")], {C: Decision("keep", "coral")})) == 1


def test_a_group_keeps_its_copies_when_a_person_rejected_the_best_one():
    assert safe_verdicts(GROUP, PHOTOS, {A: Decision("reject", by="person")}) == []


def test_what_a_person_said_stands():
    made = safe_verdicts([*GROUP, found(A, "placeholder")], PHOTOS, {A: Decision("keep"), B: Decision("keep")})
    assert [verdict.photo_id for verdict in made] == [C]


def test_equal_files_count_once_and_are_decided_once():
    twice = [found(A, "duplicate", group=A), found(A, "duplicate", group=A)]
    assert safe_verdicts(twice, PHOTOS, {}) == [Verdict(A, "once", "equal files count once")]
    assert safe_verdicts(twice, PHOTOS, {A: Decision(once=True)}) == []
