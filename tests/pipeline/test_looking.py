"""Where a trained model looked, checked where it is known: the classes differ in one mark, which may be anywhere."""

import shutil

import numpy as np
import pytest
from PIL import Image

from fieldmark.artifacts.modelfile import Model
from fieldmark.artifacts.photos import read_folder
from fieldmark.artifacts.runs import REPORT
from fieldmark.config import TrainSettings
from fieldmark.evaluate.judge import judge
from fieldmark.evaluate.looked import GRID, look
from fieldmark.pipeline.evaluate import evaluate
from fieldmark.pipeline.export import export
from fieldmark.pipeline.looking import asking_file, glances
from fieldmark.pipeline.train import train

pytestmark = pytest.mark.long

SIDE, MARK = 160, 32  # the mark is no larger than a cell, so that some cover hides all of it
SURE = 0.9  # from here on the model has seen the mark; at 0.5 two classes are a coin, and no part need have mattered
MARKED = {"coral": True, "king": False}


def painted(rng, has_mark):
    """Soft light and shade, with a red square in it or none. Returns the pixels and the square's upper left corner."""
    shades = Image.fromarray(rng.integers(60, 200, (5, 5), dtype=np.uint8))
    pixels = np.asarray(shades.resize((SIDE, SIDE), Image.Resampling.BICUBIC).convert("RGB")).copy()
    y, x = rng.integers(0, SIDE - MARK, 2)
    if has_mark:
        pixels[y : y + MARK, x : x + MARK] = (220, 30, 30)
    return pixels, (int(y), int(x))


@pytest.fixture(scope="module")
def marks(tmp_path_factory):
    """A folder of marked photos, and the run that learned from them."""
    rng = np.random.default_rng(5)
    folder = tmp_path_factory.mktemp("marks") / "marked"
    for name, has_mark in MARKED.items():
        (folder / name).mkdir(parents=True)
        for i in range(50):
            Image.fromarray(painted(rng, has_mark)[0]).save(folder / name / f"{i}.png")
    # Both stages: a head alone, over features made for other things, takes the shade for the mark now and then.
    settings = TrainSettings(size=SIDE, seed=1)
    return folder, train(folder, settings, tmp_path_factory.mktemp("runs") / "marks")


@pytest.fixture(scope="module")
def model(marks, tmp_path_factory):
    return Model(export(marks[1], tmp_path_factory.mktemp("models") / "marks.onnx").path, threads=1)


def test_a_trained_model_looked_at_the_only_thing_that_tells_the_classes_apart(model):
    rng, answer, coral, hits = np.random.default_rng(6), asking_file(model), model.classes.index("coral"), []
    for _ in range(60):
        pixels, (y, x) = painted(rng, has_mark=True)
        if len(hits) < 10 and model.run(pixels)[0][coral] > SURE:
            found = look(answer, pixels, coral)
            row, column = np.unravel_index(found.heat.argmax(), found.heat.shape)
            middle = ((row + 0.5) * SIDE / GRID, (column + 0.5) * SIDE / GRID)  # of the hottest cell
            near = abs(middle[0] - y - MARK / 2) < SIDE / GRID and abs(middle[1] - x - MARK / 2) < SIDE / GRID
            hits.append(near and found.after is not None and found.after < found.before)
    assert len(hits) == 10, "the model recognises too few marks to say where it looked"
    assert sum(hits) >= 9, hits


def test_the_report_shows_it_for_the_photos_kept_aside(marks):
    html = (marks[1].path / REPORT).read_text(encoding="utf-8")
    assert 'class="veiled"' in html
    assert "covered:" in html
    assert "has since learned from these photos" not in html


def test_the_report_of_a_file_shows_it_too(marks, model, tmp_path):
    evaluate(model.source, marks[0], report=tmp_path / "report.html")
    assert 'class="veiled"' in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_photo_that_is_gone_by_then_is_left_out(marks, model, tmp_path):
    folder = tmp_path / "fewer"
    for name in MARKED:
        (folder / name).mkdir(parents=True)
        for i in range(2):
            shutil.copy(marks[0] / name / f"{i}.png", folder / name)
    photos = read_folder(folder)
    predictions, _ = judge(model, photos.root, photos.photos)
    (folder / "coral" / "1.png").unlink()
    seen = glances(photos, predictions, asking_file(model))
    assert set(seen) == {"coral/0.png", "king/0.png", "king/1.png"}
