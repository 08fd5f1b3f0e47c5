"""One picture, one answer: whatever answers is held against `fm.Model`, on every awkward picture.

How far each may be off stands in docs/deploy.md with its reason, and is read from there.
"""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from fieldmark.artifacts.modelfile import Model
from fieldmark.cli import main
from fieldmark.costs import Costs
from fieldmark.deploy.first_answer import event_for
from fieldmark.errors import NotAPhoto
from fieldmark.export.graph import described
from fieldmark.imaging.decode import decode
from fieldmark.pipeline.export import graph_of
from fieldmark.serve.functions import as_handler, open_app
from fieldmark.serve.server import BackgroundServer
from support.asking_page import ask_page, rows_of
from support.awkward import UNKNOWN_TO_BROWSERS, pictures, ruins
from support.chromium import needs_chromium, visit
from support.posting import post_form
from support.static_host import host

PAGE = (Path(__file__).parents[1] / "docs" / "deploy.md").read_text("utf-8")
TOLERANCES = {who: float(off) for who, off in re.findall(r"^\| ([^|]+) \| (0\.\d+) \| ", PAGE, flags=re.MULTILINE)}


# What a browser brings to sRGB, lays over white or makes smaller by other arithmetic than ours.
OTHERWISE = ("alpha.webp", "alpha.png", "16-bit-alpha.png", "grey-alpha.png", "display-p3.jpg", "huge.jpg")

IN_EIGHT_BITS = 0.02  # of a probability; where pixels differ in the last bit, 8 bits round some of them the other way


@pytest.fixture(scope="module")
def exported(tiny_run):
    """A network, and a model file of it to which some pictures are unknown, and to which mistakes cost something."""
    data, network, _ = graph_of(tiny_run)
    model = Model(data)
    scores = np.sort([model.run(decode(content))[2] for content in pictures().values()])
    middle = scores[len(scores) // 4 : -len(scores) // 4]
    widest = np.diff(middle).argmax()
    costs = Costs.read(model.classes, [f"{model.classes[0]}->{model.classes[1]}=3", "*->expert=0.3"])
    info = replace(model.info, threshold=float(middle[widest : widest + 2].mean()), costs=costs)
    return described(data, info), network.eval()


@pytest.fixture(scope="module")
def model_file(exported, tmp_path_factory):
    path = tmp_path_factory.mktemp("parity") / "model.onnx"
    path.write_bytes(exported[0])
    return path


@pytest.fixture(scope="module")
def model(model_file):
    return Model(model_file)


@pytest.fixture(scope="module")
def expected(model):
    """What `fm.Model` answers, by picture."""
    return {name: model.predict(content) for name, content in pictures().items()}


def test_the_pictures_put_the_model_to_the_test(expected):
    answers = list(expected.values())

    assert len(answers) >= 50 and np.ptp([answer.predictions[0][1] for answer in answers]) > 0.05
    assert {answer.label for answer in answers} == {"blue", "red"} and {answer.unknown for answer in answers} == {
        True,
        False,
    }
    assert len({answer.decision for answer in answers}) >= 3


def test_everything_that_answers_has_its_tolerance_in_the_docs():
    assert set(TOLERANCES) == {
        *("the trained network", "`predict`", "`serve`", "the functions zip", "the static page"),
        "the static page, of what browsers read otherwise",
    }


def test_the_network_itself(exported, model, expected):
    most = 0.0
    for name, answer in expected.items():
        with torch.inference_mode():
            theirs, _, score = (part.numpy() for part in exported[1](torch.from_numpy(decode(pictures()[name]))))
        ours = dict(answer.predictions)
        off = [abs(p - ours[label]) for label, p in zip(model.classes, theirs, strict=True)]
        most = max(most, *off, abs(float(score[0]) - answer.unknown_score))

    assert most <= TOLERANCES["the trained network"]


def test_the_command(model, model_file, expected, tmp_path, capsys):
    for name, content in pictures().items():
        (tmp_path / name).write_bytes(content)
    assert main(["predict", str(model_file), *(str(tmp_path / name) for name in expected), "--csv"]) == 0

    rows = {Path(path).name: row for path, row in rows_of(capsys.readouterr().out).items()}
    assert_agrees(told_in(rows, model), model, expected, TOLERANCES["`predict`"])


def test_the_server_one_by_one_and_many_at_once(model, expected):
    files = list(pictures().items())
    with BackgroundServer(model) as server:
        alone = {name: post_form(f"{server.url}/upload", [(name, content)]) for name, content in files}
        together = [
            answer
            for start in range(0, len(files), 10)
            for answer in post_form(f"{server.url}/batch", files[start : start + 10])["answers"]
        ]

    assert {name: reply["predictions"] for name, reply in alone.items()} == {
        answer["name"]: answer["predictions"] for answer in together
    }
    assert_agrees({name: told(reply) for name, reply in alone.items()}, model, expected, TOLERANCES["`serve`"])


def test_a_functions_host(model, model_file, expected):
    handler = as_handler(open_app(model_file))
    replies = {
        name: json.loads(handler(event_for(content, "application/octet-stream"), None)["body"])
        for name, content in pictures().items()
    }

    assert_agrees(
        {name: told(reply) for name, reply in replies.items()}, model, expected, TOLERANCES["the functions zip"]
    )


def test_what_holds_no_whole_picture_is_answered_by_nobody(model, model_file, tmp_path, capsys):
    handler = as_handler(open_app(model_file))
    for name, content in ruins().items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(NotAPhoto):
            model.predict(content)
        assert handler(event_for(content, "application/octet-stream"), None)["statusCode"] == 400, name

    assert main(["predict", str(model_file), *(str(tmp_path / name) for name in ruins()), "--csv"]) == 1
    assert all(row["error"] for row in rows_of(capsys.readouterr().out).values())
    with BackgroundServer(model) as server:
        answers = post_form(f"{server.url}/batch", list(ruins().items()))["answers"]
    assert [answer["status"] for answer in answers] == [400] * len(ruins())


class TestTheStaticPage:
    pytestmark = needs_chromium

    def test_the_static_page(self, browser, write_page, model, exported, expected):
        readable = {name: content for name, content in pictures().items() if name not in UNKNOWN_TO_BROWSERS}
        with host(write_page(exported[0])) as site, visit(browser, site.url) as page:
            found = ask_page(page, readable)
            refused = ask_page(page, {name: pictures()[name] for name in UNKNOWN_TO_BROWSERS} | ruins())

        assert found.keys() == readable.keys()
        same = {name: expected[name] for name in readable if name not in OTHERWISE}
        otherwise = {name: expected[name] for name in OTHERWISE}
        assert_agrees(told_in(found, model), model, same, TOLERANCES["the static page"])
        assert (
            furthest(told_in(found, model), otherwise) <= TOLERANCES["the static page, of what browsers read otherwise"]
        )
        assert len(refused) == len(UNKNOWN_TO_BROWSERS) + len(ruins())
        assert {row["error"].partition(":")[0] for row in refused.values()} == {"That cannot be read as a picture"}

    def test_in_eight_bits_it_answers_as_the_model_does(self, browser, write_page, tiny_int8_file):
        model = Model(tiny_int8_file)
        readable = {
            name: content for name, content in pictures().items() if name not in (*UNKNOWN_TO_BROWSERS, *OTHERWISE)
        }
        with host(write_page(tiny_int8_file.read_bytes())) as site, visit(browser, site.url) as page:
            found = ask_page(page, readable)

        expected = {name: model.predict(content) for name, content in readable.items()}
        assert model.info.precision == "int8" and found.keys() == readable.keys()
        assert np.ptp([answer.predictions[0][1] for answer in expected.values()]) > 0.05
        assert furthest(told_in(found, model), expected) <= IN_EIGHT_BITS


def told(reply):
    """What a reply of the server comes down to: probabilities by class, and the verdict."""
    return dict(reply["predictions"]), (reply["predictions"][0][0], reply["unknown"], reply["decision"])


def told_in(rows, model):
    """The same of a table, by picture."""
    return {
        name: (
            {label: float(row[f"p:{label}"]) for label in model.classes},
            (row["prediction"], row["unknown"] == "1", row.get("decision")),
        )
        for name, row in rows.items()
    }


def furthest(found, expected):
    """The largest difference between any two probabilities."""
    return max(abs(p - found[name][0][label]) for name, answer in expected.items() for label, p in answer.predictions)


def assert_agrees(found, model, expected, tolerance):
    """Probabilities within the tolerance; and the same verdict, but where so small a difference is all it takes."""
    assert furthest(found, expected) <= tolerance
    clear = {name: answer for name, answer in expected.items() if is_clear(model, answer, tolerance)}
    assert len(clear) >= 0.9 * len(expected)
    assert {name: found[name][1] for name in clear} == {
        name: (answer.label, answer.unknown, answer.decision) for name, answer in clear.items()
    }


def is_clear(model, answer, tolerance):
    """Whether probabilities and score may be off by the tolerance without another verdict on two classes."""
    first = dict(answer.predictions)[model.classes[0]]
    verdicts = set()
    for p in np.clip([first - tolerance, first, first + tolerance], 0, 1):
        verdicts.add((p > 0.5, model.info.costs.answer(np.array([p, 1 - p]), answer.unknown).decision))
    return len(verdicts) == 1 and abs(answer.unknown_score - model.info.threshold) > tolerance
