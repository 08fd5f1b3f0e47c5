"""What a model card says is what was measured, and strangers' words in it stay words."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from evaluate.evaluate_samples import tell_with_errors
from fieldmark.artifacts import verdicts
from fieldmark.artifacts.catalog import NAME, Catalog
from fieldmark.artifacts.modelfile import ModelInfo
from fieldmark.artifacts.runs import METRICS, SETTINGS, Run
from fieldmark.artifacts.verdicts import Verdict
from fieldmark.costs import Costs
from fieldmark.evaluate.metrics import summarize
from fieldmark.evaluate.pricing import price
from fieldmark.pipeline.calibrate import calibration_of
from fieldmark.pipeline.card import write_card
from support import kept

HOSTILE = (
    "<script>alert(1)</script>", "a|b|c", "# heading", "[link](https://evil.example)", "![x](https://evil.example/x.png)",
    "`code`", "a\n\n# two lines", "*bold* _it_ ~~no~~ $x$", "-->", "&lt;b&gt;", "\u202eright to left", "---",
    "1. one", "+ plus", "7) seven",
)  # fmt: skip


def run_of(
    folder: Path, classes=("coral", "king"), cost=(), threshold=0.53, folds=False, **more
) -> tuple[Run, ModelInfo]:
    """A run as it lies on disk, judged on 40 photos with 4 wrong, and what its model file says of itself."""
    costs = Costs.read(classes, cost)
    predictions = tell_with_errors(classes, 40, 4)
    unknown = {
        "threshold": threshold, "accepted_aim": 0.95, "fitted_on": "out-of-fold", "why_not": None,
        "refused": {"n": 40, "count": 2, "share": 0.05, "ci95": [0.014, 0.165]} if threshold else None,
        "far": {"folder": "/home/ana/strangers", "n": 200, "accepted": 10, "share": 0.05, "ci95": [0.027, 0.09]},
        "near": None,
    }  # fmt: skip
    metrics = {
        **summarize(predictions), "n_train": 160, "n_valid": 40, "kept": {"stage": 2, "epoch": 3}, "repeats": 1,
        "chosen_on_judged": not folds, "folds": [{}] * 5 if folds else [], "unknown": unknown, "sealed": 12,
        "costs": price(predictions, costs), **more,
    }  # fmt: skip
    settings = {
        "classes": list(classes), "folder": "/home/ana/photos/snakes", "costs": costs.to_dict() if costs else None,
        "settings": {"size": 299, "fit": "squish", "epochs": [4, 4], "seed": 42, "weights": None},
        "learning_rates": {"stage1": [0.0049], "stage2": [0.00017, 0.0003]},
        "files": {"counts": {name: 100 + i for i, name in enumerate(classes)}},
    }  # fmt: skip
    folder.mkdir(exist_ok=True)
    for name, value in ((METRICS, metrics), (SETTINGS, settings)):
        (folder / name).write_text(json.dumps(value))
    trained_on = {"n": 160, "hash": "ab" * 32}
    info = ModelInfo(tuple(classes), "efficientnet_lite0", trained_on, {}, "0.1.0", threshold, costs=costs)
    return Run(folder), info


def card_for(tmp_path, folder=None, smaller=None, **more) -> str:
    run, info = run_of(tmp_path / "run", **more)
    model = tmp_path / "snakes.onnx"
    model.write_bytes(b"a model of thirty-three bytes....")
    return write_card(run, model, replace(info, **(smaller or {})), folder or tmp_path).path.read_text()


def section(text: str, title: str) -> str:
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def html_of(text: str) -> str:
    return MarkdownIt("commonmark", {"html": True}).enable("table").render(text.partition("---\n\n")[2])


def test_figures_stand_with_their_n_and_interval_and_what_they_were_measured_on(tmp_path):
    said = section(card_for(tmp_path), "How often it is right")

    assert "36 of 40 photos right: 90.0 %; the true share is probably between" in said
    assert "Validation: photos kept aside from training. Kept: epoch 3 of stage 2." in said and "flatters" in said
    assert "kept from 12 photos that are sealed" in said
    assert "| coral | 18 | 2 |" in said and "| king | 2 | 18 |" in said


def test_figures_out_of_fold_are_called_so(tmp_path):
    said = section(card_for(tmp_path, folds=True), "How often it is right")

    assert "Out of fold: Each of 40 photos was judged once" in said and "Validation" not in said


def test_classes_stand_with_counts_and_intervals(tmp_path):
    rows = section(card_for(tmp_path), "Classes").strip().splitlines()

    assert re.fullmatch(r"\| coral \| 100 \| 20 \| 18 \| \d.+ % to \d.+ % \|", rows[2]) and rows[3].startswith(
        "| king | 101 |"
    )


def test_certainty_is_told_where_it_was_measured(tmp_path):
    figures = calibration_of(tell_with_errors(("coral", "king"), 40, 4))

    assert "Certainty: off by" in section(card_for(tmp_path, calibration=figures), "How far to trust its certainty")
    assert "Not measured." in section(card_for(tmp_path), "How far to trust its certainty")


def test_none_of_these_has_its_threshold_and_how_often_it_errs_both_ways(tmp_path):
    said = section(card_for(tmp_path), "None of these")

    assert "Threshold 0.5300" in said and "2 of 40 photos of the classes refused" in said
    assert "photos of anything else" in said and "10 of 200 photos taken for one of the classes" in said


def test_without_a_threshold_it_is_not_said_to_know_strangers(tmp_path):
    text = card_for(tmp_path, threshold=None, unknown=None)

    assert "takes every photo for one of its classes" in text and "was not measured" in section(text, "None of these")
    assert "probably none of them" not in text


def test_costs_and_the_bound_of_a_dear_mistake_are_told(tmp_path):
    text = card_for(tmp_path, cost=("coral->king=3", "*->expert=2.5"))
    said = section(text, "What mistakes cost")

    assert "| coral | king | 3 |" in said and "| anything | expert | 2.5 |" in said
    assert "0 of 20 coral called king, 2 by the most probable class; the true rate may be as high as 13.9 %" in said
    assert "- coral that is called king:" in section(text, "What it is not for")


def test_costs_given_at_the_export_have_no_figures_of_other_costs(tmp_path):
    run, _ = run_of(tmp_path / "run", cost=("coral->king=1000",))
    _, info = run_of(tmp_path / "other", cost=("coral->king=7",))
    (tmp_path / "m.onnx").write_bytes(b"x")

    text = write_card(run, tmp_path / "m.onnx", info, tmp_path).path.read_text()

    assert "| coral | king | 7 |" in text and "was not measured" in section(text, "What mistakes cost")
    assert "called king; the true rate" not in text and "coral that is called king" not in text


def test_the_file_the_training_set_and_the_recipe_are_pinned_down(tmp_path):
    text = card_for(tmp_path)
    said = section(text, "The file")

    assert "`33f0e6b5" not in said and re.search(r"SHA-256 \| `[0-9a-f]{64}`", said) and "| Bytes | 33 |" in said
    assert f"160, SHA-256 over theirs `{'ab' * 32}`" in said and "Fieldmark 0.1.0, schema 1" in said
    assert "| Precision | float32: stored and answers in 32 bits |" in said
    made = section(text, "How it was made")
    assert "Apache-2.0" in made and "| size | 299 |" in made and "| learning rate, stage2 | 0.00017, 0.0003 |" in made


def test_nothing_of_this_machine_is_in_it(tmp_path):
    text = card_for(tmp_path)

    assert "/home" not in text and str(tmp_path) not in text and "ana" not in text.replace("analy", "")


def test_the_licence_is_left_to_the_person_and_the_hub_reads_the_rest(tmp_path):
    head = card_for(tmp_path).split("---\n")[1]

    keys = [line.partition(":")[0] for line in head.splitlines() if not line.startswith(("-", "#"))]
    assert keys == ["library_name", "pipeline_tag", "tags"] and "# license: yours to choose" in head


def test_of_a_plain_folder_it_says_that_nobody_knows_the_licences(tmp_path):
    assert "authors and licences are not known" in section(card_for(tmp_path), "The photos it learned from")
    assert "authors and licences are not known" in card_for(tmp_path, folder=tmp_path / "gone")


def test_of_a_workspace_it_credits_every_author_by_licence_but_not_for_what_was_rejected(tmp_path):
    root = kept.made(tmp_path / "snakes")
    by = {"licence": "cc-by", "licence_version": "4.0", "licence_url": "https://creativecommons.org/licenses/by/4.0/"}
    kept.keep(root, 1, "https://x.org/1.jpg", author="Ana Field", **by)
    kept.keep(root, 2, "https://x.org/2.jpg", author="Ana Field", **by)
    kept.keep(root, 3, "https://y.org/3.jpg", label="king", author="Bo", licence="arr")
    kept.keep(root, 4, "https://y.org/4.jpg", label="king")
    gone = kept.keep(root, 5, "https://y.org/5.jpg", label="king", author="Rejected", **by)
    with Catalog.open(root / NAME) as catalog:
        verdicts.append(catalog, "act", [Verdict(gone, "reject")])

    said = section(card_for(tmp_path, folder=root), "The photos it learned from")

    assert "Harvested photos, 4 on the day of the export" in said
    assert "| Ana Field | [CC BY 4.0](https://creativecommons.org/licenses/by/4.0/) | 2 |" in said
    assert "| Bo | all rights reserved | 1 |" in said and "| not known | licence unknown | 1 |" in said
    assert "Rejected" not in said and "All rights are reserved on 1 photo" in said


def test_a_run_names_the_photos_of_its_workspace_and_their_authors_are_found(tmp_path):
    root = kept.made(tmp_path / "snakes")
    kept.keep(root, 1, "https://x.org/1.jpg", author="Ana Field", licence="cc0")

    assert card_for(tmp_path, folder=root / "photos") == card_for(tmp_path, folder=root)
    assert "Ana Field" in card_for(tmp_path, folder=root / "photos")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_names(tmp_path, name):
    root = kept.made(tmp_path / "snakes")
    kept.keep(root, 1, "https://x.org/1.jpg", author=name, licence="cc-by")
    plain = html_of(card_for(tmp_path))

    found = html_of(card_for(tmp_path, classes=(name, "king"), folder=root, notes=[name]))

    for tag in ("h1", "h2", "script", "img", "b>", "strong", "em>", "s>", "a ", "hr"):
        expected = plain.count(f"<{tag}") + (found.count("creativecommons.org/licenses/by/") if tag == "a " else 0)
        assert found.count(f"<{tag}") == expected, (tag, found)
    assert found.count("<!--") == plain.count("<!--") and found.count("-->") == plain.count("-->")
    assert all(line.count("<td") == 2 for line in re.findall(r"<tr>\n<td>SHA.*?</tr>", found, re.DOTALL))


@given(name=st.text(min_size=1, max_size=30))
def test_any_name_leaves_the_sections_as_they_are(tmp_path_factory, name):
    folder = tmp_path_factory.mktemp("card")
    text = card_for(folder, classes=(f"{name}x", "king"), notes=[name])

    html = html_of(text)
    assert html.count("<h2>") == 10 and html.count("<h1>") == 1 and html.count("<table>") == 4
    rows = re.findall(r"<tr>(.*?)</tr>", html, re.DOTALL)
    assert {row.count("<td") for row in rows if "<th" not in row} <= {2, 3, 5}


def test_a_smaller_file_says_what_it_lost_and_of_which_precision_the_figures_are(tmp_path):
    counts = {"n": 160, "wrong": 9, "wrong_float32": 8, "lost": 1, "allowed": 1, "differ": 3}
    shares = {"more_error": 1 / 160, "more_error_ci95": [-0.01, 0.02], "log_loss": 0.2, "log_loss_float32": 0.19}
    making = {"judged": "out-of-fold", "calibrated_on": 32, "layers": 49, "layers_in_float32": 2, "unknown": None}
    smaller = {"precision": "int8", "against_float32": {**counts, **shares, **making}}
    text = card_for(tmp_path, smaller=smaller)

    said = section(text, "How often it is right")
    assert "are of float32. This file is in int8:" in said and "2 of 49 layers stay in float32" in said
    assert "9 are wrong in int8 and 8 in float32: 1 more" in said
    assert "| Precision | int8: stored and answers in 8 bits |" in section(text, "The file")
    assert "float32. This file" not in card_for(tmp_path)
