"""What the report says of certainty, strangers, costs, baselines and sources, beside what was right and wrong."""

from dataclasses import replace

import numpy as np
import pytest
from evaluate_samples import tell, tell_with_errors
from test_report import HOSTILE, Page

from fieldmark.costs import Costs
from fieldmark.evaluate.content import Glance
from fieldmark.evaluate.hardest import hardest
from fieldmark.evaluate.metrics import summarize
from fieldmark.evaluate.origins import MOST, OTHERS, errors_by_source, of_copies
from fieldmark.evaluate.plates import certainty_plates, roc_plate
from fieldmark.evaluate.pricing import price
from fieldmark.evaluate.report import ReportContent, render
from fieldmark.evaluate.unknown import figures
from fieldmark.pipeline.calibrate import calibration_of


def full(classes=("coral", "king"), n=120, wrong=9, **more):
    """A report with every section, of photos that a made-up model was asked about."""
    predictions = tell_with_errors(classes, n, wrong)
    metrics = {
        **summarize(predictions),
        "calibration": calibration_of(predictions),
        "costs": price(predictions, Costs.of(classes, [(classes[0], classes[1], 50.0), ("*", "expert", 2.0)])),
        "unknown": figures(0.4, "out-of-fold", None, predictions),
        "baselines": [
            {"name": "nearest centroid", "wrong": 31, "error_rate": 31 / n, "n": n, "ci95": [0.19, 0.34]},
        ],
        "against_centroid": "The model beats nearest centroid.",
        "opened": [{"when": "2026-11-24", "model": "x"}],
    }
    sources = {photo: f"site {i % 3}" for i, photo in enumerate(predictions.photos)}
    content = ReportContent("snakes", "2026-11-24", metrics, predictions, sources=sources, hashes={"split": "ab" * 32})
    return Page(render(replace(content, **more)))


def test_every_drawing_has_a_title_a_description_and_its_numbers_beside_it():
    page = full()
    assert len(page.all("svg", "chart")) == 3
    assert page.text.count("This drawing in numbers") == 3
    assert page.unclosed == []
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    "said",
    [
        "On average the model says it is",
        "Calibration error",
        "by chance alone",
        "None of these: 0 of 120 photos of the classes refused",
        "coral called king",
        "Price:",
        "nearest centroid3125.8 %19.0 % to 34.0 %",
        "The model beats nearest centroid.",
        "was opened once before",
        "site 0",
        "abab",
    ],
)
def test_what_is_known_is_said(said):
    assert said in full().text.replace("\xa0", " ")


def test_what_is_not_known_is_left_out():
    predictions = tell_with_errors(("coral", "king"), 40, 2)
    page = Page(render(ReportContent("snakes", "2026-11-24", summarize(predictions), predictions)))
    for absent in ("None of these", "What mistakes cost", "Calibration error", "where photos came from", "centroid"):
        assert absent not in page.text
    assert len(page.all("svg", "chart")) == 2  # risk and ROC need nothing but the predictions


@pytest.mark.parametrize("n", [1, 2, 9])
def test_of_a_handful_of_photos_no_curve_is_drawn(n):
    predictions = tell_with_errors(("coral", "king"), n, 0)
    assert certainty_plates(None, predictions) == []
    assert roc_plate(predictions) is None
    assert not Page(render(ReportContent("few", "2026-11-24", summarize(predictions), predictions))).all("svg", "chart")


@pytest.mark.parametrize("wrong", [0, 120])
def test_all_right_and_all_wrong_are_drawn_too(wrong):
    assert len(full(wrong=wrong).all("svg", "chart")) == 3


def test_the_numbers_beside_a_curve_are_those_of_the_curve():
    predictions = tell_with_errors(("coral", "king"), 100, 10)  # the ten least sure are wrong
    risk = certainty_plates(None, predictions)[0]
    assert risk.rows[0] == ("100 %", "10.0 %")
    assert float(risk.rows[1][1].split()[0]) == 0  # of the surer nine tenths none is wrong
    curve = roc_plate(predictions)
    assert [row[0] for row in curve.rows] == ["coral", "king"]
    assert float(curve.rows[0][1]) == pytest.approx(float(curve.rows[1][1]))


def test_a_hundred_classes_stay_a_small_page():
    classes = tuple(f"species {i:03}" for i in range(100))
    predictions = tell_with_errors(classes, 3000, 300)
    metrics = {**summarize(predictions), "calibration": calibration_of(predictions)}
    html = render(ReportContent("many", "2026-11-24", metrics, predictions))
    assert len(html) < 2_000_000


def test_mistakes_are_counted_by_source_the_commonest_first_and_no_photo_is_lost():
    predictions = tell_with_errors(("coral", "king"), 100, 10)
    rows = errors_by_source(predictions, {photo: f"{i % 17}" for i, photo in enumerate(predictions.photos)})
    assert len(rows) == MOST + 1
    assert rows[-1].name == OTHERS
    assert sum(row.n for row in rows) == 100
    assert sum(row.wrong for row in rows) == pytest.approx(10)
    assert errors_by_source(predictions, {}) == []
    assert errors_by_source(predictions, dict.fromkeys(predictions.photos, "one")) == []


def test_photos_with_copies_are_told_apart_from_the_others():
    predictions = tell_with_errors(("coral", "king"), 20, 4)
    groups = tuple(f"{max(i, 3)}" for i in range(20))  # the first four, all of them wrong, are one photo
    said = of_copies(replace(predictions, groups=groups))
    assert "4 photos of 20" in said
    assert "100" in said
    assert of_copies(replace(predictions, groups=tuple(map(str, range(20))))) is None


def test_hostile_names_of_classes_and_sources_stay_text():
    predictions = tell((HOSTILE, "king"), [0, 1] * 20, [(0.2, 0.8), (0.1, 0.9)] * 20)
    metrics = {
        **summarize(predictions),
        "costs": price(predictions, Costs.of((HOSTILE, "king"), [(HOSTILE, "king", 5.0)])),
        "baselines": [{"name": HOSTILE, "wrong": 1, "error_rate": 0.1, "n": 40, "ci95": [0.0, 0.2]}],
        "against_centroid": HOSTILE,
    }
    sources = {photo: (HOSTILE, "b")[i % 2] for i, photo in enumerate(predictions.photos)}
    page = Page(render(ReportContent("x", "2026-11-24", metrics, predictions, sources=sources, hashes={"a": HOSTILE})))
    assert not page.all("script") + page.all("img")
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]


def test_repeats_do_not_make_photos():
    once = tell_with_errors(("coral", "king"), 60, 6)
    thrice = replace(
        once,
        photos=once.photos * 3,
        ids=once.ids * 3,
        actual=np.tile(once.actual, 3),
        probabilities=np.tile(once.probabilities, (3, 1)),
        unknown=np.tile(once.unknown, 3),
        folds=tuple(f"{r + 1}.1" for r in range(3) for _ in range(60)),
    )
    sources = {photo: f"{i % 2}" for i, photo in enumerate(once.photos)}
    assert errors_by_source(thrice, sources) == errors_by_source(once, sources)


def glanced(**metrics):
    """A report that knows where the model looked in two photos, and in one of them no part mattered."""
    predictions = tell_with_errors(("coral", "king"), 40, 3)
    first, second = (predictions.photos[row] for row in hardest(predictions)[:2])
    glances = {
        first: Glance("data:image/jpeg;base64,AAAA", "king", "upper left", 0.913, 0.204),
        second: Glance(None, "king", "upper left", 0.91, None),
    }
    content = ReportContent(
        "snakes",
        "2026-11-24",
        {**summarize(predictions), **metrics},
        predictions,
        thumbnails=lambda photo: "data:,",
        glances=glances,
    )
    return Page(render(content))


def test_where_the_model_looked_is_shown_and_said():
    page = glanced()
    assert len(page.all("img", "veiled")) == 1
    assert len(page.all("img", "bare")) == 1
    assert "Upper left covered: king from 91.3 % to 20.4 %." in page.text
    assert "No part by itself decided." in page.text
    assert page.unclosed == []


def test_a_model_that_has_learned_from_the_photos_since_is_said_to_have():
    assert "has since learned" not in glanced().text
    assert "has since learned" in glanced(folds=[{}] * 5, repeats=1, n_valid=40).text


def test_nothing_is_said_of_looking_where_nobody_asked():
    assert "where the model looked" not in full().text
