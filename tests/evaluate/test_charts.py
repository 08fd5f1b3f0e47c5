import math
import re
from xml.etree import ElementTree

import pytest
from evaluate_samples import EPOCHS, FINDERS

from fieldmark.artifacts.runs import Epoch
from fieldmark.evaluate import charts, ink
from fieldmark.evaluate.report import FinderCurve

KEPT = {"stage": 2, "epoch": 2}


def lies_within(svg: str) -> bool:
    """Whether every coordinate of a drawing, points of lines included, is a number inside it."""
    across, down = [], []
    for element in ElementTree.fromstring(svg).iter():
        across += [element.get(name) for name in ("x", "x1", "x2", "cx") if name in element.attrib]
        down += [element.get(name) for name in ("y", "y1", "y2", "cy") if name in element.attrib]
        for point in element.get("points", "").split():
            across.append(point.split(",")[0])
            down.append(point.split(",")[1])
    assert down
    return all(0 <= float(x) <= ink.WIDTH for x in across) and all(0 <= float(y) <= ink.HEIGHT for y in down)


def texts_in(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter("text")]


def count(svg: str, kind: str) -> int:
    return sum(kind in (element.get("class") or "").split() for element in ElementTree.fromstring(svg).iter())


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 0.73, [0, 0.2, 0.4, 0.6, 0.8]), (0, 10, [0, 2, 4, 6, 8, 10]), (0.31, 0.42, [0.3, 0.35, 0.4, 0.45])],
)
def test_ticks_are_round_and_enclose_the_values(low, high, expected):
    ticks = ink.nice_ticks(low, high)
    assert ticks[0] <= low
    assert ticks[-1] >= high
    if (low, high) != (0.31, 0.42):
        assert ticks == pytest.approx(expected)


@pytest.mark.parametrize(("low", "high"), [(0, 0), (5, 5), (-3, -3), (1e300, 1e300), (0, 1e300), (0, 1e-300)])
def test_ticks_exist_for_one_value_and_for_extreme_ones(low, high):
    ticks = ink.nice_ticks(low, high)
    assert 2 <= len(ticks) <= 12
    assert ticks == sorted(set(ticks))
    assert ticks[0] <= low <= high <= ticks[-1]


def row(stage=1, epoch=1, train=0.5, valid=0.5, error=0.1):
    return Epoch(stage, epoch, train, valid, error, 1.0)


AWKWARD = {
    "one epoch": [row()],
    "one epoch in each stage": [row(1), row(2)],
    "constant": [row(epoch=i) for i in range(1, 5)],
    "all zero": [row(epoch=i, train=0, valid=0, error=0) for i in (1, 2)],
    "huge": [row(train=1e308, valid=3e9), row(epoch=2)],
    "no numbers": [row(train=math.nan, valid=math.inf, error=math.nan)],
    "hundreds": [row(epoch=i, train=1 / i, valid=1 / i) for i in range(1, 400)],
}


@pytest.mark.parametrize("epochs", AWKWARD.values(), ids=AWKWARD)
@pytest.mark.parametrize("draw", [charts.loss_chart, charts.error_chart])
def test_awkward_epochs_stay_within_the_drawing(draw, epochs):
    assert lies_within(draw(epochs, {"stage": 1, "epoch": 1}))


AWKWARD_FINDERS = {
    "one rate": FinderCurve("s", [1e-3], [0.5], None, 1e-3),
    "constant": FinderCurve("s", [1e-3, 1e-2], [0.5, 0.5], 1e-2, 1e-3),
    "explodes": FinderCurve("s", [1e-3, 1e-2, 1e-1], [0.5, 0.4, 1e308], 1e-2, 1e-2),
    "never falls": FinderCurve("s", [1e-3, 1e-2, 1e-1], [0.5, 4.0, 9.0], None, 1e-2),
    "rates off the curve": FinderCurve("s", [1e-3, 1e-2], [0.5, 0.4], 1e-9, 1e3),
    "some no numbers": FinderCurve("s", [0, 1e-3, 1e-2], [0.5, math.nan, 0.4], 1e-2, 1e-2),
    "none a number": FinderCurve("s", [1e-3], [math.nan], None, 1e-3),
    "empty": FinderCurve("s", [], [], None, 1e-3),
}


@pytest.mark.parametrize("curve", AWKWARD_FINDERS.values(), ids=AWKWARD_FINDERS)
def test_awkward_finder_curves_stay_within_the_drawing(curve):
    assert lies_within(charts.finder_chart(curve, 1))


def test_the_kept_epoch_is_ringed_and_named():
    svg = charts.loss_chart(EPOCHS, KEPT)
    assert count(svg, "ring") == 1
    assert "kept" in texts_in(svg)


def test_the_ring_lies_on_the_validation_loss_of_the_kept_epoch():
    root = ElementTree.fromstring(charts.loss_chart(EPOCHS, KEPT))
    ring = next(element for element in root.iter() if element.get("class") == "ring")
    dots = [element for element in root.iter() if element.get("class") == "dot valid"]
    assert (ring.get("cx"), ring.get("cy")) == (dots[3].get("cx"), dots[3].get("cy"))


def test_no_epoch_is_ringed_when_none_was_kept():
    svg = charts.loss_chart(EPOCHS, None)
    assert count(svg, "ring") == 0
    assert "kept" not in texts_in(svg)


def test_a_boundary_stands_between_two_stages_and_only_there():
    assert count(charts.loss_chart(EPOCHS, KEPT), "boundary") == 1
    assert count(charts.loss_chart(EPOCHS[:2], None), "boundary") == 0
    assert {"stage 1", "stage 2"} <= set(texts_in(charts.error_chart(EPOCHS, KEPT)))


def test_a_lower_loss_is_drawn_lower():
    root = ElementTree.fromstring(charts.loss_chart(EPOCHS, KEPT))
    heights = [float(element.get("cy")) for element in root.iter() if element.get("class") == "dot valid"]
    assert heights[0] < heights[1] < heights[2] < heights[3]
    assert heights[4] < heights[3]


def test_a_hundred_epochs_leave_room_between_their_numbers():
    labels = [text for text in texts_in(charts.error_chart(AWKWARD["hundreds"], None)) if text.isdigit()]
    assert labels[0] == "1"
    assert len(labels) <= charts.MOST_LABELS


def test_the_finder_marks_one_rate_when_the_suggestion_was_used_and_two_when_not():
    followed, not_followed = (charts.finder_chart(curve, 1) for curve in FINDERS)
    assert "used 1e-3, as suggested" in texts_in(followed)
    assert count(followed, "ring") == 1
    assert {"suggested 3e-4", "used 1e-4"} <= set(texts_in(not_followed))
    assert count(not_followed, "ring") == 2


def test_a_finder_without_a_suggestion_says_so():
    assert "used 1e-3; none suggested" in texts_in(charts.finder_chart(AWKWARD_FINDERS["one rate"], 1))


@pytest.mark.parametrize(
    "svg", [charts.loss_chart(EPOCHS, KEPT), charts.error_chart(EPOCHS, KEPT), charts.finder_chart(FINDERS[0], 1)]
)
def test_a_chart_names_and_describes_itself_and_no_colour(svg):
    root = ElementTree.fromstring(svg)
    named = {element.get("id"): element.text for element in root if element.tag in ("title", "desc")}
    assert root.get("role") == "img"
    assert set(root.get("aria-labelledby").split()) == set(named)
    assert all(named.values())
    assert not re.search(r'fill="|stroke="|style="|#[0-9a-f]{3}', svg)


def test_ticks_of_large_close_values_are_told_apart():
    curve = FinderCurve("s", [1e-3, 1e-2, 1e-1], [1_000_003.0, 1_000_001.0, 1_000_002.0], None, 1e-3)
    labels = [text for text in texts_in(charts.finder_chart(curve, 1)) if text.startswith("1.")]
    assert len(labels) >= 3
    assert len(set(labels)) == len(labels)


def test_a_whisker_places_dot_interval_and_mark_on_one_scale():
    root = ElementTree.fromstring(charts.whisker(0.953, 0.885, 0.982, mark=0.5, label="95.3 %"))
    assert root.find("circle").get("cx") == "95.30%"
    ends = {(line.get("x1"), line.get("x2")) for line in root.iter("line")}
    assert {("88.50%", "98.20%"), ("50.00%", "50.00%")} <= ends
    assert root.get("aria-label") == "95.3 %"


def test_a_bar_lays_its_parts_end_to_end():
    first, second = ElementTree.fromstring(charts.bar([("train", 0.8), ("valid", 0.2)]))
    assert (first.get("x"), first.get("width"), second.get("x"), second.get("width")) == (
        "0.00%",
        "80.00%",
        "80.00%",
        "20.00%",
    )
