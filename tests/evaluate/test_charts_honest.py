import re
from xml.etree import ElementTree

import numpy as np
import pytest

from fieldmark.evaluate import ink
from fieldmark.evaluate.charts_honest import MOST_POINTS, reliability_chart, risk_coverage_chart, roc_chart
from fieldmark.evaluate.curves import risk_coverage, roc_by_class
from fieldmark.evaluate.reliability import Bin, reliability

RNG = np.random.default_rng(0)
ROWS = RNG.dirichlet([4, 1, 1], 300)
ACTUAL = np.array([RNG.choice(3, p=row) for row in ROWS])
CURVES = roc_by_class(ROWS, ACTUAL, ["coral", "king", "<milk>"])
ONE = np.array([[0.9, 0.1]])

CHARTS = {
    "reliability": reliability_chart(reliability(ROWS, ACTUAL)),
    "one bin": reliability_chart([Bin(1, 1.0, 1.0, 1.0, 1.0)]),
    "no bin": reliability_chart([]),
    "never right": reliability_chart([Bin(20, 0.99, 0.0, 0.0, 0.16)]),
    "risk": risk_coverage_chart(risk_coverage(ROWS, ACTUAL)),
    "risk of one": risk_coverage_chart(risk_coverage(ONE, np.array([0]))),
    "risk of one that is wrong": risk_coverage_chart(risk_coverage(ONE, np.array([1]))),
    "roc": roc_chart(CURVES),
    "roc of two": roc_chart({name: CURVES[name] for name in ("coral", "king")}),
    "roc of none": roc_chart({}),
    "roc of a long name": roc_chart({"x" * 200: CURVES["coral"]}),
}


def coordinates(svg):
    for element in ElementTree.fromstring(svg).iter():
        for name in ("x", "x1", "x2", "cx", "y", "y1", "y2", "cy"):
            if name in element.attrib:
                yield name[0] if name[0] != "c" else name[1], float(element.get(name))
        for point in element.get("points", "").split():
            yield from zip("xy", map(float, point.split(",")), strict=True)


def elements(svg, kind):
    return [one for one in ElementTree.fromstring(svg).iter() if one.get("class") == kind]


@pytest.mark.parametrize("svg", CHARTS.values(), ids=CHARTS)
def test_everything_lies_within_the_drawing(svg):
    limits = {"x": ink.WIDTH, "y": ink.HEIGHT}
    found = list(coordinates(svg))
    assert found
    assert all(0 <= value <= limits[axis] for axis, value in found)


@pytest.mark.parametrize("svg", CHARTS.values(), ids=CHARTS)
def test_a_chart_names_and_describes_itself_and_no_colour(svg):
    root = ElementTree.fromstring(svg)
    named = {element.get("id"): element.text for element in root if element.tag in ("title", "desc")}
    assert root.get("role") == "img"
    assert set(root.get("aria-labelledby").split()) == set(named)
    assert all(named.values())
    assert not re.search(r'fill="|stroke="|style="|#[0-9a-f]{3}', svg)


def test_a_bin_that_is_as_right_as_it_is_sure_lies_on_the_dotted_line():
    svg = reliability_chart([Bin(20, 0.6, 0.6, 0.5, 0.7), Bin(20, 0.9, 0.7, 0.5, 0.9)])
    line, first, second = *elements(svg, "boundary"), *elements(svg, "dot valid")
    x1, y1, x2, y2 = (float(line.get(name)) for name in ("x1", "y1", "x2", "y2"))
    heights = [y1 + (float(dot.get("cx")) - x1) / (x2 - x1) * (y2 - y1) for dot in (first, second)]
    assert float(first.get("cy")) == pytest.approx(heights[0], abs=0.2)
    assert float(second.get("cy")) > heights[1] + 10  # lower on the page: less often right


def test_each_bin_has_its_interval_and_its_words():
    svg = reliability_chart([Bin(20, 0.6, 0.6, 0.5, 0.7)])
    whisker = [one for one in elements(svg, "line valid") if one.get("x1") == one.get("x2")]
    assert len(whisker) == 1
    assert "20 photos at 60.0 % sure: 60.0 % right, 50.0 % to 70.0 %." in svg


def test_a_long_curve_is_drawn_with_its_ends_and_no_more_points_than_can_be_seen():
    rows = np.stack([np.linspace(0.99, 0.51, 5000), np.linspace(0.01, 0.49, 5000)], axis=1)
    svg = risk_coverage_chart(risk_coverage(rows, np.zeros(5000, dtype=np.int64)))
    (line,) = ElementTree.fromstring(svg).iter("polyline")
    points = line.get("points").split()
    assert len(points) == MOST_POINTS
    assert points[-1].startswith(f"{ink.WIDTH - ink.RIGHT:.1f},")


def test_the_class_told_apart_worst_is_named_and_drawn_last():
    svg = roc_chart(CURVES)
    worst = min(CURVES, key=lambda name: CURVES[name].auc)
    lines = [one.get("class") for one in ElementTree.fromstring(svg).iter("polyline")]
    assert lines == ["line train", "line train", "line valid"]
    texts = [one.text for one in ElementTree.fromstring(svg).iter("text")]
    assert f"{worst}: area {CURVES[worst].auc:.3f}" in texts


def test_of_two_classes_one_curve_is_drawn():
    assert len(list(ElementTree.fromstring(CHARTS["roc of two"]).iter("polyline"))) == 1
