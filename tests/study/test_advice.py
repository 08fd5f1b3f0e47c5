"""Each verdict has its ground, and each sentence its numbers."""

import numpy as np
import pytest

from fieldmark.study.advice import Found, Outcome, advice, verdict, weakest_class
from fieldmark.study.projection import Laws
from fieldmark.study.sources import Source


def laws(*rows):
    """Laws of which the first is that of all photos."""
    return Laws(*(np.array(column, float) for column in zip(*rows, strict=True)))


FALLING = laws(*[(0, 0.9, 0.5)] * 21)
FLAT = laws(*[(0.2, 0.01, 0.5)] * 21)
UNSURE = laws((0.1, 0.5, 0.5), *[(0.2, 0, 0.5)] * 10, *[(0, 1.0, 0.5)] * 10)
ALIKE = {"coral": Found(180, 200), "king": Found(178, 200)}
UNLIKE = {"coral": Found(190, 200), "king": Found(140, 200)}


def outcome(laws=FALLING, missed=30, mislabelled=2, found=ALIKE, sources=(), wrong=40):
    return Outcome("my snakes", 400, wrong, laws, missed, mislabelled, found, sources)


def test_a_curve_that_falls_says_that_more_would_help():
    said = verdict(outcome())

    assert said.startswith("More photos would help: the error is 4.5% with all 400 photos")
    assert "3.2% (3.2% to 3.2%) with 800" in said and "with 1,600" in said


def test_a_curve_that_is_flat_says_that_little_would_change():
    assert verdict(outcome(FLAT)).startswith("More photos like these would change little: the error is 20.1%")


def test_a_band_that_allows_both_says_so():
    assert verdict(outcome(UNSURE)).startswith("Whether more photos would help cannot be told from 400")


@pytest.mark.parametrize("law", [FALLING, FLAT])
def test_wrong_labels_come_before_quantity(law):
    given = outcome(law, missed=30, mislabelled=12)

    assert verdict(given) == (
        "Labels are your limit, not quantity: 12 of the 30 photos got wrong are probably mislabelled; "
        "`fieldmark clean 'my snakes'` shows them first."
    )
    assert "too alike" in advice(given)[0] and "halve" not in " ".join(advice(given))


@pytest.mark.parametrize(("missed", "mislabelled"), [(30, 11), (6, 4), (30, None)])
def test_few_wrong_labels_are_no_limit(missed, mislabelled):
    assert verdict(outcome(missed=missed, mislabelled=mislabelled)).startswith("More photos would help")


def test_where_nothing_is_got_wrong_nothing_is_projected():
    given = outcome(wrong=0, missed=0)

    assert verdict(given).startswith("None of 400 photos was got wrong (95 % interval up to 1.0%)")
    assert advice(given) == []


def test_the_class_with_the_lowest_recall_is_named_with_its_interval():
    half, weakest = advice(outcome(found=UNLIKE))

    assert half == "About 1,200 more photos would halve the error (90% band: 1,200 to 1,200)."
    assert weakest.startswith("Begin with king (140 of 200 found, 95 % interval 63.3% to 75.9%)")
    assert weakest.endswith("200 more would double the class.")


def test_it_says_when_the_classes_cannot_be_told_apart():
    assert weakest_class(ALIKE) is None and weakest_class(UNLIKE) == "king"
    _, sentence = advice(outcome(found=ALIKE))
    assert sentence.startswith("Which class needs photos most cannot be told") and "178 of 200" in sentence


def test_of_many_classes_some_are_named():
    many = {f"class {n}": Found(180, 200) for n in range(9)}

    assert advice(outcome(found=many))[1].endswith("and 5 more.")


def test_that_nothing_halves_the_error_is_said():
    assert advice(outcome(FLAT))[0] == "Not even 100 times as many photos are projected to halve the error."
    assert "900 at least" in advice(outcome(UNSURE))[0] or "1,200 at least" in advice(outcome(UNSURE))[0]


def test_the_query_that_brings_photos_in_use_and_has_more_is_named():
    sources = [
        Source("king", "kingsnake", "bing", 90, 80, True),
        Source("king", "Lampropeltis elapsoides", "inaturalist", 70, 60, False),
        Source("king", "king snake", "openverse", 50, 10, False),
    ]
    told = advice(outcome(found=UNLIKE, sources=sources))

    assert told[-1] == (
        "For king ask 'Lampropeltis elapsoides' at inaturalist for more, with a larger -m: "
        "60 of the 70 photos it brought are in use."
    )
    assert "coral" not in told[-1]


def test_queries_that_have_given_all_are_said_to():
    told = advice(outcome(found=UNLIKE, sources=[Source("king", "kingsnake", "bing", 90, 80, True)]))

    assert told[-1].startswith("For king no query has more to give; the best was 'kingsnake' at bing: 80 of the 90")
